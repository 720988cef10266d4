//! Types as rows: what a schema says of itself, by name.

use std::sync::Arc;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, ServerError};

use super::types::Types;

/// A type.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What it is, in the word that introspection has for that: `OBJECT`, `INTERFACE`, `ENUM`, …
    pub category: &'static str,
    /// The kind whose nodes it shows.
    pub kind: Option<Arc<str>>,
    /// What it says of itself.
    pub description: Option<String>,
    /// Its fields, in their order; of an enumeration its items.
    pub fields: Vec<DescribedField>,
}

/// A field of a type.
#[derive(Clone, Debug)]
pub struct DescribedField {
    /// Its name.
    pub name: String,
    /// Its type, as GraphQL writes it; an item of an enumeration has none.
    pub of: Option<String>,
    /// Its arguments, as GraphQL writes them; empty if it takes none.
    pub arguments: String,
    /// What it says of itself.
    pub description: Option<String>,
}

/// All types of a schema.
pub fn all(types: &Types) -> Result<Vec<Described>, ServerError> {
    let document = parse_schema(types.schema.sdl())?;
    let definitions = document.definitions.into_iter();
    let defined = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(defined) => Some(described(defined.node, types)),
        _ => None,
    });
    let mut all: Vec<Described> = defined.collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn described(defined: TypeDefinition, types: &Types) -> Described {
    let name = defined.name.node.to_string();
    let (category, fields) = match &defined.kind {
        TypeKind::Scalar => ("SCALAR", Vec::new()),
        TypeKind::Union(_) => ("UNION", Vec::new()),
        TypeKind::Object(object) => ("OBJECT", object.fields.iter().map(field).collect()),
        TypeKind::Interface(interface) => {
            ("INTERFACE", interface.fields.iter().map(field).collect())
        }
        TypeKind::InputObject(input) => ("INPUT_OBJECT", input.fields.iter().map(part).collect()),
        TypeKind::Enum(items) => {
            let items = items.values.iter().map(|item| DescribedField {
                name: item.node.value.to_string(),
                of: None,
                arguments: String::new(),
                description: text(item.node.description.as_ref()),
            });
            ("ENUM", items.collect())
        }
    };
    Described {
        kind: types.kind(&name).cloned(),
        name,
        category,
        description: text(defined.description.as_ref()),
        fields,
    }
}

fn text(description: Option<&Positioned<String>>) -> Option<String> {
    description.map(|description| description.node.clone())
}

fn field(field: &Positioned<FieldDefinition>) -> DescribedField {
    let field = &field.node;
    let arguments = field.arguments.iter().map(|argument| {
        let (name, of) = (&argument.node.name.node, &argument.node.ty.node);
        match &argument.node.default_value {
            Some(value) => format!("{name}: {of} = {}", value.node),
            None => format!("{name}: {of}"),
        }
    });
    DescribedField {
        name: field.name.node.to_string(),
        of: Some(field.ty.node.to_string()),
        arguments: arguments.collect::<Vec<_>>().join(", "),
        description: text(field.description.as_ref()),
    }
}

/// A part of an input.
fn part(part: &Positioned<InputValueDefinition>) -> DescribedField {
    DescribedField {
        name: part.node.name.node.to_string(),
        of: Some(part.node.ty.node.to_string()),
        arguments: String::new(),
        description: text(part.node.description.as_ref()),
    }
}
