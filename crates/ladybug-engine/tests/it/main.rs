//! The engine from outside: what it promises whatever the disk, the clock and other threads do.

mod fuzz_targets;
mod hostile_logs;
mod random;
mod simulator;
mod threads;
