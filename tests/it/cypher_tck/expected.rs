//! What the kit expects of results, in its own notation, and what the engine answers in the same terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use ladybug::query::cypher::execute::output::{NodeOutput, Output, RelationshipOutput};
use ladybug::query::cypher::value::{Map, Value};

/// A value of a result.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Expected {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(String),
    String(String),
    List(Vec<Expected>),
    Map(BTreeMap<String, Expected>),
    Node(Vec<String>, BTreeMap<String, Expected>),
    Relationship(String, BTreeMap<String, Expected>),
    /// Nodes and relationships in turn; of a relationship, whether it leads from left to right.
    Path(Vec<Expected>, Vec<bool>),
}

/// Reads a value.
pub fn parse(text: &str) -> Expected {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.value();
    assert!(reader.rest.is_empty(), "expected a value, got {text}");
    value
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, what: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn need(&mut self, what: &str) {
        assert!(self.take(what), "expected {what} before {}", self.rest);
    }

    fn name(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix('`') {
            let (name, rest) = rest.split_once('`').expect("the end of a quoted name");
            let name = name.to_owned();
            self.rest = rest;
            return name;
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let name = name.to_owned();
        self.rest = rest;
        name
    }

    fn value(&mut self) -> Expected {
        self.rest = self.rest.trim_start();
        if self.take("<") {
            return self.path();
        }
        if self.rest.starts_with('(') {
            return self.node();
        }
        if self.take("[") {
            return match self.take(":") {
                true => self.relationship(),
                false => Expected::List(self.items("]")),
            };
        }
        if self.rest.starts_with('{') {
            return Expected::Map(self.map());
        }
        if let Some(rest) = self.rest.strip_prefix('\'') {
            let mut text = String::new();
            let mut chars = rest.char_indices();
            loop {
                match chars.next().expect("the end of a string") {
                    (at, '\'') => {
                        self.rest = &rest[at + 1..];
                        return Expected::String(text);
                    }
                    (_, '\\') => match chars.next().expect("what is escaped").1 {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        'b' => text.push('\u{8}'),
                        'f' => text.push('\u{c}'),
                        c @ ('\\' | '\'' | '"') => text.push(c),
                        c => text.extend(['\\', c]),
                    },
                    (_, c) => text.push(c),
                }
            }
        }
        let end = self
            .rest
            .find([',', ']', '}', ' ', ')'])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "null" => Expected::Null,
            "true" => Expected::Boolean(true),
            "false" => Expected::Boolean(false),
            "NaN" => float(f64::NAN),
            "Inf" => float(f64::INFINITY),
            "-Inf" => float(f64::NEG_INFINITY),
            word => match word.parse::<i64>() {
                Ok(n) => Expected::Integer(n),
                Err(_) => float(
                    word.parse()
                        .unwrap_or_else(|_| panic!("expected a value, got {word}")),
                ),
            },
        }
    }

    fn items(&mut self, end: &str) -> Vec<Expected> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value());
            self.take(",");
        }
        items
    }

    fn map(&mut self) -> BTreeMap<String, Expected> {
        let mut map = BTreeMap::new();
        if !self.take("{") {
            return map;
        }
        while !self.take("}") {
            let key = self.name();
            self.need(":");
            map.insert(key, self.value());
            self.take(",");
        }
        map
    }

    fn node(&mut self) -> Expected {
        self.need("(");
        let mut labels = Vec::new();
        while self.take(":") {
            labels.push(self.name());
        }
        labels.sort();
        let properties = self.map();
        self.need(")");
        Expected::Node(labels, properties)
    }

    /// Behind `[:`.
    fn relationship(&mut self) -> Expected {
        let kind = self.name();
        let properties = self.map();
        self.need("]");
        Expected::Relationship(kind, properties)
    }

    fn path(&mut self) -> Expected {
        let (mut parts, mut directions) = (vec![self.node()], Vec::new());
        while !self.take(">") {
            let is_left = self.take("<-");
            if !is_left {
                self.need("-");
            }
            self.need("[:");
            parts.push(self.relationship());
            if is_left {
                self.need("-")
            } else {
                self.need("->")
            }
            directions.push(!is_left);
            parts.push(self.node());
        }
        Expected::Path(parts, directions)
    }
}

/// Floats are compared as they are written shortest, so that NaN is NaN; zero has no sign.
fn float(x: f64) -> Expected {
    Expected::Float(format!("{:?}", x + 0.0))
}

impl From<&Output> for Expected {
    fn from(output: &Output) -> Self {
        match output {
            Output::Null => Self::Null,
            Output::Boolean(b) => Self::Boolean(*b),
            Output::Integer(n) => Self::Integer(*n),
            Output::Float(x) => float(*x),
            Output::String(text) => Self::String(text.as_str().into_owned()),
            Output::Temporal(value) => Self::String(value.to_string()),
            Output::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Output::Map(entries) => Self::Map(map(entries)),
            Output::Node(node) => of_node(node),
            Output::Relationship(edge) => of_relationship(edge),
            Output::Path {
                nodes,
                relationships,
            } => {
                let mut parts = vec![of_node(&nodes[0])];
                let mut directions = Vec::new();
                for (n, edge) in relationships.iter().enumerate() {
                    directions.push(edge.source == nodes[n].id);
                    parts.extend([of_relationship(edge), of_node(&nodes[n + 1])]);
                }
                Self::Path(parts, directions)
            }
        }
    }
}

fn map(entries: &[(Arc<str>, Output)]) -> BTreeMap<String, Expected> {
    entries
        .iter()
        .map(|(key, value)| (key.to_string(), value.into()))
        .collect()
}

fn of_node(node: &NodeOutput) -> Expected {
    let mut labels: Vec<String> = node.labels.iter().map(|label| label.to_string()).collect();
    labels.sort();
    Expected::Node(labels, map(&node.properties))
}

fn of_relationship(edge: &RelationshipOutput) -> Expected {
    Expected::Relationship(edge.kind.to_string(), map(&edge.properties))
}

impl Expected {
    /// With every list in one order, where order does not count.
    pub fn sorted(self) -> Self {
        match self {
            Self::List(items) => {
                let mut items: Vec<_> = items.into_iter().map(Self::sorted).collect();
                items.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
                Self::List(items)
            }
            other => other,
        }
    }

    /// As a parameter of a statement.
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(b) => Value::Boolean(*b),
            Self::Integer(n) => Value::Integer(*n),
            Self::Float(text) => Value::Float(text.parse().expect("a float")),
            Self::String(text) => text.as_str().into(),
            Self::List(items) => Value::list(items.iter().map(Self::value)),
            Self::Map(entries) => {
                let map: Map = entries
                    .iter()
                    .map(|(key, value)| (key.as_str().into(), value.value()))
                    .collect();
                Value::Map(map.into())
            }
            Self::Node(..) | Self::Relationship(..) | Self::Path(..) => {
                panic!("no parameter is {self:?}")
            }
        }
    }
}
