//! Reads arbitrary text as a Cypher statement: nothing panics, what is understood is understood again, and where an error
//! was found is in the text.

use ladybug::query::cypher::Statement;
use ladybug::query::cypher::census::Unknown;
use ladybug::query::cypher::procedures::BuiltIn;
use ladybug::query::cypher::value::Map;

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let prepare = || Statement::prepare(&text, &Map::new(), &BuiltIn, &Unknown);
    match prepare() {
        Ok(statement) => {
            let again = prepare().expect("what was understood once is understood again");
            assert_eq!(statement.plan(), again.plan());
            assert_eq!(statement.columns(), again.columns());
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!(error.offset.is_none_or(|offset| offset <= text.len()));
        }
    }
}
