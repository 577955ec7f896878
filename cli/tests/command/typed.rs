//! Rings of records of one type, which other programs made.

use crate::tools::{assert_refused, run, run_fed};
use annulus::segment::Name;
use annulus::typed::Plain;
use annulus::{Backing, Config, Deadline, Segment};
use annulus_testkit::Scratch;

annulus::record! {
    struct Pair { key: u64, value: [u8; 8] }
}

/// A ring that a program has sent one pair into.
fn ring_of_pairs() -> Scratch {
    let ring = Scratch::new();
    let backing = Backing::Named(Name::new(ring.name()).unwrap());
    let segment = Segment::create(&backing, &Config::spsc_of::<Pair>(4096)).unwrap();
    let mut producer = segment.typed::<Pair>().unwrap().producer().unwrap();
    let pair = Pair { key: u64::from_le_bytes(*b"the key "), value: *b"its word" };
    producer.send(&pair, Deadline::NEVER).unwrap();
    ring
}

#[test]
fn send_is_refused_by_a_ring_of_records_and_leaves_it_as_it_was() {
    let ring = ring_of_pairs();
    let hash = format!("{:016x}", Pair::LAYOUT_HASH);
    for args in [&["send", ring.name()][..], &["send", "--chunk", "16", ring.name()]] {
        let parts = [ring.name(), "records of one type", "16 bytes", &hash, "a program that has"];
        assert_refused(run_fed(args, b"sixteen bytes!!!\n"), 6, &parts);
    }
    assert_eq!(run(&["recv", ring.name()]).assert_success().stdout(), "the key its word\n");
}

#[test]
fn recv_gives_records_as_the_bytes_that_they_are() {
    let ring = ring_of_pairs();
    let output = run(&["recv", "--raw", ring.name()]).assert_success();
    assert_eq!(output.stdout(), "the key its word");
}

#[test]
fn ls_says_that_a_ring_takes_records_of_one_type() {
    let ring = ring_of_pairs();
    let output = run(&["ls", "--json"]).assert_success();
    let lines = output.stdout();
    let line = lines.lines().find(|line| line.contains(ring.name())).expect("it is listed");
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(object["record_bytes"], 16);
    assert_eq!(object["type_hash"], format!("{:016x}", Pair::LAYOUT_HASH));
}
