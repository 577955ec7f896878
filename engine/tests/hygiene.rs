//! Nothing stays behind: no descriptor, no mapping, no place in the table, no file.

mod common;

use annulus::segment::{Name, Removal, SegmentError, remove};
use annulus::{Attach, Backing, Config, Deadline, RecvError, Segment};
use annulus_testkit::{Scratch, this_test};
use common::{LONG, by_name};
use std::time::Duration;
use std::{fs, process};

/// In a process of its own: other tests open descriptors meanwhile.
#[test]
fn a_thousand_segments_leave_no_descriptor_mapping_or_file() {
    let test = this_test!();
    test.role("many", |args| {
        let (ring, name) = (by_name(&args[0]), Name::new(&args[0]).unwrap());
        let round = || {
            let segment = Segment::create(&ring, &Config::spsc(4096)).unwrap();
            let other = Segment::attach(&ring, &Attach::default()).unwrap();
            let memfd = Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap();
            let passed = Segment::from_fd(memfd.share_fd().unwrap(), &Attach::default()).unwrap();
            let mut producer = segment.producer().unwrap();
            let mut consumer = other.consumer().unwrap();
            drop((segment, other));
            producer.try_send(b"x").unwrap();
            consumer.try_recv(&mut [0; 8]).unwrap();
            assert!(passed.producer().is_ok() && memfd.producer().is_ok());
            // Refused halfway, at every stage that there is.
            Segment::create(&ring, &Config::spsc(4096)).map(drop).unwrap_err();
            Segment::create(&ring, &Config::spsc(3)).map(drop).unwrap_err();
            remove(&name, Removal::Unheld).unwrap_err();
            drop((producer, consumer));
            remove(&name, Removal::Spent).unwrap();
            fs::write(name.path(), "no ring at all").unwrap();
            Segment::attach(&ring, &Attach::default()).map(drop).unwrap_err();
            remove(&name, Removal::Unheld).unwrap_err();
            fs::remove_file(name.path()).unwrap();
        };
        round();
        let before = (descriptors(), mappings());
        for _ in 0..1000 {
            round();
        }
        // The memory allocator may map some more; a thousand rings would show.
        let after = (descriptors(), mappings());
        assert_eq!(after.0, before.0, "descriptors");
        assert!(after.1 < before.1 + 20, "mappings: {} then {}", before.1, after.1);
    });
    let scratch = Scratch::new();
    test.spawn("many", &[scratch.name()]).wait_within(LONG).assert_success();
    assert!(!scratch.path().exists());
}

#[test]
fn the_table_of_mappings_has_an_end_that_is_told_and_places_are_used_again() {
    let test = this_test!();
    test.role("all", |_| {
        let first = Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap();
        let fd = || first.share_fd().unwrap();
        let before = descriptors();
        for _ in 0..3 {
            let mut all = Vec::new();
            let error = loop {
                match Segment::from_fd(fd(), &Attach::default()) {
                    Ok(segment) => all.push(segment),
                    Err(error) => break error,
                }
            };
            assert_eq!(error, SegmentError::TooManyMappings { limit: 1024 });
            assert_eq!(all.len(), 1023);
            assert_eq!(descriptors(), before, "one pair of descriptors serves all of them");
            all.pop();
            all.push(Segment::from_fd(fd(), &Attach::default()).unwrap());
            assert!(all[700].producer().is_ok());
        }
    });
    test.spawn("all", &[]).wait_within(LONG).assert_success();
}

#[test]
fn a_creator_that_is_killed_leaves_no_half_made_segment() {
    let test = this_test!();
    test.role("creator", |args| {
        let ring = by_name(&args[0]);
        println!("ready");
        loop {
            let segment = Segment::create(&ring, &Config::spsc(4 << 20)).unwrap();
            drop(segment);
            fs::remove_file(Name::new(&args[0]).unwrap().path()).unwrap();
        }
    });
    let scratch = Scratch::new();
    for round in 0..30 {
        let mut creator = test.spawn("creator", &[scratch.name()]);
        creator.line(LONG, "ready");
        std::thread::sleep(std::time::Duration::from_micros(round * 137));
        creator.kill();
        // Not there, or whole.
        match Segment::attach(&by_name(scratch.name()), &Attach::default()) {
            Ok(_) => fs::remove_file(scratch.path()).unwrap(),
            Err(error) => assert_eq!(error, SegmentError::NotFound),
        }
    }
}

#[test]
fn descriptors_closed_behind_its_back_make_nobody_dead_or_truncated() {
    let test = this_test!();
    test.role("careless", |_| {
        let segment = Segment::create(&Backing::Memfd, &Config::spsc(4096)).unwrap();
        let mut producer = segment.producer().unwrap();
        let mut consumer = segment.consumer().unwrap();
        producer.try_send(b"x").unwrap();
        consumer.try_recv(&mut [0; 8]).unwrap();
        // SAFETY: takes no pointer. What it closes is not closed again: see the end.
        assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
        let wait = || Deadline::after(Duration::from_millis(20));
        assert_eq!(consumer.recv(&mut [0; 8], wait()), Err(RecvError::Timeout));
        // Now other files have the numbers.
        let others = [(); 50].map(|()| fs::File::open("/dev/null").unwrap());
        assert_eq!(consumer.recv(&mut [0; 8], wait()), Err(RecvError::Timeout));
        drop(others);
        // Without dropping what would close those numbers.
        process::exit(0);
    });
    test.spawn("careless", &[]).wait_within(LONG).assert_success();
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}
