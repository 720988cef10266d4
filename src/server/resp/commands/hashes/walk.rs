//! HSCAN and HRANDFIELD: some of a node's fields.

use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::state::View;
use xxhash_rust::xxh3::xxh3_64;

use super::super::super::command::{Command, Flag, Handler};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::random::Random;
use super::super::super::reply::{Protocol, Reply};
use super::super::super::request::parse_i64;
use super::super::content::read_fields;
use super::super::keys::{ScanOptions, page, parse_cursor};
use super::{FIELDS, bulk};

pub(super) const HSCAN: Command = Command {
    name: "hscan",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    arity: -3,
    flags: &[Flag::Readonly],
    since: "2.8.0",
    summary: "A page of the fields and the cursor of the next page; 0 begins and ends. Every field \
              that is there throughout appears",
    complexity: "O(N) for a page, where N is the number of fields",
    handler: Handler::Read(hscan),
    ..FIELDS
};

pub(super) const HRANDFIELD: Command = Command {
    name: "hrandfield",
    syntax: "key [count [WITHVALUES]]",
    arity: -2,
    flags: &[Flag::Readonly],
    since: "6.2.0",
    summary: "Any field, or so many different ones; a negative count may repeat",
    complexity: "O(N) where N is the number of fields, drawn or there",
    handler: Handler::Read(hrandfield),
    ..FIELDS
};

/// Fields that one page holds whatever COUNT says, as Redis does with small hashes.
const SMALL_HASH_FIELDS_MAX: usize = 512;
/// A page holds at least this part of the fields: each page looks at all of them, so that a whole
/// scan stays linear.
const PAGES_MAX: usize = 256;
/// Most fields that HRANDFIELD repeats, so that one short request cannot take all memory.
const DRAWN_MAX: usize = 1 << 20;

fn hscan(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let cursor = parse_cursor(arguments[2])?;
    let Some(fields) = read_fields(view, context, arguments[1])? else {
        return Ok(page(None, Vec::new()));
    };
    let options = ScanOptions::parse(&arguments[3..], false)?;
    let (indices, next) = page_of(fields, cursor, options.count);
    let mut items = Vec::new();
    for index in indices {
        let (name, value) = fields
            .get_index(index)
            .expect("invariant: the page is of these fields");
        if options.admits(name) {
            items.extend([Reply::Value(name.clone()), bulk(value)]);
        }
    }
    Ok(page(next, items))
}

/// The fields of a page, and the cursor of the next. Cursors are hashes of names, which never
/// change, so that a field that is there throughout has its turn.
fn page_of(fields: &Fields, cursor: u64, count: usize) -> (Vec<usize>, Option<u64>) {
    if fields.len() <= SMALL_HASH_FIELDS_MAX {
        return ((0..fields.len()).collect(), None);
    }
    let count = count.max(fields.len() / PAGES_MAX);
    let hashes = fields.keys().map(|name| xxh3_64(name)).enumerate();
    let mut rest: Vec<(u64, usize)> = hashes
        .map(|(index, hash)| (hash, index))
        .filter(|(hash, _)| *hash >= cursor)
        .collect();
    if rest.len() <= count {
        return (rest.into_iter().map(|(_, index)| index).collect(), None);
    }
    let (_, &mut (last, _), _) = rest.select_nth_unstable(count - 1);
    // Fields of the same hash are on the same page.
    let chosen = rest.into_iter().filter(|(hash, _)| *hash <= last);
    let chosen = chosen.map(|(_, index)| index).collect();
    (chosen, last.checked_add(1))
}

fn hrandfield(
    view: &View<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let Some(&count) = arguments.get(2) else {
        let fields = read_fields(view, context, arguments[1])?;
        let drawn = fields.and_then(|fields| {
            let (name, _) = fields.get_index(Random::new().below(fields.len()))?;
            Some(Reply::Value(name.clone()))
        });
        return Ok(drawn.unwrap_or(Reply::Nil));
    };
    let count = parse_i64(count).ok_or(CommandError::NOT_AN_INTEGER)?;
    if count == i64::MIN {
        let (least, most) = (-i64::MAX, i64::MAX);
        return Err(CommandError::err(format!(
            "value is out of range, value must between {least} and {most}"
        )));
    }
    let with_values = match &arguments[3..] {
        [] => false,
        [option] if option.eq_ignore_ascii_case(b"withvalues") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    const OUT_OF_RANGE: CommandError = CommandError::fixed("ERR", "value is out of range");
    if with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(OUT_OF_RANGE);
    }
    let Some(fields) = read_fields(view, context, arguments[1])? else {
        return Ok(Reply::Array(Vec::new()));
    };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 && wanted > DRAWN_MAX {
        return Err(OUT_OF_RANGE);
    }
    let drawn = draw(fields.len(), wanted, count < 0);
    let pairs = drawn.into_iter().map(|index| {
        fields
            .get_index(index)
            .expect("invariant: it was drawn from these fields")
    });
    Ok(render(
        pairs,
        with_values,
        context.protocol == Protocol::Resp3,
    ))
}

/// Indices below `length`, different ones unless they may repeat.
fn draw(length: usize, wanted: usize, repeats: bool) -> Vec<usize> {
    let mut random = Random::new();
    if repeats {
        return (0..wanted).map(|_| random.below(length)).collect();
    }
    let mut all: Vec<usize> = (0..length).collect();
    let wanted = wanted.min(length);
    // The first steps of Fisher and Yates's shuffle.
    for at in 0..wanted {
        all.swap(at, at + random.below(length - at));
    }
    all.truncate(wanted);
    all
}

/// Names, or pairs: nested in RESP3, one after the other in RESP2.
fn render<'a>(
    pairs: impl Iterator<Item = (&'a std::sync::Arc<[u8]>, &'a FieldValue)>,
    with_values: bool,
    is_resp3: bool,
) -> Reply {
    let mut items = Vec::new();
    for (name, value) in pairs {
        let name = Reply::Value(name.clone());
        match (with_values, is_resp3) {
            (false, _) => items.push(name),
            (true, false) => items.extend([name, bulk(value)]),
            (true, true) => items.push(Reply::Array(vec![name, bulk(value)])),
        }
    }
    Reply::Array(items)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fields(count: usize) -> Fields {
        let field = |n: usize| {
            (
                n.to_string().into_bytes().into(),
                FieldValue::Integer(n as i64),
            )
        };
        (0..count).map(field).collect()
    }

    #[test]
    fn a_full_scan_misses_nothing_whatever_comes_and_goes() {
        let mut changing = fields(20_000);
        let (mut cursor, mut seen, mut pages) = (0, HashSet::new(), 0);
        loop {
            let (indices, next) = page_of(&changing, cursor, 10);
            let names = indices
                .iter()
                .filter_map(|&index| changing.get_index(index));
            seen.extend(names.map(|(name, _)| name.clone()));
            // Fields above 10,000 come and go between pages.
            for n in 0..50 {
                let name = (10_000 + pages * 50 + n).to_string().into_bytes();
                changing.swap_remove(&name[..]);
                let name = format!("new {pages} {n}").into_bytes();
                changing.insert(name.into(), FieldValue::Boolean(true));
            }
            pages += 1;
            match next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        assert!(pages <= PAGES_MAX + 1, "{pages} pages");
        for n in 0..10_000 {
            assert!(seen.contains(n.to_string().as_bytes()), "{n} is missing");
        }
    }

    #[test]
    fn draws_are_different_unless_they_may_repeat() {
        let drawn = draw(100, 60, false);
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 60);
        assert_eq!(draw(5, 60, false).len(), 5);
        let repeated = draw(5, 60, true);
        assert!(repeated.len() == 60 && repeated.iter().all(|&index| index < 5));
    }
}
