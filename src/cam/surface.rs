//! The surface as rows: the methods, which are the same in every space, and a space's own words.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt16Array};
use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::derive;
use ladybug_engine::space::state::View;

use super::batch::{batch, fingerprints, texts};
use super::method::Method;
use super::table::{Column, ColumnKind};
use crate::mind::lexical;

/// A method as a row of the surface.
pub struct Word {
    /// Where it is.
    pub address: Address,
    /// Its name.
    pub name: String,
    /// Its fingerprint: that of its name and documentation.
    pub fingerprint: Fingerprint,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let word = |method: Method| {
        let name = method.to_string();
        Word {
            address: Address(method.id()),
            fingerprint: encode::text(&format!("{name}: {}", method.operation.doc)),
            name,
        }
    };
    Method::all().map(word).collect()
});

/// The surface as something to select from, with those columns of `nodes` that it has; the others hold nothing.
pub const ROWS_SQL: &str = "(SELECT CAST(NULL AS BIGINT UNSIGNED) AS id, address, name, CAST(NULL AS BYTEA) AS value, \
    CAST(NULL AS VARCHAR) AS properties, make_array(0, 0, 0, 0, 0, 0, 0, 0) AS qualia, CAST(NULL AS BIGINT) AS accesses, \
    fingerprint FROM (SELECT address, name, fingerprint FROM methods UNION ALL \
    SELECT address, name, encode(name) FROM verbs UNION ALL SELECT address, name, fingerprint FROM concepts UNION ALL \
    SELECT address, name, fingerprint FROM programs)) AS nodes";

/// What is on the surface of a space, by address.
pub fn words<'v>(view: &View<'v>) -> Vec<(Address, Cow<'v, str>, Cow<'static, Fingerprint>)> {
    let methods = WORDS.iter().map(|word| {
        let bits = Cow::Borrowed(&word.fingerprint);
        (word.address, Cow::Borrowed(word.name.as_str()), bits)
    });
    let own = derive::words(view.state).filter_map(|(address, name)| {
        let bits = derive::word(view.state, address)?;
        Some((address, Cow::Borrowed(name), Cow::Owned(bits)))
    });
    let mut all: Vec<_> = methods.chain(own).collect();
    all.sort_by_key(|(address, ..)| *address);
    all
}

/// What is at an address of the surface: its name and fingerprint.
pub fn word(view: &View<'_>, address: Address) -> Option<Fingerprint> {
    if let Ok(at) = WORDS.binary_search_by_key(&address, |word| word.address) {
        return Some(WORDS[at].fingerprint.clone());
    }
    derive::word(view.state, address)
}

/// The stems by which a method is found: of its name, twice, of its arguments' names and of its documentation.
pub fn terms(method: &Method) -> Vec<String> {
    let (family, operation) = (method.family.name, method.operation);
    let arguments: Vec<_> = operation
        .arguments
        .iter()
        .map(|argument| argument.name)
        .collect();
    let name = format!("{family} {}", operation.name);
    lexical::stems(&format!(
        "{name} {name} {} {}",
        arguments.join(" "),
        operation.doc
    ))
}

/// The methods as SQL shows them.
pub fn methods_table() -> RecordBatch {
    const COLUMNS: &[Column] = &[
        Column::new("address", ColumnKind::Address),
        Column::new("name", ColumnKind::Text),
        Column::new("family", ColumnKind::Text),
        Column::new("operation", ColumnKind::Text),
        Column::new("scope", ColumnKind::Text),
        Column::new("form", ColumnKind::Text),
        Column::new("class", ColumnKind::Text),
        Column::new("doc", ColumnKind::Text),
        Column::new("terms", ColumnKind::Texts),
        Column::new("fingerprint", ColumnKind::Fingerprint),
    ];
    let methods: Vec<Method> = Method::all().collect();
    let text = |of: fn(&Method) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(methods.iter().map(of)))
    };
    let names = WORDS.iter().map(|word| &word.name);
    batch(
        COLUMNS,
        vec![
            Arc::new(UInt16Array::from_iter_values(
                methods.iter().map(Method::id),
            )),
            Arc::new(StringArray::from_iter_values(names)),
            text(|method| method.family.name),
            text(|method| method.operation.name),
            text(|method| method.mode.scope.name()),
            text(|method| method.mode.form.name()),
            text(|method| method.operation.class.name()),
            text(|method| method.operation.doc),
            texts(
                methods
                    .iter()
                    .map(terms)
                    .collect::<Vec<_>>()
                    .iter()
                    .map(Vec::as_slice),
            ),
            fingerprints(WORDS.iter().map(|word| &word.fingerprint)),
        ],
    )
}
