//! What `send --count` is asked to send: how many messages, how many a second, how long ones.

use super::message::{SHORTEST, mixed};
use crate::args::Args;
use crate::exit::Failure;
use crate::units::{self, UnitError};
use std::ops::RangeInclusive;

/// The length of messages when it is not said.
const SIZE: usize = 64;

/// The traffic of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// How many messages; `None` is for ever.
    pub(super) count: Option<u64>,
    /// How many in a second; `None` is as many as go.
    pub(super) rate: Option<u64>,
    /// From the shortest to the longest.
    sizes: RangeInclusive<usize>,
}

/// The options of a trial as far as they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    count: Option<Option<u64>>,
    rate: Option<u64>,
    sizes: Option<RangeInclusive<usize>>,
}

impl Given {
    /// Reads the value of `--count`.
    pub(crate) fn count(&mut self, args: &mut Args) -> Result<(), Failure> {
        let count = args.option("--count", count)?;
        if count == Some(0) {
            return Err(Failure::Zero { option: "--count" });
        }
        self.count = Some(count);
        Ok(())
    }

    /// Reads the value of `--rate`.
    pub(crate) fn rate(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.rate = Some(args.positive("--rate", units::number)?);
        Ok(())
    }

    /// Reads the value of `--size`.
    pub(crate) fn size(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.sizes = Some(args.option("--size", sizes)?);
        Ok(())
    }

    /// The traffic, if it is a trial that was asked for.
    pub(crate) fn traffic(self, args: &Args) -> Result<Option<Traffic>, Failure> {
        let Given { count, rate, sizes } = self;
        match count {
            Some(count) => {
                let sizes = sizes.unwrap_or(SIZE..=SIZE);
                Ok(Some(Traffic { count, rate, sizes }))
            }
            None if rate.is_some() => Err(args.missing("--count, which --rate goes with,")),
            None if sizes.is_some() => Err(args.missing("--count, which --size goes with,")),
            None => Ok(None),
        }
    }
}

impl Traffic {
    /// The length of the longest message.
    pub(crate) fn longest(&self) -> usize {
        *self.sizes.end()
    }

    /// The length of the message `number`: each of the range as often as any other.
    pub(super) fn len(&self, seed: u64, number: u64) -> usize {
        let (start, end) = (*self.sizes.start(), *self.sizes.end());
        if start == end {
            return start;
        }
        let choices = (end - start) as u64 + 1;
        start + (mixed(seed.wrapping_add(number)) % choices) as usize
    }
}

/// Reads a number, or `forever`.
fn count(text: &str) -> Result<Option<u64>, UnitError> {
    if text == "forever" {
        return Ok(None);
    }
    let counted = units::number(text).map(Some);
    counted
        .map_err(|error| if error == UnitError::NotANumber { UnitError::NotACount } else { error })
}

/// Reads a size, or two of a range.
fn sizes(text: &str) -> Result<RangeInclusive<usize>, UnitError> {
    let size = |text| units::size(text).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    let (start, end) = match text.split_once("..") {
        Some((start, end)) => (size(start)?, size(end)?),
        None => (size(text)?, size(text)?),
    };
    if start > end {
        return Err(UnitError::Reversed);
    }
    if start < SHORTEST {
        return Err(UnitError::TooShort);
    }
    Ok(start..=end)
}

#[cfg(test)]
mod tests {
    //! Which values are understood, and which lengths come of them.

    use super::{SIZE, Traffic, count, sizes};
    use crate::units::UnitError;

    #[test]
    fn a_count_is_a_number_or_for_ever() {
        assert_eq!(count("12"), Ok(Some(12)));
        assert_eq!(count("forever"), Ok(None));
        assert_eq!(count("-1"), Err(UnitError::NotACount));
        assert_eq!(count("99999999999999999999"), Err(UnitError::TooLarge));
    }

    #[test]
    fn a_size_is_one_or_a_range_from_8_bytes_on() {
        assert_eq!(sizes("8"), Ok(8..=8));
        assert_eq!(sizes("8..1KiB"), Ok(8..=1024));
        assert_eq!(sizes("9..9"), Ok(9..=9));
        assert_eq!(sizes("9..8"), Err(UnitError::Reversed));
        assert_eq!(sizes("7"), Err(UnitError::TooShort));
        assert_eq!(sizes("0..9"), Err(UnitError::TooShort));
        for text in ["", "..", "8..", "..8", "8...9", "8..9..10", "8-9", "-8"] {
            assert_eq!(sizes(text), Err(UnitError::NotASize), "{text}");
        }
    }

    #[test]
    fn every_length_of_a_range_comes_and_no_other() {
        let traffic = Traffic { count: None, rate: None, sizes: 8..=17 };
        let mut times = [0; 10];
        for number in 0..10_000 {
            times[traffic.len(3, number) - 8] += 1;
        }
        assert!(times.iter().all(|times| (800..1_200).contains(times)), "{times:?}");
        let traffic = Traffic { count: None, rate: None, sizes: SIZE..=SIZE };
        assert!((0..100).all(|number| traffic.len(number, number) == SIZE));
    }
}
