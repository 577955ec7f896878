//! The pair's lives: calls at random until the time is up, and a new handle after each corruption.

use super::page::{Page, count};
use annulus::segment::JoinError;
use annulus::{Consumer, Deadline, Producer, RecvError, Segment, SendError};
use annulus_testkit::Random;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How a process can end, beside 0 and a panic.
pub(super) const UNEXPECTED: i32 = 102;
pub(super) const CANNOT_START: i32 = 103;

/// What each call is given.
const SPAN: Duration = Duration::from_millis(1);

/// Times `call`, and counts it.
fn timed<T>(page: &Page, call: impl FnOnce(Deadline) -> T) -> T {
    let begun = Instant::now();
    let done = call(Deadline::after(SPAN));
    count(&page.calls);
    page.longest_ns.fetch_max(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
    done
}

/// A role, if the ring is not spoiled so far that nobody gets it.
fn joined<T>(page: &Page, done: Result<T, JoinError>) -> Result<Option<T>, i32> {
    match done {
        Ok(handle) => Ok(Some(handle)),
        Err(JoinError::Corrupted(_)) => {
            count(&page.corruptions);
            std::thread::sleep(Duration::from_micros(20));
            Ok(None)
        }
        Err(error) => {
            eprintln!("joining: {error:?}");
            Err(UNEXPECTED)
        }
    }
}

/// The producer's life.
pub(super) fn produce(segment: &Segment, until: Instant, page: &Page, seed: u64) -> i32 {
    let mut random = Random::new(seed);
    while Instant::now() < until {
        let mut producer = match joined(page, timed(page, |_| segment.producer())) {
            Ok(Some(producer)) => producer,
            Ok(None) => continue,
            Err(status) => return status,
        };
        let error = loop {
            if Instant::now() >= until || random.below(2_000) == 0 {
                break None;
            }
            match timed(page, |deadline| send(&mut producer, deadline, &mut random)) {
                Ok(()) | Err(SendError::Full | SendError::Timeout) => {}
                Err(error) => break Some(error),
            }
        };
        match error {
            None | Some(SendError::PeerClosed | SendError::PeerDead) => {}
            Some(SendError::Corrupted(_)) if producer.corruption().is_some() => {
                count(&page.corruptions);
            }
            Some(error) => {
                eprintln!("sending: {error:?}");
                return UNEXPECTED;
            }
        }
    }
    0
}

fn send(producer: &mut Producer, deadline: Deadline, random: &mut Random) -> Result<(), SendError> {
    let longest = producer.longest_message() as u64;
    let len = if random.below(10) == 0 { random.below(longest) } else { random.below(100) };
    let message = vec![random.next() as u8; len as usize];
    match random.below(6) {
        0 => producer.try_send(&message).map(drop),
        1 | 2 => producer.send(&message, deadline).map(drop),
        3 => producer.send_batch(&vec![message; 5], deadline).map_err(|(_, error)| error),
        4 => producer.claim(len as usize, deadline).map(drop),
        _ => producer.claim(len as usize, deadline).map(|mut claim| {
            claim.write(0, &message);
            claim.commit(random.below(len + 1) as usize);
        }),
    }
}

/// The consumer's life.
pub(super) fn consume(segment: &Segment, until: Instant, page: &Page, seed: u64) -> i32 {
    let mut random = Random::new(seed);
    let mut buffer = vec![0; segment.longest_message()];
    while Instant::now() < until {
        let mut consumer = match joined(page, timed(page, |_| segment.consumer())) {
            Ok(Some(consumer)) => consumer,
            Ok(None) => continue,
            Err(status) => return status,
        };
        let error = loop {
            if Instant::now() >= until || random.below(2_000) == 0 {
                break None;
            }
            match timed(page, |deadline| {
                receive(&mut consumer, deadline, &mut random, page, &mut buffer)
            }) {
                Ok(()) | Err(RecvError::Empty | RecvError::Timeout) => {}
                Err(RecvError::TooSmall { .. } | RecvError::OtherLength { .. }) => {}
                Err(error) => break Some(error),
            }
        };
        match error {
            None | Some(RecvError::Closed | RecvError::ProducerDied) => {}
            Some(RecvError::Corrupted(_)) if consumer.corruption().is_some() => {
                count(&page.corruptions);
            }
            Some(error) => {
                eprintln!("receiving: {error:?}");
                return UNEXPECTED;
            }
        }
    }
    0
}

fn receive(
    consumer: &mut Consumer,
    deadline: Deadline,
    random: &mut Random,
    page: &Page,
    buffer: &mut [u8],
) -> Result<(), RecvError> {
    match random.below(7) {
        0 => consumer.try_recv(buffer).map(drop)?,
        1 | 2 => consumer.recv(buffer, deadline).map(drop)?,
        3 => consumer.recv_array::<56>(deadline).map(drop)?,
        4 => {
            let view = consumer.peek(deadline)?;
            let record = view.record();
            record.read(0, &mut buffer[..record.len()]);
            if random.below(4) != 0 {
                view.release();
            }
        }
        5 => {
            consumer.drain(20, |record| record.read(0, &mut buffer[..record.len()]))?;
        }
        _ => {
            let mut batch = consumer.batch(deadline)?;
            while let Some(record) = batch.gather() {
                record.read(0, &mut buffer[..record.len()]);
            }
            let count = batch.count();
            batch.release(random.below(count as u64 + 1) as usize);
        }
    }
    count(&page.messages);
    Ok(())
}
