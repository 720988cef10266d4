//! What the simulated disk holds: nodes, what of them was synced, and what a power loss makes of the rest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Faults;
use crate::storage::{Result, StorageError};

/// What is written whole or not at all.
const SECTOR_BYTES: usize = 512;

type Sector = [u8; SECTOR_BYTES];
pub(super) type NodeId = u64;
pub(super) const ROOT: NodeId = 0;

pub(super) struct State {
    pub random: Random,
    pub nodes: HashMap<NodeId, Node>,
    pub node_next: NodeId,
    /// Entry changes that span two directories share a number, and a fate.
    pub change_next: u64,
    /// Counts restarts: handles of an earlier run are dead.
    pub run: u64,
    pub powered: bool,
    pub faults: Faults,
    pub capacity_bytes: u64,
    pub syncs_until_failure: Option<u64>,
    pub writes_until_failure: Option<u64>,
    pub operations_until_crash: Option<u64>,
    pub operations: u64,
    pub locks: HashSet<PathBuf>,
}

pub(super) enum Node {
    File(FileNode),
    Directory(DirectoryNode),
}

#[derive(Default)]
pub(super) struct FileNode {
    pub current: Vec<u8>,
    pub durable: Vec<u8>,
    /// What was done since the last sync, in order.
    pub unsynced: Vec<FileChange>,
}

/// The sectors that an operation left dirty, as they were then, and the length then.
pub(super) struct FileChange {
    sectors: Vec<(usize, Box<Sector>)>,
    length: usize,
}

#[derive(Default)]
pub(super) struct DirectoryNode {
    pub current: BTreeMap<String, NodeId>,
    pub durable: BTreeMap<String, NodeId>,
    pub unsynced: Vec<EntryChange>,
}

/// Entries set or removed together.
pub(super) struct EntryChange {
    number: u64,
    entries: Vec<(String, Option<NodeId>)>,
}

/// How much of what was unsynced a power loss leaves.
#[derive(Clone, Copy)]
enum Survival {
    Nothing,
    Everything,
    /// What was there at one moment.
    Prefix,
    /// Each piece as it pleases.
    Anything,
}

impl FileNode {
    /// Marks a byte range dirty, as it is now.
    pub fn dirty(&mut self, start: usize, end: usize) {
        let sectors = (start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES))
            .map(|index| (index, Box::new(sector_of(&self.current, index))))
            .collect();
        self.unsynced.push(FileChange {
            sectors,
            length: self.current.len(),
        });
    }

    /// Brings every dirty sector to the disk. Those that an earlier failed sync gave up are clean, and stay lost.
    pub fn settle(&mut self) {
        let Some(last) = self.unsynced.last() else {
            return;
        };
        let length = last.length;
        self.durable.resize(length, 0);
        for change in self.unsynced.drain(..) {
            for (index, sector) in change.sectors {
                let start = index * SECTOR_BYTES;
                if start < length {
                    let end = (start + SECTOR_BYTES).min(length);
                    self.durable[start..end].copy_from_slice(&sector[..end - start]);
                }
            }
        }
    }

    /// What is on the disk if the power fails now.
    pub fn surviving(&self, random: &mut Random) -> Vec<u8> {
        if self.unsynced.is_empty() {
            return self.durable.clone();
        }
        let changes = self.unsynced.len();
        let survival = random.survival();
        let moment = random.below(changes + 1);
        // How many of the changes a piece has seen.
        let seen = |random: &mut Random| match survival {
            Survival::Nothing => 0,
            Survival::Everything => changes,
            Survival::Prefix => moment,
            Survival::Anything => random.below(changes + 1),
        };
        let length = match seen(random) {
            0 => self.durable.len(),
            count => self.unsynced[count - 1].length,
        };
        let mut result = self.durable.clone();
        result.resize(length, 0);
        let mut versions: BTreeMap<usize, Vec<(usize, &Sector)>> = BTreeMap::new();
        for (number, change) in self.unsynced.iter().enumerate() {
            for (index, sector) in &change.sectors {
                versions.entry(*index).or_default().push((number, sector));
            }
        }
        for (index, versions) in versions {
            let count = seen(random);
            let version = versions.iter().rev().find(|(number, _)| *number < count);
            let start = index * SECTOR_BYTES;
            if let Some((_, sector)) = version.filter(|_| start < length) {
                let end = (start + SECTOR_BYTES).min(length);
                result[start..end].copy_from_slice(&sector[..end - start]);
            }
        }
        result
    }
}

fn sector_of(bytes: &[u8], index: usize) -> Sector {
    let mut sector = [0; SECTOR_BYTES];
    let start = (index * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    sector[..end - start].copy_from_slice(&bytes[start..end]);
    sector
}

impl State {
    pub fn new(seed: u64) -> Self {
        let root = Node::Directory(DirectoryNode::default());
        Self {
            random: Random(seed),
            nodes: HashMap::from([(ROOT, root)]),
            node_next: ROOT + 1,
            change_next: 0,
            run: 0,
            powered: true,
            faults: Faults::default(),
            capacity_bytes: u64::MAX,
            syncs_until_failure: None,
            writes_until_failure: None,
            operations_until_crash: None,
            operations: 0,
            locks: HashSet::new(),
        }
    }

    /// Begins an operation of run `run`; one that changes or syncs something may be where the power fails.
    /// Answers whether this one is: the caller does part of it, then calls [`State::crash`] and fails.
    pub fn begin(&mut self, run: u64, changes: bool) -> io::Result<bool> {
        if !self.powered {
            return Err(io::Error::other("simulated: the power is off"));
        }
        if run != self.run {
            return Err(io::Error::other("simulated: the process died"));
        }
        if !changes {
            return Ok(false);
        }
        self.operations += 1;
        match &mut self.operations_until_crash {
            Some(0) => Ok(true),
            Some(count) => {
                *count -= 1;
                Ok(false)
            }
            None => Ok(false),
        }
    }

    pub fn crash(&mut self) {
        if !self.powered {
            return;
        }
        self.powered = false;
        self.locks.clear();
        let random = &mut self.random;
        // Changes that span two directories happen in both or in neither.
        let mut fates: HashMap<u64, bool> = HashMap::new();
        let mut ids: Vec<_> = self.nodes.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            match self.nodes.get_mut(&id) {
                Some(Node::File(file)) => {
                    file.durable = file.surviving(random);
                    file.unsynced.clear();
                    file.current = file.durable.clone();
                }
                Some(Node::Directory(directory)) => {
                    let changes = std::mem::take(&mut directory.unsynced);
                    let survival = random.survival();
                    let moment = random.below(changes.len() + 1);
                    for (index, change) in changes.into_iter().enumerate() {
                        let kept = match survival {
                            Survival::Nothing => false,
                            Survival::Everything => true,
                            Survival::Prefix => index < moment,
                            Survival::Anything => random.chance(0.5),
                        };
                        if *fates.entry(change.number).or_insert(kept) {
                            change.apply(&mut directory.durable);
                        }
                    }
                    directory.current = directory.durable.clone();
                }
                None => {}
            }
        }
        self.collect_garbage();
    }

    /// Forgets the nodes that no entry leads to.
    fn collect_garbage(&mut self) {
        let reachable = self.reachable();
        self.nodes.retain(|id, _| reachable.contains(id));
    }

    pub fn find(&self, path: &Path, operation: &'static str) -> Result<NodeId> {
        let mut id = ROOT;
        for name in names(path) {
            let child = match self.nodes.get(&id) {
                Some(Node::Directory(directory)) => directory.current.get(&name),
                _ => None,
            };
            id = *child.ok_or_else(|| {
                StorageError::new(operation, path, io::ErrorKind::NotFound.into())
            })?;
        }
        Ok(id)
    }

    /// The directory that holds `path`, and the name in it.
    pub fn find_parent(&self, path: &Path, operation: &'static str) -> Result<(NodeId, String)> {
        let failed = |kind: io::ErrorKind| StorageError::new(operation, path, kind.into());
        let name = names(path)
            .pop()
            .ok_or_else(|| failed(io::ErrorKind::InvalidInput))?;
        let parent = self.find(path.parent().unwrap_or(Path::new("")), operation)?;
        match &self.nodes[&parent] {
            Node::Directory(_) => Ok((parent, name)),
            Node::File(_) => Err(failed(io::ErrorKind::NotADirectory)),
        }
    }

    pub fn file(&mut self, id: NodeId) -> &mut FileNode {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => file,
            _ => unreachable!("invariant: handles and lookups of files lead to files"),
        }
    }

    pub fn directory(&mut self, id: NodeId) -> &mut DirectoryNode {
        match self.nodes.get_mut(&id) {
            Some(Node::Directory(directory)) => directory,
            _ => unreachable!("invariant: lookups of directories lead to directories"),
        }
    }

    pub fn add_node(&mut self, node: Node) -> NodeId {
        let id = self.node_next;
        self.node_next += 1;
        self.nodes.insert(id, node);
        id
    }

    pub fn change_number(&mut self) -> u64 {
        self.change_next += 1;
        self.change_next
    }

    pub fn set_entries(
        &mut self,
        directory: NodeId,
        number: u64,
        entries: Vec<(String, Option<NodeId>)>,
    ) {
        let change = EntryChange { number, entries };
        let directory = self.directory(directory);
        change.apply(&mut directory.current);
        directory.unsynced.push(change);
    }

    /// The sum of the lengths of all files that an entry leads to.
    pub fn used_bytes(&self) -> u64 {
        let length = |id: &NodeId| match &self.nodes[id] {
            Node::File(file) => file.current.len() as u64,
            Node::Directory(_) => 0,
        };
        self.reachable().iter().map(length).sum()
    }

    fn reachable(&self) -> HashSet<NodeId> {
        let mut reachable = HashSet::from([ROOT]);
        let mut queue = vec![ROOT];
        while let Some(id) = queue.pop() {
            if let Some(Node::Directory(directory)) = self.nodes.get(&id) {
                for child in directory.current.values() {
                    if reachable.insert(*child) {
                        queue.push(*child);
                    }
                }
            }
        }
        reachable
    }

    /// Does one changing operation, or a part of it if the power fails in it.
    pub fn change<T>(
        &mut self,
        run: u64,
        operation: &'static str,
        path: &Path,
        act: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let failed = |source| StorageError::new(operation, path, source);
        let dies = self.begin(run, true).map_err(failed)?;
        if !dies {
            return act(self);
        }
        // Done or not when the power fails: either may be.
        if self.random.chance(0.5) {
            let _ = act(self);
        }
        self.crash();
        Err(failed(io::Error::other("simulated: the power failed")))
    }
}

impl EntryChange {
    fn apply(&self, entries: &mut BTreeMap<String, NodeId>) {
        for (name, id) in &self.entries {
            match id {
                Some(id) => entries.insert(name.clone(), *id),
                None => entries.remove(name),
            };
        }
    }
}

pub(super) fn names(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}

/// Counts down to a planned failure; true when it is due.
pub(super) fn is_due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(count) => {
            *count -= 1;
            false
        }
        None => false,
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(super) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    fn survival(&mut self) -> Survival {
        match self.below(6) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::Prefix,
            _ => Survival::Anything,
        }
    }
}
