//! Expressions: operators by precedence, and what they operate on.

use super::super::ast::{Comparison, Expr, ExprKind, Operator, Quantifier};
use super::super::error::{CypherError, Result};
use super::super::lexer::{Token, integer_overflow};
use super::Parser;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(Self::or)
    }

    fn or(&mut self) -> Result<Expr> {
        let at = self.offset();
        let first = self.xor()?;
        if !self.is_word("OR") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take_word("OR") {
            terms.push(self.xor()?);
        }
        self.expr(ExprKind::Or(terms), at)
    }

    fn xor(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut left = self.and()?;
        while self.take_word("XOR") {
            let right = self.and()?;
            left = self.expr(ExprKind::Xor(left, right), at)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let at = self.offset();
        let first = self.not()?;
        if !self.is_word("AND") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take_word("AND") {
            terms.push(self.not()?);
        }
        self.expr(ExprKind::And(terms), at)
    }

    fn not(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut count = 0;
        while self.take_word("NOT") {
            count += 1;
        }
        let mut operand = self.comparison()?;
        for _ in 0..count {
            operand = self.expr(ExprKind::Not(operand), at)?;
        }
        Ok(operand)
    }

    fn comparison(&mut self) -> Result<Expr> {
        let at = self.offset();
        let first = self.predicate()?;
        let mut rest = Vec::new();
        while let Token::Symbol(symbol) = self.token() {
            let comparison = match *symbol {
                "=" => Comparison::Equal,
                "<>" => Comparison::NotEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                _ => break,
            };
            self.advance();
            rest.push((comparison, self.predicate()?));
        }
        match rest.is_empty() {
            true => Ok(first),
            false => self.expr(ExprKind::Compare(first, rest), at),
        }
    }

    /// STARTS WITH, ENDS WITH, CONTAINS, IN, IS NULL, =~: behind sums, before comparisons.
    fn predicate(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut left = self.sum()?;
        loop {
            let operator = if self.take_words(&["STARTS", "WITH"]) {
                Operator::StartsWith
            } else if self.take_words(&["ENDS", "WITH"]) {
                Operator::EndsWith
            } else if self.take_word("CONTAINS") {
                Operator::Contains
            } else if self.take_word("IN") {
                Operator::In
            } else if self.take_symbol("=~") {
                Operator::Matches
            } else if self.take_words(&["IS", "NULL"]) {
                left = self.expr(ExprKind::IsNull(left), at)?;
                continue;
            } else if self.take_words(&["IS", "NOT", "NULL"]) {
                left = self.expr(ExprKind::IsNotNull(left), at)?;
                continue;
            } else {
                return Ok(left);
            };
            let right = self.sum()?;
            left = self.expr(ExprKind::Binary(operator, left, right), at)?;
        }
    }

    fn sum(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut left = self.product()?;
        loop {
            let operator = match self.token() {
                Token::Symbol("+") => Operator::Add,
                Token::Symbol("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.product()?;
            left = self.expr(ExprKind::Binary(operator, left, right), at)?;
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut left = self.power()?;
        loop {
            let operator = match self.token() {
                Token::Symbol("*") => Operator::Multiply,
                Token::Symbol("/") => Operator::Divide,
                Token::Symbol("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.power()?;
            left = self.expr(ExprKind::Binary(operator, left, right), at)?;
        }
    }

    /// From left to right, as the standard's reference implementation.
    fn power(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut left = self.sign()?;
        while self.take_symbol("^") {
            let right = self.sign()?;
            left = self.expr(ExprKind::Binary(Operator::Power, left, right), at)?;
        }
        Ok(left)
    }

    pub(super) fn sign(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut signs = Vec::new();
        loop {
            if self.take_symbol("-") {
                signs.push(true);
            } else if self.take_symbol("+") {
                signs.push(false);
            } else {
                break;
            }
        }
        let mut operand = match (self.token(), signs.last()) {
            // The least integer has no positive counterpart.
            (&Token::Integer(magnitude), Some(true)) => {
                signs.pop();
                self.advance();
                let value = (magnitude as i64).wrapping_neg();
                let literal = self.expr(ExprKind::Integer(value), at)?;
                self.postfix_of(literal)?
            }
            _ => self.postfix()?,
        };
        for is_negative in signs.into_iter().rev() {
            operand = match is_negative {
                true => self.expr(ExprKind::Negate(operand), at)?,
                false => self.expr(ExprKind::Plus(operand), at)?,
            };
        }
        Ok(operand)
    }

    /// An operand with its properties, elements and labels.
    pub(super) fn postfix(&mut self) -> Result<Expr> {
        let operand = self.atom()?;
        self.postfix_of(operand)
    }

    fn postfix_of(&mut self, mut operand: Expr) -> Result<Expr> {
        let at = operand.at;
        loop {
            if self.take_symbol(".") {
                let key = self.schema_name("the key of a property")?;
                operand = self.expr(ExprKind::Property(operand, key), at)?;
            } else if self.take_symbol("[") {
                operand = self.element(operand)?;
            } else if self.is_symbol(":") {
                let labels = self.labels()?;
                operand = self.expr(ExprKind::Labels(operand, labels), at)?;
            } else {
                return Ok(operand);
            }
        }
    }

    /// Behind `[`: an index or a range.
    fn element(&mut self, of: Expr) -> Result<Expr> {
        let at = of.at;
        let from = match self.is_symbol("..") {
            true => None,
            false => Some(self.expression()?),
        };
        let kind = if self.take_symbol("..") {
            let to = match self.is_symbol("]") {
                true => None,
                false => Some(self.expression()?),
            };
            ExprKind::Slice(of, from, to)
        } else {
            let index = from.ok_or_else(|| self.expected("an index"))?;
            ExprKind::Index(of, index)
        };
        self.symbol("]")?;
        self.expr(kind, at)
    }

    pub(super) fn atom(&mut self) -> Result<Expr> {
        let at = self.offset();
        let kind = match self.token().clone() {
            Token::Integer(magnitude) => {
                let value = i64::try_from(magnitude);
                let value = value.map_err(|_| integer_overflow(&magnitude.to_string(), at))?;
                self.advance();
                ExprKind::Integer(value)
            }
            Token::Float(value) => {
                self.advance();
                ExprKind::Float(value)
            }
            Token::BadNumber => {
                let placed = &self.tokens[self.at];
                let written = &self.text[placed.start..placed.end];
                return Err(CypherError::syntax(
                    "InvalidNumberLiteral",
                    format!("expected a number, got {written}"),
                    at,
                ));
            }
            Token::String(value) => {
                self.advance();
                ExprKind::String(value)
            }
            Token::Parameter(name) => {
                self.advance();
                ExprKind::Parameter(name)
            }
            Token::Symbol("[") => return self.nested(Self::bracketed),
            Token::Symbol("{") => return self.nested(Self::map),
            Token::Symbol("(") => match self.path_in_expression() {
                Some(pattern) => ExprKind::Pattern(pattern),
                None => {
                    self.advance();
                    let mut inner = self.expression()?;
                    self.symbol(")")?;
                    inner.at = at;
                    return Ok(inner);
                }
            },
            Token::Word(word) => return self.word_atom(&word),
            Token::Quoted(_) => return self.name_or_function(),
            Token::Symbol(_) | Token::End => return Err(self.expected("an expression")),
        };
        self.expr(kind, at)
    }

    fn word_atom(&mut self, word: &str) -> Result<Expr> {
        let at = self.offset();
        let is_call = self.is_symbol_ahead(1, "(");
        let kind = match word.to_ascii_uppercase().as_str() {
            "NULL" => {
                self.advance();
                ExprKind::Null
            }
            "TRUE" => {
                self.advance();
                ExprKind::Boolean(true)
            }
            "FALSE" => {
                self.advance();
                ExprKind::Boolean(false)
            }
            "CASE" => return self.nested(Self::case),
            "COUNT" if is_call && self.is_symbol_ahead(2, "*") && self.is_symbol_ahead(3, ")") => {
                self.at += 4;
                ExprKind::CountAll
            }
            "EXISTS" if self.is_symbol_ahead(1, "{") => return self.nested(Self::exists),
            "ALL" if is_call => return self.quantified(Quantifier::All),
            "ANY" if is_call => return self.quantified(Quantifier::Any),
            "NONE" if is_call => return self.quantified(Quantifier::None),
            "SINGLE" if is_call => return self.quantified(Quantifier::Single),
            "REDUCE" if is_call => return self.nested(Self::reduce),
            "SHORTESTPATH" | "ALLSHORTESTPATHS" if is_call => {
                let shortest = self.shortest().ok_or_else(|| self.expected("a path"))?;
                ExprKind::ShortestPath(self.shortest_path(shortest)?)
            }
            _ => return self.name_or_function(),
        };
        self.expr(kind, at)
    }

    /// A variable, or a call of a function, whose name may have dots.
    fn name_or_function(&mut self) -> Result<Expr> {
        let at = self.offset();
        let mut dots = 0;
        while self.is_symbol_ahead(2 * dots + 1, ".")
            && matches!(self.ahead(2 * dots + 2), Token::Word(_) | Token::Quoted(_))
        {
            dots += 1;
        }
        if self.is_symbol_ahead(2 * dots + 1, "(") {
            let mut name = self.schema_name("a function")?;
            for _ in 0..dots {
                self.symbol(".")?;
                name.push('.');
                name += &self.schema_name("a function")?;
            }
            return self.call(name, at);
        }
        let variable = self.variable();
        let variable = variable.map_err(|_| self.expected("an expression"))?;
        self.expr(ExprKind::Variable(variable.text), at)
    }

    fn call(&mut self, name: String, at: usize) -> Result<Expr> {
        self.symbol("(")?;
        let distinct = self.take_word("DISTINCT");
        let mut arguments = Vec::new();
        if !self.is_symbol(")") {
            arguments = self.list_of(Self::expression)?;
        }
        self.symbol(")")?;
        let kind = ExprKind::Function {
            name,
            distinct,
            arguments,
        };
        self.expr(kind, at)
    }

    /// A list, a list comprehension or a pattern comprehension.
    fn bracketed(&mut self) -> Result<Expr> {
        let at = self.offset();
        self.symbol("[")?;
        let kind = if let Some(pattern) = self.path_of_comprehension() {
            let filter = self.where_clause()?;
            self.symbol("|")?;
            let map = self.expression()?;
            ExprKind::PatternComprehension {
                pattern,
                filter,
                map,
            }
        } else if self.is_word_ahead(1, "IN")
            && matches!(self.token(), Token::Word(_) | Token::Quoted(_))
        {
            self.comprehension()?
        } else {
            let mut items = Vec::new();
            if !self.is_symbol("]") {
                items = self.list_of(Self::expression)?;
            }
            ExprKind::List(items)
        };
        self.symbol("]")?;
        self.expr(kind, at)
    }

    /// `x IN list WHERE condition | expression`, or `x IN list` as an element of a list.
    fn comprehension(&mut self) -> Result<ExprKind> {
        let start = self.at;
        let variable = self.variable()?;
        self.keyword("IN")?;
        let list = self.expression()?;
        if self.is_symbol(",") {
            self.at = start;
            return Ok(ExprKind::List(self.list_of(Self::expression)?));
        }
        let filter = self.where_clause()?;
        let map = match self.take_symbol("|") {
            true => Some(self.expression()?),
            false => None,
        };
        Ok(ExprKind::ListComprehension {
            variable,
            list,
            filter,
            map,
        })
    }

    fn map(&mut self) -> Result<Expr> {
        let at = self.offset();
        self.symbol("{")?;
        let mut entries = Vec::new();
        if !self.is_symbol("}") {
            entries = self.list_of(|parser| {
                let key = parser.schema_name("a key")?;
                parser.symbol(":")?;
                Ok((key, parser.expression()?))
            })?;
        }
        self.symbol("}")?;
        self.expr(ExprKind::Map(entries), at)
    }

    fn case(&mut self) -> Result<Expr> {
        let at = self.offset();
        self.keyword("CASE")?;
        let subject = match self.is_word("WHEN") {
            true => None,
            false => Some(self.expression()?),
        };
        let mut arms = Vec::new();
        while self.take_word("WHEN") {
            let when = self.expression()?;
            self.keyword("THEN")?;
            arms.push((when, self.expression()?));
        }
        if arms.is_empty() {
            return Err(self.expected("WHEN"));
        }
        let otherwise = match self.take_word("ELSE") {
            true => Some(self.expression()?),
            false => None,
        };
        self.keyword("END")?;
        let kind = ExprKind::Case {
            subject,
            arms,
            otherwise,
        };
        self.expr(kind, at)
    }

    fn quantified(&mut self, quantifier: Quantifier) -> Result<Expr> {
        let at = self.offset();
        self.advance();
        self.symbol("(")?;
        let variable = self.variable()?;
        self.keyword("IN")?;
        let list = self.expression()?;
        self.keyword("WHERE")?;
        let filter = self.expression()?;
        self.symbol(")")?;
        let kind = ExprKind::Quantified {
            quantifier,
            variable,
            list,
            filter,
        };
        self.expr(kind, at)
    }

    fn reduce(&mut self) -> Result<Expr> {
        let at = self.offset();
        self.advance();
        self.symbol("(")?;
        let accumulator = self.variable()?;
        self.symbol("=")?;
        let start = self.expression()?;
        self.symbol(",")?;
        let variable = self.variable()?;
        self.keyword("IN")?;
        let list = self.expression()?;
        self.symbol("|")?;
        let step = self.expression()?;
        self.symbol(")")?;
        let kind = ExprKind::Reduce {
            accumulator,
            start,
            variable,
            list,
            step,
        };
        self.expr(kind, at)
    }

    fn exists(&mut self) -> Result<Expr> {
        let at = self.offset();
        self.advance();
        self.symbol("{")?;
        let kind = if self.is_symbol("(") || self.is_symbol_ahead(1, "=") {
            let patterns = self.list_of(Self::path_pattern)?;
            let filter = self.where_clause()?;
            ExprKind::ExistsPattern { patterns, filter }
        } else {
            ExprKind::ExistsQuery(self.query()?)
        };
        self.symbol("}")?;
        self.expr(kind, at)
    }
}

impl ExprKind {
    /// The expressions directly below.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Expr> + '_> {
        match self {
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::Variable(_)
            | Self::Parameter(_)
            | Self::CountAll
            | Self::Pattern(_)
            | Self::ShortestPath(_)
            | Self::ExistsPattern { .. }
            | Self::ExistsQuery(_) => Box::new(std::iter::empty()),
            Self::List(items) | Self::And(items) | Self::Or(items) => Box::new(items.iter()),
            Self::Map(entries) => Box::new(entries.iter().map(|(_, value)| value)),
            Self::Property(of, _)
            | Self::Labels(of, _)
            | Self::Not(of)
            | Self::Negate(of)
            | Self::Plus(of)
            | Self::IsNull(of)
            | Self::IsNotNull(of) => Box::new(std::iter::once(of)),
            Self::Index(a, b) | Self::Xor(a, b) | Self::Binary(_, a, b) => {
                Box::new([a, b].into_iter())
            }
            Self::Slice(of, from, to) => Box::new(std::iter::once(of).chain(from).chain(to)),
            Self::Compare(first, rest) => {
                Box::new(std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand)))
            }
            Self::Case {
                subject,
                arms,
                otherwise,
            } => Box::new(
                subject
                    .iter()
                    .chain(arms.iter().flat_map(|(when, then)| [when, then]))
                    .chain(otherwise),
            ),
            Self::Function { arguments, .. } => Box::new(arguments.iter()),
            Self::ListComprehension {
                list, filter, map, ..
            } => Box::new(std::iter::once(list).chain(filter).chain(map)),
            Self::Quantified { list, filter, .. } => Box::new([list, filter].into_iter()),
            Self::Reduce {
                start, list, step, ..
            } => Box::new([start, list, step].into_iter()),
            Self::PatternComprehension { filter, map, .. } => {
                Box::new(filter.iter().chain(std::iter::once(map)))
            }
        }
    }
}
