//! Participants that sleep: each is woken by what it waits for, and not by a slice's end.

use super::common::{LONG, by_name, named};
use annulus::error::Severed;
use annulus::ring::mpmc::{RecvError, SendError};
use annulus::ring::{Barrier, Wait};
use annulus::segment::{Name, Removal, remove};
use annulus::{Attach, Backing, Config, Deadline, Segment, Slots};
use annulus_testkit::{Scratch, this_test};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A sleep's first slice is 50 ms: so many would be seen.
const TURNS: u64 = 400;

/// Of sleepers: every policy and form.
fn forms() -> impl Iterator<Item = Config> {
    let config = Config::mpmc(Slots::of(64, 8).of_one_length());
    [Wait::SpinThenPark, Wait::Park].into_iter().flat_map(move |wait| {
        let sleeping = config.wait(wait);
        [Barrier::Fence, Barrier::Membarrier].map(|form| sleeping.barrier(form))
    })
}

fn parking() -> Config {
    Config::mpmc(Slots::of(64, 8).of_one_length()).wait(Wait::Park)
}

fn number(buffer: [u8; 8]) -> u64 {
    u64::from_le_bytes(buffer)
}

#[test]
fn two_that_take_turns_wake_each_other() {
    for config in forms() {
        let [there, back] = [(); 2].map(|()| Segment::create(&Backing::Memfd, &config).unwrap());
        let mut answers = back.mpmc_producer().unwrap();
        let mut questions = there.mpmc_consumer().unwrap();
        let other = thread::spawn(move || {
            let mut buffer = [0; 8];
            for _ in 0..TURNS {
                questions.recv(&mut buffer, Deadline::NEVER).unwrap();
                answers.send(&buffer, Deadline::NEVER).unwrap();
            }
        });
        let (mut producer, mut consumer) =
            (there.mpmc_producer().unwrap(), back.mpmc_consumer().unwrap());
        let begun = Instant::now();
        for turn in 0..TURNS {
            producer.send(&turn.to_le_bytes(), Deadline::NEVER).unwrap();
            let mut buffer = [0; 8];
            consumer.recv(&mut buffer, Deadline::NEVER).unwrap();
            assert_eq!(number(buffer), turn);
        }
        // By slices it would be twenty seconds.
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?} {config:?}", begun.elapsed());
        other.join().unwrap();
    }
}

#[test]
fn workers_share_bursts_and_all_are_told_of_the_end() {
    for config in forms() {
        let segment = Segment::create(&Backing::Memfd, &config).unwrap();
        let mut producer = segment.mpmc_producer().unwrap();
        let (sender, came) = mpsc::channel();
        let workers = [(); 3].map(|()| {
            let (mut consumer, sender) = (segment.mpmc_consumer().unwrap(), sender.clone());
            thread::spawn(move || {
                let mut buffer = [0; 8];
                loop {
                    match consumer.recv(&mut buffer, Deadline::NEVER) {
                        Ok(_) => sender.send(number(buffer)).unwrap(),
                        Err(error) => return error,
                    }
                }
            })
        });
        drop(sender);
        let begun = Instant::now();
        for burst in 0..250u64 {
            for message in 3 * burst..3 * burst + 3 {
                producer.send(&message.to_le_bytes(), Deadline::NEVER).unwrap();
            }
            // All come before the next, so that the workers fall asleep in between.
            let mut burst: Vec<_> = (0..3).map(|_| came.recv_timeout(LONG).unwrap()).collect();
            burst.sort_unstable();
            assert!(burst.windows(2).all(|pair| pair[1] == pair[0] + 1), "{burst:?}");
        }
        producer.close();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), RecvError::Closed);
        }
        // By slices it would be twelve seconds at least.
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?} {config:?}", begun.elapsed());
    }
}

#[test]
fn senders_at_a_full_ring_are_woken_by_releases() {
    for config in forms() {
        let segment = Segment::create(&Backing::Memfd, &config).unwrap();
        let mut consumer = segment.mpmc_consumer().unwrap();
        let senders = [(); 2].map(|()| {
            let mut producer = segment.mpmc_producer().unwrap();
            thread::spawn(move || {
                (0..8_000u64).for_each(|number| {
                    producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
                });
            })
        });
        thread::sleep(Duration::from_millis(20));
        let begun = Instant::now();
        for _ in 0..16_000 {
            consumer.recv(&mut [0; 8], Deadline::NEVER).unwrap();
        }
        consumer.flush();
        // By slices, each for a ring of 64, it would be twelve seconds at least.
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?} {config:?}", begun.elapsed());
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER).err(), Some(RecvError::Closed));
    }
}

#[test]
fn a_sleep_ends_with_its_deadline_and_says_who_is_in_the_way() {
    let segment = Segment::create(&Backing::Memfd, &parking()).unwrap();
    let (mut producer, mut other) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_producer().unwrap());
    let mut consumer = segment.mpmc_consumer().unwrap();
    let span = Duration::from_millis(120);
    let mut recv = || {
        let begun = Instant::now();
        let end = consumer.recv(&mut [0; 8], Deadline::after(span)).unwrap_err();
        assert!(begun.elapsed() >= span && begun.elapsed() < LONG, "{:?}", begun.elapsed());
        end
    };
    assert_eq!(recv(), RecvError::Timeout);
    let claim = producer.try_claim(8).unwrap();
    assert!(matches!(recv(), RecvError::PeerStalled(by) if by.participant == 1));
    for number in 0..63u64 {
        other.try_send(&number.to_le_bytes()).unwrap();
    }
    let begun = Instant::now();
    let end = other.send(&[0; 8], Deadline::after(span)).unwrap_err();
    assert!(begun.elapsed() >= span && begun.elapsed() < LONG, "{:?}", begun.elapsed());
    assert!(matches!(end, SendError::PeerStalled(by) if by.participant == 1));
    drop(claim);
}

#[test]
fn what_a_dead_worker_held_comes_to_one_that_sleeps() {
    let test = this_test!();
    test.role("holds", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let mut consumer = segment.mpmc_consumer().unwrap();
        consumer.recv(&mut [0; 8], Deadline::NEVER).unwrap();
        println!("it has it");
        loop {
            thread::park();
        }
    });
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &parking()).unwrap();
    let mut producer = segment.mpmc_producer().unwrap();
    let mut child = test.spawn("holds", &[scratch.name()]);
    producer.send(&7u64.to_le_bytes(), Deadline::NEVER).unwrap();
    child.line(LONG, "it has it");
    let mut consumer = segment.mpmc_consumer().unwrap();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        child.kill();
        Instant::now()
    });
    let mut buffer = [0; 8];
    let received = consumer.recv(&mut buffer, Deadline::after(LONG)).unwrap();
    assert_eq!((number(buffer), received.position, received.attempt), (7, 0, 1));
    // Nobody rings for one who is dead: a slice's end finds it.
    assert!(killer.join().unwrap().elapsed() < Duration::from_secs(5));
}

#[test]
fn those_who_sleep_are_told_of_a_removal_by_force() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &parking()).unwrap();
    let _producer = segment.mpmc_producer().unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let sleeper = thread::spawn(move || consumer.recv(&mut [0; 8], Deadline::NEVER).unwrap_err());
    thread::sleep(Duration::from_millis(50));
    remove(&Name::new(scratch.name()).unwrap(), Removal::Forced).unwrap();
    assert_eq!(sleeper.join().unwrap(), RecvError::Severed(Severed::Removed));
}

/// Others' messages wake one who waits, again and again; what is in its way is asked after all the
/// same.
#[test]
fn a_dead_senders_claim_is_told_amid_the_messages_of_another_one() {
    let test = this_test!();
    test.role("claims", |args| {
        let segment = Segment::attach(&by_name(&args[0]), &Attach::default()).unwrap();
        let mut producer = segment.mpmc_producer().unwrap();
        std::mem::forget(producer.try_claim(8).unwrap());
        println!("claimed");
        loop {
            thread::park();
        }
    });
    for wait in [Wait::SpinThenPark, Wait::Park] {
        let scratch = Scratch::new();
        let ring = Config::mpmc(Slots::of(4096, 8).of_one_length()).wait(wait);
        let segment = Segment::create(&named(&scratch), &ring).unwrap();
        let (mut consumer, mut other) =
            (segment.mpmc_consumer().unwrap(), segment.mpmc_producer().unwrap());
        let mut child = test.spawn("claims", &[scratch.name()]);
        child.line(LONG, "claimed");
        let (done, is_done) = mpsc::channel();
        let trickle = thread::spawn(move || {
            // Less than a slice apart, and too few to fill the ring.
            for number in 0..4_000u64 {
                other.try_send(&number.to_le_bytes()).unwrap();
                if is_done.recv_timeout(Duration::from_millis(10)).is_ok() {
                    return true;
                }
            }
            false
        });
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            child.kill();
        });
        let told = consumer.recv(&mut [0; 8], Deadline::NEVER);
        assert_eq!(told, Err(RecvError::Gap { position: 0, participant: 3 }));
        done.send(()).unwrap();
        assert!(trickle.join().unwrap(), "it is told before the messages end");
        killer.join().unwrap();
    }
}

#[test]
fn a_removal_by_force_is_told_amid_messages() {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &parking()).unwrap();
    let (mut producer, mut consumer) =
        (segment.mpmc_producer().unwrap(), segment.mpmc_consumer().unwrap());
    let trickle = thread::spawn(move || {
        for number in 0..4_000u64 {
            if producer.try_send(&number.to_le_bytes()).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let receiver = thread::spawn(move || {
        loop {
            match consumer.recv(&mut [0; 8], Deadline::NEVER) {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    remove(&Name::new(scratch.name()).unwrap(), Removal::Forced).unwrap();
    assert_eq!(receiver.join().unwrap(), RecvError::Severed(Severed::Removed));
    // The messages go on for twenty seconds.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(segment);
    trickle.join().unwrap();
}
