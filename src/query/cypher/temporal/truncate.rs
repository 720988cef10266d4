//! Dates and times cut to a unit, with parts below it set anew.

use ladybug_engine::space::temporal::{
    Date, LocalDateTime, LocalTime, NANOS_OF_SECOND, Temporal, Time,
};

use super::super::error::{CypherError, Result};
use super::super::value::{Map, Value};
use super::build::{clock, day, week_day, week_of};
use super::parts;
use super::zone::Zone;

/// What kind of value is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Date,
    LocalTime,
    Time,
    LocalDateTime,
    DateTime,
}

/// A value cut to a unit, as one of a kind.
pub fn truncate(kind: Kind, unit: &str, value: &Temporal, map: &Map) -> Result<Temporal> {
    let (date, time, zone) = parts(value);
    let needs_date = matches!(kind, Kind::Date | Kind::LocalDateTime | Kind::DateTime);
    if needs_date && date.is_none() {
        return Err(CypherError::argument(format!(
            "expected a date to cut to a {unit}"
        )));
    }
    let cut_time = cut_time(unit, time.unwrap_or(LocalTime(0)));
    let cut_date = match date {
        Some(date) => Some(cut_date(unit, date, cut_time.is_some())?),
        None => None,
    };
    let is_unit = cut_time.is_some() || date.is_some();
    let fits = match kind {
        // A date has nothing below a day.
        Kind::Date => cut_time.is_none() || unit == "day",
        Kind::LocalTime | Kind::Time => cut_time.is_some(),
        Kind::LocalDateTime | Kind::DateTime => is_unit,
    };
    if !fits {
        return Err(CypherError::argument(format!(
            "expected a unit that can be cut to, got {unit}"
        )));
    }
    let zone = match map.get("timezone") {
        Some(Value::String(text)) => Some(Zone::parse(&text.as_str())?),
        Some(other) => {
            return Err(CypherError::wrong_type(format!(
                "expected a string as timezone, got {}",
                other.type_name()
            )));
        }
        None => zone,
    };
    let zone = zone.unwrap_or(Zone::UTC);
    let new_time = || clock(map, Some(cut_time.unwrap_or(LocalTime(0))));
    let new_date = || day(map, cut_date);
    Ok(match kind {
        Kind::Date => Temporal::Date(new_date()?),
        Kind::LocalTime => Temporal::LocalTime(new_time()?),
        Kind::Time => {
            let local = new_time()?;
            let day = LocalDateTime {
                date: date.unwrap_or(Date(0)),
                time: local,
            };
            let Time { local, offset } = zone.time(local, day);
            Temporal::Time(Time { local, offset })
        }
        Kind::LocalDateTime => Temporal::LocalDateTime(LocalDateTime {
            date: new_date()?,
            time: new_time()?,
        }),
        Kind::DateTime => Temporal::DateTime(zone.at(LocalDateTime {
            date: new_date()?,
            time: new_time()?,
        })),
    })
}

/// A time cut to a unit of times; `None` if the unit is larger than a day.
fn cut_time(unit: &str, time: LocalTime) -> Option<LocalTime> {
    let nanos = match unit.to_ascii_lowercase().as_str() {
        "day" => return Some(LocalTime(0)),
        "hour" => 3600 * NANOS_OF_SECOND,
        "minute" => 60 * NANOS_OF_SECOND,
        "second" => NANOS_OF_SECOND,
        "millisecond" => 1_000_000,
        "microsecond" => 1_000,
        _ => return None,
    };
    Some(LocalTime(time.0 - time.0 % nanos))
}

fn cut_date(unit: &str, date: Date, is_of_time: bool) -> Result<Date> {
    let (year, month, _) = date.parts();
    let first = |year: i64, month: i64| Date::of(year, month, 1);
    let found = match unit.to_ascii_lowercase().as_str() {
        _ if is_of_time => Some(date),
        "millennium" => first(year - year.rem_euclid(1000), 1),
        "century" => first(year - year.rem_euclid(100), 1),
        "decade" => first(year - year.rem_euclid(10), 1),
        "year" => first(year, 1),
        "weekyear" => super::build::date_of_week(week_of(date).0, 1, 1),
        "quarter" => first(year, (month - 1) / 3 * 3 + 1),
        "month" => first(year, month),
        "week" => Some(Date(date.0 - (week_day(date) - 1))),
        _ => None,
    };
    found.ok_or_else(|| {
        CypherError::argument(format!("expected a unit of dates or times, got {unit}"))
    })
}
