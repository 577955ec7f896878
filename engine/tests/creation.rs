//! Making segments: names, sizes, and places that are full or not to be had.

mod common;

use annulus::segment::{Name, NameError, SegmentError};
use annulus::{Attach, Backing, Config, Segment};
use annulus_testkit::{Child, Scratch, ScratchDir, skip, small_shm, small_shm_refused, this_test};
use common::{LONG, STRANGER, by_name, is_root, named, refusal};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

#[test]
fn names_are_one_to_two_hundred_plain_characters() {
    for name in ["a", "A.b_c-9", "...", &"x".repeat(200)] {
        assert_eq!(Name::new(name).unwrap().as_str(), name);
    }
    assert_eq!(Name::new("quotes").unwrap().path(), Path::new("/dev/shm/annulus.quotes"));
    assert_eq!(Name::new(""), Err(NameError::Empty));
    assert_eq!(Name::new("."), Err(NameError::Dots));
    assert_eq!(Name::new(".."), Err(NameError::Dots));
    assert_eq!(Name::new(&"x".repeat(201)), Err(NameError::TooLong { len: 201 }));
    for (name, found) in [("a/b", '/'), ("../x", '/'), ("a b", ' '), ("ü", 'ü'), ("a\0", '\0')] {
        assert_eq!(Name::new(name), Err(NameError::Character { found }), "{name:?}");
    }
    let sentence = Name::new("a/b").unwrap_err().to_string();
    assert_eq!(sentence, "a segment's name has '/' in it: take 1 to 200 of A-Z a-z 0-9 . _ -");
}

#[test]
fn a_capacity_that_is_no_power_of_two_within_the_limits_is_refused_with_the_nearest() {
    let cases = [
        (0, "0 bytes", "64 bytes"),
        (3, "3 bytes", "64 bytes"),
        (32, "32 bytes", "64 bytes"),
        (65, "65 bytes", "64 bytes"),
        (96, "96 bytes", "64 bytes"),
        (97, "97 bytes", "128 bytes"),
        (1_000_000, "1000000 bytes", "1 MiB"),
        (1 << 31, "2 GiB", "1 GiB"),
        (1 << 40, "1024 GiB", "1 GiB"),
        (u64::MAX, "18446744073709551615 bytes", "1 GiB"),
    ];
    for (asked, is, nearest) in cases {
        let scratch = Scratch::new();
        let error = refusal(Segment::create(&named(&scratch), &Config::spsc(asked)));
        assert_eq!(error, SegmentError::Capacity { asked });
        let wanted = format!(
            "a ring of {is} is not possible: take a power of two between 64 bytes and 1 GiB, the \
             nearest is {nearest}"
        );
        assert_eq!(error.to_string(), wanted);
        assert!(!scratch.path().exists());
    }
}

#[test]
fn the_capacity_is_looked_at_before_the_place() {
    let nowhere = Backing::File("/no/such/folder/ring".into());
    let error = refusal(Segment::create(&nowhere, &Config::spsc(1 << 40)));
    assert_eq!(error, SegmentError::Capacity { asked: 1 << 40 });
    let error = refusal(Segment::create(&nowhere, &Config::spsc(64)));
    assert_eq!(error, SegmentError::NoFolder);
}

#[test]
fn a_name_that_is_taken_is_not_created_again_and_what_is_there_stays() {
    let scratch = Scratch::new();
    let first = Segment::create(&named(&scratch), &Config::spsc(64)).unwrap();
    let error = refusal(Segment::create(&named(&scratch), &Config::spsc(4096)));
    assert_eq!(error, SegmentError::Exists);
    assert_eq!(attach(&scratch).unwrap().header(), first.header());

    let link = Scratch::new();
    symlink("nowhere", link.path()).unwrap();
    assert_eq!(refusal(Segment::create(&named(&link), &Config::spsc(64))), SegmentError::Exists);
}

#[test]
fn of_two_creators_of_one_name_one_wins() {
    for _ in 0..50 {
        let scratch = Scratch::new();
        let create = || Segment::create(&named(&scratch), &Config::spsc(64));
        let both = std::thread::scope(|scope| {
            let threads = [scope.spawn(create), scope.spawn(create)];
            threads.map(|thread| thread.join().unwrap())
        });
        let [a, b] = both;
        let loser = if a.is_ok() { b } else { a };
        assert_eq!(refusal(loser), SegmentError::Exists);
        attach(&scratch).unwrap();
    }
}

#[test]
fn a_new_segment_is_its_owners_alone_whatever_the_umask() {
    let test = this_test!();
    test.role("masked", |args| {
        for mask in [0, 0o022, 0o777] {
            // SAFETY: takes no pointer. This process is here for this only.
            unsafe { libc::umask(mask) };
            let named = Segment::create(&by_name(&args[0]), &Config::spsc(64)).unwrap();
            let path = Name::new(&args[0]).unwrap().path();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
            fs::remove_file(path).unwrap();
            let memfd = Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap();
            let file = File::from(memfd.share_fd().unwrap());
            assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
            drop(named);
        }
    });
    let scratch = Scratch::new();
    test.spawn("masked", &[scratch.name()]).wait_within(LONG).assert_success();
}

#[test]
fn a_place_that_cannot_publish_a_complete_file_is_refused() {
    let place = Backing::File("/proc/annulus-test".into());
    let error = refusal(Segment::create(&place, &Config::spsc(64)));
    // Who may not write there at all learns that instead.
    let wanted = if is_root() { SegmentError::NoTmpfile } else { SegmentError::Denied };
    assert_eq!(error, wanted);
}

#[test]
fn full_shared_memory_is_an_error_now_that_says_how_much_was_needed() {
    let test = this_test!();
    test.role("fills", |args| {
        let ring = by_name(&args[0]);
        let error = refusal(Segment::create(&ring, &Config::spsc(1 << 20)));
        assert_eq!(error, SegmentError::NoSpace { needed: (1 << 20) + 4096 });
        assert!(error.to_string().contains("1052672 bytes"), "{error}");
        assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 0, "nothing is left");
        let smaller = Segment::create(&ring, &Config::spsc(64 << 10)).unwrap();
        // All of it is there: writing every page brings no SIGBUS.
        let (mut producer, mut consumer) =
            (smaller.producer().unwrap(), smaller.consumer().unwrap());
        for _ in 0..64 {
            producer.try_send(&[7; 16 << 10]).unwrap();
            consumer.try_recv(&mut [0; 16 << 10]).unwrap();
        }
    });
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let scratch = Scratch::new();
    let mut command = test.command("fills", &[scratch.name()]);
    let mut child = Child::spawn(small_shm(&mut command, 256 << 10));
    child.wait_within(LONG).assert_success();
}

#[test]
fn memory_that_may_not_be_locked_is_an_error_that_names_the_limit() {
    let test = this_test!();
    test.role("limited", |_| {
        let limit = libc::rlimit { rlim_cur: 8192, rlim_max: 8192 };
        // SAFETY: `limit` is there to be read.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) }, 0);
        // SAFETY: takes no pointer. Root may lock what it likes.
        assert!(!is_root() || unsafe { libc::seteuid(STRANGER) } == 0);
        let config = Config::spsc(1 << 20).lock_memory(true);
        let error = refusal(Segment::create(&Backing::Memfd, &config));
        let needed = (1 << 20) + 4096;
        assert_eq!(error, SegmentError::LockLimit { needed, limit: 8192 });
        Segment::create(&Backing::Memfd, &Config::spsc(64)).unwrap();
    });
    test.spawn("limited", &[]).wait_within(LONG).assert_success();
}

#[test]
fn every_choice_of_memory_gives_a_ring() {
    for prefault in [true, false] {
        let config = Config::spsc(64 << 10).prefault(prefault);
        let segment = Segment::create(&Backing::Memfd, &config).unwrap();
        let choice = Attach::default().prefault(prefault);
        let other = Segment::from_fd(segment.share_fd().unwrap(), &choice).unwrap();
        let mut producer = segment.producer().unwrap();
        producer.try_send(b"one").unwrap();
        other.consumer().unwrap().try_recv(&mut [0; 8]).unwrap();
    }
    let dir = ScratchDir::new();
    let file = Backing::File(dir.file("ring"));
    drop(Segment::create(&file, &Config::spsc(4096)).unwrap());
    Segment::attach(&file, &Attach::default()).unwrap();
}

fn attach(scratch: &Scratch) -> Result<Segment, SegmentError> {
    Segment::attach(&named(scratch), &Attach::default())
}
