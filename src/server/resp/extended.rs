//! Redis's `long double`: the 80-bit floats of x86, with which INCRBYFLOAT and HINCRBYFLOAT add, read
//! as `strtold` reads and written as `%.17Lf` without trailing zeros, so that every digit agrees.
//!
//! Numbers are exact integers until they are rounded to 64 bits, half to even, as the processor does.

use std::cmp::Ordering;

/// Bits of the significand.
const PRECISION: usize = 64;
/// Exponent of the last bit of the smallest numbers.
const EXPONENT_MIN: i32 = -16_445;
/// Power of two that every finite number is below.
const MAGNITUDE_BITS_MAX: i32 = 16_384;
/// Decimal exponents beyond which a number is infinite or nought in any case.
const DECIMAL_EXPONENTS: std::ops::RangeInclusive<i64> = -4_990..=4_990;
/// Longest text that Redis reads as a number, bytes.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// Digits behind the point.
const FRACTION_DIGITS: usize = 17;

/// A number: ± `significand` · 2^`exponent`, or infinite.
///
/// ```
/// use ladybug::server::resp::extended::Extended;
///
/// let read = |text: &str| Extended::parse(text.as_bytes()).unwrap();
/// assert_eq!(read("0.1").checked_add(read("0.2")).unwrap().to_string(), "0.3");
/// assert_eq!(read("5.0e3").checked_add(read("-200")).unwrap().to_string(), "4800");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    /// `None` is infinity.
    magnitude: Option<(u64, i32)>,
}

impl Extended {
    /// Nought.
    pub const ZERO: Self = Self {
        negative: false,
        magnitude: Some((0, 0)),
    };

    /// Reads what Redis takes for a float: decimal or hexadecimal, or an infinity. No blanks, no
    /// NaN, nothing too large, and nothing so small that it is lost.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self {
                negative,
                magnitude: None,
            });
        }
        let number = match text {
            [b'0', b'x' | b'X', digits @ ..] => parse_number(digits, 16),
            digits => parse_number(digits, 10),
        }?;
        let magnitude = number.round()?;
        let is_lost = magnitude.0 == 0 && !number.digits.is_zero();
        (!is_lost).then_some(Self {
            negative,
            magnitude: Some(magnitude),
        })
    }

    /// The sum, rounded; `None` if it is infinite or undefined.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let ((a, a_exponent), (b, b_exponent)) = (self.magnitude?, other.magnitude?);
        let exponent = a_exponent.min(b_exponent);
        let aligned = |significand: u64, own: i32| {
            let shift = usize::try_from(own - exponent).expect("invariant: it is the smaller one");
            Natural::from(significand).shifted(shift)
        };
        let (mut a, mut b) = (aligned(a, a_exponent), aligned(b, b_exponent));
        let mut negative = self.negative;
        if self.negative == other.negative {
            a.add(&b);
        } else if a.compare(&b) == Ordering::Less {
            negative = other.negative;
            b.subtract(&a);
            a = b;
        } else {
            a.subtract(&b);
        }
        let magnitude = round(&a, exponent, false)?;
        Some(Self {
            negative,
            magnitude: Some(magnitude),
        })
    }

    /// Whether it is neither positive nor negative infinity.
    pub fn is_finite(self) -> bool {
        self.magnitude.is_some()
    }
}

impl std::fmt::Display for Extended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let Some((significand, exponent)) = self.magnitude else {
            return write!(out, "{sign}inf");
        };
        if significand == 0 {
            return out.write_str("0");
        }
        let mut scaled = Natural::from(significand);
        if let Ok(shift) = usize::try_from(exponent) {
            return write!(out, "{sign}{}", scaled.shifted(shift).decimal());
        }
        for _ in 0..FRACTION_DIGITS {
            scaled.multiply(10);
        }
        let shift = usize::try_from(-exponent).expect("invariant: it is negative");
        let digits = scaled.shifted_down(shift, false).decimal();
        let digits = format!("{digits:0>width$}", width = FRACTION_DIGITS + 1);
        let (whole, fraction) = digits.split_at(digits.len() - FRACTION_DIGITS);
        match (whole, fraction.trim_end_matches('0')) {
            ("0", "") => out.write_str("0"),
            (whole, "") => write!(out, "{sign}{whole}"),
            (whole, fraction) => write!(out, "{sign}{whole}.{fraction}"),
        }
    }
}

/// A number as it was written: digits · 10^decimal · 2^binary.
struct Written {
    digits: Natural,
    decimal: i64,
    binary: i64,
    /// How many digits there are, leading noughts not counted.
    length: i64,
}

/// Reads digits with a point and an exponent, all of `text`.
fn parse_number(text: &[u8], base: u32) -> Option<Written> {
    let mut digits = Natural::default();
    let (mut length, mut fraction, mut seen, mut has_point) = (0, 0, false, false);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'.' && !has_point {
            has_point = true;
        } else if let Some(digit) = char::from(byte).to_digit(base) {
            digits.multiply(base);
            digits.add_small(digit);
            seen = true;
            length += i64::from(!digits.is_zero());
            fraction += i64::from(has_point);
        } else {
            break;
        }
        at += 1;
    }
    let exponent = match text.get(at) {
        None => 0,
        Some(b'e' | b'E') if base == 10 => parse_exponent(&text[at + 1..])?,
        Some(b'p' | b'P') if base == 16 => parse_exponent(&text[at + 1..])?,
        Some(_) => return None,
    };
    let (decimal, binary) = match base {
        10 => (exponent - fraction, 0),
        _ => (0, exponent - 4 * fraction),
    };
    seen.then_some(Written {
        digits,
        decimal,
        binary,
        length,
    })
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
            .min(1 << 40)
    });
    Some(if negative { -magnitude } else { magnitude })
}

impl Written {
    /// The nearest number of 64 bits; `None` if it is infinite.
    fn round(&self) -> Option<(u64, i32)> {
        if self.digits.is_zero() {
            return Some((0, 0));
        }
        let size = self.length + self.decimal;
        if !DECIMAL_EXPONENTS.contains(&size) || self.binary.abs() > 1 << 20 {
            return (size < 0 || self.binary < 0).then_some((0, 0));
        }
        let binary = i32::try_from(self.binary).expect("invariant: it was just checked");
        let mut power = Natural::from(1);
        for _ in 0..self.decimal.unsigned_abs() {
            power.multiply(10);
        }
        if self.decimal >= 0 {
            return round(&self.digits.times(&power), binary, false);
        }
        // Long division to a quotient of 66 bits or more, and whether something is left.
        let gap = power.bits() as i32 - self.digits.bits() as i32;
        let shift = (gap + PRECISION as i32 + 2).max(0) as usize;
        let (quotient, is_exact) = self.digits.shifted(shift).divide(&power);
        round(&quotient, binary - shift as i32, !is_exact)
    }
}

/// Rounds `number` · 2^`exponent`, plus something less than the last bit if `is_more`, half to even.
fn round(number: &Natural, exponent: i32, is_more: bool) -> Option<(u64, i32)> {
    if number.is_zero() {
        return Some((0, 0));
    }
    let excess = number.bits() as i32 - PRECISION as i32;
    let shift = excess.max(EXPONENT_MIN - exponent).max(0);
    let rounded = number.shifted_down(shift as usize, is_more);
    let mut exponent = exponent + shift;
    // Rounding up may have carried into one bit more, and then the last bit is nought.
    let rounded = match rounded.bits() > PRECISION {
        true => {
            exponent += 1;
            rounded.shifted_down(1, false)
        }
        false => rounded,
    };
    let fits = rounded.bits() as i32 + exponent <= MAGNITUDE_BITS_MAX;
    fits.then_some((rounded.low(), if rounded.is_zero() { 0 } else { exponent }))
}

/// A natural number of any size: its 32-bit digits, lowest first, without leading noughts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Natural(Vec<u32>);

impl From<u64> for Natural {
    fn from(value: u64) -> Self {
        let mut natural = Self(vec![value as u32, (value >> 32) as u32]);
        natural.trim();
        natural
    }
}

impl Natural {
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> usize {
        let top = self.0.last().map_or(0, |top| 32 - top.leading_zeros());
        (self.0.len().max(1) - 1) * 32 + top as usize
    }

    /// The lowest 64 bits.
    fn low(&self) -> u64 {
        let digit = |at: usize| u64::from(self.0.get(at).copied().unwrap_or(0));
        digit(0) | digit(1) << 32
    }

    fn bit(&self, at: usize) -> bool {
        self.0
            .get(at / 32)
            .is_some_and(|digit| digit >> (at % 32) & 1 == 1)
    }

    fn multiply(&mut self, factor: u32) {
        let mut carry = 0u64;
        for digit in &mut self.0 {
            carry += u64::from(*digit) * u64::from(factor);
            *digit = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn add_small(&mut self, value: u32) {
        if value > 0 {
            self.add(&Self(vec![value]));
        }
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for (at, &digit) in self.0.iter().enumerate() {
            let mut part = other.clone();
            part.multiply(digit);
            part.trim();
            product.add(&part.shifted(at * 32));
        }
        product
    }

    fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()) + 1, 0);
        let mut carry = 0u64;
        for (at, digit) in self.0.iter_mut().enumerate() {
            carry += u64::from(*digit) + u64::from(other.0.get(at).copied().unwrap_or(0));
            *digit = carry as u32;
            carry >>= 32;
        }
        self.trim();
    }

    /// Takes away `other`, which is no larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0i64;
        for (at, digit) in self.0.iter_mut().enumerate() {
            let difference =
                i64::from(*digit) - i64::from(other.0.get(at).copied().unwrap_or(0)) + borrow;
            *digit = difference as u32;
            borrow = difference >> 32;
        }
        debug_assert_eq!(borrow, 0);
        self.trim();
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0
            .len()
            .cmp(&other.0.len())
            .then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn shifted(&self, bits: usize) -> Self {
        if self.is_zero() {
            return Self::default();
        }
        let mut digits = vec![0; bits / 32];
        let mut carry = 0u64;
        for digit in &self.0 {
            carry |= u64::from(*digit) << (bits % 32);
            digits.push(carry as u32);
            carry >>= 32;
        }
        digits.push(carry as u32);
        let mut shifted = Self(digits);
        shifted.trim();
        shifted
    }

    /// Divided by 2^`bits` and rounded, half to even; `is_more` says that the number is a little
    /// larger than it is.
    fn shifted_down(&self, bits: usize, is_more: bool) -> Self {
        if bits == 0 {
            return self.clone();
        }
        let mut digits: Vec<u32> = self.0.iter().skip(bits / 32).copied().collect();
        let mut above = 0u64;
        for digit in digits.iter_mut().rev() {
            above = above << 32 | u64::from(*digit);
            *digit = (above >> (bits % 32)) as u32;
            above &= u64::from(u32::MAX);
        }
        let mut shifted = Self(digits);
        shifted.trim();
        let has_half = self.bit(bits - 1);
        let has_rest = is_more || (0..(bits - 1).min(self.bits())).any(|at| self.bit(at));
        if has_half && (has_rest || shifted.bit(0)) {
            shifted.add_small(1);
        }
        shifted
    }

    /// The quotient, of little more than 64 bits, and whether nothing is left.
    fn divide(&self, divisor: &Self) -> (Self, bool) {
        let steps = (self.bits() + 1).saturating_sub(divisor.bits());
        let mut quotient = Self::default();
        let mut rest = self.clone();
        for step in (0..steps).rev() {
            let part = divisor.shifted(step);
            quotient = quotient.shifted(1);
            if rest.compare(&part) != Ordering::Less {
                rest.subtract(&part);
                quotient.add_small(1);
            }
        }
        (quotient, rest.is_zero())
    }

    fn decimal(mut self) -> String {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u64;
            for digit in self.0.iter_mut().rev() {
                rest = rest << 32 | u64::from(*digit);
                *digit = (rest / 1_000_000_000) as u32;
                rest %= 1_000_000_000;
            }
            self.trim();
            groups.push(rest);
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let read = |text: &str| Extended::parse(text.as_bytes()).expect("a number");
        read(a)
            .checked_add(read(b))
            .map_or("none".to_owned(), |sum| sum.to_string())
    }

    /// Each line was taken from redis-server 7.0.15 on x86-64.
    #[test]
    fn sums_are_written_as_redis_writes_them() {
        for (a, b, expected) in [
            ("0.1", "0.2", "0.3"),
            ("0.3", "1e-18", "0.3"),
            ("5.0e3", "2.0e2", "5200"),
            ("5200", "1e17", "100000000000005200"),
            ("100000000000005200", "0.5", "100000000000005200.5"),
            ("0", "0x1p3", "8"),
            ("-0.0", "0", "0"),
            ("0", "-1e-20", "0"),
            ("0", "3.0e3", "3000"),
            ("0", "1e-4950", "0"),
            ("10.5", "0.1", "10.6"),
            ("0", "1476444.6", "1476444.60000000000002274"),
            ("-1.5", "1.5", "0"),
            ("-1", "1", "0"),
            ("inf", "1", "none"),
            ("1e4932", "1e4932", "none"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
        let large = sum("0", "1e4000");
        assert!(large.starts_with("999999999999999999996546387309962378493249258350695763130150"));
        assert_eq!(large.len(), 4000);
    }

    #[test]
    fn what_strtold_refuses_is_refused() {
        for wrong in [
            "", " 1", "1 ", "1x", "nan", ".", "e5", "1e", "1e+", "0x", "--1", "1e5000", "1e-6000",
            "1.2.3", "1,5", "1e ", "1e+-5",
        ] {
            assert_eq!(Extended::parse(wrong.as_bytes()), None, "{wrong}");
        }
        for right in ["1.", ".5", "+1", "-Infinity", "0e99999", "0x.8", "1E3"] {
            assert!(Extended::parse(right.as_bytes()).is_some(), "{right}");
        }
    }

    proptest! {
        /// Integers below 2^63 are exact in 64 bits.
        #[test]
        fn integers_add_exactly(a in -(1i64 << 61)..1 << 61, b in -(1i64 << 61)..1 << 61) {
            prop_assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
        }

        /// Below ten, seventeen digits behind the point are within 64 bits.
        #[test]
        fn small_decimals_come_back(units in -1_000_000_000i64..1_000_000_000) {
            let value = units as f64 / 1e9;
            let expected = if value == 0.0 { "0".to_owned() } else { value.to_string() };
            prop_assert_eq!(sum("0", &value.to_string()), expected);
        }
    }
}
