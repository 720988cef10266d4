//! Addresses and zones: where a node lives, and what law holds there.
//!
//! An address is an index, never a hash: lookup is two shifts and an array access.

use std::fmt;
use std::str::FromStr;

/// Addresses in one space.
pub const ADDRESSES: usize = 65_536;
/// Chunks in one space, one a prefix.
pub const CHUNKS: usize = 256;
/// Slots in one chunk.
pub const SLOTS: usize = 256;

/// One of the 65,536 places of a space: high byte the prefix (chunk), low byte the slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Address(pub u16);

impl Address {
    /// The address of `slot` in the chunk `prefix`.
    pub const fn new(prefix: u8, slot: u8) -> Self {
        Self((prefix as u16) << 8 | slot as u16)
    }

    /// The chunk, 0..256.
    pub const fn prefix(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The place in the chunk, 0..256.
    pub const fn slot(self) -> u8 {
        self.0 as u8
    }

    /// The address as an array index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The zone whose law holds here.
    pub const fn zone(self) -> Zone {
        Zone::of_prefix(self.prefix())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{:04X}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with the text of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address is '@' and four hex digits, such as @8042; got '{0}'")]
pub struct AddressSyntax(pub String);

impl FromStr for Address {
    type Err = AddressSyntax;

    fn from_str(text: &str) -> Result<Self, AddressSyntax> {
        text.strip_prefix('@')
            .filter(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .map(Address)
            .ok_or_else(|| AddressSyntax(text.to_owned()))
    }
}

/// The three zones of a space, told apart by prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Zone {
    /// 0x00–0x0F: the shared vocabulary, one method or word an address.
    Surface,
    /// 0x10–0x7F: reified edges, contexts, working memory; may expire.
    Fluid,
    /// 0x80–0xFF: permanent nodes; nothing here expires.
    Node,
}

impl Zone {
    /// The zone of a chunk.
    pub const fn of_prefix(prefix: u8) -> Self {
        match prefix {
            0x00..=0x0F => Zone::Surface,
            0x10..=0x7F => Zone::Fluid,
            0x80..=0xFF => Zone::Node,
        }
    }

    /// The zone's chunks, first and last.
    pub const fn prefixes(self) -> std::ops::RangeInclusive<u8> {
        match self {
            Zone::Surface => 0x00..=0x0F,
            Zone::Fluid => 0x10..=0x7F,
            Zone::Node => 0x80..=0xFF,
        }
    }

    /// How many addresses the zone has.
    pub const fn capacity(self) -> usize {
        let prefixes = self.prefixes();
        (*prefixes.end() as usize - *prefixes.start() as usize + 1) * SLOTS
    }

    /// The zone's name in commands, tables and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Zone::Surface => "surface",
            Zone::Fluid => "fluid",
            Zone::Node => "node",
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneSyntax;

    fn from_str(text: &str) -> Result<Self, ZoneSyntax> {
        [Zone::Surface, Zone::Fluid, Zone::Node]
            .into_iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| ZoneSyntax(text.to_owned()))
    }
}

/// What is wrong with the name of a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a zone is surface, fluid or node; got '{0}'")]
pub struct ZoneSyntax(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_are_read() {
        for raw in [0x0000, 0x0742, 0x1000, 0x8042, 0xFFFF] {
            let address = Address(raw);
            assert_eq!(address.to_string().parse(), Ok(address));
            assert_eq!(Address::new(address.prefix(), address.slot()), address);
        }
        for wrong in ["8042", "@804", "@80423", "@80g2", "@+042", ""] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn zones_cover_every_address_once() {
        let zones = [Zone::Surface, Zone::Fluid, Zone::Node];
        assert_eq!(zones.map(Zone::capacity), [4_096, 28_672, 32_768]);
        for prefix in 0..=255u8 {
            let owners = zones.iter().filter(|z| z.prefixes().contains(&prefix));
            assert_eq!(owners.count(), 1);
            assert!(Zone::of_prefix(prefix).prefixes().contains(&prefix));
        }
    }
}
