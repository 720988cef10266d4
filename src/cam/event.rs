//! Values of variables as arguments, and what OBSERVE is told.
//!
//! `size=large,treatment=A`, or `{size: large, treatment: A}`, which JSON objects of text and numbers are too. Names and
//! values that hold what separates them stand in double quotes, as JSON writes text.

use crate::mind::causal::effect;
use crate::mind::causal::mechanism::Mechanism;
use crate::operand::shown;

/// What an event is written as.
pub const EVENT: &str = "values of variables such as size=large,treatment=A or {\"size\":\"large\",\"treatment\":\"A\"}";
/// What an observation is written as.
pub const OBSERVATION: &str = "an observation such as size=large,treatment=A or {\"size\":\"large\",\"treatment\":\"A\"}, \
                               with a weight above 0 behind it if that is not 1; or MECHANISM variable expression";

/// The word before a mechanism.
pub const MECHANISM: &str = "MECHANISM";

/// Variables, each with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(Vec<(String, String)>);

/// What OBSERVE is told.
#[derive(Clone, Debug)]
pub enum Observed<'a> {
    /// So often this was seen.
    Event(Event, f64),
    /// So a variable comes about.
    Mechanism {
        /// The variable.
        variable: &'a str,
        /// How, as it is written.
        text: &'a str,
        /// How.
        mechanism: Mechanism,
    },
}

impl Event {
    /// Reads values of variables.
    ///
    /// # Errors
    /// They are none: what was expected.
    pub fn parse(input: &[u8]) -> Result<Self, String> {
        let wrong = |detail: &str| format!("expected {EVENT}, got '{}'{detail}", shown(input));
        let text = std::str::from_utf8(input).map_err(|_| wrong(""))?.trim();
        let (mut rest, is) = match text.strip_prefix('{') {
            None => (text, '='),
            Some(inner) => (
                inner
                    .strip_suffix('}')
                    .ok_or_else(|| wrong(": a } is missing"))?,
                ':',
            ),
        };
        let mut values: Vec<(String, String)> = Vec::new();
        loop {
            let name = word(&mut rest, is).ok_or_else(|| wrong(""))?;
            rest = rest
                .strip_prefix(is)
                .ok_or_else(|| wrong(&format!(": a {is} is missing behind {name}")))?;
            let value =
                word(&mut rest, ',').ok_or_else(|| wrong(&format!(": {name} has no value")))?;
            if values.iter().any(|(known, _)| *known == name) {
                return Err(wrong(&format!(": {name} has two values")));
            }
            values.push((name, value));
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None if rest.is_empty() => return Ok(Self(values)),
                None => return Err(wrong("")),
            }
        }
    }

    /// The variables with their values.
    pub fn values(&self) -> Vec<effect::Value<'_>> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The variable and its value, if it is one.
    pub fn only(&self) -> Option<effect::Value<'_>> {
        match &self.0[..] {
            [(name, value)] => Some((name, value)),
            _ => None,
        }
    }

    /// As one JSON object, the same for the same values.
    pub fn json(&self) -> String {
        let sorted: std::collections::BTreeMap<_, _> =
            self.0.iter().map(|(name, value)| (name, value)).collect();
        serde_json::to_string(&sorted).expect("invariant: texts can be written as JSON")
    }
}

/// `success=1, size=large`.
impl std::fmt::Display for Event {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        out.write_str(&all.collect::<Vec<_>>().join(", "))
    }
}

/// A name or a value, in double quotes or up to what ends it.
fn word(rest: &mut &str, end: char) -> Option<String> {
    let text = rest.trim_start();
    if text.starts_with('"') {
        let mut words = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let word = words.next()?.ok()?;
        *rest = text[words.byte_offset()..].trim_start();
        return Some(word);
    }
    let length = text.find([end, ',']).unwrap_or(text.len());
    let (word, after) = text.split_at(length);
    let word = word.trim_end();
    let is_plain = !word.is_empty() && !word.contains(['"', '{', '}', '[', ']']);
    *rest = after;
    is_plain.then(|| word.to_owned())
}

impl<'a> Observed<'a> {
    /// Reads an observation off the front of words.
    ///
    /// # Errors
    /// There is none.
    pub fn take(rest: &mut &'a [&'a [u8]]) -> Result<Self, String> {
        let [first, after @ ..] = *rest else {
            return Err(format!("expected {OBSERVATION}, got nothing more"));
        };
        if first.eq_ignore_ascii_case(MECHANISM.as_bytes()) {
            let [variable, text, after @ ..] = after else {
                return Err("expected MECHANISM variable expression, got nothing more".to_owned());
            };
            let utf8 = |bytes: &'a [u8]| {
                std::str::from_utf8(bytes)
                    .map_err(|_| format!("expected text in UTF-8, got '{}'", shown(bytes)))
            };
            let (variable, text) = (utf8(variable)?, utf8(text)?);
            let mechanism = text.parse().map_err(|error| {
                format!(
                    "expected an expression of other variables such as \"smoke and not filter\", or a distribution such as \
                     \"{{1: 0.3, 0: 0.7}}\", got '{}': {error}",
                    shown(text.as_bytes())
                )
            })?;
            *rest = after;
            return Ok(Self::Mechanism {
                variable,
                text,
                mechanism,
            });
        }
        let event = Event::parse(first)?;
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<f64>().ok();
        let weight = match after.first().map(|next| (next, number(next))) {
            Some((next, Some(weight))) => {
                if !(weight > 0.0 && weight.is_finite()) {
                    return Err(format!("expected a weight above 0, got '{}'", shown(next)));
                }
                *rest = &after[1..];
                weight
            }
            _ => {
                *rest = after;
                1.0
            }
        };
        Ok(Self::Event(event, weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_has_several_spellings() {
        let event = Event::parse(b"size=large,treatment=A").unwrap();
        assert_eq!(event.values(), [("size", "large"), ("treatment", "A")]);
        for text in [
            " size = large , treatment = A ",
            "{size: large, treatment: A}",
            "{\"size\":\"large\",\"treatment\":\"A\"}",
            "\"size\"=\"large\",treatment=A",
        ] {
            assert_eq!(Event::parse(text.as_bytes()), Ok(event.clone()), "{text}");
        }
        assert_eq!(event.json(), r#"{"size":"large","treatment":"A"}"#);
        let odd = Event::parse(r#"{"a, \"b\": =": "}{"}"#.as_bytes()).unwrap();
        assert_eq!(odd.values(), [("a, \"b\": =", "}{")]);
        assert_eq!(
            Event::parse(b"user:1=a:b").unwrap().only(),
            Some(("user:1", "a:b"))
        );
        assert_eq!(Event::parse(b"{x: 1}").unwrap().to_string(), "x=1");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for text in [
            "",
            "{}",
            "{",
            "}",
            "x",
            "x=",
            "=1",
            "x=1,",
            ",x=1",
            "x=1,x=2",
            "{x: 1",
            "{x=1}",
            "x:1",
            "{x: {y: 1}}",
            "x=\"1",
            "{x: [1]}",
            "x=\"1\"2",
            "{\"a\":null}{}",
        ] {
            let refused = Event::parse(text.as_bytes()).unwrap_err();
            assert!(
                refused.starts_with("expected values of variables"),
                "{text}: {refused}"
            );
        }
        assert!(Event::parse(b"\xff=1").is_err());
    }
}
