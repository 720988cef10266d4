//! A text that is read from left to right, as the small languages of this folder are.

/// A text, and how much of it is read.
pub struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// Nothing is read yet.
    pub const fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Characters that are read.
    pub fn place(&self) -> usize {
        self.text[..self.text.len() - self.rest.len()]
            .chars()
            .count()
    }

    /// The next character as an error shows it.
    pub fn found(&self) -> String {
        let next = self.rest.chars().next();
        next.map_or("the end".to_owned(), |found| format!("{found:?}"))
    }

    /// Reads blanks.
    pub fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Reads bytes, up to a boundary of characters.
    pub fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Reads characters of a kind, as far as they go.
    pub fn take_while(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest;
        self.take(rest.find(|c| !is_of(c)).unwrap_or(rest.len()))
    }

    /// Reads blanks, and behind them `symbol` if it stands there.
    pub fn takes(&mut self, symbol: &str) -> bool {
        self.skip_space();
        let is_there = self.rest.starts_with(symbol);
        if is_there {
            self.take(symbol.len());
        }
        is_there
    }

    /// Reads blanks; whether nothing comes behind them.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    /// Goes back to where another one of the same text is.
    pub const fn back_to(&mut self, rest: &'a str) {
        self.rest = rest;
    }
}
