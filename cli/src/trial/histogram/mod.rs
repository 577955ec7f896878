//! Times in buckets whose width grows with the time: bounded memory, and an error below 0.8 %.
//!
//! A value below 256 has a bucket of its own. Above, each power of two is cut into 128 buckets, as
//! in the log-linear histograms of Gil Tene's HdrHistogram:
//!
//! ```text
//!   value   0 .. 255   256 .. 511   512 .. 1023   ...   2^63 .. 2^64 - 1
//!   width      1           2             4        ...       2^56
//!   index   0 .. 255   256 .. 383   384 .. 511    ...      .. 7423
//! ```
//! So 58 KiB, whatever is recorded. The least and the greatest value are kept as they are.

#[cfg(test)]
mod tests;

/// Buckets in a power of two, as a power of two.
const FINE_BITS: u32 = 7;
const FINE: u64 = 1 << FINE_BITS;
/// All buckets: those of the values below `2 * FINE`, and `FINE` for each power of two above.
const BUCKETS: usize = ((u64::BITS - FINE_BITS + 1) as usize) << FINE_BITS;

/// Counts of values.
pub(super) struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Histogram {
    pub(super) fn new() -> Histogram {
        Histogram { counts: vec![0; BUCKETS].into_boxed_slice(), total: 0, max: 0 }
    }

    /// Counts a value.
    pub(super) fn record(&mut self, value: u64) {
        self.counts[index(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// How many values were counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The greatest of them.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// What so many ten-thousandths of the values do not exceed (nearest rank), as the greatest
    /// value of its bucket: never too low. 0 of nothing.
    pub(super) fn percentile(&self, per_10_000: u64) -> u64 {
        let rank = u128::from(self.total) * u128::from(per_10_000);
        let rank = rank.div_ceil(10_000).max(1);
        let mut passed = 0;
        for (index, count) in self.counts.iter().enumerate() {
            passed += u128::from(*count);
            if passed >= rank {
                return greatest(index).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a value.
fn index(value: u64) -> usize {
    // How far the value reaches above the first `2 * FINE`.
    let shift = (u64::BITS - FINE_BITS - 1).saturating_sub(value.leading_zeros());
    (u64::from(shift) * FINE + (value >> shift)) as usize
}

/// The greatest value of a bucket.
fn greatest(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / FINE).saturating_sub(1);
    let first = (index - shift * FINE) << shift;
    first + ((1 << shift) - 1)
}
