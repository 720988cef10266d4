//! What the kinds of processors with vector registers share: the order in which candidates are looked at, and when
//! one is given up. The file of a kind holds how bits are counted, and has [`table!`] write the rest with its
//! instructions.

use crate::fingerprint::vector::WORDS;

/// Parts of a fingerprint, of 2,048 bits each, after any of which a candidate may be given up.
pub(super) const PARTS: usize = 5;

/// Words of a cache line.
pub(super) const LINE: usize = 8;
/// Cache lines of a part.
pub(super) const PART_LINES: usize = WORDS / PARTS / LINE;

/// Candidates that a block of queries meets before the next ones: 20 KiB, less than a first cache.
pub(super) const TILE: usize = 16;

/// The number of parts after which an unrelated candidate, which differs in half of the bits, has
/// exceeded the bound but for one in a thousand (3.1 deviations of √2,048n/2); all if a look earlier is in vain.
pub(super) fn parts_before_look(bound: u32) -> usize {
    (1..PARTS as u32)
        .find(|parts| parts * 1_024 > bound.saturating_add(140))
        .map_or(PARTS, |parts| parts as usize)
}

/// The table `KERNELS` of the module that calls it, compiled for the instructions `$features`.
///
/// The module has `Count`, the number of bits that differ so far, with `new()`, `part(self, a, b, part)`, which
/// adds one of [`PARTS`], and `total(self)`; and the functions `quarter(a, b)`, `prefetch(line)`,
/// `layers(query, runs, distances)`, which adds up some layers of sketches, `outlines(query, groups, distances)`, `flags_within(distances, limit)`, and `extract(word, mask)`, which packs the bits
/// under a mask. `$blocks` names the function for blocks of queries: `in_turn`, or one of the module's own.
macro_rules! table {
    ($name:literal, $features:literal, $available:expr, $blocks:ident) => {
        pub(super) static KERNELS: Kernels = Kernels {
            name: $name,
            available: || $available,
            distance,
            quarter_distance,
            distances_within,
            block_distances_within,
            outline_distances,
            rest_distances,
            rest_distance,
            flags_within: flags,
            prefetch: prefetch_lines,
            expand,
            weigh,
            carry_save_add,
            gather,
            rotate,
        };

        // `super` hands the table out only where `available` says so, which is what each call below
        // relies on.

        fn distance(a: &Words, b: &Words) -> u32 {
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { pair(a, b) }
        }

        fn quarter_distance(a: &Words, b: &Words) -> u32 {
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { quarter(a, b) }
        }

        fn distances_within(query: &Words, run: &[u64], bound: u32, distances: &mut [u32]) {
            let candidates = candidates::<WORDS>(run, distances.len());
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { run_within(query, candidates, bound, distances) }
        }

        fn block_distances_within(
            queries: &[&Words],
            run: &[u64],
            bounds: &[u32],
            distances: &mut [u32],
        ) {
            let candidates = block::<WORDS>(queries.len(), run, bounds.len(), distances.len());
            if !candidates.is_empty() {
                // SAFETY: this table is in use only on a processor with these features.
                unsafe { $blocks(queries, candidates, bounds, distances) }
            }
        }

        fn outline_distances(query: &Layer, rows: &Outlines, distances: &mut [u16; OUTLINES]) {
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { outlines(&layer_bytes(query), rows, distances) }
        }

        fn rest_distances(query: &Rest, runs: [&[Layer]; REST], distances: &mut [u16]) {
            check_layers(runs, distances.len());
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { layers(query, runs, distances) }
        }

        fn rest_distance(query: &Rest, rest: [&Layer; REST]) -> u16 {
            #[target_feature(enable = $features)]
            fn compiled(query: &Rest, rest: [&Layer; REST]) -> u16 {
                scalar::rest_distance(query, rest)
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(query, rest) }
        }

        fn flags(distances: &[u16; FLAGS], limit: u16) -> u32 {
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { flags_within(distances, limit) }
        }

        fn prefetch_lines(begin: *const u64, bytes: usize) {
            #[target_feature(enable = $features)]
            fn compiled(begin: *const u64, bytes: usize) {
                for line in 0..bytes.div_ceil(LINE * size_of::<u64>()) {
                    prefetch(begin.wrapping_add(line * LINE));
                }
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(begin, bytes) }
        }

        fn expand(seed: u64, words: &mut Words) {
            #[target_feature(enable = $features)]
            fn compiled(seed: u64, words: &mut Words) {
                scalar::expand(seed, words);
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(seed, words) }
        }

        fn weigh(seeds: &[u64], plan: &Plan, slots: &mut [Block], planes: &mut [Words]) {
            #[target_feature(enable = $features)]
            fn compiled(seeds: &[u64], plan: &Plan, slots: &mut [Block], planes: &mut [Words]) {
                scalar::weigh(seeds, plan, slots, planes);
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(seeds, plan, slots, planes) }
        }

        fn carry_save_add(sum: &mut Words, addend: &Words, carry: &mut Words) {
            #[target_feature(enable = $features)]
            fn compiled(sum: &mut Words, addend: &Words, carry: &mut Words) {
                scalar::carry_save_add(sum, addend, carry);
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(sum, addend, carry) }
        }

        fn gather(words: &Words, masks: &Words) -> Gathered {
            #[target_feature(enable = $features)]
            fn compiled(words: &Words, masks: &Words) -> Gathered {
                scalar::gather_by(words, masks, |word, mask| extract(word, mask))
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(words, masks) }
        }

        fn rotate(words: &Words, bits: usize) -> Words {
            #[target_feature(enable = $features)]
            fn compiled(words: &Words, bits: usize) -> Words {
                scalar::rotate(words, bits)
            }
            // SAFETY: this table is in use only on a processor with these features.
            unsafe { compiled(words, bits) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn pair(a: &Words, b: &Words) -> u32 {
            // Straight code: a loop keeps its counters from being known to be zero at first.
            const { assert!(PARTS == 5) };
            Count::new()
                .part(a, b, 0)
                .part(a, b, 1)
                .part(a, b, 2)
                .part(a, b, 3)
                .part(a, b, 4)
                .total()
        }

        #[target_feature(enable = $features)]
        fn run_within(query: &Words, candidates: &[Words], bound: u32, distances: &mut [u32]) {
            // Compiled for each place of the look, so that all of a candidate's code is straight.
            match parts_before_look(bound) {
                1 => run_with_look::<1>(query, candidates, bound, distances),
                2 => run_with_look::<2>(query, candidates, bound, distances),
                3 => run_with_look::<3>(query, candidates, bound, distances),
                4 => run_with_look::<4>(query, candidates, bound, distances),
                _ => run_with_look::<PARTS>(query, candidates, bound, distances),
            }
        }

        #[target_feature(enable = $features)]
        fn run_with_look<const LOOK: usize>(
            query: &Words,
            candidates: &[Words],
            bound: u32,
            distances: &mut [u32],
        ) {
            for (candidate, distance) in candidates.iter().zip(distances) {
                // The one after the next, which follows in memory if there is one: a prefetch may name
                // any address. Of it only what is looked at first, for hardly any is looked at further.
                let ahead = candidate.as_ptr().wrapping_add(2 * WORDS);
                for line in 0..LOOK * PART_LINES {
                    prefetch(ahead.wrapping_add(line * LINE));
                }
                *distance = within::<LOOK>(query, candidate, bound);
            }
        }

        /// The distance, or that of the first `LOOK` parts if it exceeds the bound.
        #[inline]
        #[target_feature(enable = $features)]
        fn within<const LOOK: usize>(a: &Words, b: &Words, bound: u32) -> u32 {
            let mut count = Count::new();
            for part in 0..LOOK {
                count = count.part(a, b, part);
            }
            if LOOK < PARTS {
                let so_far = count.total();
                if so_far > bound {
                    return so_far;
                }
                for part in LOOK..PARTS {
                    count = count.part(a, b, part);
                }
            }
            count.total()
        }

        /// Looks at each pair while both are in the first cache: a tile of candidates stays there, and meets the
        /// queries one by one.
        #[target_feature(enable = $features)]
        fn in_turn(
            queries: &[&Words],
            candidates: &[Words],
            bounds: &[u32],
            distances: &mut [u32],
        ) {
            for (tile, first) in candidates.chunks(TILE).zip((0..).step_by(TILE)) {
                let rows = distances.chunks_exact_mut(candidates.len());
                for ((query, &bound), row) in queries.iter().zip(bounds).zip(rows) {
                    run_within(query, tile, bound, &mut row[first..][..tile.len()]);
                }
            }
        }
    };
}

pub(super) use table;
