//! Functions of nodes, relationships and paths.

use super::super::compile::scope::Type;
use super::super::value::Value;
use super::{Function, wrong};

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "id",
        takes: || Some(vec![Type::Node, Type::Relationship]),
        result: |_| Type::Integer,
        run: |_, arguments| match &arguments[0] {
            Value::Node(node) => Ok(Value::Integer(node.id as i64)),
            Value::Relationship(edge) => Ok(Value::Integer(edge.id as i64)),
            other => Err(wrong("id", "a node or a relationship", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "type",
        takes: || Some(vec![Type::Relationship]),
        result: |_| Type::String,
        run: |executor, arguments| match &arguments[0] {
            Value::Relationship(edge) => Ok((&*executor.type_of(*edge)).into()),
            other => Err(wrong("type", "a relationship", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "labels",
        takes: || Some(vec![Type::Node]),
        result: |_| Type::List(Box::new(Type::String)),
        run: |executor, arguments| match &arguments[0] {
            Value::Node(node) => {
                let kinds = executor.node(*node)?.kinds();
                Ok(Value::list(kinds.iter().map(|kind| (&**kind).into())))
            }
            other => Err(wrong("labels", "a node", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "properties",
        takes: || Some(vec![Type::Node, Type::Relationship, Type::Map]),
        result: |_| Type::Map,
        run: |executor, arguments| match &arguments[0] {
            map @ Value::Map(_) => Ok(map.clone()),
            of @ (Value::Node(_) | Value::Relationship(_)) => {
                Ok(Value::Map(executor.properties(of)?.into()))
            }
            other => Err(wrong(
                "properties",
                "a node, a relationship or a map",
                other,
            )),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "keys",
        takes: || Some(vec![Type::Node, Type::Relationship, Type::Map]),
        result: |_| Type::List(Box::new(Type::String)),
        run: |executor, arguments| {
            let map = match &arguments[0] {
                Value::Map(map) => (**map).clone(),
                of @ (Value::Node(_) | Value::Relationship(_)) => executor.properties(of)?,
                other => return Err(wrong("keys", "a node, a relationship or a map", other)),
            };
            Ok(Value::list(map.keys().map(|key| (&**key).into())))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "startNode",
        takes: || Some(vec![Type::Relationship]),
        result: |_| Type::Node,
        run: |executor, arguments| match &arguments[0] {
            Value::Relationship(edge) => Ok(Value::Node(executor.node_ref(edge.source))),
            other => Err(wrong("startNode", "a relationship", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "endNode",
        takes: || Some(vec![Type::Relationship]),
        result: |_| Type::Node,
        run: |executor, arguments| match &arguments[0] {
            Value::Relationship(edge) => Ok(Value::Node(executor.node_ref(edge.target))),
            other => Err(wrong("endNode", "a relationship", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "nodes",
        takes: || Some(vec![Type::Path]),
        result: |_| Type::List(Box::new(Type::Node)),
        run: |_, arguments| match &arguments[0] {
            Value::Path(path) => Ok(Value::list(
                path.nodes.iter().map(|node| Value::Node(*node)),
            )),
            other => Err(wrong("nodes", "a path", other)),
        },
        ..Function::DEFAULT
    },
    RELATIONSHIPS,
    Function {
        name: "rels",
        ..RELATIONSHIPS
    },
    Function {
        name: "length",
        takes: || Some(vec![Type::Path]),
        result: |_| Type::Integer,
        run: |_, arguments| match &arguments[0] {
            Value::Path(path) => Ok(Value::Integer(path.relationships.len() as i64)),
            other => Err(wrong("length", "a path", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "exists",
        is_strict: false,
        result: |_| Type::Boolean,
        run: |_, arguments| Ok((!arguments[0].is_null()).into()),
        ..Function::DEFAULT
    },
];

const RELATIONSHIPS: Function = Function {
    name: "relationships",
    takes: || Some(vec![Type::Path]),
    result: |_| Type::List(Box::new(Type::Relationship)),
    run: |_, arguments| match &arguments[0] {
        Value::Path(path) => Ok(Value::list(
            path.relationships
                .iter()
                .map(|edge| Value::Relationship(*edge)),
        )),
        other => Err(wrong("relationships", "a path", other)),
    },
    ..Function::DEFAULT
};
