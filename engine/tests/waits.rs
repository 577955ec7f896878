//! Waiting: it ends when it should, and never because a peer was just coming.

mod common;

use annulus::{Backing, Config, Deadline, RecvError, Segment, SendError};
use common::{LONG, soon};
use std::thread;
use std::time::{Duration, Instant};

const RING: Config = Config::spsc(4096);

/// Long enough for a wait to have begun asking about its peer, at a different point each time.
fn a_while(round: u64) -> Duration {
    Duration::from_micros(150 + round * 37 % 200)
}

#[test]
fn waiting_ends_at_the_deadline() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    let (mut producer, mut consumer) = (segment.producer().unwrap(), segment.consumer().unwrap());
    let span = Duration::from_millis(50);
    let begun = Instant::now();
    let error = consumer.recv(&mut [0; 8], Deadline::after(span)).unwrap_err();
    assert_eq!(error, RecvError::Timeout);
    while producer.try_send(&[0; 500]).is_ok() {}
    let error = producer.send(&[0; 500], Deadline::after(span)).unwrap_err();
    assert_eq!(error, SendError::Timeout);
    assert!(begun.elapsed() >= 2 * span && begun.elapsed() < LONG);
    let there = consumer.recv(&mut [0; 8], Deadline::PASSED);
    assert_eq!(there, Err(RecvError::TooSmall { needed: 500 }));
}

#[test]
fn a_producer_that_joins_while_the_reader_waits_is_not_called_dead() {
    let segment = Segment::create(&Backing::Memfd, &RING).unwrap();
    for round in 0..4000 {
        // A ring without a past: the reader waits before anybody has ever joined.
        let segment = if round % 2 == 0 {
            &Segment::create(&Backing::Memfd, &RING).unwrap()
        } else {
            &segment
        };
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut consumer = segment.consumer().unwrap();
                loop {
                    match consumer.recv(&mut [0; 8], soon()) {
                        Err(RecvError::Closed) if round % 2 == 1 => thread::yield_now(),
                        end => break end,
                    }
                }
            });
            thread::sleep(a_while(round));
            let mut producer = segment.producer().unwrap();
            // Joined, and silent for a moment.
            thread::sleep(Duration::from_micros(round % 50));
            // Refused if the reader has gone, which is told below.
            let _ = producer.try_send(b"here");
            let received = reader.join().unwrap();
            assert!(received.is_ok(), "round {round}: {received:?}");
        });
    }
}

#[test]
fn a_reader_that_joins_while_the_sender_waits_is_not_called_dead() {
    for round in 0..4000 {
        let segment = Segment::create(&Backing::Memfd, &Config::spsc(256)).unwrap();
        let mut producer = segment.producer().unwrap();
        while producer.try_send(&[0; 24]).is_ok() {}
        thread::scope(|scope| {
            let sender = scope.spawn(|| producer.send(&[1; 24], soon()));
            thread::sleep(a_while(round));
            let mut consumer = segment.consumer().unwrap();
            thread::sleep(Duration::from_micros(round % 50));
            while consumer.try_recv(&mut [0; 24]).is_ok() {}
            let sent = sender.join().unwrap();
            assert!(sent.is_ok(), "round {round}: {sent:?}");
        });
    }
}
