//! Percentiles and medians are those of the samples.

use annulus_benches::stats::{Latency, Throughput, median};

#[test]
fn percentiles_are_the_nearest_ranks() {
    let mut ticks: Vec<u64> = (1..=10_000).rev().collect();
    let latency = Latency::of_round(&mut ticks, 1, 0.5).unwrap();
    assert_eq!(latency.p50_ns, 2_500.0);
    assert_eq!(latency.p90_ns, 4_500.0);
    assert_eq!(latency.p99_ns, 4_950.0);
    assert_eq!(latency.p999_ns, 4_995.0);
    assert_eq!(latency.p9999_ns, 4_999.5);
    assert_eq!(latency.max_ns, 5_000.0);
    assert_eq!(latency.samples, 10_000);
}

#[test]
fn one_sample_is_every_percentile_and_none_is_none() {
    let one = Latency::of_round(&mut [7], 1, 1.0).unwrap();
    assert_eq!((one.p50_ns, one.p9999_ns, one.max_ns), (7.0, 7.0, 7.0));
    assert_eq!(Latency::of_round(&mut [], 1, 1.0), None);
    assert_eq!(Latency::of_rounds(&[]), None);
    assert_eq!(Throughput::of_rounds(&[]), None);
}

#[test]
fn a_coarse_clock_is_read_between_its_steps() {
    // True times of 103 ticks, seen by a clock that moves 10 at once: 7 of 10 show 100, 3 show
    // 110. Steps of 10.1 ticks show up as 101 at times.
    let mut ticks: Vec<u64> = (0..1_000).map(|i| [100, 101, 110][[0, 1, 2][i % 10 / 4]]).collect();
    let latency = Latency::of_round(&mut ticks, 10, 1.0).unwrap();
    assert!((101.0..104.0).contains(&latency.p50_ns), "{}", latency.p50_ns);
    let exact = Latency::of_round(&mut ticks, 1, 1.0).unwrap();
    assert!([100.0, 101.0].contains(&exact.p50_ns));
}

#[test]
fn over_rounds_percentiles_are_medians_and_the_maximum_is_of_all() {
    let round = |base: u64| {
        let mut ticks: Vec<u64> = (base..base + 100).collect();
        Latency::of_round(&mut ticks, 1, 1.0).unwrap()
    };
    let all = Latency::of_rounds(&[round(100), round(5_000), round(200)]).unwrap();
    assert_eq!(all.p50_ns, 249.0);
    assert_eq!(all.max_ns, 5_099.0);
    assert_eq!(all.samples, 300);
    let rate = Throughput::of_rounds(&[3.0, 9.0, 4.0]).unwrap();
    assert_eq!((rate.median, rate.min, rate.max), (4.0, 3.0, 9.0));
}

#[test]
fn a_median_is_always_a_measured_value() {
    assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), Some(2.0));
    assert_eq!(median([].into_iter()), None);
}
