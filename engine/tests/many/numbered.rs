//! Numbered producers: what each has sent is known to whoever has its number next.

use super::*;
use annulus_testkit::{Test, this_test};
use common::{LONG, by_name};
use std::time::{Duration, Instant};

const MESSAGES: u64 = 200_000;

/// Goes on behind what was sent by its number, until all is.
fn send_the_rest(name: &str) {
    let segment = Segment::attach(&by_name(name), &Attach::default()).unwrap();
    let mut producer = segment.mpmc_producer_numbered(1).unwrap();
    let sent = producer.sent().unwrap();
    for number in sent..MESSAGES {
        producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
        assert_eq!(producer.sent(), Some(number + 1));
    }
}

/// One after the other is killed, and goes on where the one before was cut off.
fn comes_once(slots: Slots, test: &Test) {
    let scratch = Scratch::new();
    let segment = Segment::create(&named(&scratch), &Config::mpmc(slots)).unwrap();
    let mut consumer = segment.mpmc_consumer().unwrap();
    let (mut next, mut kills) = (0, 0);
    let begun = Instant::now();
    while next < MESSAGES {
        let mut sender = test.spawn("sends", &[scratch.name()]);
        let killed_at = Instant::now() + Duration::from_millis(8 + kills % 7);
        let mut buffer = [0; 48];
        while next < MESSAGES {
            assert!(begun.elapsed() < LONG, "{next} came");
            match consumer.recv(&mut buffer, Deadline::after(Duration::from_millis(1))) {
                Ok(received) => {
                    let number = u64::from_le_bytes(*buffer.first_chunk().unwrap());
                    assert_eq!((number, received.attempt), (next, 0), "after {kills} kills");
                    next += 1;
                }
                Err(RecvError::Gap { .. } | RecvError::Timeout | RecvError::ProducerDied) => {}
                // Not at work just now.
                Err(RecvError::PeerStalled(_)) => {}
                Err(error) => panic!("{error}"),
            }
            if sender.is_running() && Instant::now() >= killed_at {
                sender.kill();
                kills += 1;
                break;
            }
        }
        sender.wait_within(LONG);
    }
    assert!(kills > 3, "{kills} kills");
    let sent = segment.mpmc_producer_numbered(1).unwrap().sent();
    assert_eq!(sent, Some(MESSAGES));
}

#[test]
fn what_a_killed_sender_sent_is_known_to_the_next_and_nothing_comes_twice() {
    let test = this_test!();
    test.role("sends", |args| send_the_rest(&args[0]));
    comes_once(SLOTS.numbered_producers(2), &test);
}

#[test]
fn what_a_killed_single_sender_sent_is_known_to_the_next() {
    let test = this_test!();
    test.role("sends", |args| send_the_rest(&args[0]));
    comes_once(SLOTS.numbered_producers(1).single_producer(), &test);
}

#[test]
fn a_number_that_the_ring_does_not_have_is_refused_in_one_sentence() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let refused = segment.mpmc_producer_numbered(1).map(drop).unwrap_err();
    assert_eq!(refused, JoinError::NoSuchNumber { numbers: 0 });
    assert!(refused.to_string().contains("no numbered producers"), "{refused}");
    let numbered = Config::mpmc(SLOTS.numbered_producers(3));
    let segment = Segment::create(&Backing::Memfd, &numbered).unwrap();
    let refused = segment.mpmc_producer_numbered(4).map(drop).unwrap_err();
    assert!(refused.to_string().contains("1 to 3"), "{refused}");
    let _third = segment.mpmc_producer_numbered(3).unwrap();
    let refused = segment.mpmc_producer_numbered(3).map(drop).unwrap_err();
    assert!(matches!(refused, JoinError::Busy { .. }), "{refused}");
    // All others have to have a place, too.
    for (numbers, asked, least) in [(8, 8, 9), (2000, 1000, 1001), (1, 1, 2)] {
        let slots = Slots::of(64, 48).participants(asked).numbered_producers(numbers);
        let error = refusal(Segment::create(&Backing::Memfd, &Config::mpmc(slots)));
        assert_eq!(error, SegmentError::Participants { asked, least, limit: 1000 });
    }
}
