//! Spaces as schemas: `space_3`, or a named space or fork by its name; the tables of each; and the same for SHOW and
//! `information_schema`.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::information_schema::InformationSchemaProvider;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::{Result, TableReference};
use futures::FutureExt;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, When};

use super::error::SqlError;
use super::handle::Sql;
use super::statement::Statement;
use super::tables::{self, TABLES};

/// The one catalog.
pub const CATALOG: &str = "ladybug";
/// The schema that tells of the others.
const INFORMATION_SCHEMA: &str = "information_schema";
/// What a numbered space's schema begins with.
const NUMBERED: &str = "space_";

/// A table, as catalogs list it.
#[derive(Clone, Debug)]
pub struct TableInfo {
    /// Its schema: the space.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Its columns.
    pub columns: SchemaRef,
    /// Whether rows can be inserted.
    pub is_writable: bool,
    /// The columns that tell its rows apart.
    pub primary_key: &'static [&'static str],
}

impl Sql {
    /// The schemas that there are: the spaces that hold something or have a name, and space 0.
    pub fn schemas(&self) -> Vec<String> {
        schemas(self.engine())
    }

    /// The tables of every schema.
    pub fn tables(&self) -> Vec<TableInfo> {
        let of = |schema: String| {
            let tables = TABLES.iter().map(|table| table.name.to_owned());
            let constants = self.shared().constants.iter().map(|(name, _)| name.clone());
            tables
                .chain(constants)
                .filter_map(move |name| self.table(&schema, &name))
        };
        self.schemas().into_iter().flat_map(of).collect()
    }

    /// A table by its schema and name.
    pub fn table(&self, schema: &str, name: &str) -> Option<TableInfo> {
        let known = TABLES.iter().find(|table| table.name == name);
        let constant = self
            .shared()
            .constants
            .iter()
            .find(|(constant, _)| constant == name);
        let columns = match (known, constant) {
            (Some(table), _) => (table.schema)(),
            (None, Some((_, rows))) => rows.schema(),
            (None, None) => return None,
        };
        Some(TableInfo {
            schema: schema.to_owned(),
            table: name.to_owned(),
            columns,
            is_writable: known.is_some_and(|table| table.is_writable),
            primary_key: known.map_or(&[], |table| table.primary_key),
        })
    }

    /// The space of a schema, if there is one.
    pub fn space_of(&self, schema: &str) -> Option<SpaceId> {
        space_of(self.engine(), schema)
    }
}

/// The schema that a space is.
pub fn schema_of(engine: &Engine, space: SpaceId) -> String {
    let label = engine.space_label(space);
    match label.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{NUMBERED}{label}"),
        false => label,
    }
}

fn schemas(engine: &Engine) -> Vec<String> {
    let mut spaces = engine.spaces();
    if !spaces.contains(&0) {
        spaces.insert(0, 0);
    }
    spaces
        .into_iter()
        .map(|space| schema_of(engine, space))
        .collect()
}

fn space_of(engine: &Engine, schema: &str) -> Option<SpaceId> {
    let number = schema
        .strip_prefix(NUMBERED)
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    engine.find_space(number.unwrap_or(schema)).ok().flatten()
}

/// The space that a name is of.
pub(super) fn space(statement: &Statement, name: &TableReference) -> Result<SpaceId> {
    if let Some(catalog) = name.catalog().filter(|catalog| *catalog != CATALOG) {
        return Err(SqlError::Statement(format!(
            "expected the catalog {CATALOG}, or none, in front of a schema; got {catalog}"
        ))
        .into());
    }
    let Some(schema) = name.schema() else {
        return Ok(statement.space);
    };
    space_of(statement.engine(), schema).ok_or_else(|| {
        let there = schemas(statement.engine());
        let shown: Vec<_> = there.iter().take(SHOWN_MAX).map(|name| quoted(name)).collect();
        SqlError::Statement(format!(
            "expected a space as the schema, space_0 or a name (in double quotes unless it is lower case): there are {}{}; got {schema}",
            shown.join(", "),
            if there.len() > SHOWN_MAX { ", …" } else { "" },
        ))
        .into()
    })
}

/// Most names that an error shows.
const SHOWN_MAX: usize = 10;

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit();
    let is_bare = name.bytes().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    match is_bare {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A table by its name, in the present.
pub(super) fn table(
    statement: &Arc<Statement>,
    name: &TableReference,
) -> Result<Arc<dyn TableProvider>> {
    table_at(statement, name, None)
}

/// A table by its name, at a moment.
pub(super) fn table_at(
    statement: &Arc<Statement>,
    name: &TableReference,
    when: Option<When>,
) -> Result<Arc<dyn TableProvider>> {
    if name.schema() == Some(INFORMATION_SCHEMA) && when.is_none() {
        let spaces: Arc<dyn CatalogProviderList> = Arc::new(Spaces(Arc::clone(statement)));
        let information = InformationSchemaProvider::new(spaces);
        let table = information
            .table(name.table())
            .now_or_never()
            .transpose()?
            .flatten();
        return table.ok_or_else(|| missing(statement, name.table()).into());
    }
    let space = space(statement, name)?;
    let there = tables::make(statement, space, name.table(), when)?;
    there.ok_or_else(|| missing(statement, name.table()).into())
}

fn missing(statement: &Statement, name: &str) -> SqlError {
    let constants = statement
        .shared
        .constants
        .iter()
        .map(|(name, _)| name.as_str());
    let names: Vec<_> = TABLES
        .iter()
        .map(|table| table.name)
        .chain(constants)
        .collect();
    SqlError::Statement(format!(
        "expected a table, one of {}; got {name}",
        names.join(", ")
    ))
}

/// The spaces of a statement's server, for `information_schema`.
struct Spaces(Arc<Statement>);

impl fmt::Debug for Spaces {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Spaces")
    }
}

impl CatalogProviderList for Spaces {
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::new(Self(Arc::clone(&self.0))) as _)
    }
}

impl CatalogProvider for Spaces {
    fn schema_names(&self) -> Vec<String> {
        schemas(self.0.engine())
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let space = space_of(self.0.engine(), name)?;
        Some(Arc::new(Tables {
            statement: Arc::clone(&self.0),
            space,
        }))
    }
}

/// The tables of one space, for `information_schema`.
#[derive(Debug)]
struct Tables {
    statement: Arc<Statement>,
    space: SpaceId,
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        let constants = self
            .statement
            .shared
            .constants
            .iter()
            .map(|(name, _)| name.clone());
        let tables = TABLES.iter().map(|table| table.name.to_owned());
        tables.chain(constants).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        tables::make(&self.statement, self.space, name, None)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|table| table == name)
    }
}
