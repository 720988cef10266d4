//! The engine from outside: what it promises whatever the disk, the clock and other threads do.

mod corpus;
mod fuzz_targets;
mod hostile_logs;
mod older;
mod random;
mod recall;
mod simulator;
mod threads;
