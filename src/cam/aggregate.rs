//! Figures of groups of rows, as arguments: `count(*)`, `avg(confidence)`.

use ladybug_engine::table::node_schema;

/// What GROUP can say of a group.
const FIGURES: [&str; 5] = ["count", "sum", "avg", "min", "max"];

/// A figure: which, of which column; of none it counts rows.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// One of those that there are.
    pub figure: &'static str,
    /// The column.
    pub column: Option<String>,
}

impl Aggregate {
    /// Reads one as SQL writes it; none if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (figure, rest) = text.split_once('(')?;
        let column = rest.strip_suffix(')')?.trim().to_lowercase();
        let figure = FIGURES
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(figure))?;
        if column == "*" {
            let column = None;
            return (figure == "count").then_some(Self { figure, column });
        }
        let schema = node_schema();
        let kind = schema.field_with_name(&column).ok()?.data_type();
        let column = Some(column);
        (figure == "count" || kind.is_numeric()).then_some(Self { figure, column })
    }

    /// As SQL writes it, which is its column's name.
    pub fn name(&self) -> String {
        format!("{}({})", self.figure, self.column.as_deref().unwrap_or("*"))
    }

    /// Its expression in a SELECT.
    pub fn sql(&self) -> String {
        let name = self.name();
        match (&self.column, self.figure) {
            (None, _) => format!("count(*) AS \"{name}\""),
            (Some(column), "count") => format!("count(\"{column}\") AS \"{name}\""),
            (Some(column), figure) => {
                format!("{figure}(CAST(\"{column}\" AS DOUBLE)) AS \"{name}\"")
            }
        }
    }
}
