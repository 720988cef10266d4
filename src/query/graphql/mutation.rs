//! `Mutation`: changes in the transaction of the document, each seen by those after it.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    FieldValue, InputValue, Object, ObjectAccessor, ResolverContext, TypeRef, ValueAccessor,
};
use ladybug_engine::commit::transaction::{Draft, EdgeDraft, Transaction, sorted_kinds};
use ladybug_engine::engine::LongTransaction;
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::{Node, Source};
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::marks::{Qualia, Truth};
use ladybug_engine::space::mutation::{Bits, Content};

use super::edge::{EdgeAt, find_verb};
use super::input::{Reference, read_fields, read_id, read_qualia, read_rung, read_truth, there};
use super::node::NodeAt;
use super::value::{Answer, Shown, field, input, needed, request, some};

/// Longest time to live, seconds: what fits `Int`.
const TTL_S_MAX: i64 = i32::MAX as i64;

/// `Mutation`.
pub fn object() -> Object {
    let verb = InputValue::new("verb", TypeRef::named_nn(TypeRef::STRING));
    Object::new("Mutation")
        .field(
            field("set", TypeRef::named_nn("Node"), set)
                .description(
                    "Changes a node, or makes one of a name that is free. What is left out stays; null removes it",
                )
                .argument(needed("node", "NodeRef"))
                .argument(input("value", TypeRef::STRING))
                .argument(input("fields", "JSON"))
                .argument(input("fingerprint", TypeRef::STRING))
                .argument(InputValue::new("kinds", TypeRef::named_nn_list(TypeRef::STRING)))
                .argument(input("truth", "TruthInput"))
                .argument(input("qualia", "QualiaInput"))
                .argument(input("rung", TypeRef::INT))
                .argument(input("parent", "NodeRef"))
                .argument(input("ttlSeconds", TypeRef::INT)),
        )
        .field(
            field("link", TypeRef::named_nn("Edge"), |ctx| {
                let mut draft = EdgeDraft::default();
                if let Some(weight) = there(&ctx.args, "weight") {
                    draft.weight = weight.f32()?;
                }
                if let Some(truth) = there(&ctx.args, "truth") {
                    draft.truth = read_truth(&truth)?;
                }
                if let Some(properties) = there(&ctx.args, "properties") {
                    draft.properties = read_fields(&properties)?;
                }
                link(ctx, draft)
            })
            .description("Adds an edge, beside those that are there")
            .argument(needed("source", "NodeRef"))
            .argument(verb)
            .argument(needed("target", "NodeRef"))
            .argument(input("weight", TypeRef::FLOAT))
            .argument(input("truth", "TruthInput"))
            .argument(input("properties", "JSON")),
        )
        .field(
            field("bind", TypeRef::named_nn("Edge"), |ctx| {
                let draft = EdgeDraft {
                    reified: true,
                    ..EdgeDraft::default()
                };
                link(ctx, draft)
            })
            .description("Adds an edge that has an address and a fingerprint of its own")
            .argument(needed("source", "NodeRef"))
            .argument(needed("target", "NodeRef"))
            .argument(
                InputValue::new("verb", TypeRef::named_nn(TypeRef::STRING))
                    .default_value("RELATES"),
            ),
        )
        .field(
            field("unlink", TypeRef::named_nn_list_nn(TypeRef::ID), unlink)
                .description(
                    "Removes an edge by its id, or those of a verb from source to target; answers their ids",
                )
                .argument(input("id", TypeRef::ID))
                .argument(input("source", "NodeRef"))
                .argument(input("verb", TypeRef::STRING))
                .argument(input("target", "NodeRef")),
        )
        .field(
            field("delete", TypeRef::named(TypeRef::ID), delete)
                .description("Removes a node with its edges; answers its id, or null if it was not there")
                .argument(needed("node", "NodeRef")),
        )
}

/// An argument that may be left out, or be null to remove what is there.
fn given<'a, T>(
    arguments: &'a ObjectAccessor<'_>,
    name: &str,
    read: impl FnOnce(ValueAccessor<'a>) -> Result<T, Error>,
) -> Result<Option<Option<T>>, Error> {
    match arguments.get(name) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(Some(None)),
        Some(value) => Ok(Some(Some(read(value)?))),
    }
}

/// What `set` is asked for; of each part nothing if it is to stay, null if it is to go.
struct Wanted {
    value: Option<Option<Arc<[u8]>>>,
    fields: Option<Option<Arc<Fields>>>,
    fingerprint: Option<Option<Fingerprint>>,
    kinds: Option<Option<Vec<Arc<str>>>>,
    truth: Option<Option<Truth>>,
    rung: Option<Option<u8>>,
    parent: Option<Option<Reference>>,
    ttl_s: Option<Option<i64>>,
}

impl Wanted {
    fn read(arguments: &ObjectAccessor<'_>) -> Result<Self, Error> {
        Ok(Self {
            value: given(arguments, "value", |value| {
                Ok(value.string()?.as_bytes().into())
            })?,
            fields: given(arguments, "fields", |value| read_fields(&value))?.map(Option::flatten),
            fingerprint: given(arguments, "fingerprint", |value| {
                Ok(Fingerprint::from_bytes_or_hex(value.string()?.as_bytes())?)
            })?,
            kinds: given(arguments, "kinds", |value| {
                let kinds = value.list()?;
                kinds.iter().map(|kind| Ok(kind.string()?.into())).collect()
            })?,
            truth: given(arguments, "truth", |value| read_truth(&value))?,
            rung: given(arguments, "rung", |value| read_rung(&value, "rung"))?,
            parent: given(arguments, "parent", |value| {
                Reference::read(&value.object()?)
            })?,
            ttl_s: given(arguments, "ttlSeconds", |value| {
                let seconds = value.i64()?;
                match (1..=TTL_S_MAX).contains(&seconds) {
                    true => Ok(seconds),
                    false => Err(Error::new(format!(
                        "ttlSeconds is a number from 1 to {TTL_S_MAX}, got {seconds}"
                    ))),
                }
            })?,
        })
    }

    /// What a node says afterwards, if that is asked for. Bits that were given stay, those that were encoded follow
    /// the content.
    fn content(&self, there: Option<Node<'_>>) -> Option<Content> {
        if self.value.is_none() && self.fields.is_none() && self.fingerprint.is_none() {
            return None;
        }
        let kept = || {
            let node = there?;
            let bits = Box::new(node.whole_fingerprint()?.into_owned());
            match node.source() {
                Source::Given => Some(Bits::Given(bits)),
                Source::Vector => Some(Bits::Vector(bits)),
                _ => None,
            }
        };
        let value = self.value.clone();
        let fields = self.fields.clone();
        Some(Content {
            value: value.unwrap_or_else(|| there?.value().cloned()),
            fields: fields.unwrap_or_else(|| there?.fields().cloned()),
            fingerprint: match &self.fingerprint {
                Some(Some(bits)) => Bits::Given(Box::new(bits.clone())),
                Some(None) => Bits::Encoded,
                None => kept().unwrap_or_default(),
            },
        })
    }

    fn expires(&self, now: i64) -> Option<Option<i64>> {
        self.ttl_s
            .map(|ttl_s| ttl_s.map(|ttl_s| now.saturating_add(ttl_s * 1_000_000)))
    }

    fn parent(&self, tx: &Transaction<'_>) -> Result<Option<Option<Address>>, Error> {
        let find = |parent: &Reference| Ok::<_, Error>(parent.expect(&tx.view())?.address());
        match &self.parent {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(parent)) => Ok(Some(Some(find(parent)?))),
        }
    }

    fn create(
        self,
        tx: &mut Transaction<'_>,
        name: Arc<[u8]>,
        qualia: Option<Qualia>,
    ) -> Result<Address, Error> {
        let draft = Draft {
            name: Some(name),
            content: self.content(None).unwrap_or_default(),
            kinds: self.kinds.clone().flatten().and_then(sorted_kinds),
            truth: self.truth.flatten().unwrap_or_default(),
            qualia: qualia.unwrap_or_default(),
            rung: self.rung.flatten().unwrap_or_default(),
            expires: self.expires(tx.now()).flatten(),
            parent: self.parent(tx)?.flatten(),
            promotion: 0,
        };
        Ok(tx.create(draft)?)
    }

    fn update(
        self,
        tx: &mut Transaction<'_>,
        address: Address,
        qualia: Option<Qualia>,
    ) -> Result<Address, Error> {
        let view = tx.view();
        let node = view.node(address);
        let node = node.ok_or_else(|| EngineError::NoSuchNode(address.to_string()))?;
        let (content, parent) = (self.content(Some(node)), self.parent(tx)?);
        let expires = self.expires(tx.now());
        let changes_expiry = expires.is_some_and(|expires| expires != node.expires());
        if let Some(content) = content {
            tx.set_content(address, content)?;
        }
        if let Some(kinds) = self.kinds {
            tx.set_kinds(address, kinds.unwrap_or_default())?;
        }
        if let Some(truth) = self.truth {
            tx.set_truth(address, truth.unwrap_or_default(), None)?;
        }
        if let Some(qualia) = qualia {
            tx.set_qualia(address, qualia)?;
        }
        if let Some(rung) = self.rung {
            tx.set_rung(address, rung.unwrap_or_default())?;
        }
        if let Some(parent) = parent {
            tx.set_parent(address, parent)?;
        }
        match expires {
            // May move it; whatever was to be done at the old address is done.
            Some(expires) if changes_expiry => Ok(tx.set_expiry(address, expires)?),
            _ => Ok(address),
        }
    }
}

fn set<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let request = request(ctx)?;
    request.answer(1)?;
    let target = Reference::argument(&ctx.args, "node")?;
    let wanted = Wanted::read(&ctx.args)?;
    let parent = wanted.parent.clone().flatten();
    let read = |open: &mut LongTransaction| {
        open.note(target.node());
        if let Some(parent) = &parent {
            open.note(parent.node());
        }
        Ok(())
    };
    let (address, moment) = request.change(read, |tx| {
        let view = tx.view();
        let found = target.find(&view);
        let there = found.map_or(Qualia::default(), |node| node.qualia());
        let qualia = given(&ctx.args, "qualia", |value| read_qualia(&value, there))?;
        let qualia = qualia.map(Option::unwrap_or_default);
        match (found.map(|node| node.address()), &target) {
            (Some(address), _) => wanted.update(tx, address, qualia),
            (None, Reference::Name(name)) => wanted.create(tx, Arc::clone(name), qualia),
            (None, _) => Err(target.missing()),
        }
    })?;
    Ok(Some(NodeAt::new(&moment, address).shown(request)))
}

fn link<'a>(ctx: &ResolverContext<'a>, draft: EdgeDraft) -> Answer<'a> {
    let request = request(ctx)?;
    request.answer(1)?;
    let source = Reference::argument(&ctx.args, "source")?;
    let target = Reference::argument(&ctx.args, "target")?;
    let verb = ctx.args.try_get("verb")?;
    let read = |open: &mut LongTransaction| {
        open.note(source.node());
        open.note(target.node());
        Ok(())
    };
    let (link, moment) = request.change(read, |tx| {
        let view = tx.view();
        let verb = find_verb(&view, verb.string()?)?;
        let (from, to) = (
            source.expect(&view)?.address(),
            target.expect(&view)?.address(),
        );
        Ok(tx.link(from, verb, to, draft)?.link())
    })?;
    Ok(Some(EdgeAt { moment, link }.shown(request)))
}

/// The edges that `unlink` is about, all of which its transaction has read.
fn edges(
    arguments: &ObjectAccessor<'_>,
    open: &mut LongTransaction,
) -> Result<Vec<EdgeLink>, Error> {
    let parts = ["source", "verb", "target"].map(|name| there(arguments, name));
    let (source, verb, target) = match (there(arguments, "id"), parts) {
        (Some(id), [None, None, None]) => {
            let id = read_id(id.string()?)?;
            let link = open.branch().read(|view| view.state.graph().link(id));
            let link = link.ok_or_else(|| EngineError::NoSuchEdge(format!("#{id}")))?;
            open.note_edges(link.source, link.verb, link.target);
            return Ok(vec![link]);
        }
        (None, [Some(source), Some(verb), Some(target)]) => (source, verb, target),
        _ => {
            return Err(Error::new("expected either id, or source, verb and target"));
        }
    };
    let end = |value: &ValueAccessor<'_>| Reference::read(&value.object()?);
    let (source, target) = (end(&source)?, end(&target)?);
    open.note(source.node());
    open.note(target.node());
    let (source, verb, target) = open.branch().read(|view| {
        let verb = find_verb(view, verb.string()?)?;
        let (source, target) = (
            source.expect(view)?.address(),
            target.expect(view)?.address(),
        );
        Ok::<_, Error>((source, verb, target))
    })?;
    open.note_edges(source, verb, target);
    let ids: Vec<u64> = open
        .branch()
        .read(|view| view.state.graph().find(source, verb, target).collect());
    let link = |id| EdgeLink {
        id,
        source,
        verb,
        target,
    };
    Ok(ids.into_iter().map(link).collect())
}

fn unlink<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let request = request(ctx)?;
    let found = std::cell::RefCell::new(Vec::new());
    let read = |open: &mut LongTransaction| {
        found.replace(edges(&ctx.args, open)?);
        Ok(())
    };
    request.change(read, |tx| {
        for edge in found.borrow().iter() {
            tx.unlink(edge.source, edge.id)?;
        }
        Ok(())
    })?;
    let ids = found.take();
    request.answer(ids.len())?;
    let ids = ids
        .into_iter()
        .map(|edge| FieldValue::value(edge.id.to_string()));
    Ok(Some(FieldValue::list(ids)))
}

fn delete<'a>(ctx: &ResolverContext<'a>) -> Answer<'a> {
    let request = request(ctx)?;
    let target = Reference::argument(&ctx.args, "node")?;
    let read = |open: &mut LongTransaction| {
        open.note(target.node());
        Ok(())
    };
    let (removed, _) = request.change(read, |tx| {
        let view = tx.view();
        let Some(node) = target.find(&view) else {
            return Ok(None);
        };
        let (address, id) = (node.address(), node.id());
        tx.remove(address)?;
        Ok(Some(id))
    })?;
    match removed {
        Some(id) => some(id.to_string()),
        None => Ok(None),
    }
}
