//! One Arrow IPC file of a checkpoint, written and read by parts that each have a checksum.
//!
//! Every message, and within it every column, begins at a multiple of 64 bytes, so that a mapped file
//! can be used where it lies.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_ipc::{Block, MessageHeader, MetadataVersion, convert, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, Schema};
use xxhash_rust::xxh3::xxh3_64;

use super::manifest::{FileEntry, Part, PartKind};
use super::{CheckpointError, Damage};
use crate::storage::{File, Storage, StorageError};

/// Alignment of messages and columns in a file.
const ALIGNMENT_BYTES: usize = 64;

/// A record batch holds at most about as many bytes of names, values and properties as this: 256 MiB.
/// One row may be larger.
pub const BATCH_BYTES_MAX: usize = 256 << 20;

/// Gathers what the Arrow writer writes until a part of the file is complete.
struct Parts {
    file: Arc<dyn File>,
    pending: Vec<u8>,
    offset: u64,
    parts: Vec<Part>,
}

impl io::Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Parts {
    /// Writes what is pending as one part.
    fn write_part(&mut self, kind: PartKind) -> Result<(), CheckpointError> {
        self.note(kind, "", 0, self.pending.len());
        self.write_pending()
    }

    /// Writes the pending messages, each as its metadata and its columns.
    fn write_messages(&mut self, holds: &str) -> Result<(), CheckpointError> {
        let mut start = 0;
        while start < self.pending.len() {
            // Four bytes of continuation mark, four of length.
            let rest = &self.pending[start..];
            let length = rest.get(4..8).and_then(|bytes| bytes.try_into().ok());
            let metadata = 8 + u32::from_le_bytes(length.unwrap_or_default()) as usize;
            let message = rest.get(8..metadata).unwrap_or_default();
            let message = root_as_message(message)
                .map_err(|error| ArrowError::IpcError(error.to_string()))?;
            let body = message.bodyLength() as usize;
            if message.header_type() == MessageHeader::DictionaryBatch {
                self.note(PartKind::Dictionary, "", start, metadata + body);
            } else {
                self.note(PartKind::Metadata, holds, start, metadata);
                self.note(PartKind::Batch, holds, start + metadata, body);
            }
            start += metadata + body;
        }
        self.write_pending()
    }

    fn note(&mut self, kind: PartKind, holds: &str, start: usize, bytes: usize) {
        let content = &self.pending[start..start + bytes];
        self.parts.push(Part {
            kind,
            holds: holds.to_owned(),
            offset: self.offset + start as u64,
            bytes: bytes as u64,
            xxh3: xxh3_64(content),
        });
    }

    fn write_pending(&mut self) -> Result<(), CheckpointError> {
        self.file.write_at(self.offset, &self.pending)?;
        self.offset += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// An Arrow file in the making.
pub struct TableWriter {
    name: String,
    writer: FileWriter<Parts>,
}

impl TableWriter {
    /// Begins the file `name` in `directory`.
    pub fn create(
        storage: &dyn Storage,
        directory: &Path,
        name: &str,
        schema: &Schema,
    ) -> Result<Self, CheckpointError> {
        let parts = Parts {
            file: storage.create(&directory.join(name))?,
            pending: Vec::new(),
            offset: 0,
            parts: Vec::new(),
        };
        let options = IpcWriteOptions::try_new(ALIGNMENT_BYTES, false, MetadataVersion::V5)?;
        let mut writer = FileWriter::try_new_with_options(parts, schema, options)?;
        writer.get_mut().write_part(PartKind::Schema)?;
        Ok(Self {
            name: name.to_owned(),
            writer,
        })
    }

    /// Writes a record batch; `holds` says of what, for reports of damage.
    pub fn write(&mut self, batch: &RecordBatch, holds: &str) -> Result<(), CheckpointError> {
        self.writer.write(batch)?;
        self.writer.get_mut().write_messages(holds)
    }

    /// Ends the file and syncs it.
    pub fn finish(mut self) -> Result<FileEntry, CheckpointError> {
        self.writer.finish()?;
        let parts = self.writer.get_mut();
        parts.write_part(PartKind::Footer)?;
        parts.file.sync_data()?;
        Ok(FileEntry {
            name: self.name,
            bytes: parts.offset,
            parts: std::mem::take(&mut parts.parts),
        })
    }
}

/// Maps a file as one buffer.
pub fn map(storage: &dyn Storage, path: &Path) -> Result<Buffer, StorageError> {
    let mapping = Arc::new(storage.map(path)?);
    let Some(first) = std::ptr::NonNull::new(mapping.as_ptr().cast_mut()) else {
        return Ok(Buffer::default());
    };
    let bytes = mapping.len();
    // SAFETY: the range is the mapping, which is initialised, read-only, and kept alive by the owner that
    // the buffer holds; nothing writes through the buffer.
    Ok(unsafe { Buffer::from_custom_allocation(first, bytes, mapping) })
}

/// The parts of a file whose checksum does not hold, by index; damage of the whole file if its length is wrong.
pub fn verify(bytes: &[u8], entry: &FileEntry, path: &Path) -> (Vec<usize>, Vec<Damage>) {
    if bytes.len() as u64 != entry.bytes {
        let what = format!("expected {} bytes, found {}", entry.bytes, bytes.len());
        let place = String::new();
        let path = path.to_owned();
        return (Vec::new(), vec![Damage { path, place, what }]);
    }
    let bad = |part: &Part| {
        let range = part.offset as usize..(part.offset + part.bytes) as usize;
        let found = xxh3_64(&bytes[range]);
        (found != part.xxh3).then(|| Damage {
            path: path.to_owned(),
            place: part.place(),
            what: format!("expected checksum {:016x}, found {found:016x}", part.xxh3),
        })
    };
    let found = entry.parts.iter().enumerate();
    found
        .filter_map(|(at, part)| Some((at, bad(part)?)))
        .unzip()
}

/// The schema and record batches of a file whose parts were verified, over the same memory.
pub fn read(bytes: &Buffer) -> Result<(Schema, Vec<RecordBatch>), ArrowError> {
    let broken = || ArrowError::IpcError(String::from("expected an Arrow IPC file"));
    let tail = bytes.len().checked_sub(10).ok_or_else(broken)?;
    let length = bytes[tail..].try_into().map_err(|_| broken())?;
    let start = tail
        .checked_sub(read_footer_length(length)?)
        .ok_or_else(broken)?;
    let footer = root_as_footer(&bytes[start..tail])
        .map_err(|error| ArrowError::IpcError(error.to_string()))?;
    let schema = convert::fb_to_schema(footer.schema().ok_or_else(broken)?);
    let mut decoder = FileDecoder::new(Arc::new(schema.clone()), footer.version());
    let message = |block: &Block| {
        let length = block.bodyLength() as usize + block.metaDataLength() as usize;
        let offset = block.offset() as usize;
        let end = offset.checked_add(length).filter(|end| *end <= bytes.len());
        end.map(|_| bytes.slice_with_length(offset, length))
            .ok_or_else(broken)
    };
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &message(block)?)?;
    }
    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        batches.extend(decoder.read_record_batch(block, &message(block)?)?);
    }
    Ok((schema, batches))
}
