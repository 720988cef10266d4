//! RESONATE, MRESONATE and SIMILAR: what they are asked for, which spaces and nodes they look at, and
//! the rows they answer.

use std::collections::HashSet;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Snapshot;
use ladybug_engine::fingerprint::{BITS, Fingerprint, similarity, z};
use ladybug_engine::search::{Filter, Hit, Recall, Scope, TopK, top_k_while};
use ladybug_engine::space::address::{ADDRESSES, Zone};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::derive;
use ladybug_engine::space::marks::RUNG_MAX;
use ladybug_engine::space::state::View;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::operand::{Arguments, Bare, Operand, Reading, Reference, expected, row};
use super::super::paths::name;

/// Results of a search, unless K says otherwise.
const K_DEFAULT: usize = 10;
/// Most queries of one MRESONATE: more gain nothing, and hold their thread too long.
const QUERIES_MAX: usize = 1024;
/// So many queries are searched for together, as many as share what is read of one space; after each block of them it is
/// asked whether the snapshots still hold.
const QUERIES_PER_BLOCK: usize = 64;
/// Most rows of one MRESONATE, its count times its queries: what a reply may hold in memory, some 200 MB.
const ROWS_MAX: usize = 1 << 20;

/// The options of a search; MRESONATE, which has its count in front, takes those behind the first.
const OPTIONS: &[&str] = &[
    "K",
    "THRESHOLD",
    "RECALL",
    "EXACT",
    "SPACES",
    "IN",
    "KIND",
    "UNDER",
    "PREFIX",
    "RUNG",
    "EDGES",
    "WITHFP",
];

pub(super) fn resonate(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let query = arguments.operand(Bare::Text)?;
    let options = Options::read(context, TopK::new(K_DEFAULT), OPTIONS, arguments)?;
    only(nearest(context, &[query], options)?)
}

pub(super) fn similar(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let query = arguments.operand(Bare::Key)?;
    let mut options = Options::read(context, TopK::new(K_DEFAULT), OPTIONS, arguments)?;
    options.excludes_query = true;
    only(nearest(context, &[query], options)?)
}

pub(super) fn mresonate(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let wanted = TopK::new(count(&mut arguments, "the count")?);
    let options = &OPTIONS[1..];
    let mut queries = vec![arguments.operand(Bare::Text)?];
    while !arguments.is_empty() && !arguments.is_at(OPTIONS) {
        if queries.len() == QUERIES_MAX {
            return Err(CommandError::err(format!(
                "expected at most {QUERIES_MAX} queries; send the others in another command"
            )));
        }
        queries.push(arguments.operand(Bare::Text)?);
    }
    let rows = wanted.k * queries.len();
    if rows > ROWS_MAX {
        return Err(CommandError::err(format!(
            "expected at most {ROWS_MAX} rows, the count times the queries, got {rows}"
        )));
    }
    let options = Options::read(context, wanted, options, arguments)?;
    Ok(Reply::Array(nearest(context, &queries, options)?))
}

/// The one answer to one query.
fn only(replies: Vec<Reply>) -> Result<Reply, CommandError> {
    let reply = replies.into_iter().next();
    Ok(reply.expect("invariant: a query has an answer"))
}

/// How many nodes are asked for, by the argument that errors call `what`.
fn count(arguments: &mut Arguments<'_>, what: &str) -> Result<usize, CommandError> {
    let count = arguments.number(what, 1..=ADDRESSES as u64)?;
    Ok(usize::try_from(count).unwrap_or(ADDRESSES))
}

/// What a search is asked for.
struct Options<'a> {
    wanted: TopK,
    filter: Filter,
    under: Option<Reference<'a>>,
    /// Other spaces than the selected one.
    spaces: Option<Vec<SpaceId>>,
    with_fingerprint: bool,
    /// Whether a query that is stored is left out of its own answer.
    excludes_query: bool,
}

impl<'a> Options<'a> {
    fn read(
        context: &Context,
        wanted: TopK,
        known: &[&'static str],
        mut arguments: Arguments<'a>,
    ) -> Result<Self, CommandError> {
        let mut options = Self {
            wanted,
            filter: Filter::default(),
            under: None,
            spaces: None,
            with_fingerprint: false,
            excludes_query: false,
        };
        let (mut recall, mut is_exact) = (None, false);
        while let Some(option) = arguments.option(known)? {
            match option {
                "K" => options.wanted.k = count(&mut arguments, "K")?,
                "THRESHOLD" => {
                    let most = arguments.number("THRESHOLD", 0..=BITS as u64)?;
                    options.wanted.distance_max = u32::try_from(most).unwrap_or(u32::MAX);
                }
                "RECALL" => {
                    recall = Some(recall_of(&mut arguments)?);
                }
                "EXACT" => is_exact = true,
                "SPACES" => {
                    let text = arguments.text("spaces")?;
                    options.spaces = Some(spaces(context, text)?);
                }
                "IN" => options.filter.zone = Some(arguments.zone()?),
                "KIND" => options.filter.kind = Some(arguments.text("a kind")?.into()),
                "UNDER" => options.under = Some(arguments.reference()?),
                "PREFIX" => {
                    let prefix = arguments.take("the beginning of a name")?;
                    options.filter.name_prefix = Some(prefix.into());
                }
                "RUNG" => {
                    let rung = arguments.number("RUNG", 0..=u64::from(RUNG_MAX))?;
                    options.filter.rung_max = u8::try_from(rung).ok();
                }
                "EDGES" => options.filter.include_edges = true,
                _ => options.with_fingerprint = true,
            }
        }
        options.wanted.recall = match (recall, is_exact) {
            (Some(_), true) => {
                return Err(CommandError::err("expected EXACT or RECALL, got both"));
            }
            (Some(recall), false) => recall,
            (None, true) => Recall::EXACT,
            (None, false) => Recall::DEFAULT,
        };
        Ok(options)
    }
}

/// The share that follows RECALL.
fn recall_of(arguments: &mut Arguments<'_>) -> Result<Recall, CommandError> {
    const WHAT: &str = "RECALL to be a number from 0.01 to 1";
    let text = arguments.text(WHAT)?;
    let recall = text.parse().ok().and_then(|share| Recall::new(share).ok());
    recall.ok_or_else(|| expected(WHAT, text.as_bytes()))
}

/// Other spaces that a request may look at: those behind each word SPACES, whether it is the option or not.
pub(super) fn named_spaces(context: &Context, request: &[&[u8]]) -> Vec<SpaceId> {
    let named = |pair: &[&[u8]]| match pair[0].eq_ignore_ascii_case(b"SPACES") {
        true => spaces(context, std::str::from_utf8(pair[1]).ok()?).ok(),
        false => None,
    };
    request.windows(2).filter_map(named).flatten().collect()
}

/// The spaces of a list such as `0-3,what-if` that hold something, each once, in the order given.
fn spaces(context: &Context, text: &str) -> Result<Vec<SpaceId>, CommandError> {
    let mut spaces = Vec::new();
    for part in text.split(',') {
        let range = part.split_once('-').and_then(|(first, last)| {
            let is_number =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            (is_number(first) && is_number(last)).then_some((first, last))
        });
        let (first, last) = range.unwrap_or((part, part));
        let (first, last) = (space(context, first)?, space(context, last)?);
        if first > last {
            return Err(expected(
                "the lower number of spaces first",
                part.as_bytes(),
            ));
        }
        spaces.extend(first..=last);
    }
    // Those that were never written have nothing to find.
    let mut left: HashSet<SpaceId> = context.spaces().into_iter().collect();
    spaces.retain(|space| left.remove(space));
    Ok(spaces)
}

/// A space that there is; a search makes none.
fn space(context: &Context, text: &str) -> Result<SpaceId, CommandError> {
    let found = context
        .engine()
        .find_space(text)
        .map_err(|error| match error {
            error if text.is_empty() => CommandError::err(format!(
                "expected spaces such as 0-3,what-if, got an empty one: {error}"
            )),
            error => error.into(),
        })?;
    found
        .ok_or_else(|| CommandError::err(format!("no such space '{text}'; SELECT {text} makes it")))
}

/// The rows of each query.
fn nearest(
    context: &Context,
    queries: &[Operand<'_>],
    mut options: Options<'_>,
) -> Result<Vec<Reply>, CommandError> {
    let selected = context.selected();
    let spaces = options.spaces.take();
    let shows_space = spaces.is_some();
    let spaces = spaces.unwrap_or_else(|| vec![selected]);
    let snapshots = context.snapshots(&spaces);
    // What queries name is in the selected space, whether it is searched or not.
    let reading;
    let view = match spaces.iter().position(|space| *space == selected) {
        Some(at) => snapshots[at].view(),
        None => {
            reading = Reading::new(context);
            reading.view()
        }
    };
    let bits = queries.iter().map(|query| query.fingerprint(&view));
    let bits = bits.collect::<Result<Vec<Fingerprint>, _>>()?;
    if let ([Operand::Stored(reference)], true) = (queries, options.excludes_query) {
        options.filter.exclude = reference.occupant(&view).ok().map(|node| node.id());
    }

    let filters = filters(&snapshots, context, &options)?;
    let places: Vec<usize> = (0..spaces.len())
        .filter(|at| filters[*at].is_some())
        .collect();
    let scopes: Vec<Scope<'_>> = snapshots
        .iter()
        .zip(&filters)
        .filter_map(|(snapshot, filter)| {
            let filter = filter.as_ref()?;
            Some(Scope { snapshot, filter })
        })
        .collect();
    let mut found = Vec::with_capacity(bits.len());
    let caller = &context.caller;
    let is_wanted = || !caller.has_left();
    for block in bits.chunks(QUERIES_PER_BLOCK) {
        let block: Vec<_> = block.iter().collect();
        found.extend(top_k_while(&scopes, &block, options.wanted, &is_wanted));
        if !is_wanted() {
            return Err(CommandError::err(
                "the client has left; the search was stopped",
            ));
        }
        for snapshot in &snapshots {
            snapshot.check()?;
        }
    }
    let label = |hit: &Hit| {
        let space = spaces[places[usize::from(hit.scope)]];
        shows_space.then(|| context.engine().space_label(space))
    };
    let rows = |hits: Vec<Hit>| {
        let row = |hit: Hit| {
            let snapshot = scopes[usize::from(hit.scope)].snapshot;
            hit_row(
                context,
                snapshot,
                hit,
                label(&hit),
                options.with_fingerprint,
            )
        };
        Reply::Array(hits.into_iter().map(row).collect())
    };
    Ok(found.into_iter().map(rows).collect())
}

fn hit_row(
    context: &Context,
    snapshot: &Snapshot,
    hit: Hit,
    space: Option<String>,
    with_fingerprint: bool,
) -> Reply {
    let address = hit.address;
    let word = || derive::word_name(&snapshot.state, address);
    let name = match snapshot.view().node(address) {
        Some(node) => name(node),
        None => word().map_or(Reply::Nil, |word| Reply::copied(word.as_bytes())),
    };
    let mut columns = vec![
        ("name", name),
        ("address", Reply::bulk(address.to_string())),
        ("distance", Reply::Integer(hit.distance.into())),
        ("similarity", Reply::Double(similarity(hit.distance))),
        ("z", Reply::Double(z(hit.distance))),
    ];
    if let Some(space) = space {
        columns.push(("space", Reply::bulk(space)));
    }
    if with_fingerprint {
        let bits = match snapshot.fingerprint(address) {
            Some(bits) => bits.to_hex(),
            None => {
                derive::word(&snapshot.state, address).map_or(String::new(), |bits| bits.to_hex())
            }
        };
        columns.push(("fingerprint", Reply::bulk(bits)));
    }
    row(context, columns)
}

/// The filter of each space; none where UNDER and the connection's CONTEXT leave nothing to search. A node
/// that they name must be in one of the spaces.
fn filters(
    snapshots: &[Snapshot],
    context: &Context,
    options: &Options<'_>,
) -> Result<Vec<Option<Filter>>, CommandError> {
    let plain = || Some(options.filter.clone());
    // What is on the surface is below no node.
    if options.filter.zone == Some(Zone::Surface) && options.under.is_none() {
        return Ok(snapshots.iter().map(|_| plain()).collect());
    }
    let mut missing = None;
    let mut filters = Vec::with_capacity(snapshots.len());
    for snapshot in snapshots {
        let view = snapshot.view();
        let under = options.under.map(|under| under.node(&view)).transpose();
        let under = under.map_err(CommandError::from);
        let filter = match under.and_then(|under| restriction(&view, context, under)) {
            Ok(Restriction::None) => plain(),
            Ok(Restriction::Under(node)) => Some(Filter {
                under: Some(node.id()),
                ..options.filter.clone()
            }),
            Ok(Restriction::Nothing) => None,
            Err(error) => {
                missing.get_or_insert((error, 0)).1 += 1;
                None
            }
        };
        filters.push(filter);
    }
    match missing {
        Some((error, spaces)) if spaces == snapshots.len() => Err(error),
        _ => Ok(filters),
    }
}

/// Which subtree a search looks at.
enum Restriction<'v> {
    None,
    Under(Node<'v>),
    /// UNDER and CONTEXT have nothing in common.
    Nothing,
}

/// The subtree that both UNDER and the connection's CONTEXT allow.
fn restriction<'v>(
    view: &View<'v>,
    context: &Context,
    under: Option<Node<'v>>,
) -> Result<Restriction<'v>, CommandError> {
    let Some(name) = context.subtree() else {
        return Ok(under.map_or(Restriction::None, Restriction::Under));
    };
    let root = view.find(&name).ok_or_else(|| {
        let name = String::from_utf8_lossy(&name);
        CommandError::err(format!(
            "no such node '{name}', which is this connection's CONTEXT; CONTEXT NONE ends it"
        ))
    })?;
    let Some(under) = under else {
        return Ok(Restriction::Under(root));
    };
    let is_below = |node: Node<'v>, root: Node<'v>| {
        std::iter::successors(Some(node), |node| view.parent(*node))
            .any(|node| node.id() == root.id())
    };
    Ok(match (is_below(under, root), is_below(root, under)) {
        (true, _) => Restriction::Under(under),
        (false, true) => Restriction::Under(root),
        (false, false) => Restriction::Nothing,
    })
}
