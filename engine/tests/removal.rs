//! Taking a segment's name away: only when nobody needs it; and listing what there is.

mod common;

use annulus::ring::Role;
use annulus::segment::{JoinError, Name, Removal, RemoveError, list, remove};
use annulus::{Attach, Config, Segment};
use annulus_testkit::{Scratch, eventually, skip, this_test};
use common::{LONG, STRANGER, is_root, named};
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, chown, symlink};
use std::process;
use std::time::{Duration, Instant};

const RING: Config = Config::spsc(4096);

#[test]
fn a_segment_is_removed_only_when_nobody_holds_a_role() {
    let scratch = Scratch::new();
    let name = Name::new(scratch.name()).unwrap();
    assert_eq!(remove(&name, Removal::Unheld), Err(RemoveError::NotFound));
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let pid = Some(process::id().into());

    let producer = segment.producer().unwrap();
    let consumer = segment.consumer().unwrap();
    let held = |role| Err(RemoveError::Held { role, pid });
    assert_eq!(remove(&name, Removal::Unheld), held(Role::Producer));
    drop(producer);
    assert_eq!(remove(&name, Removal::Unheld), held(Role::Consumer));
    assert_eq!(remove(&name, Removal::Spent), held(Role::Consumer));
    drop(consumer);
    remove(&name, Removal::Unheld).unwrap();
    assert!(!scratch.path().exists());
    assert_eq!(producer_refused(&segment), JoinError::Removed);
}

#[test]
fn a_spent_segment_is_one_that_is_closed_and_drained() {
    let scratch = Scratch::new();
    let name = Name::new(scratch.name()).unwrap();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let not_spent = || assert_eq!(remove(&name, Removal::Spent), Err(RemoveError::NotSpent));
    not_spent();
    segment.producer().unwrap().try_send(b"unread").unwrap();
    not_spent();
    segment.consumer().unwrap().try_recv(&mut [0; 8]).unwrap();
    assert!(segment.is_spent());
    remove(&name, Removal::Spent).unwrap();
    assert!(!scratch.path().exists());
}

#[test]
fn damaged_and_foreign_versions_can_be_removed_and_other_files_can_not() {
    let scratch = Scratch::new();
    let name = Name::new(scratch.name()).unwrap();
    for damage in [8, 16, 200] {
        Segment::create(&named(&scratch), &RING).unwrap();
        let file = OpenOptions::new().write(true).open(scratch.path()).unwrap();
        file.write_all_at(&[0xee; 8], damage).unwrap();
        assert_eq!(remove(&name, Removal::Spent), Err(RemoveError::NotSpent));
        remove(&name, Removal::Unheld).unwrap();
    }
    for len in [0, 5, 8, 4000] {
        Segment::create(&named(&scratch), &RING).unwrap();
        OpenOptions::new().write(true).open(scratch.path()).unwrap().set_len(len).unwrap();
        remove(&name, Removal::Unheld).unwrap();
    }
    fs::write(scratch.path(), "a letter to somebody").unwrap();
    assert_eq!(remove(&name, Removal::Unheld), Err(RemoveError::NotAnnulus));
    fs::remove_file(scratch.path()).unwrap();
    fs::create_dir(scratch.path()).unwrap();
    assert_eq!(remove(&name, Removal::Unheld), Err(RemoveError::NotAnnulus));
    fs::remove_dir(scratch.path()).unwrap();
    let other = Scratch::new();
    Segment::create(&named(&other), &RING).unwrap();
    symlink(other.path(), scratch.path()).unwrap();
    assert_eq!(remove(&name, Removal::Unheld), Err(RemoveError::NotAnnulus));
    assert!(other.path().exists());
}

#[test]
fn root_removes_other_users_segments() {
    if !is_root() {
        skip!("only root can give a file away");
    }
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &RING).unwrap();
    chown(scratch.path(), Some(STRANGER), None).unwrap();
    let listed = list().unwrap().into_iter().find(|one| one.name.as_str() == scratch.name());
    assert_eq!(listed.unwrap().uid, STRANGER);
    remove(&Name::new(scratch.name()).unwrap(), Removal::Unheld).unwrap();
}

#[test]
fn a_listing_has_names_owners_and_sizes_and_nothing_but_files() {
    let (ring, folder) = (Scratch::new(), Scratch::new());
    Segment::create(&named(&ring), &RING).unwrap();
    fs::create_dir(folder.path()).unwrap();
    let all = list().unwrap();
    fs::remove_dir(folder.path()).unwrap();
    let one = all.iter().find(|one| one.name.as_str() == ring.name()).unwrap();
    assert_eq!((one.uid, one.bytes), (fs::metadata(ring.path()).unwrap().uid(), 4096 + 4096));
    assert!(one.modified.elapsed().unwrap() < LONG);
    assert!(all.iter().all(|one| one.name.as_str() != folder.name()));
}

#[test]
fn joining_and_removing_never_meet() {
    let test = this_test!();
    test.role("remover", |args| {
        let name = Name::new(&args[0]).unwrap();
        let end = Instant::now() + Duration::from_secs(2);
        let (mut removed, mut held) = (0, 0);
        while Instant::now() < end {
            match remove(&name, Removal::Unheld) {
                Ok(()) => removed += 1,
                Err(RemoveError::Held { .. }) => held += 1,
                Err(RemoveError::NotFound) => {}
                Err(error) => panic!("{error}"),
            }
        }
        println!("removed {removed}, held {held}");
        assert!(removed > 10 && held > 10);
    });
    let scratch = Scratch::new();
    let mut remover = test.spawn("remover", &[scratch.name()]);
    let (mut joined, mut too_late) = (0, 0);
    while remover.is_running() {
        let segment = Segment::create(&named(&scratch), &RING)
            .or_else(|_| Segment::attach(&named(&scratch), &Attach::default()));
        let Ok(segment) = segment else { continue };
        match segment.consumer() {
            Ok(consumer) => {
                joined += 1;
                // Who has joined is found under the name, as long as the handle lives.
                let ours = File::from(segment.share_fd().unwrap()).metadata().unwrap().ino();
                let named = fs::metadata(scratch.path()).map(|named| named.ino());
                assert_eq!(named.ok(), Some(ours));
                drop(consumer);
            }
            Err(JoinError::Removed) => too_late += 1,
            Err(error) => panic!("{error}"),
        }
    }
    remover.wait_within(LONG).assert_success();
    assert!(joined > 100, "{joined} joined and {too_late} came too late");
}

#[test]
fn somebody_who_stays_in_the_door_is_a_clear_error_after_a_second() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(scratch.path()).unwrap();
    lock_byte(&file, 4096);
    let begun = Instant::now();
    assert_eq!(producer_refused(&segment), JoinError::DoorStuck);
    assert!((1000..5000).contains(&begun.elapsed().as_millis()));
    let name = Name::new(scratch.name()).unwrap();
    assert_eq!(remove(&name, Removal::Unheld), Err(RemoveError::DoorStuck));
    drop(file);
    segment.producer().unwrap();
}

#[test]
fn participants_of_later_versions_keep_a_segment_from_being_removed() {
    let scratch = Scratch::new();
    Segment::create(&named(&scratch), &RING).unwrap();
    let file = OpenOptions::new().read(true).write(true).open(scratch.path()).unwrap();
    lock_byte(&file, 1000);
    let name = Name::new(scratch.name()).unwrap();
    assert!(matches!(remove(&name, Removal::Unheld), Err(RemoveError::Held { .. })));
    drop(file);
    // A child that another test just forked has a copy of the description until its exec.
    eventually(LONG, || remove(&name, Removal::Unheld).is_ok());
}

fn producer_refused(segment: &Segment) -> JoinError {
    segment.producer().map(drop).expect_err("the role should not be had")
}

/// Locks a byte as another process would: by a description of its own.
fn lock_byte(file: &File, byte: i64) {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    };
    let fd = file.as_raw_fd();
    // SAFETY: `lock` is there to be read.
    assert_eq!(unsafe { libc::fcntl(fd, libc::F_OFD_SETLK, &lock) }, 0);
}
