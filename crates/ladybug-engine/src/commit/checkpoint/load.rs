//! Opening a checkpoint: every byte is verified, then the spaces are made again over the mapped file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;

use super::column::{Unreadable, owner};
use super::directory::{list, path_of};
use super::manifest::{FORMAT, FORMAT_WITH_HISTORY, FileEntry, Manifest};
use super::rebuild::rebuild;
use super::table::{map, read, verify};
use super::{
    CATALOGUE_FILE, Contents, Damage, EDGES_FILE, HISTORY_FILE, LoadError, MANIFEST_FILE,
    NODES_FILE, SpaceContents, catalogue, edges, history, nodes,
};
use crate::commit::history::Mark;
use crate::commit::record::Position;
use crate::commit::transaction::SpaceId;
use crate::fingerprint::encode::ENCODER_VERSION;
use crate::space::chunk::Chunk;
use crate::space::column::SlotSet;
use crate::space::restore::{Restore, Unsound};
use crate::space::state::State;
use crate::storage::Storage;

/// A checkpoint that was opened.
pub struct Loaded {
    /// What it holds.
    pub contents: Contents,
    /// What was damaged and rebuilt from parity, if that was asked for.
    pub rebuilt: Vec<Damage>,
}

/// One file of a checkpoint, verified.
pub(super) struct VerifiedFile<'a> {
    pub path: PathBuf,
    pub bytes: Buffer,
    pub entry: &'a FileEntry,
    /// The parts whose checksum does not hold.
    pub bad_parts: Vec<usize>,
}

fn damaged<T>(damages: Vec<Damage>) -> Result<T, LoadError> {
    Err(LoadError::Damaged { damages })
}

fn damage(path: &Path, what: impl ToString) -> Damage {
    Damage {
        path: path.to_owned(),
        place: String::new(),
        what: what.to_string(),
    }
}

/// Reads the manifest of the checkpoint of a position.
fn read_manifest(storage: &dyn Storage, position: Position) -> Result<Manifest, LoadError> {
    let path = path_of(position).join(MANIFEST_FILE);
    let bytes = match storage.read(&path) {
        Err(error) if error.is_not_found() => return damaged(vec![damage(&path, "it is missing")]),
        read => read?,
    };
    let manifest = match Manifest::decode(&bytes) {
        Ok(manifest) => manifest,
        Err(what) => return damaged(vec![damage(&path, what)]),
    };
    if manifest.format > FORMAT {
        return Err(LoadError::Newer {
            path,
            format: manifest.format,
            version: manifest.version,
        });
    }
    if manifest.position != position {
        let what = format!("expected position {position}, found {}", manifest.position);
        return damaged(vec![damage(&path, what)]);
    }
    Ok(manifest)
}

/// The highest epoch that any readable manifest says.
pub fn newest_epoch(storage: &dyn Storage) -> Result<u64, LoadError> {
    let manifests = list(storage)?.positions.into_iter();
    let epochs =
        manifests.filter_map(|position| Some(read_manifest(storage, position).ok()?.epoch));
    Ok(epochs.max().unwrap_or(0))
}

/// Opens the checkpoint of a position. With `repair`, single damaged fingerprints are rebuilt from parity,
/// in memory; without, any damage is an error.
///
/// # Errors
/// Everything that is damaged and was not rebuilt, or what kept the files from being read.
pub fn load(
    storage: &dyn Storage,
    position: Position,
    hash_key: u64,
    repair: bool,
) -> Result<Loaded, LoadError> {
    let manifest = read_manifest(storage, position)?;
    let directory = path_of(position);
    let mut files = Vec::new();
    let mut damages = Vec::new();
    let names = [NODES_FILE, EDGES_FILE, CATALOGUE_FILE, HISTORY_FILE];
    let has_history = manifest.format >= FORMAT_WITH_HISTORY;
    for name in &names[..3 + usize::from(has_history)] {
        let path = directory.join(name);
        let Some(entry) = manifest.file(name) else {
            damages.push(damage(
                &directory.join(MANIFEST_FILE),
                format!("no entry of {name}"),
            ));
            continue;
        };
        match map(storage, &path) {
            Ok(bytes) => {
                let (bad_parts, found) = verify(&bytes, entry, &path);
                damages.extend(found);
                files.push(VerifiedFile {
                    path,
                    bytes,
                    entry,
                    bad_parts,
                });
            }
            Err(error) if error.is_not_found() => damages.push(damage(&path, "it is missing")),
            Err(error) => return Err(error.into()),
        }
    }
    let history = has_history.then(|| files.pop()).flatten();
    let Ok([mut nodes, edges, catalogue]) = <[VerifiedFile<'_>; 3]>::try_from(files) else {
        return damaged(damages);
    };
    if !damages.is_empty() {
        // Damage without a bad part is a wrong length.
        let all_in_nodes = damages.len() == nodes.bad_parts.len();
        let rebuilt = match repair && all_in_nodes {
            true => rebuild(&nodes, &catalogue),
            false => None,
        };
        match rebuilt {
            Some(bytes) => nodes.bytes = bytes,
            None => return damaged(damages),
        }
    }
    let contents = assemble(
        &manifest,
        [&nodes, &edges, &catalogue],
        history.as_ref(),
        hash_key,
    );
    let contents = contents.or_else(|found| damaged(vec![found]))?;
    Ok(Loaded {
        contents,
        rebuilt: damages,
    })
}

/// Makes the spaces from the four tables.
fn assemble(
    manifest: &Manifest,
    [nodes, edges, catalogue]: [&VerifiedFile<'_>; 3],
    history: Option<&VerifiedFile<'_>>,
    hash_key: u64,
) -> Result<Contents, Damage> {
    let in_catalogue = |error: Unreadable| damage(&catalogue.path, error);
    let (schema, batches) =
        read(&catalogue.bytes).map_err(|error| damage(&catalogue.path, error))?;
    let (next_id, encoder) = catalogue::read_schema(&schema).map_err(in_catalogue)?;
    let entries = batches.iter().map(catalogue::read);
    let entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(in_catalogue)?;

    let stale = encoder != ENCODER_VERSION;
    let mut chunks = read_chunks(nodes, &entries, stale)?;
    let mut edges_by_space = by_space(edges)?;
    let mut history_by_space = history.map(by_space).transpose()?.unwrap_or_default();

    let mut spaces: Vec<SpaceContents> = Vec::with_capacity(entries.len());
    for entry in entries {
        let own = chunks.remove(&entry.id).unwrap_or_default();
        let linked = edges_by_space.remove(&entry.id).unwrap_or_default();
        let state = restore(&entry, own, &linked, &spaces, hash_key)
            .map_err(|error| damage(&nodes.path, format!("space {}: {error}", entry.id)))?;
        let newest = Mark {
            version: entry.version,
            committed: entry.committed,
            position: manifest.position,
        };
        let past = history_by_space.remove(&entry.id).unwrap_or_default();
        let past = history::read(&past, newest).map_err(|error| {
            let path = history.map_or(&nodes.path, |history| &history.path);
            damage(path, format!("space {}: {error}", entry.id))
        })?;
        spaces.push(SpaceContents {
            id: entry.id,
            name: entry.name,
            version_max: entry.version_max,
            state: Arc::new(state),
            history: past,
            origin: entry.origin,
            derived: Vec::new(),
        });
    }
    let left = chunks.keys().chain(edges_by_space.keys());
    if let Some(space) = left.chain(history_by_space.keys()).next() {
        return Err(damage(
            &catalogue.path,
            format!("expected an entry of space {space}"),
        ));
    }
    Ok(Contents {
        position: manifest.position,
        epoch: manifest.epoch,
        next_id,
        spaces,
    })
}

/// The batches of a table, by the space whose rows they are.
fn by_space(file: &VerifiedFile<'_>) -> Result<HashMap<SpaceId, Vec<RecordBatch>>, Damage> {
    let (_, batches) = read(&file.bytes).map_err(|error| damage(&file.path, error))?;
    let mut batches_by_space: HashMap<_, Vec<_>> = HashMap::new();
    for batch in batches {
        let space = owner(&batch).map_err(|error| damage(&file.path, error))?;
        batches_by_space.entry(space).or_default().push(batch);
    }
    Ok(batches_by_space)
}

type Chunks = HashMap<SpaceId, Vec<(u8, Arc<Chunk>)>>;

/// The chunks of all spaces.
fn read_chunks(
    nodes: &VerifiedFile<'_>,
    entries: &[catalogue::Entry],
    stale: bool,
) -> Result<Chunks, Damage> {
    let unreadable = |error: Unreadable| damage(&nodes.path, error);
    let (_, batches) = read(&nodes.bytes).map_err(|error| damage(&nodes.path, error))?;
    let mut kinds = nodes::KindPool::default();
    let mut chunks = Chunks::new();
    let owners = batches.iter().map(nodes::owner);
    let owners: Vec<_> = owners.collect::<Result<_, _>>().map_err(unreadable)?;
    let mut start = 0;
    for run in owners.chunk_by(|a, b| a == b) {
        let (space, prefix) = run[0];
        let batches = &batches[start..start + run.len()];
        start += run.len();
        let entry = entries.iter().find(|entry| entry.id == space);
        let parity = entry.and_then(|entry| {
            let found = entry.parities.iter().find(|(at, _)| *at == prefix)?;
            Some(found.1.clone())
        });
        let parity = parity.ok_or_else(|| {
            let missing = format_args!("the parity of space {space}, chunk {prefix:02X}");
            unreadable(Unreadable::expected(missing))
        })?;
        let chunk = nodes::read_chunk(batches, parity, &mut kinds, stale).map_err(unreadable)?;
        let own = chunks.entry(space).or_default();
        own.push((prefix, Arc::new(chunk)));
    }
    Ok(chunks)
}

/// Makes the state of one space, which may share with those before it.
fn restore(
    entry: &catalogue::Entry,
    own: Vec<(u8, Arc<Chunk>)>,
    edges: &[RecordBatch],
    before: &[SpaceContents],
    hash_key: u64,
) -> Result<State, Unreadable> {
    let unsound = |error: Unsound| Unreadable(error.to_string());
    let owner = |space: SpaceId| {
        let owner = before.binary_search_by_key(&space, |before| before.id);
        let owner = owner.map(|at| &*before[at].state);
        owner
            .map_err(|_| Unreadable::expected(format_args!("space {space} before one that shares")))
    };
    // What shares most with one space begins as a copy of that, so that they share memory too.
    let of = |space: SpaceId, shared: &[(u8, SpaceId)]| {
        let mut prefixes = SlotSet::EMPTY;
        let shared = shared.iter().filter(|(_, owner)| *owner == space);
        shared.for_each(|(prefix, _)| prefixes.set(*prefix, true));
        prefixes
    };
    let shared = || entry.shared.iter().chain(&entry.shared_edges);
    let count = |space: SpaceId| shared().filter(|(_, owner)| *owner == space).count();
    let source = shared()
        .map(|(_, space)| *space)
        .max_by_key(|space| count(*space));
    let mut restore = match source {
        None => Restore::new(hash_key),
        Some(space) => {
            let (chunks, edges) = (of(space, &entry.shared), of(space, &entry.shared_edges));
            Restore::from(owner(space)?, &chunks, &edges)
        }
    };
    restore.date(entry.version, entry.committed);
    for (slot, name) in &entry.verbs {
        restore.define_verb(*slot, name).map_err(unsound)?;
    }
    for (address, word) in &entry.words {
        restore
            .define_word(*address, word.clone())
            .map_err(unsound)?;
    }
    if own.len() + entry.shared.len() != entry.parities.len() {
        return Err(Unreadable::expected(
            "every chunk of the catalogue among the nodes",
        ));
    }
    for (prefix, chunk) in own {
        restore.add_chunk(prefix, chunk).map_err(unsound)?;
    }
    let mut linked = Vec::new();
    for batch in edges {
        edges::read(batch, restore.verbs(), &mut linked)?;
    }
    let elsewhere = |(_, space): &&(u8, SpaceId)| Some(*space) != source;
    for &(prefix, space) in entry.shared.iter().filter(elsewhere) {
        let chunk = owner(space)?.chunk(prefix).ok_or_else(|| {
            let missing = format_args!("chunk {prefix:02X} of space {space}, which others share");
            Unreadable::expected(missing)
        })?;
        restore
            .add_chunk(prefix, Arc::clone(chunk))
            .map_err(unsound)?;
    }
    for &(prefix, space) in entry.shared_edges.iter().filter(elsewhere) {
        linked.extend(owner(space)?.graph().edges_from(prefix));
    }
    restore.finish(linked).map_err(unsound)
}
