//! Encodes texts for the measurements of `benches/encoder`.
//!
//! Reads texts from standard input, each ended by a zero byte (they may hold newlines). With `fingerprints` it
//! writes the 1,280 bytes of each text's fingerprint, with `features` a line of `hash:weight` pairs, the
//! weighted features that the fingerprint estimates the cosine of. With `speed` it writes how many megabytes a second
//! it encodes, of the texts as they are and of all together in pieces of 2,000 bytes; a kernel may be named:
//! `encode_text speed avx2`.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufWriter, Read, Write};
use std::time::Instant;

use ladybug_engine::fingerprint::encode::{text, text_features};
use ladybug_engine::fingerprint::kernel;

/// Bytes of a longer text.
const LONG: usize = 2_000;
/// Times that all is encoded; the median counts.
const PASSES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["speed", name] = arguments[..] {
        kernel::choose(name)?;
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let texts = input.split_terminator('\0');
    let mut output = BufWriter::new(io::stdout().lock());
    match arguments[..] {
        ["fingerprints"] => {
            for one in texts {
                output.write_all(&text(one).to_bytes())?;
            }
        }
        ["features"] => {
            for one in texts {
                let line: Vec<_> = text_features(one)
                    .iter()
                    .map(|feature| format!("{}:{}", feature.hash, feature.weight))
                    .collect();
                writeln!(output, "{}", line.join(" "))?;
            }
        }
        ["speed"] | ["speed", _] => {
            speed(&mut output, &texts.collect::<Vec<_>>())?;
            let all = input.replace('\0', " ");
            speed(&mut output, &pieces(&all))?;
        }
        _ => return Err("usage: encode_text fingerprints|features|speed [KERNEL] < texts".into()),
    }
    output.flush()?;
    Ok(())
}

/// The text in pieces of [`LONG`] bytes, or a little less where a character ends earlier.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(LONG));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

/// Writes how fast the texts are encoded, by one thread.
fn speed(output: &mut impl Write, texts: &[&str]) -> io::Result<()> {
    let bytes: usize = texts.iter().map(|one| one.len()).sum();
    let mut seconds = [0.0; PASSES];
    for seconds in &mut seconds {
        let begin = Instant::now();
        for &one in texts {
            black_box(text(black_box(one)));
        }
        *seconds = begin.elapsed().as_secs_f64();
    }
    seconds.sort_by(f64::total_cmp);
    writeln!(
        output,
        "{:.1} MB/s with {} kernels, {} texts of {} bytes on average",
        bytes as f64 / 1e6 / seconds[PASSES / 2],
        kernel::active().name,
        texts.len(),
        bytes / texts.len().max(1),
    )
}
