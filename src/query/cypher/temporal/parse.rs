//! Text to dates, times, moments and durations, as ISO 8601 writes them, with or without separators.

use ladybug_engine::space::temporal::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, NANOS_OF_SECOND, Time,
};

use super::super::error::{CypherError, Result};
use super::arithmetic::duration_of;
use super::build::{date_of_ordinal, date_of_quarter, date_of_week};
use super::zone::{Zone, offset};

fn wrong(what: &str, text: &str) -> CypherError {
    CypherError::argument(format!("expected {what}, got '{text}'"))
}

fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// `2015-07-21`, `201507`, `2015-W30-2`, `2015202`, `2015-Q3-20`, `+10000-01-01`.
pub fn parse_date(text: &str) -> Result<Date> {
    read_date(text).ok_or_else(|| wrong("a date such as 2015-07-21", text))
}

fn read_date(text: &str) -> Option<Date> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => (1, text),
    };
    let is_signed = rest.len() < text.len();
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    // A year has four digits, or those before the first separator if it has a sign.
    let (year, rest) = rest.split_at_checked(if is_signed { digits } else { 4 })?;
    if !(4..=9).contains(&year.len()) {
        return None;
    }
    let year = sign * number(year)?;
    let has_dash = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    if let Some(week) = rest.strip_prefix('W') {
        let (week, day) = week.split_at_checked(2)?;
        let day = match (day, has_dash) {
            ("", _) => 1,
            (day, true) => number(day.strip_prefix('-')?)?,
            (day, false) => number(day)?,
        };
        return date_of_week(year, number(week)?, day);
    }
    if let Some(quarter) = rest.strip_prefix('Q') {
        let (quarter, day) = quarter.split_at_checked(1)?;
        let day = match (day, has_dash) {
            ("", _) => 1,
            (day, true) => number(day.strip_prefix('-')?)?,
            (day, false) => number(day)?,
        };
        return date_of_quarter(year, number(quarter)?, day);
    }
    match (rest.len(), has_dash) {
        (0, false) => Date::of(year, 1, 1),
        (2, _) => Date::of(year, number(rest)?, 1),
        (3, _) => date_of_ordinal(year, number(rest)?),
        (4, false) => Date::of(year, number(rest.get(..2)?)?, number(rest.get(2..)?)?),
        (5, true) => {
            let (month, day) = rest.split_once('-')?;
            Date::of(year, number(month)?, number(day)?)
        }
        _ => None,
    }
}

/// `21:40:32.142`, `214032`, `21:40`, `21`.
pub fn parse_local_time(text: &str) -> Result<LocalTime> {
    read_local_time(text).ok_or_else(|| wrong("a time such as 21:40:32.142", text))
}

fn read_local_time(text: &str) -> Option<LocalTime> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let fields: Vec<&str> = match clock.contains(':') {
        true => clock.split(':').collect(),
        false if clock.is_ascii() && clock.len().is_multiple_of(2) => (0..clock.len())
            .step_by(2)
            .map(|at| &clock[at..at + 2])
            .collect(),
        false => return None,
    };
    if fields.is_empty() || fields.len() > 3 || fields.iter().any(|field| field.len() != 2) {
        return None;
    }
    let field = |n: usize| fields.get(n).map_or(Some(0), |field| number(field));
    let (hour, minute, second) = (field(0)?, field(1)?, field(2)?);
    let nanos = match fraction {
        None => 0,
        Some(_) if fields.len() < 3 => return None,
        Some(digits) => nanos_of(digits)?,
    };
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then_some(LocalTime(
        (hour * 3600 + minute * 60 + second) * NANOS_OF_SECOND + nanos,
    ))
}

fn nanos_of(digits: &str) -> Option<i64> {
    match digits.len() {
        1..=9 => number(&format!("{digits:0<9}")),
        _ => None,
    }
}

/// A time, and the zone behind it: `21:40+01:00`, `214032.142Z`, `21:40[Europe/London]`.
fn read_zoned(text: &str) -> Option<(&str, Option<i32>, Option<&str>)> {
    let (text, name) = match text.strip_suffix(']') {
        Some(text) => {
            let (text, name) = text.split_once('[')?;
            (text, Some(name))
        }
        None => (text, None),
    };
    match text.find(['Z', 'z', '+', '-']) {
        Some(at) => Some((&text[..at], Some(offset(&text[at..])?), name)),
        None => Some((text, None, name)),
    }
}

/// `21:40:32.142+0100`; without an offset it is UTC.
pub fn parse_time(text: &str) -> Result<Time> {
    let read = || {
        let (local, offset, name) = read_zoned(text)?;
        let local = read_local_time(local)?;
        let offset = offset.unwrap_or(0);
        name.is_none().then_some(Time { local, offset })
    };
    read().ok_or_else(|| wrong("a time such as 21:40:32.142+01:00", text))
}

/// `2015-07-21T21:40:32.142`.
pub fn parse_local_date_time(text: &str) -> Result<LocalDateTime> {
    let read = || match text.split_once('T') {
        Some((date, time)) => Some(LocalDateTime {
            date: read_date(date)?,
            time: read_local_time(time)?,
        }),
        None => Some(LocalDateTime {
            date: read_date(text)?,
            time: LocalTime(0),
        }),
    };
    read().ok_or_else(|| wrong("a time of a day such as 2015-07-21T21:40:32.142", text))
}

/// `2015-07-21T21:40:32.142+02:00[Europe/Stockholm]`; without a zone it is UTC.
pub fn parse_date_time(text: &str) -> Result<DateTime> {
    let read = || {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
        let (time, offset, name) = read_zoned(time)?;
        let date = read_date(date)?;
        let time = read_local_time(time)?;
        Some((LocalDateTime { date, time }, offset, name))
    };
    let (local, offset, name) =
        read().ok_or_else(|| wrong("a moment such as 2015-07-21T21:40:32.142+01:00", text))?;
    let Some(name) = name else {
        return Ok(Zone::Offset(offset.unwrap_or(0)).at(local));
    };
    let zone = Zone::parse(name)?;
    Ok(match offset {
        None => zone.at(local),
        // The offset says which of two moments is meant.
        Some(offset) => {
            let (seconds, nanos) = local.epoch();
            zone.of_epoch(seconds - i64::from(offset), nanos)
        }
    })
}

/// `P12Y5M14DT16H12M70S`, `P2.5W`, `P2012-02-02T14:37:21.545`.
pub fn parse_duration(text: &str) -> Result<Duration> {
    read_duration(text).unwrap_or_else(|| Err(wrong("a duration such as P1Y2M3DT4H5M6.5S", text)))
}

fn read_duration(text: &str) -> Option<Result<Duration>> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let rest = rest.strip_prefix('P')?;
    if rest.len() >= 10 && rest.as_bytes().get(4) == Some(&b'-') {
        return Some(Ok(date_like(rest)?));
    }
    let (days, seconds) = rest
        .split_once('T')
        .map_or((rest, None), |(days, seconds)| (days, Some(seconds)));
    if days.is_empty() && seconds.is_none_or(str::is_empty) {
        return None;
    }
    let mut components = Vec::new();
    let mut read = |text: &str, units: &[(char, &'static str)]| {
        let mut rest = text;
        let mut next = 0;
        while !rest.is_empty() {
            let end =
                rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+')))?;
            let unit = rest[end..].chars().next()?;
            let place = units[next..]
                .iter()
                .position(|(letter, _)| *letter == unit)?;
            let value: f64 = rest[..end].replace(',', ".").parse().ok()?;
            components.push((units[next + place].1, sign * value));
            next += place + 1;
            rest = &rest[end + 1..];
        }
        Some(())
    };
    read(
        days,
        &[
            ('Y', "years"),
            ('M', "months"),
            ('W', "weeks"),
            ('D', "days"),
        ],
    )?;
    read(
        seconds.unwrap_or_default(),
        &[('H', "hours"), ('M', "minutes"), ('S', "seconds")],
    )?;
    Some(duration_of(&components))
}

/// `2012-02-02T14:37:21.545`, of which each field counts from zero.
fn date_like(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let mut fields = date.split('-');
    let mut field = || number(fields.next()?);
    let (years, months, days) = (field()?, field()?, field()?);
    let nanos = read_local_time(time)?.0;
    Some(Duration {
        months: years * 12 + months,
        days,
        seconds: nanos / NANOS_OF_SECOND,
        nanos: (nanos % NANOS_OF_SECOND) as i32,
    })
}
