//! The types of columns and of casts, in the table that Flight SQL prescribes for drivers of ODBC and JDBC.

use std::sync::LazyLock;

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

/// What a driver is told of each type.
pub static TYPES: LazyLock<XdbcTypeInfoData> = LazyLock::new(|| {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, bits) in [
        ("TINYINT", XdbcDataType::XdbcTinyint, 8),
        ("SMALLINT", XdbcDataType::XdbcSmallint, 16),
        ("INTEGER", XdbcDataType::XdbcInteger, 32),
        ("BIGINT", XdbcDataType::XdbcBigint, 64),
    ] {
        types.append(number(name, data_type, bits, false));
        types.append(number(&format!("{name} UNSIGNED"), data_type, bits, true));
    }
    // The digits of the significand, in bits.
    types.append(number("REAL", XdbcDataType::XdbcReal, 24, false));
    types.append(number("DOUBLE", XdbcDataType::XdbcDouble, 53, false));
    types.append(of("BOOLEAN", XdbcDataType::XdbcBit, 1));
    types.append(quoted("VARCHAR", XdbcDataType::XdbcVarchar, "'"));
    types.append(quoted("VARBINARY", XdbcDataType::XdbcVarbinary, "X'"));
    types.append(quoted("BINARY", XdbcDataType::XdbcBinary, "X'"));
    types.append(time(
        "DATE",
        XdbcDataType::XdbcDate,
        XdbcDatetimeSubcode::XdbcSubcodeYear,
    ));
    types.append(time(
        "TIMESTAMP",
        XdbcDataType::XdbcTimestamp,
        XdbcDatetimeSubcode::XdbcSubcodeTimestamp,
    ));
    types
        .build()
        .expect("invariant: the builder's columns are as long as each other")
});

fn of(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    }
}

fn number(name: &str, data_type: XdbcDataType, bits: i32, is_unsigned: bool) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(is_unsigned),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..of(name, data_type, bits)
    }
}

fn quoted(name: &str, data_type: XdbcDataType, quote: &str) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(quote.to_owned()),
        literal_suffix: Some("'".to_owned()),
        case_sensitive: true,
        ..of(name, data_type, i32::MAX)
    }
}

fn time(name: &str, data_type: XdbcDataType, subcode: XdbcDatetimeSubcode) -> XdbcTypeInfo {
    // `2026-11-28`, and behind it `T13:45:00.000000`.
    let characters = match subcode {
        XdbcDatetimeSubcode::XdbcSubcodeTimestamp => 26,
        _ => 10,
    };
    XdbcTypeInfo {
        literal_prefix: Some(format!("{name} '")),
        literal_suffix: Some("'".to_owned()),
        sql_data_type: XdbcDataType::XdbcDatetime,
        datetime_subcode: Some(subcode),
        maximum_scale: (characters > 10).then_some(6),
        ..of(name, data_type, characters)
    }
}
