//! Statements to syntax trees: a recursive descent whose depth is bounded before it begins.
//!
//! `clause` reads clauses, `pattern` patterns, `expression` expressions; here is what they share.

mod clause;
mod expression;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::ast::{Expr, ExprKind, Name, Statement};
use super::error::{CypherError, Result};
use super::lexer::{Placed, Token, tokens};

/// Deepest nesting of expressions, patterns and clauses in one another.
pub const DEPTH_MAX: usize = 128;
/// Tallest tree of an expression: operators in a row nest too.
pub const HEIGHT_MAX: u16 = 192;
/// Most clauses of a statement.
pub const CLAUSES_MAX: usize = 8192;

/// Reads a statement.
///
/// # Errors
/// The text is no statement: says where, and what was expected.
pub fn parse(text: &str) -> Result<Statement> {
    let mut parser = Parser::new(text)?;
    parser.statement()
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    clauses: usize,
    /// Where a pattern was looked for in an expression and not found.
    no_patterns: HashSet<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        Ok(Self {
            text,
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
            clauses: 0,
            no_patterns: HashSet::new(),
        })
    }

    fn token(&self) -> &Token {
        &self.tokens[self.at].token
    }

    /// The token `n` further on.
    fn ahead(&self, n: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + n).min(last)].token
    }

    /// Byte of the text where the next token begins.
    fn offset(&self) -> usize {
        self.tokens[self.at].start
    }

    /// What was written from a byte to the end of the token before the next.
    fn written_since(&self, start: usize) -> String {
        let end = self.tokens[self.at.saturating_sub(1)].end;
        self.text[start..end.max(start)].to_owned()
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(s) if *s == symbol)
    }

    fn is_symbol_ahead(&self, n: usize, symbol: &str) -> bool {
        matches!(self.ahead(n), Token::Symbol(s) if *s == symbol)
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_ahead(0, word)
    }

    fn is_word_ahead(&self, n: usize, word: &str) -> bool {
        matches!(self.ahead(n), Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_there = self.is_symbol(symbol);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.is_word(word);
        if is_there {
            self.advance();
        }
        is_there
    }

    /// Takes several keywords if they are all there.
    fn take_words(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate();
        let are_there = all.into_iter().all(|(n, word)| self.is_word_ahead(n, word));
        if are_there {
            self.at += words.len();
        }
        are_there
    }

    fn symbol(&mut self, symbol: &str) -> Result<()> {
        match self.take_symbol(symbol) {
            true => Ok(()),
            false => Err(self.expected(symbol)),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<()> {
        match self.take_word(word) {
            true => Ok(()),
            false => Err(self.expected(word)),
        }
    }

    /// A variable: any name that is no reserved word.
    fn variable(&mut self) -> Result<Name> {
        let at = self.offset();
        let text = match self.token() {
            Token::Quoted(name) => name.clone(),
            Token::Word(name) if !is_reserved(name) => name.clone(),
            _ => return Err(self.expected("a variable")),
        };
        self.advance();
        Ok(Name { text, at })
    }

    /// The name of a label, a type or a key: any name.
    fn schema_name(&mut self, what: &str) -> Result<String> {
        let name = match self.token() {
            Token::Quoted(name) | Token::Word(name) => name.clone(),
            _ => return Err(self.expected(what)),
        };
        self.advance();
        Ok(name)
    }

    /// The error that something else stands here than `what`.
    fn expected(&self, what: &str) -> CypherError {
        let got = match self.token() {
            Token::End => "the end of the statement".to_owned(),
            Token::BadNumber => "what is no number".to_owned(),
            _ => {
                let placed = &self.tokens[self.at];
                let written = &self.text[placed.start..placed.end];
                match written.char_indices().nth(40) {
                    Some((end, _)) => format!("{}…", &written[..end]),
                    None => written.to_owned(),
                }
            }
        };
        let detail = "UnexpectedSyntax";
        CypherError::syntax(detail, format!("expected {what}, got {got}"), self.offset())
    }

    /// Does something one level deeper, if there may be one.
    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            return Err(too_deep(self.offset()));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn expr(&self, kind: ExprKind, at: usize) -> Result<Expr> {
        let height = 1 + kind.children().map(|child| child.height).max().unwrap_or(0);
        if height > HEIGHT_MAX {
            return Err(too_deep(at));
        }
        Ok(Expr {
            kind: Box::new(kind),
            at,
            height,
        })
    }

    /// Items with commas between them.
    fn list_of<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

fn too_deep(at: usize) -> CypherError {
    CypherError::syntax(
        "NestingTooDeep",
        format!(
            "expected at most {DEPTH_MAX} levels of nesting and {HEIGHT_MAX} operators in a row"
        ),
        at,
    )
}

/// Words that name no variable unless they are quoted.
fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 44] = [
        "ALL",
        "AND",
        "AS",
        "ASC",
        "ASCENDING",
        "BY",
        "CALL",
        "CASE",
        "CONTAINS",
        "CREATE",
        "DELETE",
        "DESC",
        "DESCENDING",
        "DETACH",
        "DISTINCT",
        "ELSE",
        "END",
        "ENDS",
        "EXISTS",
        "FALSE",
        "FOREACH",
        "IN",
        "IS",
        "LIMIT",
        "MATCH",
        "MERGE",
        "NOT",
        "NULL",
        "ON",
        "OPTIONAL",
        "OR",
        "ORDER",
        "REMOVE",
        "RETURN",
        "SET",
        "SKIP",
        "STARTS",
        "THEN",
        "TRUE",
        "UNION",
        "UNWIND",
        "WHEN",
        "WHERE",
        "WITH",
    ];
    word.eq_ignore_ascii_case("XOR")
        || RESERVED
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(word))
}
