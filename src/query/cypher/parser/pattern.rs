//! Patterns: paths of nodes and relationships.

use super::super::ast::{Direction, Expr, NodePattern, PathPattern, RelationshipPattern, Shortest};
use super::super::error::{CypherError, Result};
use super::super::lexer::Token;
use super::Parser;

impl Parser<'_> {
    /// A path with or without a variable, or a shortest one.
    pub(super) fn path_pattern(&mut self) -> Result<PathPattern> {
        let at = self.offset();
        let variable = match self.is_symbol_ahead(1, "=") {
            true => {
                let variable = self.variable()?;
                self.symbol("=")?;
                Some(variable)
            }
            false => None,
        };
        let mut pattern = match self.shortest() {
            Some(shortest) => self.shortest_path(shortest)?,
            None => self.anonymous_path()?,
        };
        pattern.variable = variable;
        pattern.at = at;
        Ok(pattern)
    }

    /// Whether a shortest path comes.
    pub(super) fn shortest(&self) -> Option<Shortest> {
        match self.is_symbol_ahead(1, "(") {
            true if self.is_word("shortestPath") => Some(Shortest::One),
            true if self.is_word("allShortestPaths") => Some(Shortest::All),
            _ => None,
        }
    }

    pub(super) fn shortest_path(&mut self, shortest: Shortest) -> Result<PathPattern> {
        let at = self.offset();
        self.advance();
        self.symbol("(")?;
        let mut pattern = self.anonymous_path()?;
        self.symbol(")")?;
        pattern.shortest = shortest;
        match pattern.steps.len() {
            1 => Ok(pattern),
            _ => Err(CypherError::syntax(
                "InvalidRelationshipPattern",
                "expected one relationship in a shortest path",
                at,
            )),
        }
    }

    /// A path; it may stand in parentheses of its own.
    pub(super) fn anonymous_path(&mut self) -> Result<PathPattern> {
        let is_in_parentheses = self.is_symbol("(") && self.is_symbol_ahead(1, "(");
        if is_in_parentheses {
            return self.nested(|parser| {
                parser.symbol("(")?;
                let pattern = parser.anonymous_path()?;
                parser.symbol(")")?;
                Ok(pattern)
            });
        }
        let at = self.offset();
        let start = self.node_pattern()?;
        let mut steps = Vec::new();
        while self.is_relationship() {
            let relationship = self.relationship_pattern()?;
            steps.push((relationship, self.node_pattern()?));
        }
        Ok(PathPattern {
            variable: None,
            shortest: Shortest::No,
            start,
            steps,
            at,
        })
    }

    fn is_relationship(&self) -> bool {
        self.is_symbol("-") || self.is_symbol("<")
    }

    fn node_pattern(&mut self) -> Result<NodePattern> {
        let at = self.offset();
        self.symbol("(")?;
        let variable = self.pattern_variable()?;
        let labels = self.labels()?;
        let properties = self.pattern_properties()?;
        self.symbol(")")?;
        Ok(NodePattern {
            variable,
            labels,
            properties,
            at,
        })
    }

    fn pattern_variable(&mut self) -> Result<Option<super::super::ast::Name>> {
        match self.token() {
            Token::Word(_) | Token::Quoted(_) => self.variable().map(Some),
            _ => Ok(None),
        }
    }

    /// `:A:B`, or nothing.
    pub(super) fn labels(&mut self) -> Result<Vec<String>> {
        let mut labels = Vec::new();
        while self.take_symbol(":") {
            labels.push(self.schema_name("a label")?);
        }
        Ok(labels)
    }

    fn pattern_properties(&mut self) -> Result<Option<Expr>> {
        match self.token() {
            Token::Symbol("{") | Token::Parameter(_) => self.nested(Self::atom).map(Some),
            _ => Ok(None),
        }
    }

    fn relationship_pattern(&mut self) -> Result<RelationshipPattern> {
        let at = self.offset();
        let is_left = self.take_symbol("<");
        self.symbol("-")?;
        let mut pattern = RelationshipPattern {
            variable: None,
            types: Vec::new(),
            direction: Direction::Either,
            range: None,
            properties: None,
            at,
        };
        if self.take_symbol("[") {
            pattern.variable = self.pattern_variable()?;
            if self.take_symbol(":") {
                pattern.types.push(self.schema_name("a type")?);
                while self.take_symbol("|") {
                    self.take_symbol(":");
                    pattern.types.push(self.schema_name("a type")?);
                }
            }
            if self.take_symbol("*") {
                pattern.range = Some(self.range()?);
            }
            if self.is_symbol("..") {
                return Err(CypherError::syntax(
                    "InvalidRelationshipPattern",
                    "expected * before a range of lengths",
                    self.offset(),
                ));
            }
            pattern.properties = self.pattern_properties()?;
            self.symbol("]")?;
        }
        self.symbol("-")?;
        pattern.direction = match (is_left, self.take_symbol(">")) {
            (true, false) => Direction::Incoming,
            (false, true) => Direction::Outgoing,
            _ => Direction::Either,
        };
        Ok(pattern)
    }

    fn range(&mut self) -> Result<(Option<u64>, Option<u64>)> {
        if self.is_symbol("-") {
            return Err(CypherError::syntax(
                "InvalidRelationshipPattern",
                "expected a length that is not negative",
                self.offset(),
            ));
        }
        let least = self.length();
        if !self.take_symbol("..") {
            return Ok((least, least));
        }
        Ok((least, self.length()))
    }

    fn length(&mut self) -> Option<u64> {
        let Token::Integer(length) = *self.token() else {
            return None;
        };
        self.advance();
        Some(length)
    }

    /// The token behind the parenthesis that closes the one `n` tokens ahead, if there is one.
    fn behind_parenthesis(&self, n: usize) -> Option<usize> {
        let mut open = 0;
        for ahead in n..self.tokens.len() - self.at {
            match self.ahead(ahead) {
                Token::Symbol("(") => open += 1,
                Token::Symbol(")") => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Some(ahead + 1);
            }
        }
        None
    }

    /// Whether a pattern with a relationship may come, `n` tokens ahead: a parenthesis closes and what follows
    /// looks like a relationship.
    fn looks_like_path(&self, n: usize) -> bool {
        let Some(next) = self.behind_parenthesis(n) else {
            return false;
        };
        matches!(
            (self.ahead(next), self.ahead(next + 1)),
            (Token::Symbol("-"), Token::Symbol("[" | "-"))
                | (Token::Symbol("<"), Token::Symbol("-"))
        )
    }

    /// A path with at least one relationship, if one comes, in an expression; else stays where it is.
    pub(super) fn path_in_expression(&mut self) -> Option<PathPattern> {
        let start = self.at;
        if !self.looks_like_path(0) || self.no_patterns.contains(&start) {
            return None;
        }
        let pattern = self.nested(Self::anonymous_path);
        let pattern = pattern.ok().filter(|pattern| !pattern.steps.is_empty());
        if pattern.is_none() {
            self.at = start;
            self.no_patterns.insert(start);
        }
        pattern
    }

    /// The path of a pattern comprehension, if one comes behind the bracket that was just read.
    pub(super) fn path_of_comprehension(&mut self) -> Option<PathPattern> {
        let start = self.at;
        let n = if self.is_symbol("(") {
            0
        } else if self.is_symbol_ahead(1, "=") && self.is_symbol_ahead(2, "(") {
            2
        } else {
            return None;
        };
        if !self.looks_like_path(n) || self.no_patterns.contains(&start) {
            return None;
        }
        let pattern = self.nested(Self::path_pattern).ok();
        let is_one = self.is_symbol("|") || self.is_word("WHERE");
        let pattern = pattern.filter(|pattern| is_one && !pattern.steps.is_empty());
        if pattern.is_none() {
            self.at = start;
            self.no_patterns.insert(start);
        }
        pattern
    }
}
