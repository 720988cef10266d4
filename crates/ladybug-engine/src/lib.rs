//! Ladybug's memory.
