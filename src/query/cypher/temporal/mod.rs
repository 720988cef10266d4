//! Dates, times, moments and durations: from text and maps, their parts, and what can be reckoned with them.
//!
//! The calendar is the engine's (`ladybug_engine::space::temporal`), which reaches further than any library's; what
//! time zones do when is `zone`, over the time zone database.

mod arithmetic;
mod between;
mod build;
mod component;
mod parse;
mod truncate;
mod zone;

pub use arithmetic::{add, duration_of, scaled};
pub use between::{Unit, between};
pub use build::{date, date_time, local_date_time, local_time, time};
pub use component::component;
pub use parse::{
    parse_date, parse_date_time, parse_duration, parse_local_date_time, parse_local_time,
    parse_time,
};
pub use truncate::{Kind, truncate};
pub use zone::Zone;

use ladybug_engine::space::temporal::{
    DATE_MAX, DATE_MIN, Date, LocalDateTime, LocalTime, Temporal, YEAR_MAX,
};

use super::error::{CypherError, ErrorType, Result};

/// The moment of a statement, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub LocalDateTime);

/// A value beyond what its type holds, or that is none.
pub(super) fn out_of_range(message: impl Into<String>) -> CypherError {
    CypherError::runtime(ErrorType::ArgumentError, "NumberOutOfRange", message)
}

/// A date within the years that there are.
fn checked(date: Date) -> Result<Date> {
    match (DATE_MIN.0..=DATE_MAX.0).contains(&date.0) {
        true => Ok(date),
        false => Err(out_of_range(format!(
            "expected a year of at most {YEAR_MAX}"
        ))),
    }
}

/// The day and the time of a value, as far as it has them, and the zone that they are of.
pub fn parts(value: &Temporal) -> (Option<Date>, Option<LocalTime>, Option<Zone>) {
    match value {
        Temporal::Date(date) => (Some(*date), None, None),
        Temporal::LocalTime(time) => (None, Some(*time), None),
        Temporal::Time(time) => (None, Some(time.local), Some(Zone::Offset(time.offset))),
        Temporal::LocalDateTime(value) => (Some(value.date), Some(value.time), None),
        Temporal::DateTime(value) => (
            Some(value.local.date),
            Some(value.local.time),
            Some(Zone::of(value)),
        ),
        Temporal::Duration(_) => (None, None, None),
    }
}
