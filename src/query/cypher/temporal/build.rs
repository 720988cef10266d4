//! Dates and times from maps: some parts given, the others from another value, or the least.

use ladybug_engine::space::temporal::{
    Date, DateTime, LocalDateTime, LocalTime, NANOS_OF_SECOND, Temporal, Time, is_leap_year,
};

use super::super::error::{CypherError, Result};
use super::super::value::{Map, Value};
use super::zone::Zone;
use super::{Now, out_of_range, parts};

/// The day of an ISO week: week 1 has the year's first Thursday, Monday is day 1.
pub(super) fn date_of_week(year: i64, week: i64, day: i64) -> Option<Date> {
    let january_4 = Date::of(year, 1, 4)?;
    let monday = january_4.0 - (week_day(january_4) - 1);
    let fits = (1..=weeks_of_year(year)?).contains(&week) && (1..=7).contains(&day);
    fits.then_some(Date(monday + (week - 1) * 7 + day - 1))
}

fn weeks_of_year(year: i64) -> Option<i64> {
    let (first, last) = (Date::of(year, 1, 1)?, Date::of(year, 12, 31)?);
    Some(if week_day(first) == 4 || week_day(last) == 4 {
        53
    } else {
        52
    })
}

/// 1 for Monday to 7 for Sunday.
pub(super) fn week_day(date: Date) -> i64 {
    (date.0 + 3).rem_euclid(7) + 1
}

/// The year and the number of the ISO week that a day is of.
pub(super) fn week_of(date: Date) -> (i64, i64) {
    let thursday = Date(date.0 + 4 - week_day(date));
    let (year, _, _) = thursday.parts();
    (year, (ordinal(thursday) - 1) / 7 + 1)
}

/// The number of a day in its year, from 1.
pub(super) fn ordinal(date: Date) -> i64 {
    let (year, _, _) = date.parts();
    date.0 - Date::of(year, 1, 1).map_or(0, |first| first.0) + 1
}

pub(super) fn date_of_ordinal(year: i64, day: i64) -> Option<Date> {
    let days = 365 + i64::from(is_leap_year(year));
    let first = Date::of(year, 1, 1)?;
    (1..=days).contains(&day).then_some(Date(first.0 + day - 1))
}

/// The first day of a quarter, 1 to 4.
fn first_of_quarter(year: i64, quarter: i64) -> Option<Date> {
    (1..=4)
        .contains(&quarter)
        .then(|| Date::of(year, quarter * 3 - 2, 1))?
}

pub(super) fn date_of_quarter(year: i64, quarter: i64, day: i64) -> Option<Date> {
    let first = first_of_quarter(year, quarter)?;
    let next = match quarter {
        4 => first_of_quarter(year + 1, 1)?,
        _ => first_of_quarter(year, quarter + 1)?,
    };
    (1..=next.0 - first.0)
        .contains(&day)
        .then_some(Date(first.0 + day - 1))
}

/// The number of a day in its quarter, from 1.
pub(super) fn day_of_quarter(date: Date) -> i64 {
    let (year, month, _) = date.parts();
    date.0 - first_of_quarter(year, (month + 2) / 3).map_or(0, |first| first.0) + 1
}

/// What a map says of a part; `None` if nothing.
fn part(map: &Map, key: &str) -> Result<Option<i64>> {
    match map.get(key) {
        None => Ok(None),
        Some(Value::Integer(n)) => Ok(Some(*n)),
        Some(other) => Err(CypherError::wrong_type(format!(
            "expected an integer as {key}, got {}",
            other.type_name()
        ))),
    }
}

fn base<'a>(map: &'a Map, keys: &[&str]) -> Result<Option<&'a Temporal>> {
    let Some((key, value)) = keys.iter().find_map(|key| Some((key, map.get(*key)?))) else {
        return Ok(None);
    };
    match value {
        Value::Temporal(value) => Ok(Some(value)),
        other => Err(CypherError::wrong_type(format!(
            "expected a date or time as {key}, got {}",
            other.type_name()
        ))),
    }
}

/// Which keys a map may have.
fn check_keys(map: &Map, known: &[&[&str]]) -> Result<()> {
    match map
        .keys()
        .find(|key| !known.iter().any(|keys| keys.contains(&&***key)))
    {
        Some(key) => Err(CypherError::argument(format!(
            "expected the parts of a date or time, got {key}"
        ))),
        None => Ok(()),
    }
}

const DATE_KEYS: &[&str] = &[
    "date",
    "datetime",
    "year",
    "month",
    "day",
    "week",
    "dayOfWeek",
    "quarter",
    "dayOfQuarter",
    "ordinalDay",
];
const TIME_KEYS: &[&str] = &[
    "time",
    "datetime",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
];
const ZONE_KEYS: &[&str] = &["timezone"];
const EPOCH_KEYS: &[&str] = &["epochSeconds", "epochMillis"];

fn no_date() -> CypherError {
    out_of_range("expected parts of a date that there is")
}

/// The day that a map says, of which what is missing comes from `from`.
pub(super) fn day(map: &Map, from: Option<Date>) -> Result<Date> {
    let get = |key| part(map, key);
    let year = match (get("year")?, from) {
        (Some(year), _) => year,
        (None, Some(from)) if get("week")?.is_some() || get("dayOfWeek")?.is_some() => {
            week_of(from).0
        }
        (None, Some(from)) => from.parts().0,
        (None, None) => return Err(CypherError::argument("expected a year")),
    };
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    let found = if has(&["week", "dayOfWeek"]) {
        let week = get("week")?
            .or(from.map(|from| week_of(from).1))
            .unwrap_or(1);
        let day = get("dayOfWeek")?.or(from.map(week_day)).unwrap_or(1);
        date_of_week(year, week, day)
    } else if has(&["quarter", "dayOfQuarter"]) {
        let of_quarter = |from: Date| (from.parts().1 + 2) / 3;
        let quarter = get("quarter")?.or(from.map(of_quarter)).unwrap_or(1);
        let day = get("dayOfQuarter")?
            .or(from.map(day_of_quarter))
            .unwrap_or(1);
        date_of_quarter(year, quarter, day)
    } else if let Some(day) = get("ordinalDay")? {
        date_of_ordinal(year, day)
    } else {
        let month = get("month")?
            .or(from.map(|from| from.parts().1))
            .unwrap_or(1);
        let day = get("day")?.or(from.map(|from| from.parts().2)).unwrap_or(1);
        Date::of(year, month, day)
    };
    found.ok_or_else(no_date)
}

/// The time that a map says, of which what is missing comes from `from`.
pub(super) fn clock(map: &Map, from: Option<LocalTime>) -> Result<LocalTime> {
    let there = from.map_or((0, 0, 0, 0), LocalTime::parts);
    let ranged = |key: &str, default: i64, end: i64| -> Result<i64> {
        let value = part(map, key)?.unwrap_or(default);
        match (0..end).contains(&value) {
            true => Ok(value),
            false => Err(out_of_range(format!(
                "expected {key} below {end}, got {value}"
            ))),
        }
    };
    let hour = ranged("hour", there.0, 24)?;
    let minute = ranged("minute", there.1, 60)?;
    let second = ranged("second", there.2, 60)?;
    let given = [
        part(map, "millisecond")?,
        part(map, "microsecond")?,
        part(map, "nanosecond")?,
    ];
    let nanos = below_second(from.map(|_| there.3), given)?;
    Ok(LocalTime(
        (hour * 3600 + minute * 60 + second) * NANOS_OF_SECOND + nanos,
    ))
}

/// The nanoseconds of milliseconds, microseconds and nanoseconds, each below 1,000 if a larger one is given. A small
/// number leaves what is there of the larger units as it is.
fn below_second(there: Option<i64>, given: [Option<i64>; 3]) -> Result<i64> {
    let [millis, micros, nanos] = given;
    let kept = match (there, given) {
        (Some(there), [None, None, None]) => there,
        (Some(there), [None, Some(micros), _]) if micros < 1_000 => there - there % 1_000_000,
        (Some(there), [None, None, Some(nanos)]) if nanos < 1_000 => there - there % 1_000,
        _ => 0,
    };
    let micros_end = if millis.is_some() { 1_000 } else { 1_000_000 };
    let nanos_end = match millis.is_some() || micros.is_some() {
        true => 1_000,
        false => NANOS_OF_SECOND,
    };
    let units = [
        (millis, 1_000, 1_000_000, "millisecond"),
        (micros, micros_end, 1_000, "microsecond"),
        (nanos, nanos_end, 1, "nanosecond"),
    ];
    let mut sum = kept;
    for (value, end, unit, key) in units {
        let value = value.unwrap_or(0);
        if !(0..end).contains(&value) {
            return Err(out_of_range(format!(
                "expected {key} below {end}, got {value}"
            )));
        }
        sum += value * unit;
    }
    Ok(sum)
}

/// The zone that a map says.
fn zone(map: &Map) -> Result<Option<Zone>> {
    match map.get("timezone") {
        None => Ok(None),
        Some(Value::String(text)) => Zone::parse(&text.as_str()).map(Some),
        Some(other) => Err(CypherError::wrong_type(format!(
            "expected a string as timezone, got {}",
            other.type_name()
        ))),
    }
}

/// The present moment somewhere, if a map says nothing but where.
fn now_there(map: &Map, now: Now) -> Result<Option<DateTime>> {
    let is_only_zone = map.keys().all(|key| &**key == "timezone");
    let (seconds, nanos) = now.0.epoch();
    Ok(is_only_zone.then_some(zone(map)?.unwrap_or(Zone::UTC).of_epoch(seconds, nanos)))
}

/// The date that a map says.
pub fn date(map: &Map, now: Now) -> Result<Date> {
    check_keys(map, &[DATE_KEYS, ZONE_KEYS])?;
    if let Some(now) = now_there(map, now)? {
        return Ok(now.local.date);
    }
    let from = base(map, &["date", "datetime"])?.and_then(|base| parts(base).0);
    day(map, from)
}

/// The local time that a map says.
pub fn local_time(map: &Map, now: Now) -> Result<LocalTime> {
    check_keys(map, &[TIME_KEYS, ZONE_KEYS])?;
    if let Some(now) = now_there(map, now)? {
        return Ok(now.local.time);
    }
    let from = base(map, &["time", "datetime"])?.and_then(|base| parts(base).1);
    check_complete(map, from.is_some(), &["hour", "minute", "second"])?;
    clock(map, from)
}

/// Whether every part that is larger than a given one is given too.
fn check_complete(map: &Map, has_base: bool, keys: &[&str]) -> Result<()> {
    let missing = keys.iter().position(|key| !map.contains_key(*key));
    let given_behind = |at: usize| keys[at..].iter().find(|key| map.contains_key(**key));
    match missing.and_then(|at| Some((keys[at], given_behind(at)?))) {
        Some((missing, given)) if !has_base => Err(CypherError::argument(format!(
            "expected {missing} together with {given}"
        ))),
        _ => Ok(()),
    }
}

/// The time that a map says.
pub fn time(map: &Map, now: Now) -> Result<Time> {
    check_keys(map, &[TIME_KEYS, ZONE_KEYS])?;
    if let Some(now) = now_there(map, now)? {
        return Ok(Time {
            local: now.local.time,
            offset: now.offset,
        });
    }
    let base = base(map, &["time", "datetime"])?;
    let (_, from, base_zone) = base.map_or((None, None, None), parts);
    check_complete(map, from.is_some(), &["hour", "minute", "second"])?;
    let base_offset = match base {
        Some(Temporal::DateTime(value)) => Some(value.offset),
        Some(Temporal::Time(value)) => Some(value.offset),
        _ => None,
    };
    let asked = zone(map)?;
    let day = now.0;
    let offset_of = |zone: &Zone| zone.at(day).offset;
    let from = match (from, base_offset, &asked) {
        // The same moment, told there.
        (Some(from), Some(offset), Some(asked)) => {
            let moved = i64::from(offset_of(asked) - offset) * NANOS_OF_SECOND;
            Some(LocalTime(
                (from.0 + moved).rem_euclid(ladybug_engine::space::temporal::NANOS_OF_DAY),
            ))
        }
        (from, _, _) => from,
    };
    let local = clock(map, from)?;
    let offset = match (asked, base_offset, base_zone) {
        (Some(asked), _, _) => offset_of(&asked),
        (None, Some(offset), _) => offset,
        (None, None, _) => 0,
    };
    Ok(Time { local, offset })
}

/// The local day and time that a map says.
pub fn local_date_time(map: &Map, now: Now) -> Result<LocalDateTime> {
    check_keys(map, &[DATE_KEYS, TIME_KEYS, ZONE_KEYS])?;
    if let Some(now) = now_there(map, now)? {
        return Ok(now.local);
    }
    let from_day = base(map, &["date", "datetime"])?.and_then(|base| parts(base).0);
    let from_time = base(map, &["time", "datetime"])?.and_then(|base| parts(base).1);
    Ok(LocalDateTime {
        date: day(map, from_day)?,
        time: clock(map, from_time)?,
    })
}

/// The moment that a map says.
pub fn date_time(map: &Map, now: Now) -> Result<DateTime> {
    check_keys(map, &[DATE_KEYS, TIME_KEYS, ZONE_KEYS, EPOCH_KEYS])?;
    if let Some(now) = now_there(map, now)? {
        return Ok(now);
    }
    let asked = zone(map)?;
    let epoch = match (part(map, "epochSeconds")?, part(map, "epochMillis")?) {
        (Some(seconds), _) => Some((seconds, 0)),
        (None, Some(millis)) => {
            Some((millis.div_euclid(1000), millis.rem_euclid(1000) * 1_000_000))
        }
        (None, None) => None,
    };
    if let Some((seconds, nanos)) = epoch {
        let more = clock(map, Some(LocalTime(nanos)))?.0 % NANOS_OF_SECOND;
        if seconds.abs() > 31_556_889_864_403_199 {
            return Err(no_date());
        }
        return Ok(asked.unwrap_or(Zone::UTC).of_epoch(seconds, more));
    }
    let from_day = base(map, &["date", "datetime"])?;
    let from_time = base(map, &["time", "datetime"])?;
    let date = day(map, from_day.and_then(|base| parts(base).0))?;
    let base_time = from_time.and_then(|base| parts(base).1);
    let time_zone = from_time.and_then(|base| parts(base).2);
    let base_zone = time_zone
        .clone()
        .or_else(|| from_day.and_then(|base| parts(base).2));
    let (mut date, mut from) = (date, base_time);
    let zone = match (asked, time_zone) {
        // The same moment, told there; the day is the one that was asked for, unless all comes from one moment.
        (Some(asked), Some(base_zone)) if asked != base_zone => {
            if let Some(time) = base_time {
                let (seconds, nanos) = base_zone.at(LocalDateTime { date, time }).epoch();
                let there = asked.of_epoch(seconds, nanos);
                from = Some(there.local.time);
                if map.contains_key("datetime") {
                    date = day(map, Some(there.local.date))?;
                }
            }
            asked
        }
        (Some(asked), _) => asked,
        (None, _) => base_zone.unwrap_or(Zone::UTC),
    };
    let time = clock(map, from)?;
    Ok(zone.at(LocalDateTime { date, time }))
}
