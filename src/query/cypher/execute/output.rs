//! What is answered: values with the nodes and relationships in them as they are, for whoever shows them.

use std::sync::Arc;
use std::time::Duration;

use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::temporal::Temporal;

use super::super::error::Result;
use super::super::value::{Map, NodeRef, Text, Value};
use super::Executor;

/// What a statement answers.
#[derive(Debug)]
pub struct Answer {
    /// Names of the columns; none if there is no result.
    pub columns: Vec<Arc<str>>,
    /// Rows, each as long as there are columns.
    pub rows: Vec<Vec<Output>>,
    /// What was changed.
    pub counters: Counters,
    /// The plan, if it was asked for, a line a step.
    pub plan: Option<Vec<String>>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a statement changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Nodes that were made.
    pub nodes_created: u64,
    /// Nodes that were deleted.
    pub nodes_deleted: u64,
    /// Relationships that were made.
    pub relationships_created: u64,
    /// Relationships that were deleted.
    pub relationships_deleted: u64,
    /// Properties that were set or removed.
    pub properties_set: u64,
    /// Labels that nodes got.
    pub labels_added: u64,
    /// Labels that nodes lost.
    pub labels_removed: u64,
}

/// A value as it is shown.
#[derive(Clone, Debug)]
pub enum Output {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Float(f64),
    /// Text or bytes.
    String(Text),
    /// A date, a time, a moment or a duration.
    Temporal(Arc<Temporal>),
    /// A list.
    List(Vec<Output>),
    /// A map, in the order of its keys.
    Map(Vec<(Arc<str>, Output)>),
    /// A node.
    Node(NodeOutput),
    /// A relationship.
    Relationship(RelationshipOutput),
    /// A path.
    Path {
        /// One more than relationships.
        nodes: Vec<NodeOutput>,
        /// Between each two nodes one, whatever its direction.
        relationships: Vec<RelationshipOutput>,
    },
}

/// A node as it is shown.
#[derive(Clone, Debug)]
pub struct NodeOutput {
    /// Its id.
    pub id: u64,
    /// Its kinds.
    pub labels: Vec<Arc<str>>,
    /// Its properties.
    pub properties: Vec<(Arc<str>, Output)>,
}

/// A relationship as it is shown.
#[derive(Clone, Debug)]
pub struct RelationshipOutput {
    /// Its id.
    pub id: u64,
    /// Its type.
    pub kind: Arc<str>,
    /// The id of the node that it leaves from.
    pub source: u64,
    /// The id of the node that it leads to.
    pub target: u64,
    /// Its properties.
    pub properties: Vec<(Arc<str>, Output)>,
}

impl Executor<'_, '_> {
    /// A value as it is shown. What was deleted has an id and nothing else.
    pub(super) fn output(&self, value: &Value) -> Output {
        match value {
            Value::Null => Output::Null,
            Value::Boolean(b) => Output::Boolean(*b),
            Value::Integer(n) => Output::Integer(*n),
            Value::Float(x) => Output::Float(*x),
            Value::String(text) => Output::String(text.clone()),
            Value::Temporal(value) => Output::Temporal(Arc::clone(value)),
            Value::List(items) => {
                Output::List(items.iter().map(|item| self.output(item)).collect())
            }
            Value::Map(map) => Output::Map(self.outputs(map)),
            Value::Node(node) => Output::Node(self.node_output(*node)),
            Value::Relationship(edge) => Output::Relationship(self.relationship_output(*edge)),
            Value::Path(path) => Output::Path {
                nodes: path
                    .nodes
                    .iter()
                    .map(|node| self.node_output(*node))
                    .collect(),
                relationships: path
                    .relationships
                    .iter()
                    .map(|edge| self.relationship_output(*edge))
                    .collect(),
            },
        }
    }

    fn outputs(&self, map: &Map) -> Vec<(Arc<str>, Output)> {
        map.iter()
            .map(|(key, value)| (Arc::clone(key), self.output(value)))
            .collect()
    }

    fn node_output(&self, node: NodeRef) -> NodeOutput {
        let properties = self.properties(&Value::Node(node)).unwrap_or_default();
        NodeOutput {
            id: node.id,
            labels: self
                .node(node)
                .map(|node| node.kinds().to_vec())
                .unwrap_or_default(),
            properties: self.outputs(&properties),
        }
    }

    fn relationship_output(&self, edge: EdgeLink) -> RelationshipOutput {
        let properties = self
            .properties(&Value::Relationship(edge))
            .unwrap_or_default();
        RelationshipOutput {
            id: edge.id,
            kind: self.type_of(edge),
            source: self.node_ref(edge.source).id,
            target: self.node_ref(edge.target).id,
            properties: self.outputs(&properties),
        }
    }

    /// The type of a relationship, also of one that was deleted.
    pub fn type_of(&self, edge: EdgeLink) -> Arc<str> {
        self.view()
            .state
            .verbs()
            .name(edge.verb)
            .unwrap_or_default()
            .into()
    }

    /// The properties of a node or a relationship: its fields, and of a node its name and its value.
    pub fn properties(&self, of: &Value) -> Result<Map> {
        match of {
            Value::Node(node) => Ok(node_properties(self.node(*node)?)),
            Value::Relationship(edge) => Ok(field_map(self.edge(*edge)?.properties.as_ref())),
            other => Err(super::invalid_type("a node or a relationship", other)),
        }
    }
}

/// The properties of a node: its fields, and its name and its value where no field is called so.
pub fn node_properties(node: Node<'_>) -> Map {
    let mut map = field_map(node.fields());
    for key in ["name", "value"] {
        let own = super::own_property(node, key);
        if !own.is_null() && !map.contains_key(key) {
            map.insert(key.into(), own);
        }
    }
    map
}

/// Fields as a map.
pub fn field_map(fields: Option<&Arc<Fields>>) -> Map {
    let fields = fields.into_iter().flat_map(|fields| fields.iter());
    let entry = |(name, value): (&Arc<[u8]>, _)| {
        (
            Arc::<str>::from(String::from_utf8_lossy(name)),
            Value::from(value),
        )
    };
    fields.map(entry).collect()
}
