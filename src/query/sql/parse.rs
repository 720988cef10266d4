//! Text to syntax tree, within bounds: planning recurses as deep as a tree is, so that no text may make it deep.

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::dialect::LadybugDialect;
use super::error::SqlError;

/// Longest statement, bytes: 8 MiB, room for 3,000 fingerprints in hex. Read, a statement takes a hundred times as much.
const STATEMENT_BYTES_MAX: usize = 8 << 20;
/// Deepest nesting of parentheses and the like.
const NESTING_MAX: usize = 50;
/// Deepest parentheses, of which some nest nothing that the parser recurses for.
const PARENTHESES_MAX: usize = 4 * NESTING_MAX;
/// Most words and signs in a row without a comma: what operators make of them is one inside the other.
const OPERANDS_MAX: usize = 2_000;
/// Words such as SELECT, FROM and UNION that a relation takes at most.
const WORDS_PER_RELATION: usize = 4;
/// Most relations that a statement combines.
pub(super) const RELATIONS_MAX: usize = 256;

/// The one statement of a text.
///
/// # Errors
/// It is no statement, or several, or beyond the bounds.
pub(super) fn parse(text: &str) -> Result<Statement, SqlError> {
    let statements = parser(text)?.parse_statements();
    let mut statements = statements.map_err(refused)?;
    match (statements.pop(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(SqlError::statement(
            "expected a statement such as SELECT name FROM nodes, got none",
        )),
        (Some(_), more) => Err(SqlError::Unsupported(format!(
            "expected one statement, got {}; send them one by one, after BEGIN if they belong together",
            more + 1
        ))),
    }
}

/// A parser of a text that is within the bounds.
fn parser(text: &str) -> Result<Parser<'static>, SqlError> {
    if text.len() > STATEMENT_BYTES_MAX {
        let got = text.len();
        return Err(SqlError::Limit(format!(
            "a statement has at most {STATEMENT_BYTES_MAX} bytes; got {got}: send the data in parts"
        )));
    }
    let tokens = Tokenizer::new(&LadybugDialect, text).tokenize_with_location();
    let mut tokens = tokens.map_err(|error| refused(error.into()))?;
    check_bounds(&tokens)?;
    number_parameters(&mut tokens);
    Ok(Parser::new(&LadybugDialect)
        .with_recursion_limit(NESTING_MAX)
        .with_tokens_with_locations(tokens))
}

/// What is wrong with a text.
fn refused(error: ParserError) -> SqlError {
    let found = match error {
        ParserError::TokenizerError(found) | ParserError::ParserError(found) => found,
        ParserError::RecursionLimitExceeded => {
            return SqlError::Limit(format!("expected at most {NESTING_MAX} levels of nesting"));
        }
    };
    SqlError::Statement(match found.strip_prefix("Expected: ") {
        Some(expected) => format!("SQL expected {expected}"),
        None => format!("expected SQL: {found}"),
    })
}

/// A condition, as one may stand behind WHERE, written out again by its syntax tree.
///
/// # Errors
/// It is no expression, or more than one, or beyond the bounds.
pub fn predicate(text: &str) -> Result<String, SqlError> {
    let mut parser = parser(text)?;
    let condition = parser.parse_expr().map_err(refused)?;
    match parser.peek_token_ref().token {
        Token::EOF => Ok(condition.to_string()),
        _ => Err(SqlError::statement(format!(
            "expected one condition in SQL such as rung < 3, got '{}'",
            text.chars().take(64).collect::<String>()
        ))),
    }
}

/// Whether the tree will be no deeper than planning can bear.
fn check_bounds(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    // How many words and signs stand in a row, at each level of parentheses.
    let mut rows = vec![0usize];
    let mut relations = 0;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => rows.push(0),
            Token::RParen | Token::RBracket | Token::RBrace if rows.len() > 1 => drop(rows.pop()),
            _ => {}
        }
        let row = rows.last_mut().expect("invariant: the outermost stays");
        *row += 1;
        match &token.token {
            Token::Comma | Token::SemiColon => *row = 0,
            Token::Word(word) => match word.keyword {
                Keyword::JOIN
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::SELECT
                | Keyword::FROM
                | Keyword::APPLY => relations += 1,
                _ => {}
            },
            _ => {}
        }
        let row = *row;
        if rows.len() > PARENTHESES_MAX || row > OPERANDS_MAX {
            return Err(SqlError::Limit(format!(
                "expected at most {OPERANDS_MAX} words and signs in a row and {} levels of parentheses; \
                 write IN (…) for a long OR, or use parameters",
                PARENTHESES_MAX
            )));
        }
        if relations > RELATIONS_MAX * WORDS_PER_RELATION {
            return Err(SqlError::Limit(format!(
                "expected at most {RELATIONS_MAX} relations in a statement"
            )));
        }
    }
    Ok(())
}

/// Every `?` is the parameter of its place: `$1`, `$2` and so on.
fn number_parameters(tokens: &mut [TokenWithSpan]) {
    let placeholders = tokens
        .iter_mut()
        .filter_map(|token| match &mut token.token {
            Token::Placeholder(name) if name == "?" => Some(name),
            _ => None,
        });
    for (place, name) in placeholders.enumerate() {
        *name = format!("${}", place + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn one_statement_is_read_and_question_marks_are_numbered() {
        let statement =
            parse("SELECT ?, \"A b\" FROM t VERSION AS OF 3 WHERE x = ? -- why").expect("SQL");
        assert_eq!(
            statement.to_string(),
            "SELECT $1, \"A b\" FROM t VERSION AS OF 3 WHERE x = $2"
        );
        assert!(parse("SELECT 1;").is_ok());
    }

    #[test]
    fn what_is_no_single_statement_is_refused() {
        assert!(refusal("").contains("got none"));
        assert!(refusal("SELECT 1; SELECT 2").contains("one by one"));
        assert!(refusal("SELEC 1").contains("expected"));
        assert!(refusal("SELECT 'open").contains("expected"));
    }

    #[test]
    fn no_text_makes_a_deep_tree() {
        let nested = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(refusal(&nested).contains("levels"));
        for chain in [
            "+1",
            " OR 1",
            "::int",
            " - - 1",
            "[1]",
            " UNION SELECT 1",
            ".a",
        ] {
            let text = format!("SELECT 1{}", chain.repeat(100_000));
            assert!(
                matches!(
                    parse(&text),
                    Err(SqlError::Limit(_) | SqlError::Statement(_))
                ),
                "{chain}"
            );
        }
        let joins = format!("SELECT 1 FROM t {}", "JOIN t ON a, ".repeat(100_000));
        assert!(parse(&joins).is_err());
    }
}
