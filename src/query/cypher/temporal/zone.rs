//! Time zones: fixed offsets, and named ones with what the time zone database says of them.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use ladybug_engine::space::temporal::{
    DateTime, LocalDateTime, LocalTime, OFFSET_MAX, Time, offset_text,
};

use super::super::error::{CypherError, Result};

/// Years beyond which zones are taken to be as in these.
const ZONE_YEAR_MAX: i64 = 200_000;

/// Where a time is.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// So many seconds ahead of UTC.
    Offset(i32),
    /// A named zone.
    Named(Tz, Arc<str>),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Offset(0);

    /// The zone of a moment.
    pub fn of(value: &DateTime) -> Self {
        let named = value
            .zone
            .as_ref()
            .and_then(|name| Some((name.parse().ok()?, name)));
        match named {
            Some((tz, name)) => Self::Named(tz, Arc::clone(name)),
            None => Self::Offset(value.offset),
        }
    }

    /// A zone as it is written: `Z`, `+01:00`, `+0100`, `+01`, `Europe/Stockholm`.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(offset) = offset(text) {
            return Ok(Self::Offset(offset));
        }
        match text.parse::<Tz>() {
            Ok(tz) => Ok(Self::Named(tz, text.into())),
            Err(_) => Err(CypherError::argument(format!(
                "expected an offset such as +01:00 or the name of a time zone, got '{text}'"
            ))),
        }
    }

    /// How it is written.
    pub fn text(&self) -> String {
        match self {
            Self::Offset(offset) => offset_text(*offset),
            Self::Named(_, name) => name.to_string(),
        }
    }

    /// The moment at which it is a time here. Of a time that comes twice the first; one that is left out is later by
    /// as much as was left out.
    pub fn at(&self, local: LocalDateTime) -> DateTime {
        match self {
            Self::Offset(offset) => DateTime {
                local,
                offset: *offset,
                zone: None,
            },
            Self::Named(tz, name) => {
                let naive = naive(local);
                if let Some(offset) = tz.offset_from_local_datetime(&naive).earliest() {
                    return DateTime {
                        local,
                        offset: offset.fix().local_minus_utc(),
                        zone: Some(Arc::clone(name)),
                    };
                }
                // As it was a day before.
                let before = naive - chrono::TimeDelta::days(1);
                let offset = tz.offset_from_utc_datetime(&before).fix().local_minus_utc();
                let (seconds, nanos) = local.epoch();
                self.of_epoch(seconds - i64::from(offset), nanos)
            }
        }
    }

    /// The time here, so many seconds and nanoseconds after the epoch.
    pub fn of_epoch(&self, seconds: i64, nanos: i64) -> DateTime {
        match self {
            Self::Offset(offset) => DateTime {
                local: LocalDateTime::of_epoch(seconds + i64::from(*offset), nanos),
                offset: *offset,
                zone: None,
            },
            Self::Named(tz, name) => {
                let utc = naive(LocalDateTime::of_epoch(seconds, nanos));
                let offset = tz.offset_from_utc_datetime(&utc).fix().local_minus_utc();
                DateTime {
                    local: LocalDateTime::of_epoch(seconds + i64::from(offset), nanos),
                    offset,
                    zone: Some(Arc::clone(name)),
                }
            }
        }
    }

    /// A time here, of a day that only a named zone asks for.
    pub fn time(&self, local: LocalTime, day: LocalDateTime) -> Time {
        let offset = self.at(day).offset;
        Time { local, offset }
    }
}

/// The offset that a text says, seconds.
pub(super) fn offset(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let is_written = digits.bytes().all(|byte| byte.is_ascii_digit());
    let with_colons =
        [2, 5, 8].contains(&rest.len()) && rest.bytes().skip(2).step_by(3).all(|byte| byte == b':');
    let without = rest.len() == digits.len() && [1, 2, 4, 6].contains(&digits.len());
    if !is_written || !(with_colons || without) {
        return None;
    }
    let two = |at: usize| {
        digits
            .get(at..at + 2)
            .map_or(Some(0), |two| two.parse::<i32>().ok())
    };
    let hours = match digits.len() {
        1 => digits.parse().ok()?,
        _ => two(0)?,
    };
    let (minutes, seconds) = (two(2)?, two(4)?);
    let offset = sign * (hours * 3600 + minutes * 60 + seconds);
    (minutes < 60 && seconds < 60 && offset.abs() <= OFFSET_MAX).then_some(offset)
}

/// A time as the time zone database's library has it.
fn naive(local: LocalDateTime) -> NaiveDateTime {
    let (year, month, day) = local.date.parts();
    let year = year.clamp(-ZONE_YEAR_MAX, ZONE_YEAR_MAX);
    let (hour, minute, second, nano) = local.time.parts();
    let date = NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32);
    // Of a year that was changed, the 29th of February may be none.
    let date = date
        .or_else(|| NaiveDate::from_ymd_opt(year as i32, month as u32, 28))
        .unwrap_or_default();
    let time = NaiveTime::from_hms_nano_opt(hour as u32, minute as u32, second as u32, nano as u32);
    NaiveDateTime::new(date, time.unwrap_or_default())
}
