//! Rings of many that have one producer, or one consumer, at a time.

use super::*;
use std::os::fd::OwnedFd;
use std::thread;

/// How many go through.
const MESSAGES: u64 = 200_000;

fn ring(slots: Slots) -> Segment {
    let config = Config::mpmc(slots).wait(Wait::SpinThenPark);
    Segment::create(&Backing::Memfd, &config).unwrap()
}

#[test]
fn a_second_one_is_told_which_process_has_the_role() {
    let made = ring(SLOTS.single_producer().single_consumer());
    // An attacher learns it from the header.
    let fd: OwnedFd = made.share_fd().unwrap();
    let attached = Segment::from_fd(fd, &Attach::default()).unwrap();
    let geometry = attached.mpmc_geometry().unwrap();
    assert!(geometry.is_single(Role::Producer) && geometry.is_single(Role::Consumer));
    let (producer, consumer) = (made.mpmc_producer().unwrap(), attached.mpmc_consumer().unwrap());
    let pid = Some(std::process::id().into());
    for segment in [&made, &attached] {
        let refused = segment.mpmc_producer().map(drop).unwrap_err();
        assert_eq!(refused, JoinError::Busy { role: Role::Producer, pid });
        let refused = segment.mpmc_consumer().map(drop).unwrap_err();
        assert_eq!(refused, JoinError::Busy { role: Role::Consumer, pid });
    }
    drop((producer, consumer));
    drop((attached.mpmc_producer().unwrap(), made.mpmc_consumer().unwrap()));
}

/// Numbers that each say by whom they were sent.
fn send_all(segment: &Segment, by: u64) {
    let mut producer = segment.mpmc_producer().unwrap();
    for number in 0..MESSAGES {
        let message = [by << 32 | number; 6];
        let bytes: Vec<u8> = message.iter().flat_map(|word| word.to_le_bytes()).collect();
        producer.send(&bytes, Deadline::NEVER).unwrap();
    }
}

/// What comes, until all have left: the numbers, each whole.
fn receive_all(segment: &Segment) -> Vec<u64> {
    let mut consumer = segment.mpmc_consumer().unwrap();
    let mut all = Vec::new();
    loop {
        match consumer.recv_array::<48>(Deadline::NEVER) {
            Ok((received, message)) => {
                let words = message.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
                let words: Vec<u64> = words.collect();
                assert!(words.iter().all(|word| *word == words[0]), "torn: {words:?}");
                assert_eq!((received.len, received.attempt), (48, 0));
                all.push(words[0]);
            }
            Err(RecvError::Closed) => return all,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_three_threads_send_comes_to_one_in_their_orders() {
    let segment = ring(SLOTS.single_consumer());
    // Keeps the ring open until all are there.
    let keeper = segment.mpmc_producer().unwrap();
    let all = thread::scope(|scope| {
        let producers = [0, 1, 2].map(|by| {
            scope.spawn({
                let segment = &segment;
                move || send_all(segment, by)
            })
        });
        let consumer = scope.spawn(|| receive_all(&segment));
        for producer in producers {
            producer.join().unwrap();
        }
        drop(keeper);
        consumer.join().unwrap()
    });
    for by in 0..3 {
        let of_one = all.iter().filter(|one| *one >> 32 == by).map(|one| one & u64::from(u32::MAX));
        assert!(of_one.eq(0..MESSAGES), "of {by}");
    }
}

#[test]
fn what_one_thread_sends_comes_to_three_once_each() {
    let segment = ring(SLOTS.single_producer());
    let (mut all, orders) = thread::scope(|scope| {
        let consumers = [(); 3].map(|()| scope.spawn(|| receive_all(&segment)));
        scope.spawn(|| send_all(&segment, 0));
        let each = consumers.map(|consumer| consumer.join().unwrap());
        (each.concat(), each.map(|one| one.is_sorted()))
    });
    assert_eq!(orders, [true; 3]);
    all.sort_unstable();
    assert!(all.into_iter().eq(0..MESSAGES));
}
