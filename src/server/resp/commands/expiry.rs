//! Times of expiry as Redis's commands write them: seconds or milliseconds, from now or since the
//! epoch. Redis counts milliseconds, the engine microseconds.

use ladybug_engine::space::chunk::NEVER;

use super::super::error::CommandError;
use super::super::request::parse_i64;

const US_PER_MS: i64 = 1_000;
const MS_PER_S: i64 = 1_000;

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `EX`: seconds from now.
    Seconds,
    /// `PX`: milliseconds from now.
    Milliseconds,
    /// `EXAT`: seconds since the epoch.
    UnixSeconds,
    /// `PXAT`: milliseconds since the epoch.
    UnixMilliseconds,
}

impl Unit {
    /// The unit of an option of SET and GETEX.
    pub fn of_option(option: &[u8]) -> Option<Self> {
        [
            (&b"ex"[..], Self::Seconds),
            (b"px", Self::Milliseconds),
            (b"exat", Self::UnixSeconds),
            (b"pxat", Self::UnixMilliseconds),
        ]
        .into_iter()
        .find(|(name, _)| option.eq_ignore_ascii_case(name))
        .map(|(_, unit)| unit)
    }

    fn is_relative(self) -> bool {
        matches!(self, Self::Seconds | Self::Milliseconds)
    }

    fn is_seconds(self) -> bool {
        matches!(self, Self::Seconds | Self::UnixSeconds)
    }

    /// The moment that `text` writes, microseconds since the epoch; it may have passed. Moments
    /// beyond the engine's reckoning (the year 294,247) are its last one.
    ///
    /// # Errors
    /// `text` is no integer, or the moment is beyond Redis's reckoning.
    pub fn moment(self, text: &[u8], now_us: i64, command: &str) -> Result<i64, CommandError> {
        let given = parse_i64(text).ok_or(CommandError::NOT_AN_INTEGER)?;
        self.at(given, now_us).ok_or_else(|| invalid(command))
    }

    /// The same for commands that take only what is positive.
    ///
    /// # Errors
    /// Those of [`moment`](Self::moment), or the time is not positive.
    pub fn later(self, text: &[u8], now_us: i64, command: &str) -> Result<i64, CommandError> {
        let given = parse_i64(text).ok_or(CommandError::NOT_AN_INTEGER)?;
        let moment = self.at(given, now_us).filter(|_| given > 0);
        moment.ok_or_else(|| invalid(command))
    }

    fn at(self, given: i64, now_us: i64) -> Option<i64> {
        let mut moment_ms = given;
        if self.is_seconds() {
            moment_ms = moment_ms.checked_mul(MS_PER_S)?;
        }
        if self.is_relative() {
            moment_ms = moment_ms.checked_add(milliseconds(now_us))?;
        }
        Some(moment_ms.saturating_mul(US_PER_MS).min(NEVER - 1))
    }
}

fn invalid(command: &str) -> CommandError {
    CommandError::err(format!("invalid expire time in '{command}' command"))
}

/// Microseconds as whole milliseconds.
pub fn milliseconds(us: i64) -> i64 {
    us.div_euclid(US_PER_MS)
}

/// Milliseconds as seconds, rounded as TTL does.
pub fn rounded_seconds(ms: i64) -> i64 {
    (ms + MS_PER_S / 2) / MS_PER_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_reckoned_in_milliseconds_and_refused_where_redis_refuses() {
        let now_us = 5_000_999;
        for (unit, text, expected) in [
            (Unit::Seconds, "10", Ok(15_000_000)),
            (Unit::Milliseconds, "10", Ok(5_010_000)),
            (Unit::UnixSeconds, "10", Ok(10_000_000)),
            (Unit::UnixMilliseconds, "10", Ok(10_000)),
            (Unit::Seconds, "-1", Ok(4_000_000)),
            (Unit::UnixMilliseconds, "9223372036854775807", Ok(NEVER - 1)),
            (Unit::Seconds, "9223372036854775", Err(invalid("expire"))),
            (
                Unit::Milliseconds,
                "9223372036854775807",
                Err(invalid("expire")),
            ),
            (Unit::Seconds, "1.5", Err(CommandError::NOT_AN_INTEGER)),
        ] {
            assert_eq!(
                unit.moment(text.as_bytes(), now_us, "expire"),
                expected,
                "{unit:?} {text}"
            );
        }
        assert_eq!(
            Unit::Seconds.later(b"0", now_us, "set"),
            Err(invalid("set"))
        );
        assert_eq!(Unit::of_option(b"pXaT"), Some(Unit::UnixMilliseconds));
        assert_eq!(Unit::of_option(b"at"), None);
        assert_eq!((rounded_seconds(1_499), rounded_seconds(1_500)), (1, 2));
    }
}
