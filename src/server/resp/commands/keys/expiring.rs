//! EXPIRE, TTL, PERSIST and their kin. What gets a time to live moves to the fluid zone, what loses
//! it to the node zone.

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::state::View;

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::content::{delete, peek};
use super::super::expiry::{Unit, milliseconds, rounded_seconds};

/// What the four commands that set a time to live share.
const SETTING: Command = Command {
    arity: -3,
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::Generic,
    ..Command::DEFAULT
};

pub(super) const EXPIRE: Command = Command {
    name: "expire",
    syntax: "key seconds [NX | XX | GT | LT]",
    summary: "Sets the time to live in seconds: the key moves to the fluid zone",
    handler: Handler::Write(|tx, context, arguments| {
        expire(tx, context, arguments, Unit::Seconds, "expire")
    }),
    ..SETTING
};

pub(super) const PEXPIRE: Command = Command {
    name: "pexpire",
    syntax: "key milliseconds [NX | XX | GT | LT]",
    since: "2.6.0",
    summary: "Sets the time to live in milliseconds",
    handler: Handler::Write(|tx, context, arguments| {
        expire(tx, context, arguments, Unit::Milliseconds, "pexpire")
    }),
    ..SETTING
};

pub(super) const EXPIREAT: Command = Command {
    name: "expireat",
    syntax: "key unix-time-seconds [NX | XX | GT | LT]",
    since: "1.2.0",
    summary: "Sets when the key expires, in seconds since the epoch",
    handler: Handler::Write(|tx, context, arguments| {
        expire(tx, context, arguments, Unit::UnixSeconds, "expireat")
    }),
    ..SETTING
};

pub(super) const PEXPIREAT: Command = Command {
    name: "pexpireat",
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
    since: "2.6.0",
    summary: "Sets when the key expires, in milliseconds since the epoch",
    handler: Handler::Write(|tx, context, arguments| {
        expire(tx, context, arguments, Unit::UnixMilliseconds, "pexpireat")
    }),
    ..SETTING
};

/// What the four commands that ask for it share.
const ASKING: Command = Command {
    syntax: "key",
    arity: 2,
    flags: &[Flag::Readonly, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::Generic,
    ..Command::DEFAULT
};

pub(super) const TTL: Command = Command {
    name: "ttl",
    summary: "The time to live in seconds; -1 if there is none, -2 if there is no key",
    handler: Handler::Read(|view, context, arguments| {
        Ok(time(view, context, arguments[1], |at| {
            rounded_seconds(left(view, at))
        }))
    }),
    ..ASKING
};

pub(super) const PTTL: Command = Command {
    name: "pttl",
    since: "2.6.0",
    summary: "The time to live in milliseconds; -1 if there is none, -2 if there is no key",
    handler: Handler::Read(|view, context, arguments| {
        Ok(time(view, context, arguments[1], |at| left(view, at)))
    }),
    ..ASKING
};

pub(super) const EXPIRETIME: Command = Command {
    name: "expiretime",
    since: "7.0.0",
    summary: "When the key expires, in seconds since the epoch; -1 for never, -2 if there is no key",
    handler: Handler::Read(|view, context, arguments| {
        Ok(time(view, context, arguments[1], |at| {
            rounded_seconds(milliseconds(at))
        }))
    }),
    ..ASKING
};

pub(super) const PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    since: "7.0.0",
    summary: "When the key expires, in milliseconds since the epoch; -1 for never, -2 if there is \
              no key",
    handler: Handler::Read(|view, context, arguments| {
        Ok(time(view, context, arguments[1], milliseconds))
    }),
    ..ASKING
};

pub(super) const PERSIST: Command = Command {
    name: "persist",
    syntax: "key",
    arity: 2,
    flags: &[Flag::Write, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::Generic,
    since: "2.2.0",
    summary: "Takes the time to live away: the key moves to the node zone",
    handler: Handler::Write(persist),
    ..Command::DEFAULT
};

/// Milliseconds until `at`.
fn left(view: &View<'_>, at: i64) -> i64 {
    (milliseconds(at) - milliseconds(view.now)).max(0)
}

fn time(view: &View<'_>, context: &Context, key: &[u8], render: impl Fn(i64) -> i64) -> Reply {
    Integer(match peek(view, context, key) {
        None => -2,
        Some(node) => node.expires().map_or(-1, render),
    })
}

/// When a new time to live applies.
#[derive(Debug, Default, Clone, Copy)]
struct Conditions {
    /// NX: there is none.
    none: bool,
    /// XX: there is one.
    some: bool,
    /// GT: it is longer; none is the longest.
    longer: bool,
    /// LT: it is shorter.
    shorter: bool,
}

impl Conditions {
    fn parse(options: &[&[u8]]) -> Result<Self, CommandError> {
        let mut conditions = Self::default();
        for option in options {
            match option.to_ascii_lowercase().as_slice() {
                b"nx" => conditions.none = true,
                b"xx" => conditions.some = true,
                b"gt" => conditions.longer = true,
                b"lt" => conditions.shorter = true,
                _ => {
                    // Up to a nought, as C prints it.
                    let option = option.split(|byte| *byte == 0).next().unwrap_or_default();
                    let option = String::from_utf8_lossy(option);
                    return Err(CommandError::err(format!("Unsupported option {option}")));
                }
            }
        }
        let Self {
            none,
            some,
            longer,
            shorter,
        } = conditions;
        if none && (some || longer || shorter) {
            return Err(CommandError::err(
                "NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if longer && shorter {
            return Err(CommandError::err(
                "GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    fn hold(self, old: Option<i64>, new: i64) -> bool {
        !(self.none && old.is_some()
            || self.some && old.is_none()
            || self.longer && old.is_none_or(|old| new <= old)
            || self.shorter && old.is_some_and(|old| new >= old))
    }
}

fn expire(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
    unit: Unit,
    command: &str,
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let conditions = Conditions::parse(&arguments[3..])?;
    let moment = unit.moment(arguments[2], tx.now(), command)?;
    let node = tx.view().find(key);
    let Some((address, old)) = node.map(|node| (node.address(), node.expires())) else {
        return Ok(Integer(0));
    };
    if !conditions.hold(old, moment) {
        return Ok(Integer(0));
    }
    if moment <= tx.now() {
        delete(tx, context, key)?;
    } else {
        tx.set_expiry(address, Some(moment))?;
        context.notify(Class::Generic, "expire", key);
    }
    Ok(Integer(1))
}

fn persist(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let node = tx.view().find(key).filter(|node| node.expires().is_some());
    let Some(address) = node.map(|node| node.address()) else {
        return Ok(Integer(0));
    };
    tx.set_expiry(address, None)?;
    context.notify(Class::Generic, "persist", key);
    Ok(Integer(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_with_the_old_time_and_none_is_the_longest() {
        let hold = |options: &[&[u8]], old, new| {
            Conditions::parse(options).expect("options").hold(old, new)
        };
        assert!(hold(&[], None, 5) && hold(&[], Some(9), 5));
        assert!(hold(&[b"nx"], None, 5) && !hold(&[b"NX"], Some(9), 5));
        assert!(!hold(&[b"xx"], None, 5) && hold(&[b"xx"], Some(9), 5));
        assert!(!hold(&[b"gt"], None, 5) && !hold(&[b"gt"], Some(5), 5));
        assert!(hold(&[b"gt"], Some(4), 5));
        assert!(hold(&[b"lt"], None, 5) && !hold(&[b"lt"], Some(5), 5));
        assert!(hold(&[b"lt"], Some(6), 5));
        assert!(!hold(&[b"xx", b"lt"], None, 5));
        for wrong in [[&b"nx"[..], b"xx"], [b"gt", b"lt"], [b"xx", b"up"]] {
            assert!(Conditions::parse(&wrong).is_err());
        }
    }
}
