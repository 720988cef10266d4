//! DN.SET, DN.MOVE and DN.DEL.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, Transaction, lossy};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::marks::RUNG_MAX;
use ladybug_engine::space::mutation::Content;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::operand::{Arguments, expected};
use super::{checked_path, parent_path};

pub(super) fn set(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let path = checked_path(arguments.take("a path")?)?;
    let value = arguments.take("a value")?;
    let mut rung = None;
    let mut kinds: Option<Vec<Arc<str>>> = None;
    while let Some(option) = arguments.option(&["RUNG", "KIND"])? {
        if option == "RUNG" {
            let number = arguments.number("RUNG", 0..=u64::from(RUNG_MAX))?;
            rung = u8::try_from(number).ok();
            continue;
        }
        let kinds = kinds.get_or_insert_default();
        kinds.push(kind_of(arguments.take("a kind")?)?);
        while let Some(kind) = arguments.next_unless(&["RUNG", "KIND"]) {
            kinds.push(kind_of(kind)?);
        }
    }
    let address = make(tx, context, path)?;
    tx.set_content(address, Content::of_value(value.into()))?;
    if let Some(rung) = rung {
        tx.set_rung(address, rung)?;
    }
    if let Some(kinds) = kinds {
        tx.set_kinds(address, kinds)?;
    }
    context.notify(Class::String, "set", path);
    Ok(Reply::OK)
}

fn kind_of(kind: &[u8]) -> Result<Arc<str>, CommandError> {
    match std::str::from_utf8(kind) {
        Ok(kind) if !kind.is_empty() => Ok(kind.into()),
        _ => Err(expected("a kind: text in UTF-8 that is not empty", kind)),
    }
}

/// The permanent node at a path, made with what is missing above it, each the child of the one before.
fn make(tx: &mut Transaction<'_>, context: &Context, path: &[u8]) -> Result<Address, CommandError> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b':');
    let ends = ends.map(|(at, _)| at).chain([path.len()]);
    let mut parent = None;
    for end in ends.collect::<Vec<_>>() {
        let name = &path[..end];
        let view = tx.view();
        parent = Some(match view.find(name) {
            Some(node) => {
                let address = node.address();
                let above = view.parent(node).map(|above| above.address());
                let is_placed = above == parent;
                let expires = node.expires().is_some();
                if !is_placed {
                    tx.set_parent(address, parent)?;
                }
                // What is written is permanent, as with SET; what is only passed keeps its time.
                match end == path.len() && expires {
                    true => tx.set_expiry(address, None)?,
                    false => address,
                }
            }
            None => {
                let address = tx.create(Draft {
                    name: Some(name.into()),
                    parent,
                    ..Draft::default()
                })?;
                context.notify(Class::New, "new", name);
                address
            }
        });
    }
    Ok(parent.expect("invariant: a path has a part"))
}

pub(super) fn relocate(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let from = arguments.reference()?;
    let to = checked_path(arguments.take("the path to move to")?)?;
    arguments.end()?;
    let view = tx.view();
    let root = from.node(&view)?;
    let old: Arc<[u8]> = root
        .name()
        .cloned()
        .ok_or_else(|| CommandError::err(format!("{from} has no name, so no path to move from")))?;
    if to == &*old {
        return Ok(Reply::Integer(0));
    }
    if below(&old, to).is_some() {
        return Err(EngineError::Cycle.into());
    }
    if view.find(to).is_some() {
        return Err(EngineError::NameTaken(lossy(to)).into());
    }
    // Parents come before children, so a name that the move takes has been given up by then.
    let moved = view.subtree(root);
    let count = moved.len();
    let root = root.address();
    let renamed: Vec<(Address, Arc<[u8]>)> = moved
        .into_iter()
        .filter_map(|node| Some((node.address(), node.name()?.clone())))
        .collect();
    for (address, name) in renamed {
        let rest = match name == old {
            true => &[],
            // What is below by other means than its path keeps its name.
            false => match below(&old, &name) {
                Some(rest) => rest,
                None => continue,
            },
        };
        tx.rename(address, Some([to, rest].concat().into()))?;
        context.notify(Class::Generic, "rename_from", &name);
        context.notify(Class::Generic, "rename_to", &[to, rest].concat());
    }
    let parent = match parent_path(to) {
        Some(path) => Some(make_above(tx, context, path)?),
        None => None,
    };
    tx.set_parent(root, parent)?;
    Ok(Reply::count(count))
}

/// The node above a moved one, as [`make`], but one that is there keeps its time to live.
fn make_above(
    tx: &mut Transaction<'_>,
    context: &Context,
    path: &[u8],
) -> Result<Address, CommandError> {
    match tx.find(path) {
        Some(address) => Ok(address),
        None => make(tx, context, path),
    }
}

/// What follows `path` in a name below it, from the `:` on.
fn below<'a>(path: &[u8], name: &'a [u8]) -> Option<&'a [u8]> {
    name.strip_prefix(path)
        .filter(|rest| rest.first() == Some(&b':'))
}

pub(super) fn del(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    let is_recursive = arguments.option(&["RECURSIVE"])?.is_some();
    arguments.end()?;
    let view = tx.view();
    let Ok(root) = reference.node(&view) else {
        return Ok(Reply::Integer(0));
    };
    let children = view.children(root).count();
    if children > 0 && !is_recursive {
        return Err(CommandError::err(format!(
            "{reference} has children ({children}); DN.DEL {reference} RECURSIVE removes them too"
        )));
    }
    let removed: Vec<(Address, Option<Arc<[u8]>>)> = view
        .subtree(root)
        .into_iter()
        .map(|node| (node.address(), node.name().cloned()))
        .collect();
    for (address, name) in removed.iter().rev() {
        tx.remove(*address)?;
        if let Some(name) = name {
            context.notify(Class::Generic, "del", name);
        }
    }
    Ok(Reply::count(removed.len()))
}
