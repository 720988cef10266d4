//! Families 0x07 and 0x08, whose slots are words: what is called when a word is.
//!
//! | file | holds |
//! |---|---|
//! | `verbs` | what a verb leads to, whether it holds, that it shall |
//! | `concepts` | the instances of a concept, and how much something is one |
//!
//! A word is called in no mode. Which of its operations is called is told by how many operands there are.

mod concepts;
mod verbs;

pub use concepts::{CONCEPTS, DEFINE_CONCEPT, INSTANCES, MEMBER, MEMBER_OF_QUERY};
pub use verbs::{ASSERT, DEFINE_VERB, HOLDS, TARGETS, TRANSITIVE, VERBS};

use super::table::Operation;
use crate::operand::KEYWORDS;

/// How many operands some words are: a keyword and what follows it are one.
fn operands(words: &[&[u8]]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < words.len() {
        at += match keyword(words[at]) && at + 1 < words.len() {
            true => 2,
            false => 1,
        };
        count += 1;
    }
    count
}

fn keyword(word: &[u8]) -> bool {
    let mut known = KEYWORDS.iter();
    known.any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether an operation takes TRANSITIVE behind its operands: those of a verb do.
pub fn takes_transitive(operation: &'static Operation) -> bool {
    let of_verbs: [&'static Operation; 3] = [&TARGETS, &HOLDS, &ASSERT];
    of_verbs
        .into_iter()
        .any(|known| std::ptr::eq(known, operation))
}

/// The words without a TRANSITIVE behind them that is no operand, and whether it was there.
pub fn without_transitive<'a>(words: &'a [&'a [u8]]) -> (&'a [&'a [u8]], bool) {
    match words {
        [rest @ .., last] if last.eq_ignore_ascii_case(TRANSITIVE.as_bytes()) => {
            match rest.last() {
                Some(word) if keyword(word) => (words, false),
                _ => (rest, true),
            }
        }
        _ => (words, false),
    }
}

/// What is called when a verb is, with these arguments.
pub fn verb(words: &[&[u8]]) -> &'static Operation {
    let (words, _) = without_transitive(words);
    match operands(words) {
        0 | 1 => &TARGETS,
        2 => &HOLDS,
        _ => &ASSERT,
    }
}

/// What is called when a concept is, with these arguments.
pub fn concept(words: &[&[u8]]) -> &'static Operation {
    match words {
        [] => &INSTANCES,
        [first, _, ..] if keyword(first) && !first.eq_ignore_ascii_case(b"KEY") => &MEMBER_OF_QUERY,
        _ => &MEMBER,
    }
}
