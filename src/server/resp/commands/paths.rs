//! DN.*: nodes as paths. A path is a name whose parts are joined by `:`, root first
//! (`ada:soul:identity`); the node before the last `:` is its parent.

mod write;

use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::state::View;

use super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, Reading, expected, row};

/// What the commands of this family share.
const PATH: Command = Command {
    keys: Keys::FIRST,
    group: Group::Node,
    since: "0.1.0",
    ..Command::DEFAULT
};

/// Those that read one path.
const READ: Command = Command {
    syntax: "path",
    arity: -2,
    flags: &[Flag::Readonly, Flag::Fast],
    ..PATH
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "dn.set",
        syntax: "path value [RUNG rung] [KIND kind [kind ...]]",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        summary: "Sets the value of the node at a path and makes what is missing above it; answers OK. An \
                  existing node keeps its edges, its fields go and its time to live ends, as with SET",
        complexity: "O(D) where D is the depth of the path",
        handler: Handler::Write(write::set),
        ..PATH
    },
    Command {
        name: "dn.get",
        summary: "The value of the node at a path; nil if there is no such node or it has no value",
        handler: Handler::Read(get),
        ..READ
    },
    Command {
        name: "dn.parent",
        summary: "The name of the node above; nil for a root",
        handler: Handler::Read(parent),
        ..READ
    },
    Command {
        name: "dn.children",
        summary: "The names of the nodes right below, sorted",
        complexity: "O(N log N) where N is the number of children",
        flags: &[Flag::Readonly],
        handler: Handler::Read(children),
        ..READ
    },
    Command {
        name: "dn.ancestors",
        summary: "The names of the nodes above, root first",
        complexity: "O(D) where D is the depth of the path",
        handler: Handler::Read(ancestors),
        ..READ
    },
    Command {
        name: "dn.siblings",
        summary: "The names of the other nodes right below the same parent, sorted; a root has none",
        complexity: "O(N log N) where N is the number of siblings",
        flags: &[Flag::Readonly],
        handler: Handler::Read(siblings),
        ..READ
    },
    Command {
        name: "dn.depth",
        summary: "Steps from the root: 0 for a root",
        handler: Handler::Read(depth),
        ..READ
    },
    Command {
        name: "dn.rung",
        summary: "The clearance needed to see the node, 0 to 9",
        handler: Handler::Read(rung),
        ..READ
    },
    Command {
        name: "dn.tree",
        syntax: "path [DEPTH depth]",
        flags: &[Flag::Readonly],
        summary: "The node and what is below it, each before its children and those sorted by name: rows of \
                  name, address and depth below the path (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N log N) where N is the number of nodes answered",
        handler: Handler::Query(tree),
        ..READ
    },
    Command {
        name: "dn.move",
        syntax: "from to",
        arity: -3,
        flags: &[Flag::Write],
        keys: Keys::FIRST_TWO,
        summary: "Moves a node with everything below it to another path, renaming them all, and makes what is \
                  missing above it; answers how many nodes moved",
        complexity: "O(N) where N is the number of nodes moved",
        handler: Handler::Write(write::relocate),
        ..PATH
    },
    Command {
        name: "dn.del",
        syntax: "path [RECURSIVE]",
        arity: -2,
        flags: &[Flag::Write],
        summary: "Removes the node at a path with its edges; one with children only if RECURSIVE says that \
                  they go too. Answers how many nodes went",
        complexity: "O(N) where N is the number of nodes removed and of their edges",
        handler: Handler::Write(write::del),
        ..PATH
    },
];

/// The one node that a request names.
fn only_node<'v>(view: &View<'v>, request: &[&[u8]]) -> Result<Node<'v>, CommandError> {
    let mut arguments = Arguments::new(request);
    let node = arguments.reference()?.node(view);
    arguments.end()?;
    Ok(node?)
}

fn get(view: &View<'_>, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    arguments.end()?;
    let Ok(node) = reference.node(view) else {
        return Ok(Reply::Nil);
    };
    if !context.is_no_touch {
        view.touch(node);
    }
    match (node.value(), node.fields()) {
        (Some(value), _) => Ok(Reply::Value(value.clone())),
        (None, Some(_)) => Err(CommandError::WRONG_TYPE),
        (None, None) => Ok(Reply::Nil),
    }
}

fn parent(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let node = only_node(view, request)?;
    Ok(view.parent(node).map_or(Reply::Nil, name))
}

fn children(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let node = only_node(view, request)?;
    Ok(names(sorted_children(view, node)))
}

fn ancestors(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let node = only_node(view, request)?;
    let mut above: Vec<_> =
        std::iter::successors(view.parent(node), |node| view.parent(*node)).collect();
    above.reverse();
    Ok(names(above))
}

fn siblings(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let node = only_node(view, request)?;
    let Some(parent) = view.parent(node) else {
        return Ok(Reply::Array(Vec::new()));
    };
    let mut siblings = sorted_children(view, parent);
    siblings.retain(|sibling| sibling.address() != node.address());
    Ok(names(siblings))
}

fn depth(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    Ok(Reply::Integer(only_node(view, request)?.depth().into()))
}

fn rung(view: &View<'_>, _: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    Ok(Reply::Integer(only_node(view, request)?.rung().into()))
}

fn tree(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    let mut depth_max = u64::from(u8::MAX);
    while arguments.option(&["DEPTH"])?.is_some() {
        depth_max = arguments.number("DEPTH", 0..=u64::from(u8::MAX))?;
    }
    let reading = Reading::new(context);
    let view = &reading.view();
    let root = reference.node(view)?;
    let mut rows = Vec::new();
    let mut next = vec![root];
    while let Some(node) = next.pop() {
        reading.check()?;
        let depth = node.depth() - root.depth();
        let columns = vec![
            ("name", name(node)),
            ("address", Reply::bulk(node.address().to_string())),
            ("depth", Reply::Integer(depth.into())),
        ];
        rows.push(row(context, columns));
        if u64::from(depth) < depth_max {
            next.extend(sorted_children(view, node).into_iter().rev());
        }
    }
    Ok(Reply::Array(rows))
}

/// The children of a node by name.
fn sorted_children<'v>(view: &View<'v>, node: Node<'_>) -> Vec<Node<'v>> {
    let mut children: Vec<_> = view.children(node).collect();
    children.sort_unstable_by_key(|child| (child.name(), child.address()));
    children
}

fn names(nodes: Vec<Node<'_>>) -> Reply {
    Reply::Array(nodes.into_iter().map(name).collect())
}

/// The name of a node, if it has one.
pub(super) fn name(node: Node<'_>) -> Reply {
    node.name()
        .map_or(Reply::Nil, |name| Reply::Value(name.clone()))
}

/// A path that can be made: named parts, none of them empty.
fn checked_path(path: &[u8]) -> Result<&[u8], CommandError> {
    match path.split(|byte| *byte == b':').any(<[u8]>::is_empty) {
        true => Err(expected(
            "a path: names joined by ':', root first, none of them empty",
            path,
        )),
        false => Ok(path),
    }
}

/// The path of a path's parent.
fn parent_path(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|byte| *byte == b':')?;
    Some(&path[..end])
}
