//! BIND and UNBIND: edges with a fingerprint, source ⊕ ρ(verb) ⊕ ρ²(target), from which either end can be
//! recovered when the other is known.

use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::space::derive;
use ladybug_engine::space::verbs::RELATES;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::operand::{Arguments, Bare, Operand, Reading, fingerprint_of, row};
use super::{name, reified, via};

pub(super) fn bind(
    tx: &mut Transaction<'_>,
    _: &Context,
    request: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let (source, target) = (arguments.reference()?, arguments.reference()?);
    let view = tx.view();
    let verb = via(&view, &mut arguments)?.unwrap_or(RELATES);
    arguments.end()?;
    let (source, target) = (source.node(&view)?.address(), target.node(&view)?.address());
    let draft = EdgeDraft {
        reified: true,
        ..EdgeDraft::default()
    };
    let edge = tx.link(source, verb, target, draft)?;
    let address = edge
        .address
        .expect("invariant: a reified edge has an address");
    Ok(Reply::bulk(address.to_string()))
}

pub(super) fn unbind(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let reference = arguments.reference()?;
    let known = arguments.operand(Bare::Key)?;
    arguments.end()?;
    let reading = Reading::new(context);
    let view = reading.view();
    let (edge, address) = reified(&view, reference)?;
    let bits = |address| {
        let node = view.occupant(address);
        fingerprint_of(
            &view,
            node.expect("invariant: an edge and its ends are there"),
        )
    };
    let known_bits = known.fingerprint(&view)?;
    let is_source = match &known {
        Operand::Stored(known) => match known.occupant(&view)?.address() {
            at if at == edge.source => true,
            at if at == edge.target => false,
            _ => {
                return Err(CommandError::err(format!(
                    "expected an end of edge {reference}, and {known} is neither"
                )));
            }
        },
        // A fingerprint stands for the end that it resembles more.
        Operand::Given(given) => {
            given.distance(&bits(edge.source)) <= given.distance(&bits(edge.target))
        }
    };
    let verb = derive::verb(view.state, edge.verb).permute(1);
    let without_verb = bits(address).bind(&verb);
    let (recovered, other) = match is_source {
        true => (without_verb.bind(&known_bits).unpermute(2), edge.target),
        false => (without_verb.bind(&known_bits.permute(2)), edge.source),
    };
    let node = view.node(other).expect("invariant: both ends are there");
    let columns = vec![
        ("name", name(node)),
        ("address", Reply::bulk(other.to_string())),
        ("id", Reply::bulk(format!("#{}", node.id()))),
        (
            "distance",
            Reply::Integer(recovered.distance(&bits(other)).into()),
        ),
        ("fingerprint", Reply::bulk(recovered.to_hex())),
    ];
    Ok(row(context, columns))
}
