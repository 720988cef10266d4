//! SET: Redis's options, and what a node carries beside its value.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, Transaction, sorted_kinds};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::encode::vector_from_bytes;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::marks::{Qualia, RUNG_MAX, Truth};
use ladybug_engine::space::mutation::{Bits, Content};

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::request::parse_i64;
use super::super::content::read_value;
use super::super::expiry::Unit;

pub(super) const SET: Command = Command {
    name: "set",
    syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | \
             EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] \
             [QUALIA qualia] [TRUTH frequency,confidence] [KIND kind [kind ...]] [RUNG rung] \
             [PROMOTE accesses] [FP fingerprint | VECTOR vector] \
             [FIELDS count field value [field value ...]]",
    arity: -3,
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::FIRST,
    group: Group::String,
    summary: "Sets a value: replaces value, fields, fingerprint and time to live, keeps edges, and \
              keeps what QUALIA, TRUTH, KIND and RUNG do not replace. Without a time to live the \
              node is permanent; with one it is fluid, until PROMOTE's accesses make it permanent. \
              FIELDS gives it fields beside the value",
    handler: Handler::Write(set),
    ..Command::DEFAULT
};

/// What a node carries beside its content, as options say it: each replaces what is there.
#[derive(Debug, Default)]
pub struct Marks {
    /// `QUALIA a,v,t,c,g,m,s,n`.
    pub qualia: Option<Qualia>,
    /// `TRUTH f,c`.
    pub truth: Option<Truth>,
    /// `KIND kind…`: words up to the next option.
    pub kinds: Option<Vec<Arc<str>>>,
    /// `RUNG r`, 0..=9.
    pub rung: Option<u8>,
    /// `PROMOTE n`: after so many accesses a fluid node becomes permanent.
    pub promotion: Option<u32>,
    /// `FP hex-or-bytes` or `VECTOR f32-bytes`.
    pub fingerprint: Option<Bits>,
    /// `FIELDS count field value…`: fields beside the value.
    pub fields: Option<Arc<Fields>>,
}

impl Marks {
    /// Reads the option at the start of `arguments` and answers how many arguments it took, 0 if
    /// it is none of these. `is_option` tells the words that end a list of kinds.
    ///
    /// # Errors
    /// The option's value is missing, not of its form, or out of range.
    pub fn parse(
        &mut self,
        arguments: &[&[u8]],
        is_option: impl Fn(&[u8]) -> bool,
    ) -> Result<usize, CommandError> {
        let [option, values @ ..] = arguments else {
            return Ok(0);
        };
        if !Self::is_option(option) {
            return Ok(0);
        }
        let Some(&value) = values.first() else {
            return Err(CommandError::SYNTAX);
        };
        match option.to_ascii_lowercase().as_slice() {
            b"qualia" => self.qualia = Some(parse_mark(value)?),
            b"truth" => self.truth = Some(parse_mark(value)?),
            b"rung" => self.rung = Some(parse_rung(value)?),
            b"promote" => {
                let accesses = parse_i64(value).and_then(|n| u32::try_from(n).ok());
                let accesses = accesses.filter(|n| *n > 0);
                self.promotion = Some(accesses.ok_or_else(|| {
                    let most = u32::MAX;
                    expected(&format!("PROMOTE takes a number from 1 to {most}"), value)
                })?);
            }
            b"kind" => {
                let is_kind = |word: &&&[u8]| !is_option(word) && !Self::is_option(word);
                let words: Vec<_> = values.iter().take_while(is_kind).collect();
                if words.is_empty() {
                    return Err(CommandError::SYNTAX);
                }
                let kinds = words.iter().map(|word| parse_kind(word));
                self.kinds = Some(kinds.collect::<Result<_, _>>()?);
                return Ok(1 + words.len());
            }
            b"fields" => {
                let pairs = parse_i64(value).and_then(|count| usize::try_from(count).ok());
                let pairs = pairs.filter(|count| *count > 0);
                let words = pairs.and_then(|count| values[1..].get(..count.checked_mul(2)?));
                let Some(words) = words else {
                    let what = "FIELDS takes how many there are, then that many fields and values";
                    return Err(expected(what, value));
                };
                let pairs = words.chunks_exact(2);
                let fields: Fields = pairs
                    .map(|pair| (pair[0].into(), FieldValue::Bytes(pair[1].into())))
                    .collect();
                self.fields = Content::of_fields(fields).fields;
                return Ok(2 + words.len());
            }
            _ if self.fingerprint.is_some() => return Err(CommandError::SYNTAX),
            b"fp" => {
                let bits = Fingerprint::from_bytes_or_hex(value).map_err(refused)?;
                self.fingerprint = Some(Bits::Given(Box::new(bits)));
            }
            _ => {
                let bits = vector_from_bytes(value).map_err(refused)?;
                self.fingerprint = Some(Bits::Vector(Box::new(bits)));
            }
        }
        Ok(2)
    }

    fn is_option(word: &[u8]) -> bool {
        const OPTIONS: [&[u8]; 8] = [
            b"QUALIA", b"TRUTH", b"KIND", b"RUNG", b"PROMOTE", b"FP", b"VECTOR", b"FIELDS",
        ];
        OPTIONS
            .iter()
            .any(|option| option.eq_ignore_ascii_case(word))
    }

    /// Writes kinds, truth, qualia and rung, those that are given, to a node that is there.
    ///
    /// # Errors
    /// The engine's.
    pub fn apply(&self, tx: &mut Transaction<'_>, address: Address) -> Result<(), CommandError> {
        if let Some(kinds) = &self.kinds {
            tx.set_kinds(address, kinds.clone())?;
        }
        if let Some(truth) = self.truth {
            tx.set_truth(address, truth, None)?;
        }
        if let Some(qualia) = self.qualia {
            tx.set_qualia(address, qualia)?;
        }
        if let Some(rung) = self.rung {
            tx.set_rung(address, rung)?;
        }
        Ok(())
    }

    /// What a new node carries.
    pub fn draft(self, name: &[u8], value: Option<Arc<[u8]>>, expires: Option<i64>) -> Draft {
        Draft {
            name: Some(name.into()),
            content: Content {
                value,
                fields: self.fields,
                fingerprint: self.fingerprint.unwrap_or_default(),
            },
            kinds: self.kinds.and_then(sorted_kinds),
            truth: self.truth.unwrap_or_default(),
            qualia: self.qualia.unwrap_or_default(),
            rung: self.rung.unwrap_or_default(),
            expires,
            promotion: self.promotion.unwrap_or_default(),
            parent: None,
        }
    }
}

fn refused(error: impl std::fmt::Display) -> CommandError {
    CommandError::err(error.to_string())
}

fn expected(what: &str, got: &[u8]) -> CommandError {
    CommandError::err(format!("{what}; got '{}'", String::from_utf8_lossy(got)))
}

fn parse_mark<T: std::str::FromStr>(text: &[u8]) -> Result<T, CommandError>
where
    T::Err: std::fmt::Display,
{
    String::from_utf8_lossy(text).parse().map_err(refused)
}

fn parse_rung(text: &[u8]) -> Result<u8, CommandError> {
    let rung = parse_i64(text).and_then(|rung| u8::try_from(rung).ok());
    rung.filter(|rung| *rung <= RUNG_MAX)
        .ok_or_else(|| expected(&format!("a rung is a number from 0 to {RUNG_MAX}"), text))
}

fn parse_kind(text: &[u8]) -> Result<Arc<str>, CommandError> {
    match std::str::from_utf8(text) {
        Ok(kind) if !kind.is_empty() => Ok(kind.into()),
        _ => Err(expected("a kind is a word in UTF-8", text)),
    }
}

/// SET's options.
#[derive(Debug, Default)]
struct Options<'a> {
    only_new: bool,
    only_old: bool,
    answers_old: bool,
    keeps_time: bool,
    time: Option<(Unit, &'a [u8])>,
    marks: Marks,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: &[&'a [u8]]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let [option, rest @ ..] = arguments {
            let mut taken = 1;
            if option.eq_ignore_ascii_case(b"nx") && !options.only_old {
                options.only_new = true;
            } else if option.eq_ignore_ascii_case(b"xx") && !options.only_new {
                options.only_old = true;
            } else if option.eq_ignore_ascii_case(b"get") {
                options.answers_old = true;
            } else if option.eq_ignore_ascii_case(b"keepttl") && options.time.is_none() {
                options.keeps_time = true;
            } else if let Some(unit) = Unit::of_option(option)
                && let Some(text) = rest.first()
                && !options.keeps_time
                && options.time.is_none_or(|(earlier, _)| earlier == unit)
            {
                options.time = Some((unit, text));
                taken = 2;
            } else {
                taken = options.marks.parse(arguments, is_redis_option)?;
            }
            if taken == 0 {
                return Err(CommandError::SYNTAX);
            }
            arguments = &arguments[taken..];
        }
        Ok(options)
    }
}

fn is_redis_option(word: &[u8]) -> bool {
    const OPTIONS: [&[u8]; 4] = [b"NX", b"XX", b"GET", b"KEEPTTL"];
    Unit::of_option(word).is_some() || OPTIONS.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn set(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, value) = (arguments[1], arguments[2]);
    if arguments.len() == 3 {
        put(tx, context, key, value, None)?;
        return Ok(Reply::OK);
    }
    let options = Options::parse(&arguments[3..])?;
    let expires = match options.time {
        Some((unit, text)) => Some(unit.later(text, tx.now(), "set")?),
        None => None,
    };
    let mut reply = Reply::OK;
    if options.answers_old {
        let old = read_value(&tx.view(), context, key)?;
        reply = old.cloned().map_or(Reply::Nil, Reply::Value);
    }
    let is_there = tx.find(key).is_some();
    if options.only_new && is_there || options.only_old && !is_there {
        return Ok(match options.answers_old {
            true => reply,
            false => Reply::Nil,
        });
    }
    let time = match options.keeps_time {
        true => Time::Kept,
        false => Time::Replaced(expires),
    };
    put_marked(tx, context, key, value, time, options.marks)?;
    Ok(reply)
}

/// Sets a value, and replaces fields and time to live, as SET without options.
///
/// # Errors
/// No room, or the name is too long.
pub fn put(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
    value: &[u8],
    expires: Option<i64>,
) -> Result<(), CommandError> {
    let time = Time::Replaced(expires);
    put_marked(tx, context, key, value, time, Marks::default())
}

/// What becomes of the time to live.
enum Time {
    Kept,
    Replaced(Option<i64>),
}

fn put_marked(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
    value: &[u8],
    time: Time,
    marks: Marks,
) -> Result<(), CommandError> {
    let value = Some(value.into());
    let node = tx.view().find(key);
    let found = node.map(|node| (node.address(), node.expires(), node.promotion()));
    let expires = match time {
        Time::Kept => found.and_then(|(_, expires, _)| expires),
        Time::Replaced(expires) => expires,
    };
    match found {
        None => {
            tx.create(marks.draft(key, value, expires))?;
            context.notify(Class::New, "new", key);
        }
        Some((address, old_expires, old_promotion)) => {
            marks.apply(tx, address)?;
            let promotion = match time {
                Time::Kept => marks.promotion.unwrap_or(old_promotion),
                Time::Replaced(_) => marks.promotion.unwrap_or(0),
            };
            if promotion != old_promotion {
                tx.set_promotion(address, promotion)?;
            }
            let content = Content {
                value,
                fields: marks.fields,
                fingerprint: marks.fingerprint.unwrap_or_default(),
            };
            tx.set_content(address, content)?;
            if expires != old_expires {
                tx.set_expiry(address, expires)?;
            }
        }
    }
    context.notify(Class::String, "set", key);
    if let Time::Replaced(Some(_)) = time {
        context.notify(Class::Generic, "expire", key);
    }
    Ok(())
}
