//! The writing half of the log: the open segment, the writer thread, failure and resumption.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::FailureCause;
use super::scan::{list_segments, segment_path};
use super::{Abandoned, FsyncPolicy, LogError, LogFailed, LogOptions, SegmentFile, Shared};
use crate::commit::payload::{Mark, Payload};
use crate::commit::record::{self, Position, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::{File, Result, Storage};
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use crate::sync::thread::{self, JoinHandle};

/// Under `always`, records nobody waits for are written this often.
const IDLE_WRITE_INTERVAL: Duration = Duration::from_millis(100);
/// Under `everysec`, the time between syncs; under `never`, between writes of what nobody flushed.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Under `always`, zeros are written this far ahead, so that most syncs find the file's size and extents settled
/// and need no journal commit of the file system's.
const ZERO_AHEAD_BYTES: u64 = 1 << 20;
/// Batches at least this large gain nothing by it.
const ZERO_AHEAD_BATCH_BYTES_MAX: usize = 64 << 10;
/// What is lent is written in pieces of this size, which stay in the processor's cache while they are gathered.
const GATHERED_BYTES: usize = 512 << 10;
/// A write buffer larger than this is given back.
const SPARE_BYTES_MAX: usize = 16 << 20;

/// The segments on disk, the last of them open for writing.
pub(super) struct Segments {
    storage: Arc<dyn Storage>,
    directory: PathBuf,
    bytes_max: u64,
    zero_ahead: bool,
    /// Closed segments, in order.
    closed: Vec<SegmentFile>,
    header: SegmentHeader,
    path: PathBuf,
    file: Arc<dyn File>,
    /// Where the next record goes in the open segment.
    end: u64,
    /// Up to where the open segment was written with zeros or records.
    zeroed: u64,
    /// The last position written.
    written: Position,
    /// Closed segments with records that are not synced, by their first position.
    unsynced: Vec<(Position, Arc<dyn File>)>,
    /// A buffer to swap with the queue's.
    spare: Payload,
}

impl Segments {
    /// Opens a new segment for `header` (whose salt is drawn here) after the `closed` ones.
    pub fn begin(
        storage: Arc<dyn Storage>,
        options: &LogOptions,
        closed: Vec<SegmentFile>,
        header: SegmentHeader,
    ) -> Result<Self> {
        let (header, path, file) = create_segment(&*storage, &options.directory, header)?;
        Ok(Self {
            directory: options.directory.clone(),
            bytes_max: options.segment_bytes_max,
            zero_ahead: options.fsync == FsyncPolicy::Always,
            closed,
            written: header.first - 1,
            header,
            path,
            file,
            end: SEGMENT_HEADER_BYTES as u64,
            zeroed: SEGMENT_HEADER_BYTES as u64,
            unsynced: Vec::new(),
            spare: Payload::default(),
            storage,
        })
    }

    /// Seals and writes a queue of framed records. Each run that fits the open segment is one write, or as many as what
    /// is lent needs.
    fn write(&mut self, queue: &mut Payload, durable: Position) -> Result<()> {
        let mut run = (Mark::START, 0);
        let mut at = Mark::START;
        while at != queue.mark() {
            let record = record::peek(queue, at);
            assert_eq!(
                record.position,
                self.written + 1,
                "invariant: the queue continues what was written"
            );
            let end = self.end + (run.1 + record.length) as u64;
            let is_empty = self.end == SEGMENT_HEADER_BYTES as u64 && at == run.0;
            if end > self.bytes_max && !is_empty {
                self.write_run(queue.pieces(run.0, at), run.1)?;
                run = (at, 0);
                self.rotate(record.position, durable)?;
            }
            record::seal(queue, (at, record.end), &self.header, durable);
            self.written = record.position;
            run.1 += record.length;
            at = record.end;
        }
        self.write_run(queue.pieces(run.0, at), run.1)
    }

    /// Writes pieces of so many bytes.
    fn write_run<'a>(
        &mut self,
        mut pieces: impl Iterator<Item = &'a [u8]>,
        bytes: usize,
    ) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let end = self.end + bytes as u64;
        let first = pieces.next().unwrap_or_default();
        if self.zero_ahead && end > self.zeroed && bytes < ZERO_AHEAD_BATCH_BYTES_MAX {
            let zeroed = end
                .next_multiple_of(ZERO_AHEAD_BYTES)
                .min(self.bytes_max.max(end));
            let mut padded = Vec::with_capacity((zeroed - self.end) as usize);
            padded.extend_from_slice(first);
            pieces.for_each(|piece| padded.extend_from_slice(piece));
            padded.resize((zeroed - self.end) as usize, 0);
            self.file.write_at(self.end, &padded)?;
            self.zeroed = zeroed;
        } else if first.len() == bytes {
            self.file.write_at(self.end, first)?;
        } else {
            self.write_gathered(std::iter::once(first).chain(pieces))?;
        }
        self.zeroed = self.zeroed.max(end);
        self.end = end;
        Ok(())
    }

    /// Writes pieces through a buffer.
    fn write_gathered<'a>(&self, pieces: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        let mut gathered = Vec::with_capacity(GATHERED_BYTES);
        let mut at = self.end;
        for mut piece in pieces {
            while !piece.is_empty() {
                let room = GATHERED_BYTES - gathered.len();
                let (fits, rest) = piece.split_at(room.min(piece.len()));
                gathered.extend_from_slice(fits);
                piece = rest;
                if gathered.len() == GATHERED_BYTES {
                    self.file.write_at(at, &gathered)?;
                    at += gathered.len() as u64;
                    gathered.clear();
                }
            }
        }
        self.file.write_at(at, &gathered)
    }

    /// Closes the open segment and opens the next, beginning with `first`.
    fn rotate(&mut self, first: Position, durable: Position) -> Result<()> {
        let header = SegmentHeader {
            epoch: self.header.epoch,
            first,
            after: first - 1,
            previous: self.header.first,
            durable,
            salt: 0,
        };
        self.trim()?;
        let (header, path, file) = create_segment(&*self.storage, &self.directory, header)?;
        let file = std::mem::replace(&mut self.file, file);
        self.unsynced.push((self.header.first, file));
        self.closed.push(SegmentFile {
            first: self.header.first,
            path: std::mem::replace(&mut self.path, path),
            bytes: self.end,
        });
        self.header = header;
        self.end = SEGMENT_HEADER_BYTES as u64;
        self.zeroed = self.end;
        Ok(())
    }

    /// Gives back what was allocated ahead in the open segment.
    fn trim(&mut self) -> Result<()> {
        if self.zeroed > self.end {
            self.file.truncate(self.end)?;
            self.zeroed = self.end;
        }
        Ok(())
    }

    /// The files that hold records which are not synced.
    fn take_unsynced(&mut self) -> Vec<Arc<dyn File>> {
        let mut files: Vec<_> = self.unsynced.drain(..).map(|(_, file)| file).collect();
        files.push(Arc::clone(&self.file));
        files
    }

    pub fn truncate_before(&mut self, position: Position) -> std::result::Result<(), LogError> {
        let firsts = self.closed.iter().skip(1).map(|segment| segment.first);
        let count = firsts
            .chain([self.header.first])
            .take(self.closed.len())
            .take_while(|next_first| *next_first <= position)
            .count();
        for _ in 0..count {
            self.storage.remove_file(&self.closed[0].path)?;
            let removed = self.closed.remove(0);
            self.unsynced.retain(|(first, _)| *first != removed.first);
        }
        if count > 0 {
            self.storage.sync_directory(&self.directory)?;
        }
        Ok(())
    }
}

/// Makes the file of a segment, durable with its header and its name before any record is written to it.
fn create_segment(
    storage: &dyn Storage,
    directory: &std::path::Path,
    header: SegmentHeader,
) -> Result<(SegmentHeader, PathBuf, Arc<dyn File>)> {
    // The standard library's per-process random keys: unpredictable to clients, which is all it takes.
    let salt = RandomState::new().hash_one((header.epoch, header.first));
    let header = SegmentHeader { salt, ..header };
    let path = segment_path(directory, header.first);
    storage.publish(&path, &header.encode())?;
    let file = storage.open(&path)?;
    Ok((header, path, file))
}

impl Shared {
    /// Writes everything queued; under `everysec` and `never` that acknowledges it. A failure fails the log.
    pub(super) fn write_queue(&self) {
        let mut segments = self.segments.lock();
        self.write_queue_locked(&mut segments);
    }

    fn write_queue_locked(&self, segments: &mut MutexGuard<'_, Segments>) {
        let mut batch = std::mem::take(&mut segments.spare);
        {
            let mut queue = self.queue.lock();
            std::mem::swap(&mut queue.records, &mut batch);
            self.queued_bytes.store(0, Ordering::Relaxed);
        }
        if !batch.is_empty() {
            let durable = self.durable.load(Ordering::Acquire);
            let outcome = segments.write(&mut batch, durable);
            self.note_size(segments);
            if outcome.is_ok() {
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.written_bytes
                    .fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
            match outcome {
                Ok(()) if self.options.fsync != FsyncPolicy::Always => {
                    self.acknowledge(segments.written);
                }
                Ok(()) => {}
                Err(error) => self.fail(segments, error.into()),
            }
        }
        batch.clear();
        if batch.capacity() <= SPARE_BYTES_MAX {
            segments.spare = batch;
        }
    }

    /// Keeps the numbers of [`Log::stats`](super::Log::stats).
    pub(super) fn note_size(&self, segments: &Segments) {
        let closed: u64 = segments.closed.iter().map(|segment| segment.bytes).sum();
        self.segment_count
            .store(segments.closed.len() as u64 + 1, Ordering::Relaxed);
        self.segment_bytes
            .store(closed + segments.end, Ordering::Relaxed);
        self.epoch.store(segments.header.epoch, Ordering::Relaxed);
    }

    fn acknowledge(&self, position: Position) {
        self.acknowledged.store(position, Ordering::Release);
        self.waiters.wake_up_to(position);
    }

    /// Writes and syncs everything queued, while holding the segments: `always`.
    pub(super) fn commit_queue(&self) {
        let mut segments = self.segments.lock();
        self.write_queue_locked(&mut segments);
        if self.failed.load(Ordering::Acquire) {
            return;
        }
        let written = segments.written;
        if written == self.durable.load(Ordering::Acquire) {
            return;
        }
        match self.sync_files(&segments.take_unsynced()) {
            Ok(()) => {
                self.durable.store(written, Ordering::Release);
                self.acknowledge(written);
            }
            Err(error) => self.fail(&mut segments, error.into()),
        }
    }

    /// Syncs what was written, without keeping others from writing meanwhile: `everysec`.
    pub(super) fn sync(&self) {
        // One at a time: the closed segments that one sync has taken are not durable when another one ends.
        let _syncing = self.syncing.lock();
        let (files, written, epoch) = {
            let mut segments = self.segments.lock();
            if self.failed.load(Ordering::Acquire)
                || segments.written == self.durable.load(Ordering::Acquire)
            {
                return;
            }
            (
                segments.take_unsynced(),
                segments.written,
                segments.header.epoch,
            )
        };
        let outcome = self.sync_files(&files);
        let mut segments = self.segments.lock();
        // If the log failed meanwhile, its files and positions are no longer the ones that were synced.
        if self.failed.load(Ordering::Acquire) || segments.header.epoch != epoch {
            return;
        }
        match outcome {
            Ok(()) => {
                self.durable.fetch_max(written, Ordering::AcqRel);
            }
            Err(error) => self.fail(&mut segments, error.into()),
        }
    }

    fn sync_files(&self, files: &[Arc<dyn File>]) -> Result<()> {
        for file in files {
            self.syncs.fetch_add(1, Ordering::Relaxed);
            file.sync_data()?;
        }
        Ok(())
    }

    /// Ends acknowledgement: called with the segments locked, as everything that acknowledges is.
    fn fail(&self, segments: &mut Segments, cause: FailureCause) {
        if self.failed.load(Ordering::Acquire) {
            return;
        }
        let failed = LogFailed::new(cause, self.acknowledged.load(Ordering::Acquire));
        match *failed.cause {
            FailureCause::Closed => {}
            _ => tracing::error!("{failed}"),
        }
        segments.unsynced.clear();
        {
            let mut queue = self.queue.lock();
            queue.refusing = true;
            queue.records = Payload::default();
            self.queued_bytes.store(0, Ordering::Relaxed);
        }
        self.failures.lock().current = Some(failed);
        self.ever_failed.store(true, Ordering::Release);
        self.failed.store(true, Ordering::Release);
        self.waiters.wake_all();
    }

    pub(super) fn resume(&self) -> std::result::Result<(), LogError> {
        let mut segments = self.segments.lock();
        let acknowledged = match self.current_failure() {
            Some(failed)
                if !matches!(
                    *failed.cause,
                    FailureCause::Closed | FailureCause::WriterDied
                ) =>
            {
                failed.acknowledged
            }
            _ => return Err(LogError::NotFailed),
        };
        // Constant while records are refused, so that a failed attempt leaves nothing but a file which
        // the next one replaces.
        let start = self.queue.lock().next + 1;
        let header = SegmentHeader {
            epoch: segments.header.epoch + 1,
            first: start,
            after: acknowledged,
            previous: segments.header.first,
            // All before is in the caller's synced checkpoint.
            durable: start - 1,
            salt: 0,
        };
        // A rotation that failed may have left a segment behind, which is not part of the chain.
        for (first, path) in list_segments(&*self.storage, &self.options.directory)? {
            if first > segments.header.first && first != start {
                self.storage.remove_file(&path)?;
            }
        }
        let mut closed = segments.closed.clone();
        closed.push(SegmentFile {
            first: segments.header.first,
            path: segments.path.clone(),
            bytes: segments.end,
        });
        let fresh = Segments::begin(Arc::clone(&self.storage), &self.options, closed, header)?;

        let mut queue = self.queue.lock();
        *segments = fresh;
        self.note_size(&segments);
        queue.next = start;
        {
            let mut failures = self.failures.lock();
            let failed = failures.current.take();
            let failed = failed.expect("invariant: only resuming ends a failure, and it is locked");
            failures.past.push(Abandoned {
                through: start - 1,
                failed,
            });
        }
        self.durable.store(start - 1, Ordering::Release);
        self.acknowledged.store(start - 1, Ordering::Release);
        queue.refusing = false;
        self.failed.store(false, Ordering::Release);
        Ok(())
    }
}

/// Starts the writer thread.
pub(super) fn spawn(shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(String::from("ladybug-log"))
        .spawn(move || {
            let ending = Ending(&shared);
            run(&shared);
            drop(ending);
        })
}

/// However the writer thread ends, nobody is left waiting for it.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let cause = if std::thread::panicking() {
            FailureCause::WriterDied
        } else {
            FailureCause::Closed
        };
        let mut segments = self.0.segments.lock();
        self.0.fail(&mut segments, cause);
    }
}

fn run(shared: &Shared) {
    let policy = shared.options.fsync;
    let interval = match policy {
        FsyncPolicy::Always => IDLE_WRITE_INTERVAL,
        FsyncPolicy::EverySecond | FsyncPolicy::Never => SYNC_INTERVAL,
    };
    let mut due = Instant::now() + interval;
    loop {
        let closing = {
            let mut queue = shared.queue.lock();
            let mut timed_out = false;
            while !queue.closing && !timed_out && (!queue.kicked || queue.records.is_empty()) {
                queue.kicked = false;
                timed_out = shared.kicker.wait_until(&mut queue, due).timed_out();
            }
            queue.kicked = false;
            queue.closing
        };
        match policy {
            FsyncPolicy::Always => shared.commit_queue(),
            FsyncPolicy::EverySecond | FsyncPolicy::Never => shared.write_queue(),
        }
        let now = Instant::now();
        if now >= due {
            due = now + interval;
            if policy == FsyncPolicy::EverySecond {
                shared.sync();
            }
        }
        if closing {
            shared.sync();
            shared.trim();
            return;
        }
    }
}

impl Shared {
    /// Gives back what was allocated ahead, at the end. Not worth failing for: zeros at the end are no damage.
    fn trim(&self) {
        let mut segments = self.segments.lock();
        if self.failed.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = segments.trim() {
            tracing::warn!("the log keeps what it allocated ahead: {error}");
        }
    }
}
