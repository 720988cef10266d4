//! What a node or edge carries beside content: truth and qualia, with their ranges checked where
//! the data enters.

use std::fmt;
use std::str::FromStr;

/// A single as a double of the same decimal digits: 0.9, not 0.8999999761581421. What somebody wrote reads so again, and a
/// formula's value is what they reckon by hand.
pub fn decimal(single: f32) -> f64 {
    single.to_string().parse().unwrap_or(f64::from(single))
}

/// A NARS truth value ⟨frequency, confidence⟩ (Wang, *Non-Axiomatic Logic*, 2013, ch. 3):
/// frequency in [0, 1], confidence in (0, 1). Written `f,c`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    frequency: f32,
    confidence: f32,
}

impl Truth {
    /// What a judgement without a truth means: ⟨1.0, 0.9⟩, as in Narsese.
    pub const DEFAULT: Self = Self {
        frequency: 1.0,
        confidence: 0.9,
    };

    /// Checks the ranges.
    pub fn new(frequency: f32, confidence: f32) -> Result<Self, MarkError> {
        if (0.0..=1.0).contains(&frequency) && confidence > 0.0 && confidence < 1.0 {
            Ok(Self {
                frequency,
                confidence,
            })
        } else {
            Err(MarkError::Truth(format!("{frequency},{confidence}")))
        }
    }

    /// Share of positive evidence, in [0, 1].
    pub const fn frequency(self) -> f32 {
        self.frequency
    }

    /// Stability against future evidence, in (0, 1).
    pub const fn confidence(self) -> f32 {
        self.confidence
    }
}

impl Default for Truth {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.frequency, self.confidence)
    }
}

impl FromStr for Truth {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let wrong = || MarkError::Truth(text.to_owned());
        let (frequency, confidence) = text.split_once(',').ok_or_else(wrong)?;
        let number = |part: &str| part.trim().parse::<f32>().map_err(|_| wrong());
        Self::new(number(frequency)?, number(confidence)?).map_err(|_| wrong())
    }
}

/// Eight felt qualities of a node, in the order of [`Qualia::DIMENSIONS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Qualia([f32; 8]);

impl Qualia {
    /// The names of the eight dimensions. Valence lies in −1..1, the others in 0..1.
    pub const DIMENSIONS: [&str; 8] = [
        "arousal",
        "valence",
        "tension",
        "certainty",
        "agency",
        "temporality",
        "sociality",
        "novelty",
    ];

    /// Checks the ranges.
    pub fn new(values: [f32; 8]) -> Result<Self, MarkError> {
        for (value, dimension) in values.into_iter().zip(Self::DIMENSIONS) {
            let least = if dimension == "valence" { -1.0 } else { 0.0 };
            if !(least..=1.0).contains(&value) {
                return Err(MarkError::QualiaRange {
                    dimension,
                    least,
                    value,
                });
            }
        }
        Ok(Self(values))
    }

    /// The eight values.
    pub const fn values(self) -> [f32; 8] {
        self.0
    }
}

impl fmt::Display for Qualia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Qualia {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let wrong = || MarkError::Qualia(text.to_owned());
        let values: Vec<f32> = text
            .split(',')
            .map(|part| part.trim().parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        Self::new(values.try_into().map_err(|_| wrong())?)
    }
}

/// Highest rung: the clearance needed to see a node is 0..=9.
pub const RUNG_MAX: u8 = 9;

/// What is wrong with a truth or qualia.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MarkError {
    /// Not `f,c`, or out of range.
    #[error("a truth is 'f,c' with f in 0..1 and c between 0 and 1, both excluded; got '{0}'")]
    Truth(String),
    /// Not eight numbers.
    #[error(
        "qualia are eight numbers 'arousal,valence,tension,certainty,agency,temporality,sociality,novelty'; got '{0}'"
    )]
    Qualia(String),
    /// A dimension out of range.
    #[error("{dimension} is a number from {least} to 1; got {value}")]
    QualiaRange {
        /// The dimension's name.
        dimension: &'static str,
        /// Its least value.
        least: f32,
        /// What came.
        value: f32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singles_keep_their_digits() {
        for written in [0.9, -1.0, 0.0, 0.1, 1e-30, 0.333, 16_777_217.5] {
            let single = written as f32;
            assert_eq!(decimal(single) as f32, single);
        }
        assert_eq!((decimal(0.9), decimal(0.1 + 0.2)), (0.9, 0.3));
    }

    #[test]
    fn marks_print_as_they_are_read_and_keep_their_ranges() {
        let truth: Truth = "0.5, 0.25".parse().expect("a truth");
        assert_eq!(truth.to_string(), "0.5,0.25");
        for wrong in [
            "", "1", "1,1", "1,0", "1.1,0.5", "-0.1,0.5", "NaN,0.5", "a,b", "1,0.5,2",
        ] {
            assert!(wrong.parse::<Truth>().is_err(), "{wrong}");
        }
        let qualia: Qualia = "0,-1,0.5,1,0,0,0,0.25".parse().expect("qualia");
        assert_eq!(qualia.to_string(), "0,-1,0.5,1,0,0,0,0.25");
        for wrong in [
            "",
            "0,0,0",
            "-0.1,0,0,0,0,0,0,0",
            "0,0,0,0,0,0,0,NaN",
            "0,0,0,0,0,0,0,0,0",
        ] {
            assert!(wrong.parse::<Qualia>().is_err(), "{wrong}");
        }
    }
}
