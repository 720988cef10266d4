//! The AVX-512 kernels as C functions in an object without an operating system, for the emulated processor of
//! `tests/python/emulated_kernels.py`. A name is the table's and the function's: `avx512_distance`.

#[path = "fingerprint.rs"]
mod fingerprint;

use std::slice::{from_raw_parts, from_raw_parts_mut};

use fingerprint::kernel::{AVX512, AVX512VPOPCNT, FLAGS, SCALAR};
use fingerprint::sketch::{Gathered, Layer, OUTLINES, Outlines};
use fingerprint::sum;
use fingerprint::vector::{WORDS, Words};

/// Queries of a block at most.
const QUERIES_MAX: usize = 8;

macro_rules! functions {
    ($table:ident: $distance:ident $quarter:ident $within:ident $block_within:ident $outline:ident
        $rest:ident $flags:ident $expand:ident $weigh:ident $carry_save_add:ident $gather:ident $rotate:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn $distance(a: &Words, b: &Words) -> u32 {
            ($table.distance)(a, b)
        }

        #[unsafe(no_mangle)]
        extern "C" fn $quarter(a: &Words, b: &Words) -> u32 {
            ($table.quarter_distance)(a, b)
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $within(
            query: &Words,
            run: *const u64,
            count: usize,
            bound: u32,
            distances: *mut u32,
        ) {
            // SAFETY: the caller hands over `count` candidates and room for as many distances.
            let (run, distances) = unsafe {
                (
                    from_raw_parts(run, count * WORDS),
                    from_raw_parts_mut(distances, count),
                )
            };
            ($table.distances_within)(query, run, bound, distances);
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $block_within(
            queries: *const Words,
            query_count: usize,
            run: *const u64,
            count: usize,
            bounds: *const u32,
            distances: *mut u32,
        ) {
            // SAFETY: the caller hands over `query_count` queries and bounds, at most QUERIES_MAX, `count`
            // candidates, and room for a distance of each pair.
            let (run, distances, bounds, queries) = unsafe {
                (
                    from_raw_parts(run, count * WORDS),
                    from_raw_parts_mut(distances, query_count * count),
                    from_raw_parts(bounds, query_count),
                    from_raw_parts(queries, query_count),
                )
            };
            let mut block = [&[0; WORDS]; QUERIES_MAX];
            for (one, query) in block.iter_mut().zip(queries) {
                *one = query;
            }
            ($table.block_distances_within)(&block[..query_count], run, bounds, distances);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $outline(
            query: &Layer,
            outlines: &Outlines,
            distances: &mut [u16; OUTLINES],
        ) {
            ($table.outline_distances)(query, outlines, distances);
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $rest(
            query: &[Layer; 3],
            runs: *const Layer,
            count: usize,
            distances: *mut u16,
        ) {
            // SAFETY: the caller hands over three layers of `count` candidates, one after the other, and room
            // for as many distances.
            let (runs, distances) = unsafe {
                (
                    from_raw_parts(runs, 3 * count),
                    from_raw_parts_mut(distances, count),
                )
            };
            let runs = [0, 1, 2].map(|layer| &runs[layer * count..][..count]);
            ($table.rest_distances)(query, runs, distances);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $flags(distances: &[u16; FLAGS], limit: u16) -> u32 {
            ($table.flags_within)(distances, limit)
        }

        #[unsafe(no_mangle)]
        extern "C" fn $expand(seed: u64, words: &mut Words) {
            ($table.expand)(seed, words);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $weigh(seeds: &[u64; 4], planes: &mut [Words; 3]) {
            sum::add($table, seeds, planes);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $carry_save_add(sum: &mut Words, addend: &Words, carry: &mut Words) {
            ($table.carry_save_add)(sum, addend, carry);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $gather(words: &Words, masks: &Words, gathered: &mut Gathered) {
            *gathered = ($table.gather)(words, masks);
        }

        #[unsafe(no_mangle)]
        extern "C" fn $rotate(words: &Words, bits: usize, rotated: &mut Words) {
            *rotated = ($table.rotate)(words, bits);
        }
    };
}

functions!(AVX512: avx512_distance avx512_quarter_distance avx512_distances_within
    avx512_block_distances_within avx512_outline_distances avx512_rest_distances avx512_flags_within avx512_expand
    avx512_weigh avx512_carry_save_add avx512_gather avx512_rotate);
functions!(AVX512VPOPCNT: avx512vpopcnt_distance avx512vpopcnt_quarter_distance
    avx512vpopcnt_distances_within avx512vpopcnt_block_distances_within avx512vpopcnt_outline_distances
    avx512vpopcnt_rest_distances avx512vpopcnt_flags_within avx512vpopcnt_expand avx512vpopcnt_weigh avx512vpopcnt_carry_save_add
    avx512vpopcnt_gather avx512vpopcnt_rotate);

/// What the others' `expand` must equal.
#[unsafe(no_mangle)]
extern "C" fn scalar_expand(seed: u64, words: &mut Words) {
    (SCALAR.expand)(seed, words);
}

// What compiled code calls where a C library is.

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    for index in 0..bytes {
        // SAFETY: the caller hands over as many bytes; volatile, as a copy loop would become this call.
        unsafe {
            to.add(index)
                .write_volatile(from.add(index).read_volatile())
        };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8 {
    for index in 0..bytes {
        // SAFETY: the caller hands over as many bytes; volatile, as a fill loop would become this call.
        unsafe { to.add(index).write_volatile(value as u8) };
    }
    to
}
