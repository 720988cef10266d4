//! A disk in memory that lies as real ones do: for tests of everything that claims to survive a crash.
//!
//! It tells what was synced from what was not, for file content (by sectors of 512 bytes) and for directory
//! entries. [`SimulatedStorage::crash`] is a power loss: each unsynced sector comes back in any of the states it had
//! since the last sync, or all of them from one moment, or none; likewise lengths and directory entries.
//! [`SimulatedStorage::kill`] is the death of the process alone: nothing written is lost. Writes can run out of
//! space or fail, syncs can fail, bits can flip: on demand or at random. After a failed sync the unsynced sectors
//! are on disk or lost at random, stay readable, and are never written again, as on Linux ("fsyncgate").
//! Everything follows from the seed and the order of the calls.

mod state;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Entry, File, Lock, Mapping, Result, Storage, StorageError};
use state::{DirectoryNode, FileNode, Node, NodeId, ROOT, State, is_due, names};

/// What goes wrong at random. Probabilities are per call, 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// A write that fails after any part of it.
    pub write_failure: f64,
    /// A sync of a file that fails.
    pub sync_failure: f64,
    /// A sync of a directory that fails.
    pub directory_sync_failure: f64,
}

/// The simulated disk. Clones share it.
#[derive(Clone)]
pub struct SimulatedStorage {
    state: Arc<Mutex<State>>,
}

impl SimulatedStorage {
    /// An empty disk, all of whose misfortunes follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(seed))),
        }
    }

    /// What goes wrong at random from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// Writes that would take the sum of all file lengths past this fail, after as much of them as fits.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// Lets `count` more file syncs succeed and the one after them fail, once.
    pub fn fail_sync_after(&self, count: u64) {
        self.state.lock().syncs_until_failure = Some(count);
    }

    /// Lets `count` more writes succeed and the one after them fail, once.
    pub fn fail_write_after(&self, count: u64) {
        self.state.lock().writes_until_failure = Some(count);
    }

    /// Loses power after `count` more operations that change anything, in the middle of the next one.
    pub fn crash_after(&self, count: u64) {
        self.state.lock().operations_until_crash = Some(count);
    }

    /// Operations that changed or synced something so far: the points at which [`Self::crash_after`] can strike.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether the power is on.
    pub fn is_powered(&self) -> bool {
        self.state.lock().powered
    }

    /// The power fails: what was not synced is lost, kept or mixed, and every operation fails until
    /// [`Self::restart`]. Without effect if it failed before.
    pub fn crash(&self) {
        self.state.lock().crash();
    }

    /// The process dies, the machine does not: everything written is there, synced or not, for the next run.
    /// Handles and locks of this run are dead from now on.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        state.run += 1;
        state.locks.clear();
    }

    /// Turns the power on again, with a disk that works: see [`Self::heal`]. Crashes first if the power was on.
    pub fn restart(&self) {
        {
            let mut state = self.state.lock();
            state.crash();
            state.powered = true;
            state.run += 1;
        }
        self.heal();
    }

    /// Ends all planned and random faults and frees space.
    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.faults = Faults::default();
        state.capacity_bytes = u64::MAX;
        state.syncs_until_failure = None;
        state.writes_until_failure = None;
        state.operations_until_crash = None;
    }

    /// Flips one bit of a file, as found on disk and in the cache.
    ///
    /// # Errors
    /// If the file is not there or shorter.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> Result<()> {
        let mut state = self.state.lock();
        let id = state.find(path, "damage")?;
        let file = state.file(id);
        let offset = offset as usize;
        let Some(byte) = file.current.get_mut(offset) else {
            let source = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(StorageError::new("damage", path, source));
        };
        *byte ^= 1 << (bit % 8);
        if let Some(byte) = file.durable.get_mut(offset) {
            *byte ^= 1 << (bit % 8);
        }
        Ok(())
    }

    /// Flips a bit anywhere in a random non-empty file below `directory`. Returns the file and the offset, or
    /// `None` if there is no such file.
    pub fn flip_random_bit(&self, directory: &Path) -> Option<(PathBuf, u64)> {
        let (path, offset, bit) = {
            let mut state = self.state.lock();
            let id = state.find(directory, "damage").ok()?;
            let Node::Directory(node) = &state.nodes[&id] else {
                return None;
            };
            let files: Vec<_> = node
                .current
                .iter()
                .filter_map(|(name, id)| match &state.nodes[id] {
                    Node::File(file) if !file.current.is_empty() => {
                        Some((name.clone(), file.current.len()))
                    }
                    _ => None,
                })
                .collect();
            if files.is_empty() {
                return None;
            }
            let (name, length) = files[state.random.below(files.len())].clone();
            let offset = state.random.below(length) as u64;
            (directory.join(name), offset, state.random.below(8) as u8)
        };
        self.flip_bit(&path, offset, bit).ok()?;
        Some((path, offset))
    }
}

struct SimulatedFile {
    state: Arc<Mutex<State>>,
    run: u64,
    id: NodeId,
    path: PathBuf,
}

impl SimulatedFile {
    fn failed(&self, operation: &'static str, source: io::Error) -> StorageError {
        StorageError::new(operation, &self.path, source)
    }
}

impl File for SimulatedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut state = self.state.lock();
        let dies = state
            .begin(self.run, true)
            .map_err(|error| self.failed("write", error))?;
        let offset = offset as usize;
        let probability = state.faults.write_failure;
        let fails = is_due(&mut state.writes_until_failure) | state.random.chance(probability);
        let grows = (offset + bytes.len()).saturating_sub(state.file(self.id).current.len());
        let free = match state.capacity_bytes {
            u64::MAX => u64::MAX,
            capacity => capacity.saturating_sub(state.used_bytes()),
        };
        let is_full = grows as u64 > free;
        let mut count = bytes.len();
        if is_full {
            count -= (grows - free as usize).min(count);
        }
        if fails || dies {
            count = state.random.below(count + 1);
        }
        if count > 0 {
            let file = state.file(self.id);
            let end = offset + count;
            let dirty_from = offset.min(file.current.len());
            if file.current.len() < end {
                file.current.resize(end, 0);
            }
            file.current[offset..end].copy_from_slice(&bytes[..count]);
            file.dirty(dirty_from, end);
        }
        if dies {
            state.crash();
            let source = io::Error::other("simulated: the power failed");
            return Err(self.failed("write", source));
        }
        if fails {
            return Err(self.failed("write", io::Error::other("simulated: write failed")));
        }
        if is_full {
            return Err(self.failed("write", io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut state = self.state.lock();
        state
            .begin(self.run, false)
            .map_err(|error| self.failed("read", error))?;
        let current = &state.file(self.id).current;
        let start = (offset as usize).min(current.len());
        let count = buffer.len().min(current.len() - start);
        buffer[..count].copy_from_slice(&current[start..start + count]);
        Ok(count)
    }

    fn length(&self) -> Result<u64> {
        let mut state = self.state.lock();
        state
            .begin(self.run, false)
            .map_err(|error| self.failed("measure", error))?;
        Ok(state.file(self.id).current.len() as u64)
    }

    fn truncate(&self, length: u64) -> Result<()> {
        self.state
            .lock()
            .change(self.run, "truncate", &self.path, |state| {
                let file = state.file(self.id);
                let (old, new) = (file.current.len(), length as usize);
                file.current.resize(new, 0);
                file.dirty(old.min(new), old.max(new));
                Ok(())
            })
    }

    fn sync_data(&self) -> Result<()> {
        let mut guard = self.state.lock();
        guard.change(self.run, "sync", &self.path, |state| {
            let probability = state.faults.sync_failure;
            let fails = is_due(&mut state.syncs_until_failure) | state.random.chance(probability);
            let State { random, nodes, .. } = state;
            let Some(Node::File(file)) = nodes.get_mut(&self.id) else {
                unreachable!("invariant: a file handle leads to a file");
            };
            if fails {
                file.durable = file.surviving(random);
                file.unsynced.clear();
                return Err(self.failed("sync", io::Error::other("simulated: sync failed")));
            }
            file.settle();
            Ok(())
        })
    }
}

struct HeldLock {
    state: Arc<Mutex<State>>,
    run: u64,
    path: PathBuf,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.run == self.run {
            state.locks.remove(&self.path);
        }
    }
}

impl SimulatedStorage {
    fn change<T>(
        &self,
        operation: &'static str,
        path: &Path,
        act: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.state.lock();
        let run = state.run;
        state.change(run, operation, path, act)
    }

    fn handle(&self, run: u64, id: NodeId, path: &Path) -> Arc<dyn File> {
        Arc::new(SimulatedFile {
            state: Arc::clone(&self.state),
            run,
            id,
            path: path.to_owned(),
        })
    }

    fn find_file(&self, path: &Path, operation: &'static str) -> Result<(u64, NodeId)> {
        let mut state = self.state.lock();
        let failed = |source| StorageError::new(operation, path, source);
        let run = state.run;
        state.begin(run, false).map_err(failed)?;
        let id = state.find(path, operation)?;
        match &state.nodes[&id] {
            Node::File(_) => Ok((run, id)),
            Node::Directory(_) => Err(failed(io::ErrorKind::IsADirectory.into())),
        }
    }
}

impl Storage for SimulatedStorage {
    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let (run, id) = self.change("create", path, |state| {
            let (parent, name) = state.find_parent(path, "create")?;
            if let Some(id) = state.directory(parent).current.get(&name).copied() {
                let Some(Node::File(file)) = state.nodes.get_mut(&id) else {
                    let source = io::ErrorKind::IsADirectory.into();
                    return Err(StorageError::new("create", path, source));
                };
                let length = file.current.len();
                file.current.clear();
                file.dirty(0, length);
                return Ok((state.run, id));
            }
            let id = state.add_node(Node::File(FileNode::default()));
            let number = state.change_number();
            state.set_entries(parent, number, vec![(name, Some(id))]);
            Ok((state.run, id))
        })?;
        Ok(self.handle(run, id, path))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let (run, id) = self.find_file(path, "open")?;
        Ok(self.handle(run, id, path))
    }

    fn map(&self, path: &Path) -> Result<Mapping> {
        let (_, id) = self.find_file(path, "map")?;
        let mut state = self.state.lock();
        let bytes = &state.file(id).current;
        let failed = |source| StorageError::new("map", path, source);
        let mut map = memmap2::MmapMut::map_anon(bytes.len()).map_err(failed)?;
        map.copy_from_slice(bytes);
        let map = map.make_read_only().map_err(failed)?;
        Ok(Mapping { map })
    }

    fn list(&self, directory: &Path) -> Result<Vec<Entry>> {
        let mut state = self.state.lock();
        let run = state.run;
        let failed = |source| StorageError::new("list", directory, source);
        state.begin(run, false).map_err(failed)?;
        let id = state.find(directory, "list")?;
        let Node::Directory(node) = &state.nodes[&id] else {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        };
        Ok(node
            .current
            .iter()
            .map(|(name, id)| Entry {
                name: name.clone(),
                is_directory: matches!(state.nodes[id], Node::Directory(_)),
            })
            .collect())
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.change("remove", path, |state| {
            let id = state.find(path, "remove")?;
            if matches!(state.nodes[&id], Node::Directory(_)) {
                let source = io::ErrorKind::IsADirectory.into();
                return Err(StorageError::new("remove", path, source));
            }
            let (parent, name) = state.find_parent(path, "remove")?;
            let number = state.change_number();
            state.set_entries(parent, number, vec![(name, None)]);
            Ok(())
        })
    }

    fn remove_directory(&self, path: &Path) -> Result<()> {
        self.change("remove directory", path, |state| {
            let mut directory = state.find(path, "remove directory")?;
            if matches!(state.nodes[&directory], Node::File(_)) {
                let source = io::ErrorKind::NotADirectory.into();
                return Err(StorageError::new("remove directory", path, source));
            }
            // Its content goes entry by entry: a power loss can leave a part of it.
            let mut inner = vec![directory];
            while let Some(id) = inner.pop() {
                directory = id;
                let entries: Vec<_> = state
                    .directory(directory)
                    .current
                    .clone()
                    .into_iter()
                    .collect();
                for (name, child) in entries {
                    if matches!(state.nodes[&child], Node::Directory(_)) {
                        inner.push(child);
                    }
                    let number = state.change_number();
                    state.set_entries(directory, number, vec![(name, None)]);
                }
            }
            let (parent, name) = state.find_parent(path, "remove directory")?;
            let number = state.change_number();
            state.set_entries(parent, number, vec![(name, None)]);
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change("rename", from, |state| {
            let id = state.find(from, "rename")?;
            let (from_parent, from_name) = state.find_parent(from, "rename")?;
            let (to_parent, to_name) = state.find_parent(to, "rename")?;
            if let Some(replaced) = state.directory(to_parent).current.get(&to_name).copied()
                && let Node::Directory(directory) = &state.nodes[&replaced]
                && !directory.current.is_empty()
            {
                let source = io::ErrorKind::DirectoryNotEmpty.into();
                return Err(StorageError::new("rename", from, source));
            }
            let number = state.change_number();
            if from_parent == to_parent {
                let entries = vec![(from_name, None), (to_name, Some(id))];
                state.set_entries(from_parent, number, entries);
            } else {
                state.set_entries(from_parent, number, vec![(from_name, None)]);
                state.set_entries(to_parent, number, vec![(to_name, Some(id))]);
            }
            Ok(())
        })
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        self.change("sync directory", path, |state| {
            let id = state.find(path, "sync directory")?;
            let probability = state.faults.directory_sync_failure;
            if state.random.chance(probability) {
                let source = io::Error::other("simulated: sync failed");
                return Err(StorageError::new("sync directory", path, source));
            }
            let directory = state.directory(id);
            directory.durable = directory.current.clone();
            directory.unsynced.clear();
            Ok(())
        })
    }

    fn create_directory(&self, path: &Path) -> Result<()> {
        self.change("create directory", path, |state| {
            let mut parent = ROOT;
            for name in names(path) {
                let existing = state.directory(parent).current.get(&name).copied();
                let id = match existing {
                    Some(id) if matches!(state.nodes[&id], Node::Directory(_)) => id,
                    Some(_) => {
                        let source = io::ErrorKind::AlreadyExists.into();
                        return Err(StorageError::new("create directory", path, source));
                    }
                    None => {
                        // Durable at once, as `DiskStorage` makes it.
                        let id = state.add_node(Node::Directory(DirectoryNode::default()));
                        let directory = state.directory(parent);
                        directory.current.insert(name.clone(), id);
                        directory.durable.insert(name, id);
                        id
                    }
                };
                parent = id;
            }
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> Result<Lock> {
        let run = self.change("lock", path, |state| {
            if !state.locks.insert(path.to_owned()) {
                let source = io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "simulated: somebody holds the lock",
                );
                return Err(StorageError::new("lock", path, source));
            }
            Ok(state.run)
        })?;
        // Made outside, since its end locks the state: the power may fail in this very operation.
        Ok(Lock::new(HeldLock {
            state: Arc::clone(&self.state),
            run,
            path: path.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests;
