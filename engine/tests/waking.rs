//! Each means of waking by itself: what it keeps, what it leaves behind, and what happens when
//! somebody writes over it.

mod common;

use annulus::layout::{CONSUMER_ALARM, Header};
use annulus::segment::{JoinError, Name, Removal, RemoveError, SegmentError, remove};
use annulus::{
    Attach, Backing, Config, Consumer, Deadline, Producer, RecvError, Segment, Wait, Wake,
};
use annulus_testkit::{Scratch, ScratchDir, skip};
use common::{in_fork, is_root, named, refusal, refuse, soon};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

fn parking(wake: Wake) -> Config {
    Config::spsc(1024).wait(Wait::Park).wake(wake)
}

fn create(scratch: &Scratch, wake: Wake) -> Segment {
    Segment::create(&named(scratch), &parking(wake)).unwrap()
}

fn pair(segment: &Segment) -> (Producer, Consumer) {
    (segment.producer().unwrap(), segment.consumer().unwrap())
}

/// Lost wakes that a test with a busy machine may have: each costs it 50 ms.
const LOST_MAX: u64 = 5;

/// Sends messages, each a moment after it was asked for, to a receiver that lies down for each.
fn hand_over(segment: &Segment, count: u64) {
    let (mut producer, mut consumer) = pair(segment);
    let lost_before = segment.survey().consumer.backstop;
    let (ask, asked) = std::sync::mpsc::channel();
    thread::scope(|threads| {
        threads.spawn(move || {
            for index in asked {
                let index: u64 = index;
                for _ in 0..index % 512 {
                    core::hint::spin_loop();
                }
                producer.send(&index.to_ne_bytes(), soon()).unwrap();
            }
        });
        for index in 0..count {
            ask.send(index).unwrap();
            let mut message = [0; 8];
            consumer.recv(&mut message, soon()).unwrap();
            assert_eq!(u64::from_ne_bytes(message), index);
            if index % 64 == 0 {
                let lost = segment.survey().consumer.backstop - lost_before;
                assert!(lost <= LOST_MAX, "{lost} wakes of {index} are lost");
            }
        }
        drop(ask);
    });
}

/// The segment's file, to write where no peer should.
fn file(scratch: &Scratch) -> File {
    OpenOptions::new().read(true).write(true).open(scratch.path()).unwrap()
}

/// The value of the receiver's POSIX semaphore, as glibc keeps it.
fn value(scratch: &Scratch) -> u32 {
    let mut word = [0; 8];
    file(scratch).read_exact_at(&mut word, CONSUMER_ALARM as u64).unwrap();
    u64::from_ne_bytes(word) as u32
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: valid for the call to fill.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// That a receiver of nothing keeps its deadline without looking all the time, and still gets what
/// comes.
fn assert_waits(producer: &mut Producer, consumer: &mut Consumer) {
    let (begun, cpu_before) = (Instant::now(), cpu());
    let deadline = Deadline::after(Duration::from_millis(200));
    assert_eq!(consumer.recv(&mut [0; 8], deadline), Err(RecvError::Timeout));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let used = cpu() - cpu_before;
    assert!(used < Duration::from_millis(40), "it looked all the time: {used:?} of 200 ms");
    producer.send(&[7; 8], Deadline::NEVER).unwrap();
    consumer.recv(&mut [0; 8], soon()).unwrap();
}

/// The segment's set of semaphores, if there is one.
fn set_of(header: &Header) -> Option<i32> {
    assert_ne!(header.wake_key, 0);
    // SAFETY: takes no pointer.
    let set = unsafe { libc::semget(header.wake_key.cast_signed(), 0, 0) };
    (set >= 0).then_some(set)
}

#[cfg(target_env = "gnu")]
mod posix_semaphores {
    use super::*;

    #[test]
    fn never_creep() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::PosixSem);
        hand_over(&segment, 20_000);
        assert!(value(&scratch) <= 2, "{} posts are left", value(&scratch));
    }

    /// One that has no time to sleep lies down all the same, unless it has none at all.
    #[test]
    fn lose_what_is_left_of_earlier_posts_when_a_side_lies_down() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::PosixSem);
        let (_producer, mut consumer) = pair(&segment);
        file(&scratch).write_all_at(&60_u32.to_ne_bytes(), CONSUMER_ALARM as u64).unwrap();
        let deadline = Deadline::after(Duration::from_micros(500));
        assert_eq!(consumer.recv(&mut [0; 8], deadline), Err(RecvError::Timeout));
        assert_eq!(value(&scratch), 0, "posts that are left");
    }

    #[test]
    fn with_no_end_of_posts_are_slept_on_all_the_same() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::PosixSem);
        let (mut producer, mut consumer) = pair(&segment);
        let most = i32::MAX.to_ne_bytes();
        file(&scratch).write_all_at(&most, CONSUMER_ALARM as u64).unwrap();
        assert_waits(&mut producer, &mut consumer);
    }

    #[test]
    fn that_were_written_over_are_not_used_any_more() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::PosixSem);
        let (mut producer, mut consumer) = pair(&segment);
        file(&scratch).write_all_at(&[0xA5; 32], CONSUMER_ALARM as u64).unwrap();
        assert_waits(&mut producer, &mut consumer);
    }

    #[test]
    fn of_another_c_library_are_refused() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::PosixSem);
        // Where glibc says whether processes share it.
        file(&scratch).write_all_at(&[0; 4], CONSUMER_ALARM as u64 + 8).unwrap();
        let error = segment.consumer().map(drop).unwrap_err();
        assert_eq!(error, JoinError::ForeignWake { wake: Wake::PosixSem });
        assert!(error.to_string().starts_with("the segment's posix-sem is not as"), "{error}");
    }
}

mod system_v_semaphores {
    use super::*;

    #[test]
    fn are_there_from_the_first_join_until_the_removal() {
        for removal in [Removal::Unheld, Removal::Forced] {
            let scratch = Scratch::new();
            let segment = create(&scratch, Wake::SysvSem);
            assert_eq!(set_of(&segment.header()), None, "nobody has joined");
            hand_over(&segment, 1_000);
            assert!(set_of(&segment.header()).is_some());
            let held = (removal == Removal::Forced).then(|| segment.consumer().unwrap());
            remove(&Name::new(scratch.name()).unwrap(), removal).unwrap();
            assert_eq!(set_of(&segment.header()), None, "it stayed behind");
            drop(held);
        }
    }

    /// So a kill between the two leaves no set that nothing names.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn are_removed_before_the_name() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::SysvSem);
        hand_over(&segment, 10);
        let name = Name::new(scratch.name()).unwrap();
        let removed = thread::spawn(move || {
            refuse(libc::SYS_unlink, libc::EPERM);
            remove(&name, Removal::Unheld)
        });
        assert_eq!(removed.join().unwrap(), Err(RemoveError::Denied));
        assert_eq!(set_of(&segment.header()), None);
        // And it is as good as before.
        let again = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        hand_over(&again, 10);
    }

    #[test]
    fn that_somebody_takes_away_are_done_without() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::SysvSem);
        let (mut producer, mut consumer) = pair(&segment);
        let set = set_of(&segment.header()).unwrap();
        // SAFETY: takes no argument.
        assert_eq!(unsafe { libc::semctl(set, 0, libc::IPC_RMID) }, 0);
        assert_waits(&mut producer, &mut consumer);
        // The next who joins has new ones.
        drop((producer, consumer));
        let again = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
        let _consumer = again.consumer().unwrap();
        assert!(set_of(&segment.header()).is_some());
    }

    #[test]
    fn whose_maker_was_killed_are_finished_by_the_next() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::SysvSem);
        let key = segment.header().wake_key.cast_signed();
        // SAFETY: takes no pointer.
        assert!(unsafe { libc::semget(key, 4, libc::IPC_CREAT | 0o600) } >= 0);
        hand_over(&segment, 100);
    }

    #[test]
    fn of_somebody_else_are_not_touched() {
        for count in [2, 4, 6] {
            let scratch = Scratch::new();
            let segment = create(&scratch, Wake::SysvSem);
            let key = segment.header().wake_key;
            // SAFETY: takes no pointer.
            let set = unsafe {
                libc::semget(key.cast_signed(), count, libc::IPC_CREAT | libc::IPC_EXCL | 0o600)
            };
            assert!(set >= 0);
            // SAFETY: takes a number.
            assert_eq!(unsafe { libc::semctl(set, count - 1, libc::SETVAL, 2) }, 0);
            let joined = segment.consumer().map(drop);
            let removed = remove(&Name::new(scratch.name()).unwrap(), Removal::Unheld);
            // SAFETY: takes no argument.
            let value = unsafe { libc::semctl(set, count - 1, libc::GETVAL) };
            // SAFETY: as above.
            assert_eq!(unsafe { libc::semctl(set, 0, libc::IPC_RMID) }, 0, "it was removed");
            assert_eq!(value, 2);
            assert_eq!(joined, Err(JoinError::TakenKey { key }), "{count} semaphores");
            removed.unwrap();
            let sentence = joined.unwrap_err().to_string();
            assert!(sentence.contains(&format!("key {key:#x}: see ipcs -s")), "{sentence}");
        }
    }

    #[test]
    fn need_a_name() {
        let folder = ScratchDir::new();
        for backing in [Backing::Memfd, Backing::File(folder.file("ring"))] {
            let error = refusal(Segment::create(&backing, &parking(Wake::SysvSem)));
            assert_eq!(error, SegmentError::NamelessSysvSem);
        }
        assert!(!folder.file("ring").exists());
        // Nor does one keep them that has lost its name before anybody joined.
        let scratch = Scratch::new();
        let fd = create(&scratch, Wake::SysvSem).share_fd().unwrap();
        fs::remove_file(scratch.path()).unwrap();
        let error = refusal(Segment::from_fd(fd, &Attach::default()));
        assert_eq!(error, SegmentError::NamelessSysvSem);
    }

    #[test]
    fn that_the_system_does_not_give_are_an_error_that_says_so() {
        if !is_root() {
            skip!("only root can make a namespace with other limits");
        }
        let scratch = Scratch::new();
        let backing = named(&scratch);
        in_fork(|| {
            // SAFETY: takes no pointer.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWIPC) }, 0);
            fs::write("/proc/sys/kernel/sem", "250 3 32 100").unwrap();
            let error = Segment::create(&backing, &parking(Wake::SysvSem)).map(drop).unwrap_err();
            assert_eq!(error, SegmentError::NoSysvSem { errno: libc::ENOSPC });
            assert!(error.to_string().contains("raise kernel.sem"), "{error}");
            // Taken by others between making the ring and joining it.
            fs::write("/proc/sys/kernel/sem", "250 4 32 100").unwrap();
            let segment = Segment::create(&backing, &parking(Wake::SysvSem)).unwrap();
            fs::write("/proc/sys/kernel/sem", "250 3 32 100").unwrap();
            let error = segment.consumer().map(drop).unwrap_err();
            assert_eq!(error, JoinError::NoSysvSem { errno: libc::ENOSPC });
        });
    }
}

#[cfg(feature = "event")]
mod events {
    use super::*;

    #[test]
    fn hand_over_without_a_wake_lost() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::Event);
        hand_over(&segment, 5_000);
    }

    /// Their timed waits fail at once where they would pass a second of the wall clock. It begins
    /// where slices of 50, 100, 200 and 400 ms pass one in the midst of the longest.
    #[test]
    fn sleep_past_a_second_of_the_clock() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::Event);
        let (_producer, mut consumer) = pair(&segment);
        let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let to_next_second = 1_000 - u64::from(since_epoch.subsec_millis());
        std::thread::sleep(Duration::from_millis((to_next_second + 350) % 1_000));
        let (begun, cpu_before) = (Instant::now(), cpu());
        let deadline = Deadline::after(Duration::from_millis(1_100));
        assert_eq!(consumer.recv(&mut [0; 8], deadline), Err(RecvError::Timeout));
        assert!(begun.elapsed() >= Duration::from_millis(1_100));
        let used = cpu() - cpu_before;
        assert!(used < Duration::from_millis(30), "it looked all the time: {used:?}");
    }

    /// One who has the mutex may be dead.
    #[test]
    fn are_not_waited_for_by_a_removal() {
        let scratch = Scratch::new();
        let segment = create(&scratch, Wake::Event);
        let consumer = segment.consumer().unwrap();
        // The mutex as it is while somebody has it: glibc's lock word first.
        file(&scratch).write_all_at(&1_u32.to_ne_bytes(), CONSUMER_ALARM as u64).unwrap();
        remove(&Name::new(scratch.name()).unwrap(), Removal::Forced).unwrap();
        drop(consumer);
    }
}

#[test]
fn the_creators_means_is_followed_and_another_one_refused() {
    let scratch = Scratch::new();
    let made = create(&scratch, Wake::SysvSem);
    let found = Segment::attach(&named(&scratch), &Attach::default()).unwrap();
    assert_eq!(made.waiting(), found.waiting());
    assert_eq!(found.waiting().wake(), Some(Wake::SysvSem));
    Segment::attach(&named(&scratch), &Attach::default().wake(Wake::SysvSem)).unwrap();
    let asked = Wake::Futex;
    let error = refusal(Segment::attach(&named(&scratch), &Attach::default().wake(asked)));
    assert_eq!(error, SegmentError::OtherWake { asked, found: Some(Wake::SysvSem) });
    assert!(error.to_string().contains("by sysv-sem and not by futex:"), "{error}");
}

#[test]
fn nobody_is_woken_in_a_spinning_ring() {
    let scratch = Scratch::new();
    let config = Config::spsc(1024).wait(Wait::Spin).wake(Wake::PosixSem);
    let made = Segment::create(&named(&scratch), &config).unwrap();
    assert_eq!(made.waiting().wake(), None);
    let asked = Wake::PosixSem;
    let error = refusal(Segment::attach(&named(&scratch), &Attach::default().wake(asked)));
    assert_eq!(error, SegmentError::OtherWake { asked, found: None });
}

#[cfg(not(feature = "event"))]
#[test]
fn a_build_without_events_says_so() {
    let error = refusal(Segment::create(&Backing::Memfd, &parking(Wake::Event)));
    assert_eq!(error, SegmentError::NoSuchWake { wake: Wake::Event });
    assert!(error.to_string().contains("takes the feature event"), "{error}");
}
