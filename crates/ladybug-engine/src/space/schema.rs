//! The canonical Arrow schema of nodes and edges, which Flight, SQL, checkpoints and backups share.
//!
//! | column of a node | type | null where |
//! |---|---|---|
//! | `id`, `address`, `zone` | u64, u16, dictionary of utf8 | |
//! | `name` | utf8 | there is none, or it is not UTF-8 |
//! | `kinds` | list of utf8 | |
//! | `value`, `properties` | binary, utf8 (JSON) | there is none |
//! | `fingerprint` | fixed-size binary of 1,280 bytes | |
//! | `frequency`, `confidence`, `evidence` | f32, f32, list of u64 | |
//! | `qualia` | fixed-size list of 8 f32 | |
//! | `rung`, `depth`, `parent`, `version` | u8, u8, u64, u64 | a root has no parent |
//! | `created`, `expires` | timestamp of microseconds | it never expires |
//! | `accessed`, `accesses` | timestamp of microseconds, u32 | it was never accessed, or nobody counts |

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};

use crate::fingerprint::BYTES;

/// The columns of a node.
pub fn node_fields() -> Vec<Field> {
    vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("address", DataType::UInt16, false),
        Field::new("zone", zone_type(), false),
        Field::new("name", DataType::Utf8, true),
        Field::new("kinds", list_of(DataType::Utf8), false),
        Field::new("value", DataType::Binary, true),
        Field::new("properties", DataType::Utf8, true),
        Field::new("fingerprint", fingerprint_type(), false),
        Field::new("frequency", DataType::Float32, false),
        Field::new("confidence", DataType::Float32, false),
        Field::new("evidence", list_of(DataType::UInt64), false),
        Field::new("qualia", qualia_type(), false),
        Field::new("rung", DataType::UInt8, false),
        Field::new("depth", DataType::UInt8, false),
        Field::new("parent", DataType::UInt64, true),
        Field::new("version", DataType::UInt64, false),
        Field::new("created", time_type(), false),
        Field::new("expires", time_type(), true),
        Field::new("accessed", time_type(), true),
        Field::new("accesses", DataType::UInt32, true),
    ]
}

/// The columns of an edge. `source` and `target` are ids, `address` that of a reified edge.
pub fn edge_fields() -> Vec<Field> {
    vec![
        Field::new("id", DataType::UInt64, false),
        Field::new("source", DataType::UInt64, false),
        Field::new("verb", DataType::Utf8, false),
        Field::new("target", DataType::UInt64, false),
        Field::new("source_address", DataType::UInt16, false),
        Field::new("target_address", DataType::UInt16, false),
        Field::new("weight", DataType::Float32, false),
        Field::new("frequency", DataType::Float32, false),
        Field::new("confidence", DataType::Float32, false),
        Field::new("evidence", list_of(DataType::UInt64), false),
        Field::new("properties", DataType::Utf8, true),
        Field::new("address", DataType::UInt16, true),
        Field::new("version", DataType::UInt64, false),
    ]
}

/// The type of the `fingerprint` column.
pub fn fingerprint_type() -> DataType {
    DataType::FixedSizeBinary(BYTES as i32)
}

/// The type of times: microseconds since the epoch.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// The type of the `zone` column.
pub fn zone_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8))
}

/// The type of the `qualia` column.
pub fn qualia_type() -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new_list_field(DataType::Float32, true)), 8)
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}
