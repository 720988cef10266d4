//! The duration from one date or time to another.

use ladybug_engine::space::temporal::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, NANOS_OF_DAY, NANOS_OF_SECOND, Temporal,
};

use super::super::error::Result;
use super::arithmetic::{add_days, add_months, of_nanos};
use super::parts;
use super::zone::Zone;

/// In which units a duration is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Months, days and seconds, the largest first.
    All,
    Months,
    Days,
    Seconds,
}

/// The duration from `a` to `b`. What one lacks of a date or a zone it has of the other.
pub fn between(unit: Unit, a: &Temporal, b: &Temporal) -> Result<Duration> {
    let (a_date, a_time, a_zone) = parts(a);
    let (b_date, b_time, b_zone) = parts(b);
    let zone = a_zone
        .clone()
        .or_else(|| b_zone.clone())
        .unwrap_or(Zone::UTC);
    let has_dates = a_date.is_some() && b_date.is_some();
    let date = |own: Option<Date>, other: Option<Date>| own.or(other).unwrap_or(Date(0));
    let moment = |date, time: Option<LocalTime>, own: Option<Zone>| -> DateTime {
        let time = time.unwrap_or(LocalTime(0));
        own.unwrap_or_else(|| zone.clone())
            .at(LocalDateTime { date, time })
    };
    let from = moment(date(a_date, b_date), a_time, a_zone);
    let to = moment(date(b_date, a_date), b_time, b_zone);
    // Both as they are told at the first's place.
    let place = Zone::of(&from);
    let (seconds, nanos) = to.epoch();
    let there = place.of_epoch(seconds, nanos).local;
    match unit {
        Unit::Seconds => of_nanos(0, 0, nanos_between(&from, &to)),
        _ if !has_dates => match unit {
            Unit::All => of_nanos(0, 0, nanos_between(&from, &to)),
            _ => Ok(Duration::default()),
        },
        Unit::Months => of_nanos(months_between(from.local, there), 0, 0),
        Unit::Days => of_nanos(0, days_between(from.local, there), 0),
        Unit::All => {
            let months = months_between(from.local, there);
            let date = add_months(from.local.date, months)?;
            let later = LocalDateTime { date, ..from.local };
            let days = days_between(later, there);
            let date = add_days(date, days)?;
            let later = place.at(LocalDateTime { date, ..from.local });
            of_nanos(months, days, nanos_between(&later, &to))
        }
    }
}

fn nanos_between(from: &DateTime, to: &DateTime) -> i128 {
    let ((a, a_nanos), (b, b_nanos)) = (from.epoch(), to.epoch());
    (i128::from(b) - i128::from(a)) * i128::from(NANOS_OF_SECOND) + i128::from(b_nanos - a_nanos)
}

/// Whole months, towards none.
fn months_between(from: LocalDateTime, to: LocalDateTime) -> i64 {
    let ((a_year, a_month, a_day), (b_year, b_month, b_day)) = (from.date.parts(), to.date.parts());
    let months = (b_year * 12 + b_month) - (a_year * 12 + a_month);
    let (a, b) = ((a_day, from.time.0), (b_day, to.time.0));
    match months.signum() {
        1 if b < a => months - 1,
        -1 if b > a => months + 1,
        _ => months,
    }
}

/// Whole days, towards none.
fn days_between(from: LocalDateTime, to: LocalDateTime) -> i64 {
    let nanos = |at: LocalDateTime| {
        i128::from(at.date.0) * i128::from(NANOS_OF_DAY) + i128::from(at.time.0)
    };
    ((nanos(to) - nanos(from)) / i128::from(NANOS_OF_DAY)) as i64
}
