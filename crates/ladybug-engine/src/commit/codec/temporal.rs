//! Dates, times, moments and durations as bytes: a tag, then the numbers that they are made of.

use super::{Decoded, Decoder, Encoder, Output};
use crate::space::temporal::{Date, DateTime, Duration, LocalDateTime, LocalTime, Temporal, Time};

pub(super) fn encode<O: Output>(encoder: &mut Encoder<'_, O>, value: &Temporal) {
    let local = |encoder: &mut Encoder<'_, O>, value: LocalDateTime| {
        encoder.i64(value.date.0);
        encoder.i64(value.time.0);
    };
    match value {
        Temporal::Date(date) => {
            encoder.u8(0);
            encoder.i64(date.0);
        }
        Temporal::LocalTime(time) => {
            encoder.u8(1);
            encoder.i64(time.0);
        }
        Temporal::Time(time) => {
            encoder.u8(2);
            encoder.i64(time.local.0);
            encoder.i64(time.offset.into());
        }
        Temporal::LocalDateTime(value) => {
            encoder.u8(3);
            local(encoder, *value);
        }
        Temporal::DateTime(value) => {
            encoder.u8(4);
            local(encoder, value.local);
            encoder.i64(value.offset.into());
            encoder.option(value.zone.as_deref(), |e, zone| e.bytes(zone.as_bytes()));
        }
        Temporal::Duration(value) => {
            encoder.u8(5);
            encoder.i64(value.months);
            encoder.i64(value.days);
            encoder.i64(value.seconds);
            encoder.i64(value.nanos.into());
        }
    }
}

pub(super) fn decode(decoder: &mut Decoder<'_>) -> Decoded<Temporal> {
    let value = match decoder.u8()? {
        0 => Temporal::Date(Date(decoder.i64()?)),
        1 => Temporal::LocalTime(LocalTime(decoder.i64()?)),
        2 => Temporal::Time(Time {
            local: LocalTime(decoder.i64()?),
            offset: small(decoder)?,
        }),
        3 => Temporal::LocalDateTime(local(decoder)?),
        4 => Temporal::DateTime(DateTime {
            local: local(decoder)?,
            offset: small(decoder)?,
            zone: decoder.option(|d| Ok(d.text()?.into()))?,
        }),
        5 => Temporal::Duration(Duration {
            months: decoder.i64()?,
            days: decoder.i64()?,
            seconds: decoder.i64()?,
            nanos: small(decoder)?,
        }),
        _ => return decoder.expected("the type of a date or time"),
    };
    match value.is_in_range() {
        true => Ok(value),
        false => decoder.expected("a date or time in its range"),
    }
}

fn local(decoder: &mut Decoder<'_>) -> Decoded<LocalDateTime> {
    Ok(LocalDateTime {
        date: Date(decoder.i64()?),
        time: LocalTime(decoder.i64()?),
    })
}

fn small(decoder: &mut Decoder<'_>) -> Decoded<i32> {
    let number = decoder.i64()?;
    i32::try_from(number).or_else(|_| decoder.expected("a number of at most 32 bits"))
}
