//! Text to tokens: names, numbers, strings, symbols, each with where it stands.

use super::error::{CypherError, Result};

/// Longest statement, bytes.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name or keyword as written.
    Word(String),
    /// A name in backquotes: never a keyword.
    Quoted(String),
    /// An integer without its sign, at most 2⁶³, which only a minus makes a valid one.
    Integer(u64),
    /// A float.
    Float(f64),
    /// Something that begins like a number and is none.
    BadNumber,
    /// A string.
    String(String),
    /// `$name`.
    Parameter(String),
    /// Punctuation.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// A token, where it begins and where it ends.
#[derive(Clone, Debug)]
pub struct Placed {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

/// Symbols, longer ones before those that they begin with.
const SYMBOLS: [&str; 29] = [
    "..", "<=", ">=", "<>", "+=", "=~", "(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "|", "+",
    "-", "*", "/", "%", "^", "=", "<", ">", "&", "!", "?",
];

/// The tokens of a statement, the last of which is [`Token::End`].
///
/// # Errors
/// What is no token, says where.
pub fn tokens(text: &str) -> Result<Vec<Placed>> {
    if text.len() > STATEMENT_BYTES_MAX {
        return Err(CypherError::syntax(
            "StatementTooLong",
            format!(
                "expected a statement of at most {STATEMENT_BYTES_MAX} bytes, got {}",
                text.len()
            ),
            0,
        ));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        let token = lexer.token()?;
        let is_end = token == Token::End;
        tokens.push(Placed {
            token,
            start,
            end: lexer.at,
        });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, is_in: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                match self.rest()[2..].find("*/") {
                    Some(end) => self.at += end + 4,
                    None => {
                        return Err(CypherError::syntax(
                            "UnexpectedSyntax",
                            "expected */ at the end of the comment",
                            self.at,
                        ));
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token> {
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        if first == '_' || first.is_alphabetic() {
            return Ok(Token::Word(self.word().to_owned()));
        }
        if first == '`' {
            return self.quoted().map(Token::Quoted);
        }
        if first == '$' {
            self.at += 1;
            return match self.peek() {
                Some('`') => self.quoted().map(Token::Parameter),
                Some(c) if is_word(c) => Ok(Token::Parameter(self.word().to_owned())),
                _ => Err(CypherError::syntax(
                    "UnexpectedSyntax",
                    "expected the name of a parameter after $",
                    self.at,
                )),
            };
        }
        if first == '\'' || first == '"' {
            return self.string(first).map(Token::String);
        }
        let is_fraction =
            first == '.' && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || is_fraction {
            return self.number();
        }
        for symbol in SYMBOLS {
            if self.rest().starts_with(symbol) {
                self.at += symbol.len();
                return Ok(Token::Symbol(symbol));
            }
        }
        let detail = match first.is_ascii() {
            true => "UnexpectedSyntax",
            false => "InvalidUnicodeCharacter",
        };
        Err(CypherError::syntax(
            detail,
            format!("expected a name, a value or an operator, got {first:?}"),
            start,
        ))
    }

    fn word(&mut self) -> &'a str {
        self.take_while(is_word)
    }

    fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let mut name = String::new();
        loop {
            self.at += 1;
            name.push_str(self.take_while(|c| c != '`'));
            if self.peek().is_none() {
                return Err(CypherError::syntax(
                    "UnexpectedSyntax",
                    "expected ` at the end of the name",
                    start,
                ));
            }
            self.at += 1;
            if self.peek() != Some('`') {
                return Ok(name);
            }
            name.push('`');
        }
    }

    fn string(&mut self, quote: char) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut string = String::new();
        loop {
            string.push_str(self.take_while(|c| c != quote && c != '\\'));
            match self.peek() {
                Some('\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                Some(_) => {
                    self.at += 1;
                    return Ok(string);
                }
                None => {
                    return Err(CypherError::syntax(
                        "UnexpectedSyntax",
                        format!("expected {quote} at the end of the string"),
                        start,
                    ));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let at = self.at;
        let c = self.peek();
        self.at += c.map_or(0, char::len_utf8);
        Ok(match c {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(c @ ('\\' | '\'' | '"' | '`')) => c,
            Some('u') => return self.code_point(4),
            Some('U') => return self.code_point(8),
            _ => {
                return Err(CypherError::syntax(
                    "UnexpectedSyntax",
                    "expected one of \\\\ \\' \\\" \\` \\b \\f \\n \\r \\t \\uXXXX \\UXXXXXXXX",
                    at,
                ));
            }
        })
    }

    fn code_point(&mut self, digits: usize) -> Result<char> {
        let hex = self.rest().get(..digits);
        let value = hex
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        // A pair of surrogates is one character.
        if let (4, Some(high @ 0xD800..=0xDBFF)) = (digits, value) {
            let low = self.rest()[4..]
                .strip_prefix("\\u")
                .and_then(|rest| rest.get(..4));
            let low = low.and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if let Some(low @ 0xDC00..=0xDFFF) = low {
                self.at += 10;
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        match value.and_then(char::from_u32) {
            Some(c) => {
                self.at += digits;
                Ok(c)
            }
            None => Err(CypherError::syntax(
                "InvalidUnicodeLiteral",
                format!("expected {digits} hexadecimal digits of a character"),
                self.at,
            )),
        }
    }

    fn number(&mut self) -> Result<Token> {
        let start = self.at;
        let rest = self.rest();
        let radix = match rest.as_bytes() {
            [b'0', b'x' | b'X', ..] => Some(16),
            [b'0', b'o' | b'O', ..] => Some(8),
            _ => None,
        };
        if let Some(radix) = radix {
            self.at += 2;
            let digits = self.word();
            return self.integer(digits, radix, start);
        }
        let digits = self.take_while(|c| c.is_ascii_digit());
        let mut is_float = false;
        let fraction = self.rest().strip_prefix('.');
        if fraction.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            is_float = true;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        if let Some(exponent) = self.rest().strip_prefix(['e', 'E']) {
            let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if signed.starts_with(|c: char| c.is_ascii_digit()) {
                is_float = true;
                self.at += 1 + (exponent.len() - signed.len());
                self.take_while(|c| c.is_ascii_digit());
            }
        }
        let number = &self.text[start..self.at];
        if self.peek().is_some_and(is_word) {
            self.word();
            return Ok(Token::BadNumber);
        }
        if !is_float {
            // As other dialects, an octal number may begin with 0 alone; the standard has 0o.
            return self.integer(digits, 10, start);
        }
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Float(value)),
            _ => Err(CypherError::syntax(
                "FloatingPointOverflow",
                format!("expected a float of at most {:e}, got {number}", f64::MAX),
                start,
            )),
        }
    }

    fn integer(&self, digits: &str, radix: u32, start: usize) -> Result<Token> {
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Ok(Token::BadNumber);
        }
        match u64::from_str_radix(digits, radix) {
            Ok(value) if value <= 1 << 63 => Ok(Token::Integer(value)),
            _ => Err(integer_overflow(&self.text[start..self.at], start)),
        }
    }
}

/// An integer beyond 64 bits.
pub fn integer_overflow(text: &str, at: usize) -> CypherError {
    CypherError::syntax(
        "IntegerOverflow",
        format!(
            "expected an integer from {} to {}, got {text}",
            i64::MIN,
            i64::MAX
        ),
        at,
    )
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
