//! Rebuilding a damaged fingerprint from its chunk's parity.
//!
//! The per-slot checksums say which fingerprint it is, the parity row and the other rows what it was; and
//! that the part's checksum holds again proves that nothing else was wrong.

use std::collections::HashMap;

use arrow_array::{RecordBatch, UInt64Array};
use arrow_buffer::{Buffer, MutableBuffer};
use xxhash_rust::xxh3::xxh3_64;

use super::column::full;
use super::load::VerifiedFile;
use super::manifest::PartKind;
use super::table::read;
use super::{catalogue, nodes};
use crate::commit::transaction::SpaceId;
use crate::fingerprint::{BYTES, Fingerprint};

/// The bytes of the table of nodes as they were written, if parity can tell. The catalogue is whole.
pub fn rebuild(nodes: &VerifiedFile<'_>, catalogue: &VerifiedFile<'_>) -> Option<Buffer> {
    let parts = &nodes.entry.parts;
    // Where the columns are must be known; only in the columns may something be wrong.
    let bad = || nodes.bad_parts.iter().map(|at| &parts[*at]);
    if bad().any(|part| part.kind != PartKind::Batch) {
        return None;
    }
    let (_, batches) = read(&catalogue.bytes).ok()?;
    let mut parities = HashMap::new();
    for batch in &batches {
        let entry = catalogue::read(batch).ok()?;
        for (prefix, parity) in entry.parities {
            parities.insert((entry.id, prefix), parity);
        }
    }
    let mut copy = MutableBuffer::new(nodes.bytes.len());
    copy.extend_from_slice(&nodes.bytes);

    let (_, batches) = read(&nodes.bytes).ok()?;
    let mut chunks: HashMap<(SpaceId, u8), Vec<&RecordBatch>> = HashMap::new();
    for batch in &batches {
        chunks
            .entry(nodes::owner(batch).ok()?)
            .or_default()
            .push(batch);
    }
    let base = nodes.bytes.as_ptr() as usize;
    for (owner, batches) in chunks {
        let mut sum = parities.get(&owner)?.clone();
        let mut wrong = Vec::new();
        for batch in batches {
            let rows = nodes::fingerprints(batch).ok()?;
            let checksums: &UInt64Array = full(batch, "checksum").ok()?;
            for (row, recorded) in rows.chunks_exact(BYTES).zip(checksums.values()) {
                let fingerprint = Fingerprint::from_bytes(row).ok()?;
                if fingerprint.checksum() == *recorded {
                    sum.xor_assign(&fingerprint);
                } else {
                    wrong.push((row.as_ptr() as usize).checked_sub(base)?);
                }
            }
        }
        match wrong[..] {
            [] => {}
            [offset] => {
                let row = copy.as_slice_mut().get_mut(offset..offset + BYTES)?;
                row.copy_from_slice(&sum.to_bytes());
            }
            _ => return None,
        }
    }
    let holds = bad().all(|part| {
        let range = part.offset as usize..(part.offset + part.bytes) as usize;
        xxh3_64(&copy[range]) == part.xxh3
    });
    holds.then(|| copy.into())
}
