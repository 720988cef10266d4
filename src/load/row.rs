//! What a source yields: rows that become nodes, and their edges by name.

use std::collections::{BTreeMap, HashMap, HashSet};

use ladybug_engine::space::fields::FieldValue;
use xxhash_rust::xxh3::Xxh3;

/// A node to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its kinds.
    pub kinds: Vec<String>,
    /// Its fields.
    pub fields: Vec<(String, FieldValue)>,
    /// Its edges: verb, and whom it should lead to.
    pub edges: Vec<(String, Aim)>,
}

/// Whom an edge should lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// Names of which the first that is there is taken.
    pub any_of: Vec<Vec<u8>>,
    /// Whether a row is of no use without one of them.
    pub is_needed: bool,
}

/// Everything that a source yields, in the order in which it should be taken while there is room.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many of the first rows are wanted for themselves; the others only if those need them.
    pub wanted: usize,
    /// Names that others provide: the edge to them leads to the first provider that is there.
    pub provided: HashMap<Vec<u8>, Vec<Vec<u8>>>,
    /// What else decides which rows are taken, to tell one load from another.
    pub options: String,
}

impl Catalogue {
    /// Tells this input with these options from another.
    pub fn digest(&self, input: &[u8]) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(input);
        hash.update(self.options.as_bytes());
        hash.digest()
    }

    /// The names of which any would do for an aim: each alternative, then who provides it.
    pub fn candidates<'a>(&'a self, aim: &'a Aim) -> impl Iterator<Item = &'a [u8]> {
        aim.any_of.iter().flat_map(|name| {
            let providers = self.provided.get(name).into_iter().flatten();
            std::iter::once(&**name).chain(providers.map(|provider| &**provider))
        })
    }
}

/// An edge between rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge<'a> {
    /// The name of its source.
    pub source: &'a [u8],
    /// Its verb.
    pub verb: &'a str,
    /// The name of its target.
    pub target: &'a [u8],
}

/// The edges of all rows whose target is there too, each once, and how many were dropped and why.
pub fn resolve(catalogue: &Catalogue) -> (Vec<Edge<'_>>, Vec<(&'static str, usize)>) {
    let names: HashSet<&[u8]> = catalogue.rows.iter().map(|row| &*row.name).collect();
    let mut seen = HashSet::new();
    let mut edges = Vec::new();
    let mut dropped = BTreeMap::new();
    for row in &catalogue.rows {
        for (verb, aim) in &row.edges {
            let target = catalogue.candidates(aim).find(|name| names.contains(name));
            let edge = target.map(|target| Edge {
                source: &row.name,
                verb,
                target,
            });
            match edge {
                None => {
                    *dropped
                        .entry("their target is not among the loaded nodes")
                        .or_insert(0) += 1
                }
                Some(edge) if edge.source == edge.target => {
                    *dropped.entry("they lead back to their source").or_insert(0) += 1;
                }
                Some(edge) if seen.insert(edge) => edges.push(edge),
                Some(_) => *dropped.entry("the same edge is given twice").or_insert(0) += 1,
            }
        }
    }
    (edges, dropped.into_iter().collect())
}

/// The verbs of the edges, each once.
pub fn verbs(edges: &[Edge<'_>]) -> Vec<String> {
    let verbs: std::collections::BTreeSet<_> = edges.iter().map(|edge| edge.verb).collect();
    verbs.into_iter().map(str::to_owned).collect()
}
