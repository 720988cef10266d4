//! GET with FEEL, TRACE or DECAY: a map of all a node is, where it comes from, and how active it
//! still is.

use ladybug_engine::fingerprint::encode::{Encoder, encoder_of};
use ladybug_engine::space::chunk::{Node, Source};
use ladybug_engine::space::fields::has_said;
use ladybug_engine::space::marks::{Qualia, decimal};
use ladybug_engine::space::state::View;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::content::{read_node, touch};
use super::super::expiry::milliseconds;

/// What is asked for beside the node itself.
#[derive(Debug, Default, PartialEq)]
struct Options {
    traces: bool,
    /// Seconds in which activation halves.
    half_life_s: Option<f64>,
}

impl Options {
    fn parse(mut arguments: &[&[u8]]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let [option, rest @ ..] = arguments {
            arguments = rest;
            match option.to_ascii_lowercase().as_slice() {
                b"feel" => {}
                b"trace" => options.traces = true,
                b"decay" => {
                    let [text, rest @ ..] = rest else {
                        return Err(CommandError::SYNTAX);
                    };
                    options.half_life_s = Some(parse_half_life(text)?);
                    arguments = rest;
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(options)
    }
}

fn parse_half_life(text: &[u8]) -> Result<f64, CommandError> {
    let text = String::from_utf8_lossy(text);
    let seconds = text.parse::<f64>().ok();
    seconds
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
        .ok_or_else(|| {
            let message = format!("a half-life is a positive number of seconds; got '{text}'");
            CommandError::err(message)
        })
}

/// Answers the map as things were before this access, which is counted. Unlike GET alone it asks
/// for the node: a node without a value has a value of nil.
pub(super) fn get(
    view: &View<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let options = Options::parse(&arguments[2..])?;
    let Some(node) = view.find(arguments[1]) else {
        return Ok(read_node(view, context, arguments[1]).map_or(Reply::Nil, |_| Reply::Nil));
    };
    let reply = describe(view, node, &options);
    touch(view, context, node);
    Ok(reply)
}

fn describe(view: &View<'_>, node: Node<'_>, options: &Options) -> Reply {
    let access = view.access(node);
    let last = Some(access.last).filter(|last| *last != 0);
    let truth = node.truth();
    let mut qualia = node.qualia().values();
    let mut decay = None;
    if let Some(half_life_s) = options.half_life_s {
        let age_s = (view.now - last.unwrap_or(node.created())).max(0) as f64 / 1e6;
        let left = (-age_s / half_life_s).exp2();
        // Arousal comes first of the dimensions.
        qualia[0] *= left as f32;
        decay = Some((left, (1.0 + f64::from(access.count)) * left));
    }
    let time = |at: Option<i64>| at.map_or(Reply::Nil, |at| Integer(milliseconds(at)));
    let mut map = vec![
        (
            "value",
            node.value().cloned().map_or(Reply::Nil, Reply::Value),
        ),
        (
            "qualia",
            Reply::Map(
                Qualia::DIMENSIONS
                    .iter()
                    .zip(qualia)
                    .map(|(dimension, value)| (Reply::text(dimension), number(value)))
                    .collect(),
            ),
        ),
        (
            "truth",
            named(vec![
                ("frequency", number(truth.frequency())),
                ("confidence", number(truth.confidence())),
            ]),
        ),
        ("zone", Reply::bulk(node.address().zone().to_string())),
        ("address", Reply::bulk(node.address().to_string())),
        ("id", id(node.id())),
        (
            "version",
            Integer(i64::try_from(node.version()).unwrap_or(i64::MAX)),
        ),
        (
            "kinds",
            Reply::Array(
                node.kinds()
                    .iter()
                    .map(|kind| Reply::copied(kind.as_bytes()))
                    .collect(),
            ),
        ),
        ("rung", Integer(node.rung().into())),
        (
            "times",
            named(vec![
                ("created", time(Some(node.created()))),
                ("expires", time(node.expires())),
                ("accessed", time(last)),
            ]),
        ),
        ("accesses", Integer(access.count.into())),
    ];
    if let Some((left, activation)) = decay {
        map.push(("decay", Reply::Double(left)));
        map.push(("activation", Reply::Double(activation)));
    }
    if options.traces {
        map.push(("provenance", provenance(view, node)));
    }
    named(map)
}

/// Where a node comes from: what its fingerprint was made of, what its truth stands on, and how it
/// hangs together with others.
fn provenance(view: &View<'_>, node: Node<'_>) -> Reply {
    let said = node.fields().filter(|fields| has_said(fields));
    let source = match (node.source(), node.value(), said) {
        (Source::Given, ..) => "given",
        (Source::Edge, ..) => "edge",
        (Source::Vector, ..) => Encoder::Vector.name(),
        (Source::Content, Some(value), _) => encoder_of(value).name(),
        (Source::Content, None, Some(_)) => Encoder::Record.name(),
        (Source::Content, None, None) => node.name().map_or("none", |name| encoder_of(name).name()),
    };
    let graph = view.state.graph();
    let degree = graph.degree_out(node.address()) + graph.degree_in(node.address());
    named(vec![
        ("source", Reply::text(source)),
        (
            "evidence",
            Reply::Array(node.evidence().iter().copied().map(id).collect()),
        ),
        ("parent", node.parent().map_or(Reply::Nil, id)),
        ("edges", Reply::count(degree)),
    ])
}

fn named(pairs: Vec<(&'static str, Reply)>) -> Reply {
    let pairs = pairs.into_iter();
    Reply::Map(
        pairs
            .map(|(name, reply)| (Reply::text(name), reply))
            .collect(),
    )
}

fn id(id: u64) -> Reply {
    Reply::bulk(format!("#{id}"))
}

fn number(value: f32) -> Reply {
    Reply::Double(decimal(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_life_is_positive() {
        let parse = |words: &[&[u8]]| Options::parse(words);
        assert_eq!(
            parse(&[b"FEEL", b"trace", b"Decay", b"2.5"]),
            Ok(Options {
                traces: true,
                half_life_s: Some(2.5)
            })
        );
        for wrong in ["0", "-1", "inf", "nan", "x", ""] {
            assert!(parse(&[b"decay", wrong.as_bytes()]).is_err(), "{wrong}");
        }
        assert_eq!(parse(&[b"decay"]), Err(CommandError::SYNTAX));
        assert_eq!(parse(&[b"more"]), Err(CommandError::SYNTAX));
    }
}
