//! Encodes texts for the measurements of `benches/encoder`.
//!
//! Reads texts from standard input, each ended by a zero byte (they may hold newlines). With `fingerprints` it
//! writes the 1,280 bytes of each text's fingerprint, with `features` a line of `hash:weight` pairs, the
//! weighted features that the fingerprint estimates the cosine of. With `speed` it writes megabytes a second.

use std::error::Error;
use std::io::{self, BufWriter, Read, Write};
use std::time::Instant;

use ladybug_engine::fingerprint::encode::{text, text_features};
use ladybug_engine::fingerprint::kernel;

fn main() -> Result<(), Box<dyn Error>> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let texts = input.split_terminator('\0');
    let mut output = BufWriter::new(io::stdout().lock());
    match mode.as_str() {
        "fingerprints" => {
            for one in texts {
                output.write_all(&text(one).to_bytes())?;
            }
        }
        "features" => {
            for one in texts {
                let line: Vec<_> = text_features(one)
                    .iter()
                    .map(|feature| format!("{}:{}", feature.hash, feature.weight))
                    .collect();
                writeln!(output, "{}", line.join(" "))?;
            }
        }
        "speed" => {
            let begin = Instant::now();
            let set: u64 = texts.map(|one| u64::from(text(one).popcount())).sum();
            let seconds = begin.elapsed().as_secs_f64();
            writeln!(
                output,
                "{:.1} MB/s with {} kernels ({} bytes, {set} bits set)",
                input.len() as f64 / 1e6 / seconds,
                kernel::active().name,
                input.len(),
            )?;
        }
        _ => return Err("usage: encode_text fingerprints|features|speed < texts".into()),
    }
    output.flush()?;
    Ok(())
}
