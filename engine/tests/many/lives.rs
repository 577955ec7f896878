//! Who counts as gone, and who does not: by the kernel's lock, and the veto of who lives.

use super::RING;
use super::common::{LONG, fork, named};
use annulus::error::Severed;
use annulus::ring::mpmc::{Producer, RecvError, SendError};
use annulus::segment::CrowdMapping;
use annulus::{Attach, Config, Deadline, Segment, Slots};
use annulus_testkit::{Child, Exit, Scratch, Test, is_alive, this_test};
use std::ffi::CString;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Joins, claims the next slot, and does `then` with the claim still standing. Says so first.
fn claim_and(name: &str, then: impl FnOnce(&mut Producer<CrowdMapping>)) {
    let backing = super::common::by_name(name);
    let segment = Segment::attach(&backing, &Attach::default()).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    std::mem::forget(producer.try_claim(8).unwrap());
    println!("claimed {}", producer.participant());
    then(&mut producer);
    std::mem::forget((segment, producer));
}

fn sleep_long() {
    std::thread::sleep(LONG);
}

/// The child, and its index.
fn start(test: &Test, role: &str, scratch: &Scratch) -> (Child, u16) {
    let mut child = test.spawn(role, &[scratch.name()]);
    let line = child.line(LONG, "claimed ");
    let participant = line.trim_start_matches("claimed ").trim().parse().unwrap();
    (child, participant)
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn shortly() -> Deadline {
    Deadline::after(Duration::from_millis(50))
}

#[test]
fn a_killed_producers_claim_is_a_gap_as_soon_as_the_kernel_has_its_lock() {
    let test = this_test!();
    test.role("claims", |args| claim_and(&args[0], |_| sleep_long()));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let (mut child, participant) = start(&test, "claims", &scratch);
    let mut buffer = [0; 48];
    let late = consumer.recv(&mut buffer, shortly());
    assert!(matches!(late, Err(RecvError::PeerStalled(by)) if by.participant == participant));
    assert_eq!(child.kill(), Exit::Signal(libc::SIGKILL));
    let killed = Instant::now();
    let told = consumer.recv(&mut buffer, Deadline::NEVER);
    assert_eq!(told, Err(RecvError::Gap { position: 0, participant }));
    assert!(killed.elapsed() < LONG);
    assert_eq!(consumer.recv(&mut buffer, Deadline::NEVER), Err(RecvError::ProducerDied));
}

#[test]
fn a_stopped_peer_is_named_and_goes_on_when_it_is_continued() {
    let test = this_test!();
    test.role("claims", |args| claim_and(&args[0], |_| sleep_long()));
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let begun = now_ns();
    let (mut child, participant) = start(&test, "claims", &scratch);
    child.signal(libc::SIGSTOP);
    let late = consumer.recv(&mut [0; 48], shortly());
    let Err(RecvError::PeerStalled(by)) = late else { panic!("{late:?}") };
    assert_eq!((by.participant, by.pid), (participant, child.id()));
    assert!((begun..now_ns()).contains(&by.since_ns), "{by:?}");
    assert!(segment.attendances().iter().all(|seen| seen.is_alive));
    child.signal(libc::SIGCONT);
    child.kill();
}

/// Its lock is gone, and it may still write.
#[test]
fn a_process_that_gave_its_descriptors_away_and_lives_is_not_taken_for_dead() {
    let test = this_test!();
    test.role("careless", |args| {
        claim_and(&args[0], |_| {
            // SAFETY: closes descriptors, some of which are the library's.
            let status = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
            assert_eq!(status, 0);
            println!("careless");
            sleep_long();
        });
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let (mut child, participant) = start(&test, "careless", &scratch);
    child.line(LONG, "careless");
    let late = consumer.recv(&mut [0; 48], shortly());
    assert!(matches!(late, Err(RecvError::PeerStalled(by)) if by.participant == participant));
    // Nor is its seat given to another one.
    let other = segment.mpmc_producer().unwrap();
    assert!(other.participant() != participant);
    child.kill();
    let told = consumer.recv(&mut [0; 48], Deadline::NEVER);
    assert_eq!(told, Err(RecvError::Gap { position: 0, participant }));
}

#[test]
fn a_process_that_runs_another_program_is_gone() {
    let test = this_test!();
    test.role("executes", |args| {
        claim_and(&args[0], |_| {
            let (sleep, long) = (CString::new("sleep").unwrap(), CString::new("60").unwrap());
            let args = [sleep.as_ptr(), long.as_ptr(), std::ptr::null()];
            // SAFETY: two strings and the end of the list.
            unsafe { libc::execvp(sleep.as_ptr(), args.as_ptr()) };
            panic!("there is a sleep");
        });
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let (mut child, participant) = start(&test, "executes", &scratch);
    let told = consumer.recv(&mut [0; 48], Deadline::after(LONG));
    assert_eq!(told, Err(RecvError::Gap { position: 0, participant }));
    assert!(is_alive(child.id()), "as another program");
    child.kill();
}

#[test]
fn a_forked_childs_handles_say_so_and_its_life_is_not_its_parents() {
    let segment = Segment::create(&annulus::Backing::Memfd, &RING).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    producer.try_send(b"before").unwrap();
    assert_eq!(consumer.try_take().unwrap().len(), 6);
    super::common::in_fork(|| {
        let forked = Severed::Forked;
        assert_eq!(producer.try_send(b"child"), Err(SendError::Severed(forked)));
        // Also where one was in hand: what the mapping shows is no message.
        let told = consumer.recv(&mut [0; 48], Deadline::NEVER);
        assert_eq!(told, Err(RecvError::Severed(forked)));
        assert!(segment.mpmc_producer().is_err());
        drop((producer, consumer));
    });
}

#[test]
fn a_parents_death_is_seen_though_its_forked_child_lives() {
    let test = this_test!();
    test.role("forks", |args| {
        claim_and(&args[0], |_| {
            println!("forked {}", fork(sleep_long));
            sleep_long();
        });
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &RING).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let (mut parent, participant) = start(&test, "forks", &scratch);
    let line = parent.line(LONG, "forked ");
    let child: u32 = line.trim_start_matches("forked ").trim().parse().unwrap();
    // Only itself: `kill` would end its child too.
    parent.signal(libc::SIGKILL);
    let told = consumer.recv(&mut [0; 48], Deadline::after(LONG));
    assert_eq!(told, Err(RecvError::Gap { position: 0, participant }));
    assert!(is_alive(child), "and the child lives on");
    parent.kill();
}

#[test]
fn a_seat_of_one_who_died_is_had_again_at_once() {
    let test = this_test!();
    test.role("claims", |args| claim_and(&args[0], |_| sleep_long()));
    let scratch = Scratch::new();
    let few = Config::mpmc(Slots::of(64, 48).participants(2));
    let segment = Segment::create(&named(&scratch), &few).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    for round in 0..10 {
        let (mut child, participant) = start(&test, "claims", &scratch);
        assert_eq!(participant, 2);
        child.kill();
        let mut successor = segment.mpmc_producer().unwrap();
        successor.try_send(b"after").unwrap();
        let told = consumer.recv(&mut [0; 48], Deadline::NEVER);
        assert_eq!(told, Err(RecvError::Gap { position: 2 * round, participant }));
        assert_eq!(consumer.recv(&mut [0; 48], Deadline::NEVER).unwrap().len, 5);
    }
}
