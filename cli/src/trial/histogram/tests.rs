//! That every value has its bucket, no bucket is wider than it may be, and percentiles are right.

use super::{BUCKETS, FINE, Histogram, greatest, index};

#[test]
fn buckets_follow_one_another_without_a_hole_up_to_the_last_value() {
    assert_eq!(index(0), 0);
    for bucket in 0..BUCKETS - 1 {
        let end = greatest(bucket);
        assert_eq!((index(end), index(end + 1)), (bucket, bucket + 1), "{end}");
    }
    assert_eq!((index(u64::MAX), greatest(BUCKETS - 1)), (BUCKETS - 1, u64::MAX));
}

#[test]
fn a_bucket_is_at_most_a_128th_of_its_values_wide() {
    for bucket in 1..BUCKETS {
        let (before, end) = (greatest(bucket - 1), greatest(bucket));
        let width = end - before;
        assert!(width == 1 || width <= (before + 1) / FINE, "{before} to {end}");
    }
}

#[test]
fn percentiles_are_those_of_the_sorted_values_within_a_bucket() {
    let mut histogram = Histogram::new();
    let mut values = Vec::new();
    let mut state = 1_u64;
    for _ in 0..10_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // From a few ns to a second, more of the short ones.
        let value = (state >> 34) >> (state >> 7 & 15);
        histogram.record(value);
        values.push(value);
    }
    values.sort_unstable();
    for per_10_000 in [1, 5_000, 9_000, 9_900, 9_990, 9_999, 10_000] {
        let exact = values[per_10_000 - 1];
        let told = histogram.percentile(per_10_000 as u64);
        assert!(told >= exact && told - exact <= exact / FINE, "{per_10_000}: {exact} {told}");
    }
    assert_eq!((histogram.total(), histogram.max()), (10_000, values[9_999]));
}

#[test]
fn one_value_is_all_percentiles_and_none_is_zero() {
    let mut histogram = Histogram::new();
    assert_eq!((histogram.percentile(5_000), histogram.max()), (0, 0));
    histogram.record(1_000_003);
    for per_10_000 in [0, 5_000, 10_000] {
        assert_eq!(histogram.percentile(per_10_000), 1_000_003);
    }
    histogram.record(u64::MAX);
    assert_eq!(histogram.percentile(10_000), u64::MAX);
}
