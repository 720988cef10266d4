//! What the disk allows one client: a loop of `write` and `fdatasync` of as many bytes as a commit's record has.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

/// Zeros are written this far ahead, as the fastest of logs do: most syncs then find the size of the file settled.
const ZERO_AHEAD_BYTES: u64 = 64 << 20;

/// Writes a second that a file takes, each synced, by its manner.
#[derive(Clone, Copy)]
pub struct Floor {
    /// Over zeros that were written and synced before.
    pub over_zeros: f64,
    /// At the end of a file that grows.
    pub growing: f64,
}

/// Measures both manners, in a new file each.
pub fn measure(directory: &Path, bytes: usize, duration: Duration) -> Result<Floor> {
    let mut zeros = tempfile::tempfile_in(directory)?;
    zeros.write_all(&vec![0; ZERO_AHEAD_BYTES as usize])?;
    zeros.sync_all()?;
    zeros.rewind()?;
    Ok(Floor {
        over_zeros: write(zeros, bytes, duration)?,
        growing: write(tempfile::tempfile_in(directory)?, bytes, duration)?,
    })
}

fn write(mut file: File, bytes: usize, duration: Duration) -> Result<f64> {
    let record = vec![0xA5; bytes];
    let start = Instant::now();
    let mut writes = 0;
    while start.elapsed() < duration {
        file.write_all(&record)?;
        file.sync_data()?;
        writes += 1;
    }
    Ok(f64::from(writes) / start.elapsed().as_secs_f64())
}
