//! Statements and clauses.

use super::super::ast::{
    Clause, ClauseKind, Expr, ExprKind, Item, Mode, Name, Projection, Query, RemoveItem, SetItem,
    Statement, Yields,
};
use super::super::error::{CypherError, Result};
use super::super::lexer::Token;
use super::{CLAUSES_MAX, Parser};

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        let parameters = self.parameters()?;
        let mode = match () {
            () if self.take_word("EXPLAIN") => Mode::Explain,
            () if self.take_word("PROFILE") => Mode::Profile,
            () => Mode::Run,
        };
        let mut queries = vec![self.query()?];
        let mut unions = Vec::new();
        while self.is_word("UNION") {
            let at = self.offset();
            self.advance();
            let is_all = self.take_word("ALL");
            if !is_all {
                self.take_word("DISTINCT");
            }
            unions.push((is_all, at));
            queries.push(self.query()?);
        }
        self.take_symbol(";");
        match self.token() {
            Token::End => Ok(Statement {
                parameters,
                mode,
                queries,
                unions,
            }),
            _ => Err(self.expected("a clause or the end of the statement")),
        }
    }

    /// `CYPHER name=value …` in front of a statement: parameters, as clients of graph databases over RESP send them.
    fn parameters(&mut self) -> Result<Vec<(String, Expr)>> {
        let mut parameters = Vec::new();
        if !self.take_word("CYPHER") {
            return Ok(parameters);
        }
        while self.is_symbol_ahead(1, "=") {
            let name = self.schema_name("the name of a parameter")?;
            self.symbol("=")?;
            parameters.push((name, self.sign()?));
        }
        Ok(parameters)
    }

    /// Clauses, at least one.
    pub(super) fn query(&mut self) -> Result<Query> {
        let at = self.offset();
        let mut clauses = Vec::new();
        while let Some(clause) = self.clause()? {
            clauses.push(clause);
        }
        match clauses.is_empty() {
            true => Err(self.expected(
                "MATCH, UNWIND, WITH, RETURN, CREATE, MERGE, SET, REMOVE, DELETE or CALL",
            )),
            false => Ok(Query { clauses, at }),
        }
    }

    fn clause(&mut self) -> Result<Option<Clause>> {
        let at = self.offset();
        let kind = if self.take_word("MATCH") {
            self.match_clause(false)?
        } else if self.take_words(&["OPTIONAL", "MATCH"]) {
            self.match_clause(true)?
        } else if self.take_word("UNWIND") {
            let list = self.expression()?;
            self.keyword("AS")?;
            let variable = self.variable()?;
            ClauseKind::Unwind { list, variable }
        } else if self.take_word("WITH") {
            let projection = self.projection()?;
            let filter = self.where_clause()?;
            ClauseKind::With { projection, filter }
        } else if self.take_word("RETURN") {
            ClauseKind::Return(self.projection()?)
        } else if self.take_word("CREATE") {
            ClauseKind::Create(self.list_of(Self::path_pattern)?)
        } else if self.take_word("MERGE") {
            self.merge_clause()?
        } else if self.take_word("SET") {
            ClauseKind::Set(self.list_of(Self::set_item)?)
        } else if self.take_word("REMOVE") {
            ClauseKind::Remove(self.list_of(Self::remove_item)?)
        } else if self.take_words(&["DETACH", "DELETE"]) {
            self.delete_clause(true)?
        } else if self.take_word("DELETE") {
            self.delete_clause(false)?
        } else if self.take_word("FOREACH") {
            self.nested(Self::foreach_clause)?
        } else if self.take_word("CALL") {
            self.call_clause()?
        } else {
            return Ok(None);
        };
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(CypherError::syntax(
                "StatementTooLong",
                format!("expected at most {CLAUSES_MAX} clauses"),
                at,
            ));
        }
        Ok(Some(Clause { kind, at }))
    }

    fn match_clause(&mut self, optional: bool) -> Result<ClauseKind> {
        let patterns = self.list_of(Self::path_pattern)?;
        let filter = self.where_clause()?;
        Ok(ClauseKind::Match {
            optional,
            patterns,
            filter,
        })
    }

    pub(super) fn where_clause(&mut self) -> Result<Option<Expr>> {
        match self.take_word("WHERE") {
            true => self.expression().map(Some),
            false => Ok(None),
        }
    }

    fn merge_clause(&mut self) -> Result<ClauseKind> {
        let pattern = self.path_pattern()?;
        let (mut on_create, mut on_match) = (Vec::new(), Vec::new());
        while self.is_word("ON") {
            let actions = if self.take_words(&["ON", "CREATE"]) {
                &mut on_create
            } else if self.take_words(&["ON", "MATCH"]) {
                &mut on_match
            } else {
                self.advance();
                return Err(self.expected("CREATE or MATCH"));
            };
            self.keyword("SET")?;
            actions.extend(self.list_of(Self::set_item)?);
        }
        Ok(ClauseKind::Merge {
            pattern,
            on_create,
            on_match,
        })
    }

    fn delete_clause(&mut self, detach: bool) -> Result<ClauseKind> {
        let targets = self.list_of(Self::expression)?;
        Ok(ClauseKind::Delete { detach, targets })
    }

    fn foreach_clause(&mut self) -> Result<ClauseKind> {
        self.symbol("(")?;
        let variable = self.variable()?;
        self.keyword("IN")?;
        let list = self.expression()?;
        self.symbol("|")?;
        let clauses = self.query()?.clauses;
        self.symbol(")")?;
        Ok(ClauseKind::Foreach {
            variable,
            list,
            clauses,
        })
    }

    fn call_clause(&mut self) -> Result<ClauseKind> {
        let mut procedure = self.schema_name("the name of a procedure")?;
        while self.take_symbol(".") {
            procedure.push('.');
            procedure += &self.schema_name("the name of a procedure")?;
        }
        let arguments = match self.take_symbol("(") {
            true if self.take_symbol(")") => Some(Vec::new()),
            true => {
                let arguments = self.list_of(Self::expression)?;
                self.symbol(")")?;
                Some(arguments)
            }
            false => None,
        };
        let yields = match self.take_word("YIELD") {
            true if self.take_symbol("*") => Some(Yields::All),
            // `YIELD -`: nothing.
            true if self.take_symbol("-") => Some(Yields::Some(Vec::new())),
            true => Some(Yields::Some(self.list_of(Self::yield_item)?)),
            false => None,
        };
        let filter = match yields {
            Some(_) => self.where_clause()?,
            None => None,
        };
        Ok(ClauseKind::Call {
            procedure,
            arguments,
            yields,
            filter,
        })
    }

    fn yield_item(&mut self) -> Result<(Name, Name)> {
        let column = self.variable()?;
        let name = match self.take_word("AS") {
            true => self.variable()?,
            false => column.clone(),
        };
        Ok((column, name))
    }

    fn projection(&mut self) -> Result<Projection> {
        let distinct = self.take_word("DISTINCT");
        let star = self.take_symbol("*");
        let items = match !star || self.take_symbol(",") {
            true => self.list_of(Self::projection_item)?,
            false => Vec::new(),
        };
        let order = match self.take_words(&["ORDER", "BY"]) {
            true => self.list_of(Self::sort_item)?,
            false => Vec::new(),
        };
        let skip = match self.take_word("SKIP") || self.take_word("OFFSET") {
            true => Some(self.expression()?),
            false => None,
        };
        let limit = match self.take_word("LIMIT") {
            true => Some(self.expression()?),
            false => None,
        };
        Ok(Projection {
            distinct,
            star,
            items,
            order,
            skip,
            limit,
        })
    }

    fn projection_item(&mut self) -> Result<Item> {
        let start = self.offset();
        let expr = self.expression()?;
        let text = self.written_since(start);
        let alias = match self.take_word("AS") {
            true => Some(self.variable()?),
            false => None,
        };
        Ok(Item { expr, alias, text })
    }

    fn sort_item(&mut self) -> Result<(Expr, bool)> {
        let expr = self.expression()?;
        let is_descending = self.take_word("DESC") || self.take_word("DESCENDING");
        if !is_descending && !self.take_word("ASC") {
            self.take_word("ASCENDING");
        }
        Ok((expr, is_descending))
    }

    fn set_item(&mut self) -> Result<SetItem> {
        let target = self.postfix()?;
        match *target.kind {
            ExprKind::Variable(text) => {
                let variable = Name {
                    text,
                    at: target.at,
                };
                let is_added = self.take_symbol("+=");
                if !is_added {
                    self.symbol("=")?;
                }
                let value = self.expression()?;
                Ok(SetItem::All {
                    variable,
                    value,
                    is_added,
                })
            }
            ExprKind::Property(target, key) => {
                self.symbol("=")?;
                let value = self.expression()?;
                Ok(SetItem::Property { target, key, value })
            }
            ExprKind::Labels(of, labels) => Ok(SetItem::Labels {
                variable: self.only_variable(of)?,
                labels,
            }),
            _ => Err(self.expected("a variable, a property or labels to set")),
        }
    }

    fn remove_item(&mut self) -> Result<RemoveItem> {
        let target = self.postfix()?;
        match *target.kind {
            ExprKind::Property(target, key) => Ok(RemoveItem::Property { target, key }),
            ExprKind::Labels(of, labels) => Ok(RemoveItem::Labels {
                variable: self.only_variable(of)?,
                labels,
            }),
            _ => Err(self.expected("a property or labels to remove")),
        }
    }

    fn only_variable(&self, expr: Expr) -> Result<Name> {
        match *expr.kind {
            ExprKind::Variable(text) => Ok(Name { text, at: expr.at }),
            _ => Err(CypherError::syntax(
                "UnexpectedSyntax",
                "expected a variable before the labels",
                expr.at,
            )),
        }
    }
}
