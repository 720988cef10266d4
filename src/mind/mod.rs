//! Reasoning: pure functions over plain data, which the instruction set calls.
//!
//! | room | holds |
//! |---|---|
//! | [`allen`] | the thirteen relations of intervals |
//! | [`truth`] | NAL truth values, truth functions, evidential bases |
//! | [`narsese`] | terms, statements and sentences; their parser and printer |
//! | [`activation`] | how active memories are: ACT-R's base level, spreading, partial matching |
//! | [`causal`] | diagrams, identification, effects, counterfactuals |
//! | `cursor` | a text that is read from left to right |
//! | [`inference`] | syllogistic figures, bounded backward chaining |
//! | [`learning`] | prototypes, bandits, sequences, resonators |
//! | [`lexical`] | words in common: stems, near synonyms, BM25 |
//! | [`quantum`] | reversible and collapsing maps of fingerprints |
//!
//! Nothing here knows a protocol, a clock, a file or a thread. Time and randomness come in as arguments, so that
//! the same arguments always give the same answer.

pub mod activation;
pub mod allen;
pub mod causal;
mod cursor;
pub mod inference;
pub mod learning;
pub mod lexical;
pub mod narsese;
pub mod quantum;
pub mod truth;
