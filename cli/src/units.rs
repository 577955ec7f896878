//! Sizes and times as people write them: `64KiB`, `250ms`, `forever`.
//!
//! A number without a fraction, and at once behind it the unit. Sizes without a unit are bytes;
//! times always have one, since nobody agrees on what a bare number means.

use std::fmt;
use std::time::Duration;

/// Each unit of size and its bytes. `TiB` is read so that it can be refused as too large.
const SIZES: [(&str, u64); 5] =
    [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Each unit of time and its nanoseconds.
const TIMES: [(&str, u64); 4] =
    [("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000)];

/// Why a text is no size or no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitError {
    /// Not a number with a unit of size.
    NotASize,
    /// Not a number with a unit of time, nor `forever`.
    NotATime,
    /// Not digits alone.
    NotANumber,
    /// Neither digits alone nor `forever`.
    NotACount,
    /// A range of sizes that ends before it begins.
    Reversed,
    /// Shorter than a message that can be checked.
    TooShort,
    /// A number that no 64-bit word holds.
    TooLarge,
}

/// Reads a size in bytes.
pub(crate) fn size(text: &str) -> Result<u64, UnitError> {
    scaled(text, &SIZES, UnitError::NotASize)
}

/// Reads a span of time; `None` is `forever`.
pub(crate) fn span(text: &str) -> Result<Option<Duration>, UnitError> {
    if text == "forever" {
        return Ok(None);
    }
    scaled(text, &TIMES, UnitError::NotATime).map(|ns| Some(Duration::from_nanos(ns)))
}

/// Reads a whole number.
pub(crate) fn number(text: &str) -> Result<u64, UnitError> {
    scaled(text, &[("", 1)], UnitError::NotANumber)
}

/// Digits, then one of `units`.
fn scaled(text: &str, units: &[(&str, u64)], otherwise: UnitError) -> Result<u64, UnitError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let known = units.iter().find(|(name, _)| *name == unit);
    let &(_, scale) = known.filter(|_| digits > 0).ok_or(otherwise)?;
    let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
    number.checked_mul(scale).ok_or(UnitError::TooLarge)
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitError::NotASize => "a size is a number of bytes, or one with KiB, MiB or GiB",
            UnitError::NotATime => "a time is a number with us, ms, s or min, or `forever`",
            UnitError::NotANumber => "a number has digits only",
            UnitError::NotACount => "a count has digits only, or is `forever`",
            UnitError::Reversed => "a range begins with the smaller size, such as 8..64",
            UnitError::TooShort => "a message that can be checked has 8 bytes or more",
            UnitError::TooLarge => "that number is too large",
        })
    }
}

/// A size in the largest unit that divides it, as [`size`] reads it.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |&&(_, scale): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(scale);
        match SIZES[1..].iter().rev().find(divides) {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
