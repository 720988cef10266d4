//! COPY and MOVE: a key's content in another place, perhaps in another space.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, SpaceId, Transaction};
use ladybug_engine::space::chunk::Node;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::content::{content_of, peek};

const SAME_OBJECT: CommandError =
    CommandError::fixed("ERR", "source and destination objects are the same");

/// Everything of a node that can be somewhere else too: all but id, place, parent and edges.
struct Copy {
    draft: Draft,
    evidence: Option<Arc<[u64]>>,
}

impl Copy {
    fn of(node: Node<'_>, name: &[u8]) -> Self {
        let kinds = node.kinds();
        let evidence = node.evidence();
        Self {
            draft: Draft {
                name: Some(name.into()),
                content: content_of(node),
                kinds: (!kinds.is_empty()).then(|| kinds.into()),
                truth: node.truth(),
                qualia: node.qualia(),
                rung: node.rung(),
                expires: node.expires(),
                promotion: node.promotion(),
                parent: None,
            },
            evidence: (!evidence.is_empty()).then(|| evidence.into()),
        }
    }

    fn create(self, tx: &mut Transaction<'_>) -> Result<(), CommandError> {
        let truth = self.draft.truth;
        let address = tx.create(self.draft)?;
        if self.evidence.is_some() {
            tx.set_truth(address, truth, self.evidence)?;
        }
        Ok(())
    }
}

/// Where COPY's arguments name the space to copy to: the last one counts.
pub(super) fn copy_space(arguments: &[&[u8]]) -> Option<usize> {
    let (mut at, mut found) = (3, None);
    while let Some(option) = arguments.get(at) {
        at += 1;
        if option.eq_ignore_ascii_case(b"db") {
            found = Some(at);
            at += 1;
        }
    }
    found
}

pub(super) fn copy(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (from, to) = (arguments[1], arguments[2]);
    let source = tx.space();
    let mut target = source;
    let mut replaces = false;
    let mut options = &arguments[3..];
    while let [option, rest @ ..] = options {
        options = rest;
        if option.eq_ignore_ascii_case(b"replace") {
            replaces = true;
        } else if option.eq_ignore_ascii_case(b"db")
            && let [db, rest @ ..] = rest
        {
            target = context.space(db)?;
            options = rest;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if source == target && from == to {
        return Err(SAME_OBJECT);
    }
    let node = peek(&tx.view(), context, from);
    let Some(copy) = node.map(|node| Copy::of(node, to)) else {
        return Ok(Integer(0));
    };
    let copied = within(tx, target, |tx| {
        match tx.find(to) {
            Some(_) if !replaces => return Ok(false),
            Some(there) => tx.remove(there)?,
            None => {}
        }
        copy.create(tx)?;
        context.notify_in(target, Class::New, "new", to);
        context.notify_in(target, Class::Generic, "copy_to", to);
        Ok(true)
    })?;
    Ok(Integer(copied.into()))
}

pub(super) fn move_key(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let target = context.space(arguments[2])?;
    if target == tx.space() {
        return Err(SAME_OBJECT);
    }
    let node = tx.view().find(key);
    let Some((address, copy)) = node.map(|node| (node.address(), Copy::of(node, key))) else {
        return Ok(Integer(0));
    };
    let moved = within(tx, target, |tx| {
        if tx.find(key).is_some() {
            return Ok(false);
        }
        copy.create(tx)?;
        Ok(true)
    })?;
    if moved {
        tx.remove(address)?;
        context.notify_in(target, Class::New, "new", key);
        context.notify(Class::Generic, "move_from", key);
        context.notify_in(target, Class::Generic, "move_to", key);
    }
    Ok(Integer(moved.into()))
}

/// Does something in another of the locked spaces, and comes back.
fn within<R>(
    tx: &mut Transaction<'_>,
    space: SpaceId,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    let here = tx.space();
    // Locked beforehand, unless its name came into being only now.
    if !tx.select(space) {
        return Err(CommandError::INVALID_SPACE);
    }
    let result = work(tx);
    tx.select(here);
    result
}
