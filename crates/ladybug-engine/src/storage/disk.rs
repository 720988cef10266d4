//! The real file system: [`Storage`] over `std::fs`, rooted at the data directory.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, File, Lock, Mapping, Result, Storage, StorageError};

/// Files below one root directory.
#[derive(Debug, Clone)]
pub struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// Storage below `root`, which is created (durably) if it is missing.
    ///
    /// # Errors
    /// If the directory cannot be made or synced.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self> {
        let storage = Self { root: root.into() };
        storage.create_directory(Path::new(""))?;
        Ok(storage)
    }

    /// The directory all paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        // Joining an empty path would append a slash, which error messages would show.
        if path.as_os_str().is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }
}

struct DiskFile {
    file: fs::File,
    path: PathBuf,
}

impl DiskFile {
    fn failed(&self, operation: &'static str) -> impl FnOnce(io::Error) -> StorageError {
        let path = self.path.clone();
        move |source| StorageError::new(operation, path, source)
    }
}

impl File for DiskFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(self.failed("write"))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self
                .file
                .read_at(&mut buffer[count..], offset + count as u64)
            {
                Ok(0) => break,
                Ok(read) => count += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StorageError::new("read", &self.path, error)),
            }
        }
        Ok(count)
    }

    fn length(&self) -> Result<u64> {
        let metadata = self.file.metadata().map_err(self.failed("measure"))?;
        Ok(metadata.len())
    }

    fn truncate(&self, length: u64) -> Result<()> {
        self.file.set_len(length).map_err(self.failed("truncate"))
    }

    fn sync_data(&self) -> Result<()> {
        self.file.sync_data().map_err(self.failed("sync"))
    }
}

impl Storage for DiskStorage {
    fn create(&self, path: &Path) -> Result<Arc<dyn File>> {
        let path = self.resolve(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|source| StorageError::new("create", &path, source))?;
        Ok(Arc::new(DiskFile { file, path }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        let path = self.resolve(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| StorageError::new("open", &path, source))?;
        Ok(Arc::new(DiskFile { file, path }))
    }

    fn map(&self, path: &Path) -> Result<Mapping> {
        let path = self.resolve(path);
        let failed = |source| StorageError::new("map", &path, source);
        let file = fs::File::open(&path).map_err(failed)?;
        // SAFETY: a mapping is undefined when the file changes under it. `Storage::map` is only for published
        // files, which nothing of ours writes again, and the directory's lock keeps other servers out.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(failed)?;
        Ok(Mapping { map })
    }

    fn list(&self, directory: &Path) -> Result<Vec<Entry>> {
        let path = self.resolve(directory);
        let failed = |source| StorageError::new("list", &path, source);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_directory: entry.file_type().map_err(failed)?.is_dir(),
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        let path = self.resolve(path);
        fs::remove_file(&path).map_err(|source| StorageError::new("remove", &path, source))
    }

    fn remove_directory(&self, path: &Path) -> Result<()> {
        let path = self.resolve(path);
        fs::remove_dir_all(&path)
            .map_err(|source| StorageError::new("remove directory", &path, source))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let from = self.resolve(from);
        fs::rename(&from, self.resolve(to))
            .map_err(|source| StorageError::new("rename", &from, source))
    }

    fn sync_directory(&self, path: &Path) -> Result<()> {
        let path = self.resolve(path);
        fs::File::open(&path)
            .and_then(|directory| directory.sync_all())
            .map_err(|source| StorageError::new("sync directory", &path, source))
    }

    fn create_directory(&self, path: &Path) -> Result<()> {
        let path = self.resolve(path);
        let failed = |source| StorageError::new("create directory", &path, source);
        let missing: Vec<_> = path
            .ancestors()
            .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
            .collect();
        fs::create_dir_all(&path).map_err(failed)?;
        // A directory is durable once its parent is synced, and so on up to what was there before.
        for directory in missing {
            let parent = match directory.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            fs::File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(failed)?;
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> Result<Lock> {
        let path = self.resolve(path);
        let failed = |source| StorageError::new("lock", &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it only makes the message better; without it the message still says what to do.
                if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                    holder = String::from("unknown");
                }
                return Err(failed(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    format!(
                        "another process (id {}) uses this data directory; stop it or choose another directory",
                        holder.trim()
                    ),
                )));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Lock::new(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_back_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let storage = DiskStorage::new(directory.path().join("a/b")).unwrap();
        let file = storage.create(Path::new("x")).unwrap();
        file.write_at(3, b"abc").unwrap();
        file.sync_data().unwrap();
        assert_eq!(storage.read(Path::new("x")).unwrap(), b"\0\0\0abc");
        assert_eq!(&*storage.map(Path::new("x")).unwrap(), b"\0\0\0abc");
        file.truncate(4).unwrap();
        assert_eq!(file.length().unwrap(), 4);
        storage.publish(Path::new("x"), b"new").unwrap();
        assert_eq!(storage.read(Path::new("x")).unwrap(), b"new");
        storage.create_directory(Path::new("d/e")).unwrap();
        storage.publish(Path::new("d/e/y"), b"").unwrap();
        assert!(storage.map(Path::new("d/e/y")).unwrap().is_empty());
        let names: Vec<_> = storage
            .list(Path::new(""))
            .unwrap()
            .into_iter()
            .map(|entry| (entry.name, entry.is_directory))
            .collect();
        assert_eq!(names, [("d".into(), true), ("x".into(), false)]);
        storage.remove_directory(Path::new("d")).unwrap();
        storage.remove_file(Path::new("x")).unwrap();
        let error = storage.read(Path::new("x")).unwrap_err();
        assert!(error.is_not_found());
        assert!(error.to_string().contains("cannot open"), "{error}");
    }

    #[test]
    fn a_second_holder_of_the_lock_is_told_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let storage = DiskStorage::new(directory.path()).unwrap();
        let lock = storage.lock(Path::new("LOCK")).unwrap();
        let error = storage
            .lock(Path::new("LOCK"))
            .err()
            .expect("the lock is held");
        let id = std::process::id().to_string();
        assert!(error.to_string().contains(&id), "{error}");
        drop(lock);
        storage.lock(Path::new("LOCK")).unwrap();
    }
}
