//! Ids, names and modes of methods.
//!
//! An id is a surface address: `family << 8 | operation << 4 | mode`, and a mode is `form << 2 | scope`.

use std::fmt;

use ladybug_engine::space::address::{Address, Zone};

use super::error::CamError;
use super::table::{FAMILIES, Family, Operation};

/// The addresses that a call reads and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The fluid and the node zone.
    All,
    /// The surface.
    Surface,
    /// The fluid zone.
    Fluid,
    /// The node zone.
    Node,
}

impl Scope {
    /// All of them, by code.
    pub const ALL: [Self; 4] = [Self::All, Self::Surface, Self::Fluid, Self::Node];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Surface => "surface",
            Self::Fluid => "fluid",
            Self::Node => "node",
        }
    }

    /// Whether an address is of it.
    pub fn contains(self, address: Address) -> bool {
        match self {
            Self::All => address.zone() != Zone::Surface,
            Self::Surface => address.zone() == Zone::Surface,
            Self::Fluid => address.zone() == Zone::Fluid,
            Self::Node => address.zone() == Zone::Node,
        }
    }

    /// The zone that it is, if it is one.
    pub fn zone(self) -> Option<Zone> {
        match self {
            Self::All => None,
            Self::Surface => Some(Zone::Surface),
            Self::Fluid => Some(Zone::Fluid),
            Self::Node => Some(Zone::Node),
        }
    }
}

/// What comes back of a result table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The table.
    Rows,
    /// How many rows it has.
    Count,
    /// The majority of the rows' fingerprints.
    Bundle,
    /// How it would be made.
    Plan,
}

impl Form {
    /// All of them, by code.
    pub const ALL: [Self; 4] = [Self::Rows, Self::Count, Self::Bundle, Self::Plan];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Count => "count",
            Self::Bundle => "bundle",
            Self::Plan => "plan",
        }
    }
}

/// A scope and a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// What it reads.
    pub scope: Scope,
    /// What it answers.
    pub form: Form,
}

impl Mode {
    /// Everything, as rows.
    pub const DEFAULT: Self = Self {
        scope: Scope::All,
        form: Form::Rows,
    };

    /// The mode in the lowest four bits.
    pub fn of_code(code: u16) -> Self {
        Self {
            scope: Scope::ALL[usize::from(code & 3)],
            form: Form::ALL[usize::from(code >> 2 & 3)],
        }
    }

    /// The lowest four bits of an id.
    pub fn code(self) -> u16 {
        (self.form as u16) << 2 | self.scope as u16
    }
}

/// The words that a mode adds to a name: those of what is not the default.
impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope != Scope::All {
            write!(out, " SCOPE {}", self.scope.name())?;
        }
        if self.form != Form::Rows {
            write!(out, " FORM {}", self.form.name())?;
        }
        Ok(())
    }
}

/// One method: an operation in a mode.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The family.
    pub family: &'static Family,
    /// The operation.
    pub operation: &'static Operation,
    /// The mode.
    pub mode: Mode,
}

/// Most addresses of the surface.
pub const METHODS: u16 = 0x1000;

impl Method {
    /// The method at an address: an array index each for family and operation.
    ///
    /// # Errors
    /// There is none.
    pub fn of_id(id: u16) -> Result<Self, CamError> {
        let family = FAMILIES.get(usize::from(id >> 8)).ok_or_else(|| {
            CamError::Method(format!(
                "expected a method id from 0x0000 to 0x0FFF, got 0x{id:04X}"
            ))
        })?;
        let family = family.ok_or_else(|| {
            CamError::Method(format!(
                "expected the id of an operation, got 0x{id:04X}, where words or programs are"
            ))
        })?;
        Ok(Self {
            family,
            operation: &family.operations[usize::from(id >> 4 & 15)],
            mode: Mode::of_code(id),
        })
    }

    /// The method of a name such as `VSA.BIND` or `CAM.VSA.BIND`, in any case.
    ///
    /// # Errors
    /// There is none.
    pub fn of_name(name: &str) -> Result<Self, CamError> {
        let short = match name.get(..4) {
            Some(start) if start.eq_ignore_ascii_case("CAM.") => &name[4..],
            _ => name,
        };
        let unknown = || {
            CamError::Method(format!(
                "expected a method as 0x0C20 or VSA.BIND, got '{}'",
                crate::operand::shown(name.as_bytes())
            ))
        };
        let (family, operation) = short.split_once('.').ok_or_else(unknown)?;
        let family = FAMILIES
            .iter()
            .flatten()
            .find(|known| family.eq_ignore_ascii_case(known.name))
            .ok_or_else(unknown)?;
        let operation = family
            .operations
            .iter()
            .find(|known| operation.eq_ignore_ascii_case(known.name))
            .ok_or_else(|| {
                let names: Vec<_> = family.operations.iter().map(|known| known.name).collect();
                CamError::Method(format!(
                    "expected one of {} after {}, got '{}'",
                    names.join(", "),
                    family.name,
                    crate::operand::shown(operation.as_bytes())
                ))
            })?;
        Ok(Self {
            family,
            operation,
            mode: Mode::DEFAULT,
        })
    }

    /// The method that a word names: by its name, or by its id as `0x0C20`, `@0C20` or a decimal number.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(word: &[u8]) -> Result<Self, CamError> {
        let word = String::from_utf8_lossy(word);
        let hex = word
            .strip_prefix("0x")
            .or_else(|| word.strip_prefix("0X"))
            .or_else(|| word.strip_prefix('@'));
        let id = match hex {
            Some(digits) => u16::from_str_radix(digits, 16).ok(),
            None => word.parse().ok(),
        };
        let looks_like_id = hex.is_some() || word.starts_with(|c: char| c.is_ascii_digit());
        match (id, looks_like_id) {
            (Some(id), true) if !word.contains('+') => Self::of_id(id),
            (_, true) => Err(CamError::Method(format!(
                "expected a method id from 0x0000 to 0x0FFF, got '{}'",
                crate::operand::shown(word.as_bytes())
            ))),
            _ => Self::of_name(&word),
        }
    }

    /// The address on the surface.
    pub fn id(&self) -> u16 {
        let operations = self.family.operations;
        let at = operations
            .iter()
            .position(|known| known.name == self.operation.name);
        let at = at.expect("invariant: an operation is one of its family") as u16;
        u16::from(self.family.prefix) << 8 | at << 4 | self.mode.code()
    }

    /// All methods there are, by id.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..METHODS).filter_map(|id| Self::of_id(id).ok())
    }
}

/// As it is written: `VSA.BIND SCOPE node`.
impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}.{}{}",
            self.family.name, self.operation.name, self.mode
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_family_operation_form_and_scope() {
        for id in 0..METHODS {
            if let Ok(method) = Method::of_id(id) {
                assert_eq!(method.id(), id, "{method}");
                let name = format!("{}.{}", method.family.name, method.operation.name);
                assert_eq!(
                    Method::of_name(&name.to_lowercase()).unwrap().id() >> 4,
                    id >> 4
                );
            }
        }
        let method = Method::of_id(0x0C27).unwrap();
        assert_eq!(method.to_string(), "VSA.BIND SCOPE node FORM count");
        for word in ["0x0C27", "@0C27", "3111"] {
            assert_eq!(Method::parse(word.as_bytes()).unwrap().id(), 0x0C27);
        }
    }

    #[test]
    fn what_is_no_method_is_refused_with_what_was_expected() {
        for (word, message) in [
            ("VSA.NOPE", "expected one of DISTANCE, SIMILARITY, BIND"),
            (
                "NOPE",
                "expected a method as 0x0C20 or VSA.BIND, got 'NOPE'",
            ),
            (
                "0x0700",
                "expected the id of an operation, got 0x0700, where words or programs are",
            ),
            (
                "0x1000",
                "expected a method id from 0x0000 to 0x0FFF, got 0x1000",
            ),
            (
                "0xq",
                "expected a method id from 0x0000 to 0x0FFF, got '0xq'",
            ),
            (
                "0x+C20",
                "expected a method id from 0x0000 to 0x0FFF, got '0x+C20'",
            ),
            (
                "99999999",
                "expected a method id from 0x0000 to 0x0FFF, got '99999999'",
            ),
        ] {
            let error = Method::parse(word.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{word}: {error}");
        }
    }
}
