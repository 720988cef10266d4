//! Repairing: everything that can be had becomes a new checkpoint, and what is damaged is put away after that.

use std::sync::Arc;

use super::survey::{HASH_KEY, Survey, Surveyed, log_directory, survey};
use super::{CheckError, Repaired, log_aside};
use crate::commit::checkpoint::{
    Contents, discard, list, load, newest_epoch, restore_set_aside, tidy, write,
};
use crate::commit::log::{Log, LogError, LogOptions, scan};
use crate::commit::record::Position;
use crate::engine::encode::encode_pending;
use crate::engine::recovery::Replay;
use crate::storage::Storage;

/// Surveys, repairs what is wrong, and surveys again.
pub fn repair(storage: &Arc<dyn Storage>) -> Result<Repaired, CheckError> {
    let mut steps = Vec::new();
    let listing = list(&**storage)?;
    if !listing
        .set_aside
        .iter()
        .all(|position| listing.positions.contains(position))
    {
        restore_set_aside(&**storage)?;
        steps.push(String::from(
            "took back a checkpoint that an interrupted repair had set aside",
        ));
    }
    let before = survey(&**storage)?;
    if !before.report.findings.is_empty() {
        mend(storage, &before, &mut steps)?;
    }
    let after = survey(&**storage)?.report;
    Ok(Repaired {
        before: before.report,
        steps,
        after,
    })
}

fn mend(
    storage: &Arc<dyn Storage>,
    found: &Survey,
    steps: &mut Vec<String>,
) -> Result<(), CheckError> {
    if found.report.is_clean() {
        tidy(&**storage)?;
        return cut_tail(storage, found, steps);
    }
    let damaged = |surveyed: &&Surveyed| surveyed.is_damaged;
    let salvaged = salvage(&**storage, found)?;
    let position = salvaged.position;
    tidy(&**storage)?;
    let is_there = found
        .checkpoints
        .iter()
        .any(|surveyed| surveyed.position == position && !surveyed.is_damaged);
    if !is_there && position > 0 {
        write(&**storage, &salvaged)?;
        load(&**storage, position, HASH_KEY, false)?;
        steps.push(format!(
            "wrote a checkpoint of everything, at position {position}"
        ));
    }
    if found.log_broken || found.log.corruptions().next().is_some() {
        set_log_aside(&**storage, position, steps)?;
    }
    for surveyed in found.checkpoints.iter().filter(damaged) {
        if surveyed.position != position {
            discard(&**storage, surveyed.position)?;
            steps.push(format!(
                "removed the damaged checkpoint of position {}",
                surveyed.position
            ));
        }
    }
    cut_tail(storage, found, steps)
}

/// A log that a checkpoint makes superfluous steps aside whole; a new one begins at the next start.
fn set_log_aside(
    storage: &dyn Storage,
    position: Position,
    steps: &mut Vec<String>,
) -> Result<(), CheckError> {
    let aside = log_aside(position);
    match storage.remove_directory(&aside) {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    storage.rename(&log_directory(), &aside)?;
    storage.sync_directory(std::path::Path::new(""))?;
    steps.push(format!(
        "moved the damaged log to {}, which may be deleted",
        aside.display()
    ));
    Ok(())
}

/// Cuts a torn tail by opening the log as a start does.
fn cut_tail(
    storage: &Arc<dyn Storage>,
    found: &Survey,
    steps: &mut Vec<String>,
) -> Result<(), CheckError> {
    if !found.log_torn {
        return Ok(());
    }
    let from = list(&**storage)?.positions.first().copied().unwrap_or(0);
    let options = LogOptions {
        epoch_min: newest_epoch(&**storage)? + 1,
        ..LogOptions::default()
    };
    let opened = Log::open::<LogError>(Arc::clone(storage), options, from, |_| Ok(()));
    let (log, _) = opened?;
    if log.close().is_err() {
        return Err(CheckError::Impossible(String::from(
            "the log failed while its tail was cut",
        )));
    }
    steps.push(String::from("cut the log's torn tail"));
    Ok(())
}

/// Everything that any checkpoint and the readable records after it lead to.
fn salvage(storage: &dyn Storage, found: &Survey) -> Result<Contents, CheckError> {
    let newest = found
        .checkpoints
        .first()
        .map_or(0, |newest| newest.position);
    let needed = newest.max(found.log.durable);
    let mut reasons = Vec::new();
    let bases = found
        .checkpoints
        .iter()
        .filter_map(|surveyed| surveyed.contents.as_ref());
    for base in bases.map(Some).chain([None]) {
        let from = base.map_or(0, |base| base.position);
        let replay = match base {
            Some(base) => Replay::from_contents(base, HASH_KEY),
            None => Replay::new(HASH_KEY),
        };
        let (replay, reached, stopped) = follow(storage, found, replay, from)?;
        if reached < needed {
            let stopped = stopped.unwrap_or_else(|| String::from("the log ends there"));
            reasons.push(format!(
                "from position {from} the log leads to {reached} of {needed} ({stopped})"
            ));
            continue;
        }
        let epochs = found
            .log
            .segments
            .iter()
            .filter_map(|s| Some(s.header.as_ref()?.epoch));
        let epoch = epochs.chain([newest_epoch(storage)?]).max().unwrap_or(0);
        let mut contents = replay.contents(reached, epoch);
        for space in &mut contents.spaces {
            let encoded = encode_pending(&space.state);
            let derived = encoded
                .into_iter()
                .map(|slot| (slot.address, slot.fingerprint));
            space.derived = derived.collect();
            space.derived.sort_unstable_by_key(|(address, _)| *address);
        }
        return Ok(contents);
    }
    Err(CheckError::Impossible(reasons.join("; ")))
}

/// Applies every whole record after `from`, also past damage, as long as none is missing. Answers how far that
/// went, and why no further.
fn follow(
    storage: &dyn Storage,
    found: &Survey,
    mut replay: Replay,
    from: Position,
) -> Result<(Replay, Position, Option<String>), CheckError> {
    let segments = &found.log.segments;
    // What each segment's successor says precedes it: what lies beyond was abandoned.
    let limit = |at: usize| {
        let next = segments.get(at + 1).and_then(|next| next.header.as_ref());
        next.map_or(Position::MAX, |header| header.after)
    };
    let (mut at, mut seen) = (0, 0);
    let (mut reached, mut stopped) = (from, None);
    scan(storage, &log_directory(), |record| {
        while segments
            .get(at)
            .is_some_and(|segment| seen == segment.records)
        {
            (at, seen) = (at + 1, 0);
        }
        seen += 1;
        if stopped.is_some() || record.position <= reached || record.position > limit(at) {
            return;
        }
        // Between abandoned records and those after them no position is missing.
        let header = segments.get(at).and_then(|segment| segment.header.as_ref());
        let begins = header.is_some_and(|h| h.first == record.position && h.after <= reached);
        if record.position != reached + 1 && !begins {
            let missing = record.position - 1;
            stopped = Some(format!(
                "records {} to {missing} are unreadable",
                reached + 1
            ));
        } else if let Err(error) = replay.record(record) {
            stopped = Some(error.to_string());
        } else {
            reached = record.position;
        }
    })?;
    Ok((replay, reached, stopped))
}
