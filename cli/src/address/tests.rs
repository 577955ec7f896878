//! Which addresses are understood, and how the others are refused.

use super::{Address, AddressError, Kind};
use annulus::ring::mpmc::{Delivery, Geometry};
use annulus::segment::Name;
use annulus::{Backing, Barrier, Slots, Wait};
use std::ffi::OsStr;

fn parse(text: &str) -> Result<Address, AddressError> {
    Address::parse(OsStr::new(text))
}

fn refused(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn a_bare_name_means_shared_memory() {
    assert_eq!(parse("docs"), parse("shm:docs"));
    let docs = parse("docs").unwrap();
    assert_eq!(docs.backing, Backing::Named(Name::new("docs").unwrap()));
    assert_eq!(
        (docs.capacity, docs.keep, docs.any_owner, docs.release_each),
        (None, false, false, false)
    );
}

#[test]
fn options_are_read_in_any_order() {
    let all = parse("shm:a?release=each&owner=any&keep=yes&capacity=64KiB").unwrap();
    assert_eq!(
        (all.capacity, all.keep, all.any_owner, all.release_each),
        (Some(65_536), true, true, true)
    );
    let none = parse("shm:a?keep=no&owner=self&release=batch").unwrap();
    assert_eq!(none, parse("a").unwrap());
    assert_eq!(all.to_string(), "shm:a");
}

#[test]
fn ways_to_wait_are_read_and_a_barrier_goes_with_those_that_sleep() {
    let asked = |text| parse(text).map(|address| (address.wait, address.barrier)).unwrap();
    assert_eq!(asked("a"), (None, None));
    assert_eq!(asked("a?wait=spin"), (Some(Wait::Spin), None));
    let both = (Some(Wait::SpinThenPark), Some(Barrier::Membarrier));
    assert_eq!(asked("a?wait=spin-park&barrier=membarrier"), both);
    assert_eq!(asked("a?barrier=fence&wait=park"), (Some(Wait::Park), Some(Barrier::Fence)));
    assert_eq!(asked("a?barrier=fence"), (None, Some(Barrier::Fence)));
}

#[test]
fn a_file_may_have_any_path() {
    let file = parse("file:some/dir/ring.1:2?capacity=4KiB").unwrap();
    assert_eq!(file.backing, Backing::File("some/dir/ring.1:2".into()));
}

#[test]
fn unknown_repeated_and_empty_options_are_errors() {
    for (text, part) in [
        ("a?colour=red", "no option 'colour'"),
        ("a?keep=yes&keep=yes", "'keep' is given twice"),
        ("a?keep", "'keep' has no value"),
        ("a?", "'' has no value"),
        ("a?keep=yes&", "'' has no value"),
        ("a?keep=perhaps", "keep= with yes or no"),
        ("a?owner=root", "owner= with any or self"),
        ("a?release=2", "release= with each or batch"),
        ("a?pages=2MiB", "no huge pages, use file:PATH"),
        ("file:a?pages=many", "pages=many"),
        ("a?node=first", "node=first"),
        ("a?wait=nap", "write wait= with spin, spin-park or park"),
        ("a?barrier=none", "write barrier= with fence or membarrier"),
        ("a?wake=pipe", "write wake= with futex, posix-sem, sysv-sem or event"),
        ("a?wait=spin&barrier=fence", "nobody sleeps"),
        ("a?wake=event&wait=spin", "nobody sleeps"),
        ("a?wait=park&wait=park", "'wait' is given twice"),
        ("a?node=4294967296", "node=4294967296"),
        ("tcp:host", "no scheme 'tcp:'"),
        ("file:", "path is missing"),
        ("", "empty"),
        ("shm:", "empty"),
        ("shm:a/b", "'/'"),
        ("..", "`..`"),
    ] {
        let sentence = refused(text);
        assert!(sentence.contains(part), "{text}: {sentence}");
    }
}

#[test]
fn an_impossible_capacity_is_refused_with_the_nearest_possible_one() {
    for (given, nearest) in [
        ("0", "64"),
        ("3", "64"),
        ("65", "64"),
        ("96", "64"),
        ("97", "128"),
        ("60000", "64KiB"),
        ("100KiB", "128KiB"),
        ("1TiB", "1GiB"),
        ("2GiB", "1GiB"),
        ("18446744073709551616", "1GiB"),
    ] {
        let sentence = refused(&format!("a?capacity={given}"));
        assert!(sentence.ends_with(&format!("the nearest is {nearest}")), "{given}: {sentence}");
        assert!(sentence.contains(&format!("capacity={given} ")), "{given}: {sentence}");
    }
    assert!(refused("a?capacity=big").contains("a size is a number"));
    for possible in ["64", "4KiB", "1MiB", "1GiB"] {
        assert!(parse(&format!("a?capacity={possible}")).is_ok(), "{possible}");
    }
}

#[test]
fn a_ring_of_many_has_slots_and_the_rest_unless_it_is_asked_for() {
    let many = parse("a?ring=mpmc").unwrap();
    assert_eq!((many.kind, many.slots.payload_for_new()), (Some(Kind::Mpmc), 256));
    assert_eq!(many.slots.for_new(), Slots::of(4096, 256));
    let all = "a?fixed=yes&delivery=at-most-once&participants=9&payload=1KiB&slots=64&ring=mpmc";
    let all = parse(all).unwrap().slots;
    let wanted = Slots::of(64, 1024).participants(9).delivery(Delivery::AtMostOnce).of_one_length();
    assert_eq!(all.for_new(), wanted);
    let found = Geometry::new(64, 1024).unwrap().with_seats(9).unwrap();
    let found = found.delivering(Delivery::AtMostOnce);
    let differs = |found| all.difference(found).map(|(found, asked)| found + " " + &asked);
    assert_eq!(differs(found).as_deref(), Some("fixed=no fixed=yes"));
    assert_eq!(differs(found.of_one_length()), None);
    assert_eq!(parse("a").unwrap().slots.difference(found), None);
    let one = parse("a?ring=mpmc&producers=one&consumers=one&slots=64").unwrap().slots;
    assert_eq!(one.for_new(), Slots::of(64, 256).single_producer().single_consumer());
    // So long messages are possible in a ring that has fewer slots.
    assert!(parse("a?ring=mpmc&payload=1MiB").is_ok());
    assert_eq!(parse("a?ring=spsc").unwrap().kind, Some(Kind::Spsc));
}
