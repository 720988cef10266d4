//! The edges of a scope: as kernels walk them, and as SQL selects them.

use std::collections::HashMap;

use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::state::View;

use super::super::super::call::{Call, quoted};
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;

/// The edges of a scope, of one verb or all, by their ends' addresses.
#[derive(Clone, Copy)]
pub struct Links<'v> {
    view: View<'v>,
    scope: Scope,
    verb: Option<u8>,
}

impl<'v> Links<'v> {
    /// Those of a call's scope, of the verb at a place if it has one.
    pub fn new(call: &Call<'_>, view: View<'v>, verb: Option<usize>) -> Self {
        Self {
            view,
            scope: call.scope(),
            verb: verb.and_then(|at| call.verb(at)).map(|(slot, _)| slot),
        }
    }

    fn is_there(&self, address: Address) -> bool {
        self.scope.contains(address) && self.view.node(address).is_some()
    }

    /// The edges that leave a node of the scope: by target, then id.
    pub fn outgoing(&self, source: Address) -> Vec<EdgeLink> {
        let edges = self.view.state.graph().outgoing(source, self.verb);
        let links = edges.map(|edge| edge.link());
        let mut links: Vec<_> = links.filter(|link| self.is_there(link.target)).collect();
        links.sort_unstable_by_key(|link| (link.target, link.id));
        links
    }

    /// The nodes that edges lead from to a node of the scope, one for each edge.
    pub fn sources(&self, target: Address) -> impl Iterator<Item = Address> {
        let links = self.view.state.graph().incoming(target, self.verb);
        let sources = links.map(|link| link.source);
        sources.filter(|source| self.is_there(*source))
    }
}

/// A scope as a graph of numbered nodes.
pub struct Numbered<'r> {
    /// The nodes, by address.
    pub rows: Vec<Row<'r>>,
    /// The targets of each one's outgoing edges, one for each edge.
    pub targets: Vec<Vec<usize>>,
}

impl<'r> Numbered<'r> {
    /// The graph of a call's scope, of the verb at a place if it has one.
    pub fn new(call: &Call<'_>, reading: &'r Reading<'_>, verb: Option<usize>) -> Self {
        let rows = reading.rows(call.scope());
        let links = Links::new(call, reading.view(), verb);
        let places: HashMap<Address, usize> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.address, at))
            .collect();
        let targets = |row: &Row<'_>| {
            let links = links.outgoing(row.address).into_iter();
            links
                .filter_map(|link| places.get(&link.target).copied())
                .collect()
        };
        let targets = rows.iter().map(targets).collect();
        Self { rows, targets }
    }

    /// The other ends of each one's edges, whichever way they lead, one for each edge; a loop is there once.
    pub fn neighbours(&self) -> Vec<Vec<usize>> {
        let mut neighbours = self.targets.clone();
        for (source, targets) in self.targets.iter().enumerate() {
            for target in targets.iter().filter(|target| **target != source) {
                neighbours[*target].push(source);
            }
        }
        neighbours
    }

    /// The rows in an order, a place each.
    pub fn ordered(&self, order: &[usize]) -> impl Iterator<Item = &Row<'r>> + Clone {
        order.iter().map(|at| &self.rows[*at])
    }
}

/// In SQL: the edges of the scope, of the verb at a place if the call has one, with the ends' addresses as s and t.
pub fn links_sql(call: &Call<'_>, verb: Option<usize>) -> String {
    let mut conditions = Vec::new();
    match call.scope() {
        Scope::All => {}
        Scope::Surface => conditions.push("false".to_owned()),
        scope => {
            let prefixes = scope.zone().map(|zone| zone.prefixes());
            let prefixes = prefixes.expect("invariant: both other scopes are zones");
            let (first, last) = (
                u16::from(*prefixes.start()) << 8,
                u16::from(*prefixes.end()) << 8 | 0xFF,
            );
            for end in ["source_address", "target_address"] {
                conditions.push(format!("{end} BETWEEN {first} AND {last}"));
            }
        }
    }
    if let Some((_, name)) = verb.and_then(|at| call.verb(at)) {
        conditions.push(format!("verb = {}", quoted(name)));
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    format!(
        "SELECT id, CAST(source_address AS BIGINT) AS s, CAST(target_address AS BIGINT) AS t FROM edges{condition}"
    )
}
