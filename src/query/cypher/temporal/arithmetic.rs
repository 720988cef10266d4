//! Durations from parts, sums and multiples.

use ladybug_engine::space::temporal::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, NANOS_OF_DAY, NANOS_OF_SECOND, Temporal,
    Time, days_of_month,
};

use super::super::error::{CypherError, Result};
use super::zone::Zone;
use super::{checked, out_of_range};

/// Seconds of a month on average: a year has 365.2425 days.
const SECONDS_OF_MONTH: f64 = 2_629_746.0;

fn too_large() -> CypherError {
    out_of_range("expected a duration of 64 bits in each part")
}

/// The duration of months, days and nanoseconds, whose fractions go on to the next smaller unit.
fn normalised(months: f64, days: f64, nanos_whole: i128, nanos: f64) -> Result<Duration> {
    let month_rest = months.fract() * SECONDS_OF_MONTH / 86_400.0;
    let all_days = days + month_rest.trunc();
    // Fractions of days are summed apart, so that whole ones stay exact.
    let day_rest = month_rest.fract() + all_days.fract();
    let whole_days = all_days.trunc() + day_rest.trunc();
    let rest = day_rest.fract() * NANOS_OF_DAY as f64 + nanos;
    let integer = |x: f64| match x.abs() < 9.2e18 {
        true => Ok(x as i64),
        false => Err(too_large()),
    };
    // Rounded where a float says a nanosecond too little.
    let nanos = nanos_whole + (rest + rest.signum() * 1e-3).trunc() as i128;
    of_nanos(integer(months.trunc())?, integer(whole_days)?, nanos)
}

/// A duration whose seconds and nanoseconds are given as nanoseconds.
pub(super) fn of_nanos(months: i64, days: i64, nanos: i128) -> Result<Duration> {
    let second = i128::from(NANOS_OF_SECOND);
    Ok(Duration {
        months,
        days,
        seconds: i64::try_from(nanos.div_euclid(second)).map_err(|_| too_large())?,
        nanos: nanos.rem_euclid(second) as i32,
    })
}

fn nanos(duration: &Duration) -> i128 {
    i128::from(duration.seconds) * i128::from(NANOS_OF_SECOND) + i128::from(duration.nanos)
}

/// The duration of named parts: years, quarters, months, weeks, days, hours and so on.
pub fn duration_of(parts: &[(&str, f64)]) -> Result<Duration> {
    let (mut months, mut days, mut whole, mut rest) = (0.0, 0.0, 0i128, 0.0);
    for (name, value) in parts {
        let unit = match *name {
            "years" => {
                months += value * 12.0;
                continue;
            }
            "quarters" => {
                months += value * 3.0;
                continue;
            }
            "months" => {
                months += value;
                continue;
            }
            "weeks" => {
                days += value * 7.0;
                continue;
            }
            "days" => {
                days += value;
                continue;
            }
            "hours" => 3600 * NANOS_OF_SECOND,
            "minutes" => 60 * NANOS_OF_SECOND,
            "seconds" => NANOS_OF_SECOND,
            "milliseconds" => 1_000_000,
            "microseconds" => 1_000,
            "nanoseconds" => 1,
            other => {
                return Err(CypherError::argument(format!(
                    "expected years, months, weeks, days, hours, minutes, seconds or a part of those, got {other}"
                )));
            }
        };
        if !value.is_finite() || value.abs() >= 9.2e18 {
            return Err(too_large());
        }
        whole += value.trunc() as i128 * i128::from(unit);
        rest += value.fract() * unit as f64;
    }
    normalised(months, days, whole, rest)
}

/// A duration so many times.
pub fn scaled(duration: &Duration, factor: f64) -> Result<Duration> {
    if !factor.is_finite() {
        return Err(CypherError::argument(
            "expected a finite number to multiply a duration with",
        ));
    }
    if factor.fract() == 0.0 && factor.abs() < 9.2e18 {
        let times = factor as i64;
        let part = |part: i64| part.checked_mul(times).ok_or_else(too_large);
        let nanos = nanos(duration)
            .checked_mul(times.into())
            .ok_or_else(too_large)?;
        return of_nanos(part(duration.months)?, part(duration.days)?, nanos);
    }
    let (months, days) = (
        duration.months as f64 * factor,
        duration.days as f64 * factor,
    );
    let seconds = duration.seconds as f64 * factor;
    let rest = seconds.fract() * NANOS_OF_SECOND as f64 + f64::from(duration.nanos) * factor;
    normalised(
        months,
        days,
        seconds.trunc() as i128 * i128::from(NANOS_OF_SECOND),
        rest,
    )
}

/// A day so many months later: of a shorter month, the last day.
pub(super) fn add_months(date: Date, months: i64) -> Result<Date> {
    let (year, month, day) = date.parts();
    let total = (year * 12 + month - 1)
        .checked_add(months)
        .ok_or_else(too_large)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    Date::of(year, month, day.min(days_of_month(year, month)))
        .ok_or_else(|| out_of_range("expected a date within the years that there are"))
}

pub(super) fn add_days(date: Date, days: i64) -> Result<Date> {
    let days = date.0.checked_add(days).ok_or_else(too_large)?;
    checked(Date(days))
}

/// A value and a duration.
pub fn add(value: &Temporal, duration: Duration) -> Result<Temporal> {
    let Duration { months, days, .. } = duration;
    let more = nanos(&duration);
    let moved = |date: Date| add_days(add_months(date, months)?, days);
    Ok(match value {
        Temporal::Date(date) => {
            let whole = more / i128::from(NANOS_OF_DAY);
            let whole = i64::try_from(whole).map_err(|_| too_large())?;
            Temporal::Date(add_days(moved(*date)?, whole)?)
        }
        Temporal::LocalTime(time) => Temporal::LocalTime(add_to_time(*time, more)),
        Temporal::Time(time) => Temporal::Time(Time {
            local: add_to_time(time.local, more),
            offset: time.offset,
        }),
        Temporal::LocalDateTime(value) => {
            let date = moved(value.date)?;
            Temporal::LocalDateTime(add_nanos(LocalDateTime { date, ..*value }, more)?)
        }
        Temporal::DateTime(value) => {
            let local = LocalDateTime {
                date: moved(value.local.date)?,
                ..value.local
            };
            let zone = Zone::of(value);
            let moved: DateTime = zone.at(local);
            let (seconds, nanos) = moved.epoch();
            let utc = add_nanos(LocalDateTime::of_epoch(seconds, nanos), more)?;
            let (seconds, nanos) = utc.epoch();
            Temporal::DateTime(zone.of_epoch(seconds, nanos))
        }
        Temporal::Duration(there) => {
            let months = there.months.checked_add(months).ok_or_else(too_large)?;
            let days = there.days.checked_add(days).ok_or_else(too_large)?;
            Temporal::Duration(of_nanos(months, days, nanos(there) + more)?)
        }
    })
}

fn add_to_time(time: LocalTime, nanos: i128) -> LocalTime {
    LocalTime((i128::from(time.0) + nanos).rem_euclid(i128::from(NANOS_OF_DAY)) as i64)
}

fn add_nanos(value: LocalDateTime, nanos: i128) -> Result<LocalDateTime> {
    let day = i128::from(NANOS_OF_DAY);
    let total = i128::from(value.time.0) + nanos;
    let days = i64::try_from(total.div_euclid(day)).map_err(|_| too_large())?;
    Ok(LocalDateTime {
        date: add_days(value.date, days)?,
        time: LocalTime(total.rem_euclid(day) as i64),
    })
}
