//! The one small trait through which all file access goes.
//!
//! [`DiskStorage`] is the real thing, [`SimulatedStorage`] a disk in memory that loses, reorders and tears
//! what was not synced. Paths are relative to the root the storage was made for (the data directory).
//! Nothing here knows what the files mean.

mod disk;
pub mod simulated;

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use disk::DiskStorage;
pub use simulated::SimulatedStorage;

/// What a storage operation answers.
pub type Result<T> = std::result::Result<T, StorageError>;

/// A file operation that failed: which, on what, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct StorageError {
    /// What was tried, as a verb phrase: `sync`, `create directory`.
    pub operation: &'static str,
    /// The path as the storage resolved it.
    pub path: PathBuf,
    /// What the operating system (or the simulation) said.
    pub source: io::Error,
}

impl StorageError {
    /// An error of `operation` on `path`.
    pub fn new(operation: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            operation,
            path: path.into(),
            source,
        }
    }

    /// Whether the path was absent.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        io::Error::new(error.source.kind(), error)
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name within its directory. Names that are not UTF-8 are shown lossily; Ladybug writes none.
    pub name: String,
    /// Whether it is itself a directory.
    pub is_directory: bool,
}

/// An open file. Reads and writes name their offset, so that a handle has no cursor to share.
pub trait File: Send + Sync {
    /// Writes all of `bytes` at `offset`, extending the file (with zeros between) if it is shorter.
    /// After an error any part of `bytes` may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the end of the file. Returns how many.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// The length in bytes.
    fn length(&self) -> Result<u64>;

    /// Cuts or zero-extends the file to `length` bytes.
    fn truncate(&self, length: u64) -> Result<()>;

    /// Returns once the content and the length survive a power loss (`fdatasync`). The file's *name* is durable
    /// only after [`Storage::sync_directory`]. After an error nobody knows which of the unsynced bytes survive,
    /// and a later success says nothing about them: never retry.
    fn sync_data(&self) -> Result<()>;
}

/// Proof that this process alone uses a data directory; released on drop.
pub struct Lock {
    _held: Box<dyn Send + Sync>,
}

impl Lock {
    /// A lock that is held as long as `held` lives.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

/// A file's bytes, read-only and page-aligned: mapped on disk, a copy in simulation.
pub struct Mapping {
    map: memmap2::Mmap,
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

/// All that Ladybug asks of a file system.
pub trait Storage: Send + Sync + 'static {
    /// Creates an empty file, or empties the one that is there, for reading and writing.
    fn create(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> Result<Arc<dyn File>>;

    /// Maps a file for reading. Only for files that are never changed once published: a mapping of a file that
    /// is truncated afterwards kills the process when it is read.
    fn map(&self, path: &Path) -> Result<Mapping>;

    /// The entries of a directory, sorted by name.
    fn list(&self, directory: &Path) -> Result<Vec<Entry>>;

    /// Removes a file. Durable after `sync_directory` of its parent.
    fn remove_file(&self, path: &Path) -> Result<()>;

    /// Removes a directory and everything in it. Durable after `sync_directory` of its parent.
    fn remove_directory(&self, path: &Path) -> Result<()>;

    /// Renames a file or directory, replacing a file that is there, atomically. Durable after `sync_directory`
    /// of the parent (of both parents, when they differ).
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Returns once the directory's entries survive a power loss.
    fn sync_directory(&self, path: &Path) -> Result<()>;

    /// Creates a directory and its missing parents; fine if it is there already.
    fn create_directory(&self, path: &Path) -> Result<()>;

    /// Takes the exclusive lock on `path`, creating the file. Fails at once, naming the holder where it is
    /// known, if another process (or another part of this one) holds it.
    fn lock(&self, path: &Path) -> Result<Lock>;

    /// The whole content of a file. Allocates what the file holds and no more.
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut bytes = vec![0; usize::try_from(file.length()?).unwrap_or(usize::MAX)];
        let count = file.read_at(0, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Publishes a file whole or not at all: writes `<path>.new`, syncs it, renames it to `path` and syncs the
    /// directory. Whoever finds `path`, also after a power loss, finds the old bytes or the new.
    fn publish(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let fresh = fresh_path(path);
        let file = self.create(&fresh)?;
        file.write_at(0, bytes)?;
        file.sync_data()?;
        drop(file);
        self.rename(&fresh, path)?;
        self.sync_directory(path.parent().unwrap_or(Path::new("")))
    }
}

/// The name under which [`Storage::publish`] prepares `path`. One left behind by a crash is rubbish.
pub fn fresh_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes a file from front to back: `std::io::Write` over a [`File`], for encoders that want one.
/// Unbuffered; wrap it in a `BufWriter` for small writes.
pub struct SequentialWriter {
    file: Arc<dyn File>,
    offset_bytes: u64,
}

impl SequentialWriter {
    /// Writes to `file` from `offset_bytes` on.
    pub fn new(file: Arc<dyn File>, offset_bytes: u64) -> Self {
        Self { file, offset_bytes }
    }

    /// Where the next byte goes.
    pub fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }
}

impl io::Write for SequentialWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.offset_bytes, bytes)?;
        self.offset_bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
