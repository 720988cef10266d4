//! The parts of dates, times, moments and durations, as properties name them.

use ladybug_engine::space::temporal::{
    Date, Duration, LocalTime, NANOS_OF_SECOND, Temporal, offset_text,
};

use super::super::error::{CypherError, Result};
use super::super::value::Value;
use super::build::{day_of_quarter, ordinal, week_day, week_of};
use super::parts;

/// A part of a value.
///
/// # Errors
/// It has no such part.
pub fn component(value: &Temporal, key: &str) -> Result<Value> {
    let (date, time, zone) = parts(value);
    let found = match value {
        Temporal::Duration(duration) => of_duration(duration, key).map(Value::Integer),
        _ => date
            .and_then(|date| of_date(date, key))
            .or_else(|| time.and_then(|time| of_time(time, key)))
            .map(Value::Integer),
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let offset = match value {
        Temporal::Time(time) => Some(time.offset),
        Temporal::DateTime(moment) => Some(moment.offset),
        _ => None,
    };
    if let Some(offset) = offset {
        match key {
            "timezone" => return Ok(zone.map(|zone| zone.text()).into()),
            "offset" => return Ok(offset_text(offset).into()),
            "offsetMinutes" => return Ok(Value::Integer((offset / 60).into())),
            "offsetSeconds" => return Ok(Value::Integer(offset.into())),
            _ => {}
        }
    }
    if let Temporal::DateTime(moment) = value {
        let (seconds, nanos) = moment.epoch();
        match key {
            "epochSeconds" => return Ok(Value::Integer(seconds)),
            "epochMillis" => return Ok(Value::Integer(seconds * 1000 + nanos / 1_000_000)),
            _ => {}
        }
    }
    Err(CypherError::argument(format!(
        "expected a part of a date or time, got {key}"
    )))
}

fn of_date(date: Date, key: &str) -> Option<i64> {
    let (year, month, day) = date.parts();
    Some(match key {
        "year" => year,
        "quarter" => (month + 2) / 3,
        "month" => month,
        "week" => week_of(date).1,
        "weekYear" => week_of(date).0,
        "day" => day,
        "ordinalDay" => ordinal(date),
        "weekDay" | "dayOfWeek" => week_day(date),
        "dayOfQuarter" => day_of_quarter(date),
        _ => return None,
    })
}

fn of_time(time: LocalTime, key: &str) -> Option<i64> {
    let (hour, minute, second, nano) = time.parts();
    Some(match key {
        "hour" => hour,
        "minute" => minute,
        "second" => second,
        "millisecond" => nano / 1_000_000,
        "microsecond" => nano / 1_000,
        "nanosecond" => nano,
        _ => return None,
    })
}

fn of_duration(duration: &Duration, key: &str) -> Option<i64> {
    let Duration {
        months,
        days,
        seconds,
        nanos,
    } = *duration;
    let nanos = i64::from(nanos);
    let total = |of_second: i64| {
        seconds
            .saturating_mul(of_second)
            .saturating_add(nanos / (NANOS_OF_SECOND / of_second))
    };
    Some(match key {
        "years" => months / 12,
        "quarters" => months / 3,
        "months" => months,
        "weeks" => days / 7,
        "days" => days,
        "hours" => seconds / 3600,
        "minutes" => seconds / 60,
        "seconds" => seconds,
        "milliseconds" => total(1_000),
        "microseconds" => total(1_000_000),
        "nanoseconds" => total(NANOS_OF_SECOND),
        "quartersOfYear" => months / 3 % 4,
        "monthsOfQuarter" => months % 3,
        "monthsOfYear" => months % 12,
        "daysOfWeek" => days % 7,
        "minutesOfHour" => seconds / 60 % 60,
        "secondsOfMinute" => seconds % 60,
        "millisecondsOfSecond" => nanos / 1_000_000,
        "microsecondsOfSecond" => nanos / 1_000,
        "nanosecondsOfSecond" => nanos,
        _ => return None,
    })
}
