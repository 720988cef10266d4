//! Dates, times, moments and durations as fields hold them: proleptic Gregorian calendar, nanoseconds, ISO 8601 text.
//!
//! What time zones and clocks say comes from outside: a moment carries its offset and the name of its zone.

use std::fmt;
use std::sync::Arc;

/// Nanoseconds of a second.
pub const NANOS_OF_SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a day.
pub const NANOS_OF_DAY: i64 = 86_400 * NANOS_OF_SECOND;
/// The latest year; the earliest is its negative.
pub const YEAR_MAX: i64 = 999_999_999;
/// The first day that there is.
pub const DATE_MIN: Date = Date(days_from_civil(-YEAR_MAX, 1, 1));
/// The last day that there is.
pub const DATE_MAX: Date = Date(days_from_civil(YEAR_MAX, 12, 31));
/// Farthest from UTC, seconds: as ISO 8601 has it, 18 hours.
pub const OFFSET_MAX: i32 = 18 * 3600;

/// A day: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i64);

impl Date {
    /// The date of a year, month (1..=12) and day (1..=31), if there is one.
    pub fn of(year: i64, month: i64, day: i64) -> Option<Self> {
        let is_date = (-YEAR_MAX..=YEAR_MAX).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day);
        is_date.then(|| Self(days_from_civil(year, month, day)))
    }

    /// Year, month and day.
    pub fn parts(self) -> (i64, i64, i64) {
        civil_from_days(self.0)
    }
}

/// Whether a year has 366 days.
pub fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days a month has.
pub fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, counted in years that begin in March: 400 of them have 146,097 days.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A time of day without an offset: nanoseconds since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(pub i64);

impl LocalTime {
    /// Hour, minute, second and nanosecond.
    pub fn parts(self) -> (i64, i64, i64, i64) {
        let seconds = self.0 / NANOS_OF_SECOND;
        (
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            self.0 % NANOS_OF_SECOND,
        )
    }
}

/// A time of day and how many seconds it is ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// The time there.
    pub local: LocalTime,
    /// Seconds ahead of UTC.
    pub offset: i32,
}

impl Time {
    /// Nanoseconds since midnight UTC, of the day that it is there.
    pub fn utc_nanos(self) -> i64 {
        self.local.0 - i64::from(self.offset) * NANOS_OF_SECOND
    }
}

/// A day and a time of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDateTime {
    /// The day.
    pub date: Date,
    /// The time.
    pub time: LocalTime,
}

impl LocalDateTime {
    /// Seconds and nanoseconds since the epoch, as if it were UTC.
    pub fn epoch(self) -> (i64, i64) {
        let seconds = self.date.0 * 86_400 + self.time.0 / NANOS_OF_SECOND;
        (seconds, self.time.0 % NANOS_OF_SECOND)
    }

    /// The moment so many seconds and nanoseconds (not negative, less than a second) after the epoch.
    pub fn of_epoch(seconds: i64, nanos: i64) -> Self {
        Self {
            date: Date(seconds.div_euclid(86_400)),
            time: LocalTime(seconds.rem_euclid(86_400) * NANOS_OF_SECOND + nanos),
        }
    }
}

/// A moment: the time somewhere, how far that is ahead of UTC, and the time zone if it was named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The time there.
    pub local: LocalDateTime,
    /// Seconds ahead of UTC.
    pub offset: i32,
    /// The name of the zone.
    pub zone: Option<Arc<str>>,
}

impl DateTime {
    /// Seconds and nanoseconds since the epoch.
    pub fn epoch(&self) -> (i64, i64) {
        let (seconds, nanos) = self.local.epoch();
        (seconds - i64::from(self.offset), nanos)
    }
}

/// A span of time, in parts that no calendar makes equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Months.
    pub months: i64,
    /// Days.
    pub days: i64,
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds to add, 0..1,000,000,000.
    pub nanos: i32,
}

/// Any of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Temporal {
    /// A day.
    Date(Date),
    /// A time of day.
    LocalTime(LocalTime),
    /// A time of day with its offset.
    Time(Time),
    /// A day and a time.
    LocalDateTime(LocalDateTime),
    /// A moment.
    DateTime(DateTime),
    /// A span.
    Duration(Duration),
}

impl Temporal {
    /// Whether each part is in its range: what is not is neither written nor read.
    pub fn is_in_range(&self) -> bool {
        let date = |date: Date| (DATE_MIN.0..=DATE_MAX.0).contains(&date.0);
        let time = |time: LocalTime| (0..NANOS_OF_DAY).contains(&time.0);
        let offset = |offset: i32| (-OFFSET_MAX..=OFFSET_MAX).contains(&offset);
        let local = |value: LocalDateTime| date(value.date) && time(value.time);
        match self {
            Self::Date(value) => date(*value),
            Self::LocalTime(value) => time(*value),
            Self::Time(value) => time(value.local) && offset(value.offset),
            Self::LocalDateTime(value) => local(*value),
            Self::DateTime(value) => local(value.local) && offset(value.offset),
            Self::Duration(value) => (0..NANOS_OF_SECOND).contains(&value.nanos.into()),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        match year {
            0..=9999 => write!(out, "{year:04}")?,
            10_000.. => write!(out, "+{year}")?,
            _ => write!(out, "-{:04}", -year)?,
        }
        write!(out, "-{month:02}-{day:02}")
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, nano) = self.parts();
        write!(out, "{hour:02}:{minute:02}")?;
        if second != 0 || nano != 0 {
            write!(out, ":{second:02}")?;
        }
        fraction(out, nano)
    }
}

/// `.5`: the nanoseconds of a second without what is zero at their end; nothing if there are none.
fn fraction(out: &mut fmt::Formatter<'_>, nanos: i64) -> fmt::Result {
    match nanos {
        0 => Ok(()),
        _ => write!(out, ".{}", format!("{nanos:09}").trim_end_matches('0')),
    }
}

/// An offset as text: `Z`, `+01:00`, `+00:53:28`.
pub fn offset_text(offset: i32) -> String {
    if offset == 0 {
        return "Z".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.abs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.local, offset_text(self.offset))
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}T{}", self.date, self.time)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.local, offset_text(self.offset))?;
        match &self.zone {
            Some(zone) => write!(out, "[{zone}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return out.write_str("PT0S");
        }
        let part = |out: &mut fmt::Formatter<'_>, n: i64, unit: char| match n {
            0 => Ok(()),
            n => write!(out, "{n}{unit}"),
        };
        out.write_str("P")?;
        part(out, self.months / 12, 'Y')?;
        part(out, self.months % 12, 'M')?;
        part(out, self.days, 'D')?;
        if self.seconds == 0 && self.nanos == 0 {
            return Ok(());
        }
        out.write_str("T")?;
        // Seconds and nanoseconds of one sign, so that the hours and minutes have it too.
        let (mut seconds, mut nanos) = (self.seconds, i64::from(self.nanos));
        if seconds < 0 && nanos > 0 {
            seconds += 1;
            nanos -= NANOS_OF_SECOND;
        }
        part(out, seconds / 3600, 'H')?;
        part(out, seconds / 60 % 60, 'M')?;
        let second = seconds % 60;
        if second == 0 && nanos == 0 {
            return Ok(());
        }
        if second < 0 || nanos < 0 {
            out.write_str("-")?;
        }
        write!(out, "{}", second.abs())?;
        fraction(out, nanos.abs())?;
        out.write_str("S")
    }
}

impl fmt::Display for Temporal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(value) => value.fmt(out),
            Self::LocalTime(value) => value.fmt(out),
            Self::Time(value) => value.fmt(out),
            Self::LocalDateTime(value) => value.fmt(out),
            Self::DateTime(value) => value.fmt(out),
            Self::Duration(value) => value.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse_as_far_as_years_go() {
        let first = Date::of(-YEAR_MAX, 1, 1).unwrap().0;
        let last = Date::of(YEAR_MAX, 12, 31).unwrap().0;
        assert_eq!(Date::of(1970, 1, 1), Some(Date(0)));
        assert_eq!(Date::of(2000, 3, 1), Some(Date(11_017)));
        let edges = [first, first + 1, last - 1, last];
        for days in (-800_000..800_000).step_by(97).chain(edges) {
            let (year, month, day) = Date(days).parts();
            assert_eq!(Date::of(year, month, day), Some(Date(days)));
        }
        assert_eq!(Date::of(1900, 2, 29), None);
    }

    #[test]
    fn texts_are_those_of_iso_8601() {
        let at = |date: Date, nanos| LocalDateTime {
            date,
            time: LocalTime(nanos),
        };
        let day = Date::of(2015, 7, 21).unwrap();
        assert_eq!(at(day, 0).to_string(), "2015-07-21T00:00");
        assert_eq!(
            at(day, 32_142_000_000).to_string(),
            "2015-07-21T00:00:32.142"
        );
        assert_eq!(Date::of(-5, 1, 2).unwrap().to_string(), "-0005-01-02");
        assert_eq!(offset_text(3208), "+00:53:28");
        let span = |months, days, seconds, nanos| Duration {
            months,
            days,
            seconds,
            nanos,
        };
        assert_eq!(
            span(149, 14, 58_390, 1).to_string(),
            "P12Y5M14DT16H13M10.000000001S"
        );
        assert_eq!(
            span(-6, -15, -63_904, 499_999_998).to_string(),
            "P-6M-15DT-17H-45M-3.500000002S"
        );
        assert_eq!(span(0, 0, -1, 500_000_000).to_string(), "PT-0.5S");
        assert_eq!(span(0, 0, 0, 0).to_string(), "PT0S");
    }
}
