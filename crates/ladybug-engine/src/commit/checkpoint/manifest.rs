//! The manifest: what files a checkpoint consists of, with a checksum of every byte of each.
//!
//! It is JSON for whoever looks. Its first line holds the checksum of the lines after it, and is
//! compared as text, so that no bit of it can change unseen either.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::commit::record::Position;

/// The format that this Ladybug writes, and the last that it reads.
pub const FORMAT: u32 = 4;
/// The first format with a table of history.
pub const FORMAT_WITH_HISTORY: u32 = 2;

/// What a checkpoint consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// See [`FORMAT`].
    pub format: u32,
    /// The Ladybug that wrote it.
    pub version: String,
    /// The log position of the content.
    pub position: Position,
    /// The log's incarnation then.
    pub epoch: u64,
    /// The files.
    pub files: Vec<FileEntry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name in the checkpoint's directory.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its parts, from the first byte to the last.
    pub parts: Vec<Part>,
}

/// A range of a file with its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What of the file it is.
    pub kind: PartKind,
    /// What of the memory it holds; empty if no particular part.
    pub holds: String,
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// xxh3-64 of its bytes.
    pub xxh3: u64,
}

impl Part {
    /// The part as damage reports name it.
    pub fn place(&self) -> String {
        let last = self.offset + self.bytes.saturating_sub(1);
        let place = format!("bytes {} to {last}, {}", self.offset, self.kind.name());
        match self.holds.as_str() {
            "" => place,
            holds => format!("{place} of {holds}"),
        }
    }
}

/// What a part of an Arrow file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// The magic number and the schema.
    Schema,
    /// A dictionary.
    Dictionary,
    /// Where the columns of a record batch are.
    Metadata,
    /// The columns of a record batch.
    Batch,
    /// The end mark and the footer.
    Footer,
}

impl PartKind {
    const ALL: [Self; 5] = [
        Self::Schema,
        Self::Dictionary,
        Self::Metadata,
        Self::Batch,
        Self::Footer,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Dictionary => "dictionary",
            Self::Metadata => "metadata",
            Self::Batch => "record batch",
            Self::Footer => "footer",
        }
    }
}

impl Manifest {
    /// The manifest as the file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let part = |part: &Part| {
            json!({
                "kind": part.kind.name(),
                "holds": part.holds,
                "offset": part.offset,
                "bytes": part.bytes,
                "xxh3": format!("{:016x}", part.xxh3),
            })
        };
        let file = |file: &FileEntry| {
            let parts: Vec<Value> = file.parts.iter().map(part).collect();
            json!({ "name": file.name, "bytes": file.bytes, "parts": parts })
        };
        let files: Vec<Value> = self.files.iter().map(file).collect();
        let body = json!({
            "format": self.format,
            "version": self.version,
            "position": self.position,
            "epoch": self.epoch,
            "files": files,
        });
        let body = format!("{body:#}\n");
        let rest = body
            .strip_prefix("{\n")
            .expect("invariant: an object begins with a brace");
        format!("{}{rest}", first_line(rest)).into_bytes()
    }

    /// Reads the file's bytes; says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let (_, rest) = text
            .split_once("\",\n")
            .ok_or("expected a first line with a checksum")?;
        if text.strip_suffix(rest) != Some(&first_line(rest)) {
            return Err(format!(
                "expected the first line to be {}",
                first_line(rest).trim_end()
            ));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::of_json(&value).ok_or_else(|| String::from("expected the manifest of a checkpoint"))
    }

    fn of_json(value: &Value) -> Option<Self> {
        let number = |value: &Value, key: &str| value.get(key)?.as_u64();
        let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let part = |value: &Value| {
            let kind = text(value, "kind")?;
            Some(Part {
                kind: PartKind::ALL.into_iter().find(|k| k.name() == kind)?,
                holds: text(value, "holds")?,
                offset: number(value, "offset")?,
                bytes: number(value, "bytes")?,
                xxh3: u64::from_str_radix(&text(value, "xxh3")?, 16).ok()?,
            })
        };
        let file = |value: &Value| {
            let parts = value.get("parts")?.as_array()?.iter().map(part);
            let entry = FileEntry {
                name: text(value, "name")?,
                bytes: number(value, "bytes")?,
                parts: parts.collect::<Option<_>>()?,
            };
            entry.is_covered().then_some(entry)
        };
        let format = u32::try_from(number(value, "format")?).ok()?;
        let version = text(value, "version")?;
        // What a later format says beside this is its own business.
        let (position, epoch, files) = match format {
            0..=FORMAT => {
                let files = value.get("files")?.as_array()?.iter().map(file);
                let files = files.collect::<Option<_>>()?;
                (number(value, "position")?, number(value, "epoch")?, files)
            }
            _ => (0, 0, Vec::new()),
        };
        Some(Self {
            format,
            version,
            position,
            epoch,
            files,
        })
    }

    /// The entry of a file.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl FileEntry {
    /// Whether the parts follow each other and make the whole file.
    fn is_covered(&self) -> bool {
        let mut end = 0u64;
        for part in &self.parts {
            if part.offset != end {
                return false;
            }
            end = end.saturating_add(part.bytes);
        }
        end == self.bytes
    }
}

/// The line before `rest`.
fn first_line(rest: &str) -> String {
    format!("{{ \"xxh3\": \"{:016x}\",\n", xxh3_64(rest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let part = |offset, kind| Part {
            kind,
            holds: String::from("space 0, chunk 80"),
            offset,
            bytes: 7,
            xxh3: u64::MAX - offset,
        };
        Manifest {
            format: FORMAT,
            version: String::from("0.1.0"),
            position: u64::MAX,
            epoch: 3,
            files: vec![FileEntry {
                name: String::from("nodes.arrow"),
                bytes: 14,
                parts: vec![part(0, PartKind::Schema), part(7, PartKind::Batch)],
            }],
        }
    }

    #[test]
    fn a_manifest_reads_back_and_no_bit_of_it_changes_unseen() {
        let manifest = manifest();
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes).as_ref(), Ok(&manifest));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&damaged).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn parts_that_leave_a_gap_are_refused() {
        let mut manifest = manifest();
        manifest.files[0].parts[1].offset += 1;
        assert!(Manifest::decode(&manifest.encode()).is_err());
    }
}
