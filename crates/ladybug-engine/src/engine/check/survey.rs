//! Reading a data directory and judging what is there.

use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::{CheckError, CheckpointSummary, Finding, LogSummary, Report, StateSummary};
use crate::commit::checkpoint::{
    Contents, DIRECTORY, Damage, LoadError, SpaceContents, list, load,
};
use crate::commit::history::History;
use crate::commit::log::{LogOptions, LogReport, rehearse, scan};
use crate::commit::record::Position;
use crate::engine::recovery::{OpenError, Replay};
use crate::space::apply::Space;
use crate::space::image::{SpaceImage, check_invariants};
use crate::space::restore::Restore;
use crate::space::state::State;
use crate::storage::Storage;

/// Names are hashed with any key here: nothing that is checked depends on it.
pub const HASH_KEY: u64 = 0;

/// Everything that was found, and what can be made of it.
pub struct Survey {
    pub report: Report,
    pub log: LogReport,
    /// Whether recovery would refuse the log.
    pub log_broken: bool,
    /// Whether recovery would cut a torn tail.
    pub log_torn: bool,
    pub checkpoints: Vec<Surveyed>,
}

/// One checkpoint.
pub struct Surveyed {
    pub position: Position,
    /// What it holds, rebuilt where parity could; `None` if it does not open.
    pub contents: Option<Contents>,
    /// Whether something was wrong with it, rebuilt or not.
    pub is_damaged: bool,
}

/// Where the log is.
pub fn log_directory() -> std::path::PathBuf {
    LogOptions::default().directory
}

/// Reads everything.
pub fn survey(storage: &dyn Storage) -> Result<Survey, CheckError> {
    let mut report = Report::default();
    survey_directory(storage, &mut report)?;
    let mut checkpoints = Vec::new();
    for position in list(storage)?.positions {
        let surveyed = survey_checkpoint(storage, position, &mut report)?;
        report.checkpoints.push(CheckpointSummary {
            position,
            state: surveyed.contents.as_ref().map(summary),
        });
        checkpoints.push(surveyed);
    }
    let log = scan(storage, &log_directory(), |_| {})?;
    report.log = LogSummary {
        segments: log.segments.len(),
        records: log.segments.iter().map(|segment| segment.records).sum(),
        bytes: log.segments.iter().map(|segment| segment.bytes).sum(),
        last: log
            .segments
            .iter()
            .filter_map(|s| s.last)
            .max()
            .unwrap_or(0),
        durable: log.durable,
    };
    let mut survey = Survey {
        report,
        log,
        log_broken: false,
        log_torn: false,
        checkpoints,
    };
    survey.judge_log();
    survey.rehearse_start(storage)?;
    survey.compare(storage)?;
    Ok(survey)
}

/// Notes what an interrupted checkpoint or repair left behind.
fn survey_directory(storage: &dyn Storage, report: &mut Report) -> Result<(), CheckError> {
    let listing = list(storage)?;
    for path in listing.rubbish {
        let what = String::from("an unfinished checkpoint");
        let place = String::new();
        report.findings.push(Finding {
            damage: Damage { path, place, what },
            remedy: String::from("the next start removes it"),
            is_damage: false,
        });
    }
    for position in listing.set_aside {
        let replaced = listing.positions.contains(&position);
        report.findings.push(Finding {
            damage: Damage {
                path: Path::new(DIRECTORY).join(format!("{position:020}.damaged")),
                place: String::new(),
                what: String::from("a checkpoint that an interrupted repair set aside"),
            },
            remedy: String::from(match replaced {
                true => "it was replaced; the next start removes it",
                false => "--repair begins again with it",
            }),
            is_damage: !replaced,
        });
    }
    Ok(())
}

fn summary(contents: &Contents) -> StateSummary {
    let states = || contents.spaces.iter().map(|space| &space.state);
    StateSummary {
        position: contents.position,
        spaces: contents.spaces.len(),
        nodes: states().map(|state| state.nodes_len()).sum(),
        edges: states().map(|state| state.graph().len()).sum(),
    }
}

/// Opens a checkpoint, rebuilding what parity can, and verifies what its checksums cannot show.
fn survey_checkpoint(
    storage: &dyn Storage,
    position: Position,
    report: &mut Report,
) -> Result<Surveyed, CheckError> {
    let directory = Path::new(DIRECTORY).join(format!("{position:020}"));
    let mut note = |damage: Damage, remedy: &str| {
        report.findings.push(Finding {
            damage,
            remedy: remedy.to_owned(),
            is_damage: true,
        });
    };
    let mut surveyed = Surveyed {
        position,
        contents: None,
        is_damaged: true,
    };
    let mut loaded = match load(storage, position, HASH_KEY, true) {
        Ok(loaded) => loaded,
        Err(LoadError::Damaged { damages }) => {
            for damage in damages {
                note(damage, "needs the other checkpoint and the log");
            }
            return Ok(surveyed);
        }
        Err(error) => return Err(error.into()),
    };
    surveyed.is_damaged = !loaded.rebuilt.is_empty();
    for damage in loaded.rebuilt {
        note(
            damage,
            "one fingerprint of the chunk, which parity rebuilds",
        );
    }
    let mut sound = true;
    for space in &mut loaded.contents.spaces {
        let in_space = |place: String, what: String| Damage {
            path: directory.clone(),
            place,
            what,
        };
        let state = Arc::make_mut(&mut space.state);
        for address in Restore::mend(state) {
            surveyed.is_damaged = true;
            let place = format!("space {}, {address}", space.id);
            let what = String::from("the fingerprint was damaged in memory before it was written");
            note(in_space(place, what), "parity rebuilds it");
        }
        if let Err(what) = check_invariants(state) {
            (surveyed.is_damaged, sound) = (true, false);
            let place = format!("space {}", space.id);
            note(
                in_space(place, what),
                "needs the other checkpoint and the log",
            );
        } else if let Err(what) = check_history(space) {
            (surveyed.is_damaged, sound) = (true, false);
            let place = format!("history of space {}", space.id);
            note(
                in_space(place, what),
                "needs the other checkpoint and the log",
            );
        }
    }
    surveyed.contents = sound.then_some(loaded.contents);
    Ok(surveyed)
}

/// Takes back every commit that history remembers: each must fit what the one after it left, and a sound space come out.
fn check_history(space: &SpaceContents) -> Result<(), String> {
    let mut past = Space::from_state(State::clone(&space.state));
    let segments: Vec<_> = space.history.segments().collect();
    let commits = segments.iter().rev().flat_map(|s| s.newest_first());
    for commit in commits {
        let version = commit.after.version;
        let taken_back = commit.try_take_back(&mut past);
        taken_back.map_err(|misfit| format!("version {version} cannot be taken back: {misfit}"))?;
    }
    check_invariants(past.state()).map_err(|what| {
        let oldest = space.history.oldest().version;
        format!("it leads back to a version {oldest} in which {what}")
    })
}

impl Survey {
    /// The newest checkpoint that opens as it is, which a start would begin with.
    fn base(&self) -> Option<&Contents> {
        let usable = self
            .checkpoints
            .iter()
            .filter(|surveyed| !surveyed.is_damaged);
        usable
            .filter_map(|surveyed| surveyed.contents.as_ref())
            .next()
    }

    /// Notes what is wrong with the log, told apart from the torn tail of a crash.
    fn judge_log(&mut self) {
        let corruptions: Vec<_> = self.log.corruptions().cloned().collect();
        let covered = self.base().map_or(0, |contents| contents.position);
        for damage in &self.log.damages {
            let is_damage = corruptions.contains(damage);
            let remedy = match (is_damage, damage.position <= covered) {
                (false, _) => {
                    "the torn tail of a crash, never acknowledged as synced; the next start cuts it"
                }
                (true, true) => {
                    "the newest checkpoint has these commits; --repair begins a new log"
                }
                (true, false) => "no checkpoint has these commits",
            };
            self.report.findings.push(Finding {
                damage: Damage {
                    path: damage.path.clone(),
                    place: format!("byte {}, record {}", damage.offset_bytes, damage.position),
                    what: damage.what.to_string(),
                },
                remedy: remedy.to_owned(),
                is_damage,
            });
        }
    }

    /// Does what a start would do, in memory.
    fn rehearse_start(&mut self, storage: &dyn Storage) -> Result<(), CheckError> {
        let mut replay = Replay::new(HASH_KEY);
        let mut from = 0;
        if let Some(contents) = self.base() {
            from = contents.position;
            replay = Replay::from_contents(contents, HASH_KEY);
        }
        let note = |report: &mut Report, what: String, remedy: &str| {
            report.findings.push(Finding {
                damage: Damage {
                    path: log_directory(),
                    place: format!("after position {from}"),
                    what,
                },
                remedy: remedy.to_owned(),
                is_damage: true,
            });
        };
        let applied = rehearse(storage, &log_directory(), from, |record| {
            replay.record(&record)
        });
        let recovery = match applied {
            Ok(recovery) => recovery,
            Err(OpenError::Storage(error)) => return Err(error.into()),
            Err(OpenError::Log(error)) => {
                self.log_broken = true;
                if self.report.is_clean() {
                    note(
                        &mut self.report,
                        error.to_string(),
                        "--repair tries the other checkpoint",
                    );
                }
                return Ok(());
            }
            Err(error) => {
                self.log_broken = true;
                note(
                    &mut self.report,
                    error.to_string(),
                    "--repair tries the other checkpoint",
                );
                return Ok(());
            }
        };
        self.log_torn = recovery.cut.is_some();
        let newest = self.checkpoints.first().map_or(0, |newest| newest.position);
        if recovery.last < newest {
            let what = format!(
                "the log leads to position {} of the {newest} that the damaged checkpoint had",
                recovery.last
            );
            note(&mut self.report, what, "a start would refuse");
            return Ok(());
        }
        let contents = replay.contents(recovery.last, 0);
        for space in &contents.spaces {
            if let Err(what) = check_invariants(&space.state) {
                note(
                    &mut self.report,
                    format!("space {}: {what}", space.id),
                    "a bug: please report it",
                );
                return Ok(());
            }
        }
        self.report.state = Some(summary(&contents));
        Ok(())
    }

    /// Follows the log from the older checkpoint to the newest, which must be the same.
    fn compare(&mut self, storage: &dyn Storage) -> Result<(), CheckError> {
        let whole = |surveyed: &Surveyed| !surveyed.is_damaged && surveyed.contents.is_some();
        let [newest, older] = &self.checkpoints[..] else {
            return Ok(());
        };
        if !whole(newest) || !whole(older) || self.log.corruptions().next().is_some() {
            return Ok(());
        }
        let (Some(newest), Some(older)) = (&newest.contents, &older.contents) else {
            return Ok(());
        };
        let mut replay = Replay::from_contents(older, HASH_KEY);
        let position = newest.position;
        let followed = rehearse(storage, &log_directory(), older.position, |record| {
            match record.position <= position {
                true => replay.record(&record),
                false => Ok(()),
            }
        });
        let mut what = None;
        match followed {
            // A log that was begun anew has nothing of what precedes the newest.
            Err(OpenError::Log(_)) => {}
            Ok(recovery) if recovery.last < position => {}
            Ok(_) => {
                let led = replay.contents(position, 0);
                let image = |contents: &Contents| -> Vec<_> {
                    let written = contents.spaces.iter().filter(|space| space.version_max > 0);
                    let image = |s: &SpaceContents| (s.id, s.origin, SpaceImage::of(&s.state));
                    written.map(image).collect()
                };
                if image(&led) != image(newest) {
                    what = Some(String::from("something else than this checkpoint holds"));
                } else if !newest.spaces.iter().all(|space| remembers(&led, space)) {
                    what = Some(String::from("another history than this checkpoint holds"));
                }
            }
            Err(error) => what = Some(error.to_string()),
        }
        if let Some(what) = what {
            self.report.findings.push(Finding {
                damage: Damage {
                    path: Path::new(DIRECTORY).join(format!("{position:020}")),
                    place: String::new(),
                    what: format!("the older checkpoint and the log lead to {what}"),
                },
                remedy: String::from("nothing tells which is right; please report it"),
                is_damage: true,
            });
        }
        Ok(())
    }
}

/// Whether what a space's history holds is the end of what the log leads to, which has forgotten nothing meanwhile.
fn remembers(led: &Contents, space: &SpaceContents) -> bool {
    let commits = |history: &History| -> Vec<_> {
        let segments = history.segments();
        let commits = segments.flat_map(|segment| segment.encoded());
        let hashed = commits.map(|commit| (commit.after, xxh3_64(commit.inverses)));
        hashed.collect()
    };
    let led = led.spaces.iter().find(|there| there.id == space.id);
    led.is_none_or(|led| commits(&led.history).ends_with(&commits(&space.history)))
}
