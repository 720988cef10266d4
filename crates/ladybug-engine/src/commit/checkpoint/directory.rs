//! The directory of checkpoints: which there are, and how one comes and goes whole.
//!
//! | name | is |
//! |---|---|
//! | `<position>` | a checkpoint, complete |
//! | `<position>.tmp` | one being written or removed, or what a crash left of it: rubbish |
//! | `<position>.damaged` | one that a repair set aside until its replacement is in place |

use std::path::{Path, PathBuf};

use crate::commit::record::Position;
use crate::storage::{Result, Storage};

/// Where the checkpoints are, in the data directory.
pub const DIRECTORY: &str = "checkpoints";

const TEMPORARY: &str = ".tmp";
const DAMAGED: &str = ".damaged";

/// What is in the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Positions of the checkpoints, the newest first.
    pub positions: Vec<Position>,
    /// Positions of checkpoints that a repair set aside.
    pub set_aside: Vec<Position>,
    /// Rubbish.
    pub rubbish: Vec<PathBuf>,
}

/// The checkpoint of a position.
pub fn path_of(position: Position) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{position:020}"))
}

fn with_suffix(position: Position, suffix: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{position:020}{suffix}"))
}

/// The position that a name of 20 digits says.
fn parse(name: &str) -> Option<Position> {
    let digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| digits)
}

/// Lists the directory; one that is not there is empty.
pub fn list(storage: &dyn Storage) -> Result<Listing> {
    let entries = match storage.list(Path::new(DIRECTORY)) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut listing = Listing::default();
    for entry in entries.into_iter().rev().filter(|entry| entry.is_directory) {
        if let Some(position) = parse(&entry.name) {
            listing.positions.push(position);
        } else if let Some(position) = entry.name.strip_suffix(DAMAGED).and_then(parse) {
            listing.set_aside.push(position);
        } else if entry.name.strip_suffix(TEMPORARY).and_then(parse).is_some() {
            listing.rubbish.push(Path::new(DIRECTORY).join(entry.name));
        }
    }
    Ok(listing)
}

/// Removes the rubbish, and what a repair set aside and has replaced.
pub fn tidy(storage: &dyn Storage) -> Result<()> {
    storage.create_directory(Path::new(DIRECTORY))?;
    let listing = list(storage)?;
    for path in listing.rubbish {
        storage.remove_directory(&path)?;
    }
    for position in listing.set_aside {
        if listing.positions.contains(&position) {
            storage.remove_directory(&with_suffix(position, DAMAGED))?;
        }
    }
    Ok(())
}

/// Takes back what an interrupted repair set aside and did not replace.
pub fn restore_set_aside(storage: &dyn Storage) -> Result<()> {
    let listing = list(storage)?;
    for position in listing.set_aside {
        if !listing.positions.contains(&position) {
            storage.rename(&with_suffix(position, DAMAGED), &path_of(position))?;
            storage.sync_directory(Path::new(DIRECTORY))?;
        }
    }
    Ok(())
}

/// Makes the empty directory in which the checkpoint of a position is prepared.
pub fn prepare(storage: &dyn Storage, position: Position) -> Result<PathBuf> {
    let path = with_suffix(position, TEMPORARY);
    match storage.remove_directory(&path) {
        Ok(()) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    storage.create_directory(&path)?;
    Ok(path)
}

/// Gives the prepared checkpoint, all of which is synced, its name. One that is there under this name is
/// damaged: it steps aside until the new one is in place.
pub fn publish(storage: &dyn Storage, position: Position) -> Result<()> {
    let parent = Path::new(DIRECTORY);
    let prepared = with_suffix(position, TEMPORARY);
    let aside = with_suffix(position, DAMAGED);
    let replaces = list(storage)?.positions.contains(&position);
    if replaces {
        storage.rename(&path_of(position), &aside)?;
        storage.sync_directory(parent)?;
    }
    storage.rename(&prepared, &path_of(position))?;
    storage.sync_directory(parent)?;
    if replaces {
        storage.remove_directory(&aside)?;
    }
    Ok(())
}

/// Removes a checkpoint: first its name, so that no half of it is ever taken for one.
pub fn discard(storage: &dyn Storage, position: Position) -> Result<()> {
    let parent = Path::new(DIRECTORY);
    let rubbish = with_suffix(position, TEMPORARY);
    storage.rename(&path_of(position), &rubbish)?;
    storage.sync_directory(parent)?;
    storage.remove_directory(&rubbish)
}
