//! Functions that make dates, times, moments and durations.

use ladybug_engine::space::temporal::{LocalDateTime, LocalTime, Temporal, Time};

use super::super::compile::scope::Type;
use super::super::error::{CypherError, Result};
use super::super::execute::Executor;
use super::super::temporal::{self, Kind, Unit, Zone};
use super::super::value::{Map, Value};
use super::{Function, wrong};

const TEMPORAL: Function = Function {
    result: |_| Type::Temporal,
    ..Function::DEFAULT
};

const CONSTRUCTOR: Function = Function {
    least: 0,
    ..TEMPORAL
};

const TRUNCATION: Function = Function {
    least: 1,
    most: 3,
    ..TEMPORAL
};

const BETWEEN: Function = Function {
    least: 2,
    most: 2,
    ..TEMPORAL
};

macro_rules! now {
    ($name:literal, $kind:expr) => {
        Function {
            name: $name,
            most: 1,
            run: |executor, arguments| make($kind, executor, arguments),
            ..CONSTRUCTOR
        }
    };
}

/// The family. The clock stands still while a statement runs: all of its functions tell one time.
pub const FUNCTIONS: &[Function] = &[
    now!("date", Kind::Date),
    now!("date.transaction", Kind::Date),
    now!("date.statement", Kind::Date),
    now!("date.realtime", Kind::Date),
    now!("localtime", Kind::LocalTime),
    now!("localtime.transaction", Kind::LocalTime),
    now!("localtime.statement", Kind::LocalTime),
    now!("localtime.realtime", Kind::LocalTime),
    now!("time", Kind::Time),
    now!("time.transaction", Kind::Time),
    now!("time.statement", Kind::Time),
    now!("time.realtime", Kind::Time),
    now!("localdatetime", Kind::LocalDateTime),
    now!("localdatetime.transaction", Kind::LocalDateTime),
    now!("localdatetime.statement", Kind::LocalDateTime),
    now!("localdatetime.realtime", Kind::LocalDateTime),
    now!("datetime", Kind::DateTime),
    now!("datetime.transaction", Kind::DateTime),
    now!("datetime.statement", Kind::DateTime),
    now!("datetime.realtime", Kind::DateTime),
    Function {
        name: "date.truncate",
        run: |executor, arguments| truncate(Kind::Date, executor, arguments),
        ..TRUNCATION
    },
    Function {
        name: "localtime.truncate",
        run: |executor, arguments| truncate(Kind::LocalTime, executor, arguments),
        ..TRUNCATION
    },
    Function {
        name: "time.truncate",
        run: |executor, arguments| truncate(Kind::Time, executor, arguments),
        ..TRUNCATION
    },
    Function {
        name: "localdatetime.truncate",
        run: |executor, arguments| truncate(Kind::LocalDateTime, executor, arguments),
        ..TRUNCATION
    },
    Function {
        name: "datetime.truncate",
        run: |executor, arguments| truncate(Kind::DateTime, executor, arguments),
        ..TRUNCATION
    },
    Function {
        name: "datetime.fromepoch",
        most: 2,
        least: 1,
        run: |executor, arguments| from_epoch(executor, &["epochSeconds", "nanosecond"], arguments),
        ..TEMPORAL
    },
    Function {
        name: "datetime.fromepochmillis",
        run: |executor, arguments| from_epoch(executor, &["epochMillis"], arguments),
        ..TEMPORAL
    },
    Function {
        name: "duration",
        run: |_, arguments| duration(&arguments[0]),
        ..TEMPORAL
    },
    Function {
        name: "duration.between",
        run: |_, arguments| between(Unit::All, arguments),
        ..BETWEEN
    },
    Function {
        name: "duration.inMonths",
        run: |_, arguments| between(Unit::Months, arguments),
        ..BETWEEN
    },
    Function {
        name: "duration.inDays",
        run: |_, arguments| between(Unit::Days, arguments),
        ..BETWEEN
    },
    Function {
        name: "duration.inSeconds",
        run: |_, arguments| between(Unit::Seconds, arguments),
        ..BETWEEN
    },
    Function {
        name: "timestamp",
        least: 0,
        most: 0,
        result: |_| Type::Integer,
        run: |executor, _| {
            let (seconds, nanos) = executor.now().0.epoch();
            Ok(Value::Integer(seconds * 1000 + nanos / 1_000_000))
        },
        ..Function::DEFAULT
    },
];

/// A value of a kind: of the present, a text, a map or another date or time.
fn make(kind: Kind, executor: &Executor<'_, '_>, arguments: &[Value]) -> Result<Value> {
    let now = executor.now();
    let empty = Value::Map(Map::new().into());
    let value = match arguments.first().unwrap_or(&empty) {
        Value::Map(map) => match kind {
            Kind::Date => Temporal::Date(temporal::date(map, now)?),
            Kind::LocalTime => Temporal::LocalTime(temporal::local_time(map, now)?),
            Kind::Time => Temporal::Time(temporal::time(map, now)?),
            Kind::LocalDateTime => Temporal::LocalDateTime(temporal::local_date_time(map, now)?),
            Kind::DateTime => Temporal::DateTime(temporal::date_time(map, now)?),
        },
        Value::String(text) => {
            let text = text.as_str();
            match kind {
                Kind::Date => Temporal::Date(temporal::parse_date(&text)?),
                Kind::LocalTime => Temporal::LocalTime(temporal::parse_local_time(&text)?),
                Kind::Time => Temporal::Time(temporal::parse_time(&text)?),
                Kind::LocalDateTime => {
                    Temporal::LocalDateTime(temporal::parse_local_date_time(&text)?)
                }
                Kind::DateTime => Temporal::DateTime(temporal::parse_date_time(&text)?),
            }
        }
        Value::Temporal(value) => converted(kind, value)?,
        other => {
            return Err(wrong(
                "a date or time function",
                "a string, a map or a date or time",
                other,
            ));
        }
    };
    Ok(value.into())
}

/// Another date or time as one of a kind.
fn converted(kind: Kind, value: &Temporal) -> Result<Temporal> {
    let (date, time, zone) = temporal::parts(value);
    let needs_date = matches!(kind, Kind::Date | Kind::LocalDateTime | Kind::DateTime);
    let needs_time = matches!(kind, Kind::LocalTime | Kind::Time);
    if needs_date && date.is_none() || needs_time && time.is_none() {
        return Err(CypherError::argument(format!(
            "expected a date or time with the parts of another, got {value}"
        )));
    }
    let offset = match value {
        Temporal::Time(time) => time.offset,
        Temporal::DateTime(moment) => moment.offset,
        _ => 0,
    };
    let local = LocalDateTime {
        date: date.unwrap_or(ladybug_engine::space::temporal::Date(0)),
        time: time.unwrap_or(LocalTime(0)),
    };
    Ok(match kind {
        Kind::Date => Temporal::Date(local.date),
        Kind::LocalTime => Temporal::LocalTime(local.time),
        Kind::Time => Temporal::Time(Time {
            local: local.time,
            offset,
        }),
        Kind::LocalDateTime => Temporal::LocalDateTime(local),
        Kind::DateTime => Temporal::DateTime(zone.unwrap_or(Zone::UTC).at(local)),
    })
}

fn truncate(kind: Kind, executor: &Executor<'_, '_>, arguments: &[Value]) -> Result<Value> {
    let Value::String(unit) = &arguments[0] else {
        return Err(wrong("truncate", "a string as the unit", &arguments[0]));
    };
    let now = Temporal::DateTime(Zone::UTC.at(executor.now().0));
    let value = match arguments.get(1) {
        None => &now,
        Some(Value::Temporal(value)) => &**value,
        Some(other) => return Err(wrong("truncate", "a date or time", other)),
    };
    let map = match arguments.get(2) {
        None => Map::new(),
        Some(Value::Map(map)) => (**map).clone(),
        Some(other) => return Err(wrong("truncate", "a map", other)),
    };
    Ok(temporal::truncate(kind, &unit.as_str(), value, &map)?.into())
}

fn from_epoch(executor: &Executor<'_, '_>, keys: &[&str], arguments: &[Value]) -> Result<Value> {
    let entries = keys
        .iter()
        .zip(arguments)
        .map(|(key, value)| ((*key).into(), value.clone()));
    let moment = temporal::date_time(&entries.collect(), executor.now())?;
    Ok(Temporal::DateTime(moment).into())
}

fn duration(value: &Value) -> Result<Value> {
    let duration = match value {
        Value::String(text) => temporal::parse_duration(&text.as_str())?,
        Value::Map(map) => {
            let part = |(key, value): (&std::sync::Arc<str>, &Value)| match value.number() {
                Some(number) => Ok((key.to_string(), number)),
                None => Err(wrong("duration", "numbers", value)),
            };
            let parts: Vec<(String, f64)> = map.iter().map(part).collect::<Result<_>>()?;
            let parts: Vec<(&str, f64)> = parts
                .iter()
                .map(|(key, value)| (key.as_str(), *value))
                .collect();
            temporal::duration_of(&parts)?
        }
        Value::Temporal(value) if matches!(**value, Temporal::Duration(_)) => {
            return Ok(Value::Temporal(value.clone()));
        }
        other => return Err(wrong("duration", "a string or a map", other)),
    };
    Ok(Temporal::Duration(duration).into())
}

fn between(unit: Unit, arguments: &[Value]) -> Result<Value> {
    match (&arguments[0], &arguments[1]) {
        (Value::Temporal(a), Value::Temporal(b)) => {
            Ok(Temporal::Duration(temporal::between(unit, a, b)?).into())
        }
        (Value::Temporal(_), other) | (other, _) => {
            Err(wrong("duration.between", "dates or times", other))
        }
    }
}
