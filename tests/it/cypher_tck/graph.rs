//! What is in a space, to see what a statement did to it.

use std::collections::BTreeSet;

use ladybug_engine::space::state::{State, View};

/// What side effects are told by.
#[derive(Default, Debug)]
pub struct Graph {
    nodes: BTreeSet<String>,
    relationships: BTreeSet<String>,
    /// Entity, key and value.
    properties: BTreeSet<String>,
    /// Each label once, however many nodes have it.
    labels: BTreeSet<String>,
}

impl Graph {
    pub fn of(state: &State) -> Self {
        let mut graph = Self::default();
        for node in View::of(state, i64::MIN).nodes() {
            let id = format!("node {}", node.id());
            graph
                .labels
                .extend(node.kinds().iter().map(|kind| kind.to_string()));
            for (key, value) in node.fields().into_iter().flat_map(|fields| fields.iter()) {
                graph.properties.insert(format!("{id} {key:?} {value:?}"));
            }
            graph.nodes.insert(id);
        }
        for edge in state.graph().edges() {
            let id = format!("relationship {}", edge.id);
            for (key, value) in edge.properties.iter().flat_map(|fields| fields.iter()) {
                graph.properties.insert(format!("{id} {key:?} {value:?}"));
            }
            graph.relationships.insert(id);
        }
        graph
    }

    /// What came and went, by the kit's names of side effects, those that are none left out.
    pub fn changes(&self, after: &Self) -> Vec<(String, String)> {
        let sets = [
            ("labels", &self.labels, &after.labels),
            ("nodes", &self.nodes, &after.nodes),
            ("properties", &self.properties, &after.properties),
            ("relationships", &self.relationships, &after.relationships),
        ];
        let mut changes = Vec::new();
        for (name, before, after) in sets {
            for (sign, count) in [
                ("+", after.difference(before).count()),
                ("-", before.difference(after).count()),
            ] {
                if count > 0 {
                    changes.push((format!("{sign}{name}"), count.to_string()));
                }
            }
        }
        changes.sort();
        changes
    }
}
