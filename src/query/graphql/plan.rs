//! What a document would do: its operations with their fields, told without running anything.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};

use super::describe::Described;

/// An operation of a document.
#[derive(Clone, Debug)]
pub struct Planned {
    /// `query` or `mutation`.
    pub operation: &'static str,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its fields with fragments spread out, in order: path in the answer, arguments, type.
    pub fields: Vec<String>,
    /// How deep they nest.
    pub depth: usize,
}

/// The operations of a document that is valid and within bounds, in the order of their places.
pub fn operations(document: &ExecutableDocument, types: &[Described]) -> Vec<Planned> {
    let fields = types.iter().flat_map(|of| {
        let fields = of.fields.iter();
        fields.filter_map(|field| {
            let key = (of.name.as_str(), field.name.as_str());
            Some((key, field.of.as_deref()?))
        })
    });
    let types: HashMap<(&str, &str), &str> = fields.collect();
    let mut operations: Vec<_> = document.operations.iter().collect();
    operations.sort_by_key(|(_, operation)| operation.pos);
    let planned = operations.into_iter().map(|(name, operation)| {
        let mut walk = Walk {
            document,
            types: &types,
            fields: Vec::new(),
            depth: 0,
        };
        let (word, root) = root(operation);
        walk.set(&operation.node.selection_set, Some(root), &[]);
        Planned {
            operation: word,
            name: name.map(ToString::to_string),
            fields: walk.fields,
            depth: walk.depth,
        }
    });
    planned.collect()
}

fn root(operation: &Positioned<OperationDefinition>) -> (&'static str, &'static str) {
    match operation.node.ty {
        OperationType::Query => ("query", "Query"),
        OperationType::Mutation => ("mutation", "Mutation"),
        OperationType::Subscription => ("subscription", "Subscription"),
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    types: &'d HashMap<(&'d str, &'d str), &'d str>,
    fields: Vec<String>,
    depth: usize,
}

impl<'d> Walk<'d> {
    /// The fields of a selection of a type, which is not known within introspection.
    fn set(&mut self, set: &'d Positioned<SelectionSet>, of: Option<&'d str>, path: &[&'d str]) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, of, path),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| Some(&*condition.node.on.node));
                    self.set(&fragment.node.selection_set, of, path);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let of = Some(&*fragment.node.type_condition.node.on.node);
                        self.set(&fragment.node.selection_set, of, path);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &'d Field, of: Option<&'d str>, path: &[&'d str]) {
        let mut path = path.to_vec();
        path.push(field.response_key().node.as_str());
        self.depth = self.depth.max(path.len());
        let mut line = path.join(".");
        if let Some(alias) = &field.alias
            && alias.node != field.name.node
        {
            line.push_str(&format!(" = {}", field.name.node));
        }
        if !field.arguments.is_empty() {
            let arguments = field.arguments.iter();
            let arguments = arguments.map(|(name, value)| format!("{}: {}", name.node, value.node));
            let arguments: Vec<_> = arguments.collect();
            line.push_str(&format!("({})", arguments.join(", ")));
        }
        let found = of.and_then(|of| self.types.get(&(of, field.name.node.as_str())));
        if let Some(found) = found {
            line.push_str(&format!(": {found}"));
        }
        self.fields.push(line);
        let of = found.map(|found| found.trim_matches(['[', ']', '!']));
        self.set(&field.selection_set, of, &path);
    }
}
