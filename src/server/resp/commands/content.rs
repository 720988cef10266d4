//! Value and fields of the node under a key, as the Redis commands share them.
//!
//! A node may have a value, fields, both, or neither (one that was made by a path or a query). The
//! part a command asks for may be absent; that is WRONGTYPE only if the other part is there, else
//! it reads as missing and can be written.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ladybug_engine::commit::transaction::{Draft, Transaction};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::{Node, Source};
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::mutation::{Bits, Content};
use ladybug_engine::space::state::View;

use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;

/// What TYPE says of a node.
pub fn type_name(node: Node<'_>) -> &'static str {
    match node.value() {
        Some(_) => "string",
        None => "hash",
    }
}

/// The node under a key, for a command that reads what it holds: that counts as an access.
pub fn read_node<'a>(view: &View<'a>, context: &Context, key: &[u8]) -> Option<Node<'a>> {
    let node = peek(view, context, key)?;
    touch(view, context, node);
    Some(node)
}

/// The node under a key, for a command that asks about it only: that is no access.
pub fn peek<'a>(view: &View<'a>, context: &Context, key: &[u8]) -> Option<Node<'a>> {
    let node = view.find(key);
    count_lookup(context, key, node.is_some());
    node
}

/// Counts that a key was asked for.
pub fn count_lookup(context: &Context, key: &[u8], is_there: bool) {
    let stats = &context.server().stats;
    if is_there {
        stats.hits.fetch_add(1, Relaxed);
    } else {
        stats.misses.fetch_add(1, Relaxed);
        context.notify(Class::Miss, "keymiss", key);
    }
}

/// Counts an access, which may be the one that makes a fluid node permanent.
pub fn touch(view: &View<'_>, context: &Context, node: Node<'_>) {
    view.touch(node);
    let promotion = node.promotion();
    if promotion != 0 && node.expires().is_some() && view.access(node).count >= promotion {
        context.promote(node.id());
    }
}

/// The value under a key.
///
/// # Errors
/// The node has fields only.
pub fn read_value<'a>(
    view: &View<'a>,
    context: &Context,
    key: &[u8],
) -> Result<Option<&'a Arc<[u8]>>, CommandError> {
    match read_node(view, context, key) {
        Some(node) => value_of(node),
        None => Ok(None),
    }
}

/// The value of a node.
///
/// # Errors
/// It has fields only.
pub fn value_of(node: Node<'_>) -> Result<Option<&Arc<[u8]>>, CommandError> {
    match node.value() {
        None if node.fields().is_some() => Err(CommandError::WRONG_TYPE),
        value => Ok(value),
    }
}

/// The fields under a key.
///
/// # Errors
/// The node has a value only.
pub fn read_fields<'a>(
    view: &View<'a>,
    context: &Context,
    key: &[u8],
) -> Result<Option<&'a Arc<Fields>>, CommandError> {
    match read_node(view, context, key) {
        Some(node) => fields_of(node),
        None => Ok(None),
    }
}

/// The fields of a node.
///
/// # Errors
/// It has a value only.
pub fn fields_of(node: Node<'_>) -> Result<Option<&Arc<Fields>>, CommandError> {
    match (node.fields(), node.value()) {
        (None, Some(_)) => Err(CommandError::WRONG_TYPE),
        (fields, _) => Ok(fields),
    }
}

/// A node whose value is about to change, and everything else it says.
pub struct Found {
    /// Where it is.
    pub address: Address,
    /// What it says now.
    pub content: Content,
}

/// The node under a key, for a command that changes its value.
///
/// # Errors
/// It has fields only.
pub fn value_to_change(
    tx: &Transaction<'_>,
    context: &Context,
    key: &[u8],
) -> Result<Option<Found>, CommandError> {
    let view = tx.view();
    let Some(node) = view.find(key) else {
        return Ok(None);
    };
    value_of(node)?;
    touch(&view, context, node);
    Ok(Some(Found {
        address: node.address(),
        content: content_of(node),
    }))
}

impl Found {
    /// Its value, empty if it has none.
    pub fn value(&self) -> &[u8] {
        self.content.value.as_deref().unwrap_or_default()
    }
}

/// Value, fields, and the fingerprint if the user gave one.
pub fn content_of(node: Node<'_>) -> Content {
    let bits = || {
        let bits = node.fingerprint();
        Box::new(
            bits.expect("invariant: given bits are never pending")
                .clone(),
        )
    };
    Content {
        value: node.value().cloned(),
        fields: node.fields().cloned(),
        fingerprint: match node.source() {
            Source::Given => Bits::Given(bits()),
            Source::Vector => Bits::Vector(bits()),
            Source::Content | Source::Edge => Bits::Encoded,
        },
    }
}

/// Changes the value of what was found and keeps the rest, or makes a node of the value alone.
///
/// # Errors
/// No room, or the name is too long.
pub fn write_value(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
    found: Option<Found>,
    value: Arc<[u8]>,
) -> Result<(), CommandError> {
    match found {
        Some(Found { address, content }) => {
            let value = Some(value);
            tx.set_content(address, Content { value, ..content })?;
        }
        None => {
            let value = Some(value);
            let content = Content {
                value,
                ..Content::default()
            };
            create(tx, context, key, content)?;
        }
    }
    Ok(())
}

/// Makes a permanent node under a key that is free.
///
/// # Errors
/// No room, or the name is too long.
pub fn create(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
    content: Content,
) -> Result<Address, CommandError> {
    let draft = Draft {
        name: Some(key.into()),
        content,
        ..Draft::default()
    };
    let address = tx.create(draft)?;
    context.notify(Class::New, "new", key);
    Ok(address)
}

/// Removes the node under a key, with its edges; false if there is none.
///
/// # Errors
/// The engine's.
pub fn delete(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
) -> Result<bool, CommandError> {
    let Some(address) = tx.find(key) else {
        return Ok(false);
    };
    tx.remove(address)?;
    context.notify(Class::Generic, "del", key);
    Ok(true)
}
