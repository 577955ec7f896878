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

/// What a call is given, and what one in [`LONG_EVERY`] is: more than the first slice of a sleep,
/// which then ends before the deadline.
const SPAN: Duration = Duration::from_millis(1);
const LONG_SPAN: Duration = Duration::from_millis(60);
const LONG_EVERY: u64 = 500;

/// What a join is given, which has no deadline.
const JOIN_SPAN: Duration = SPAN;

/// Makes a call with a deadline.
fn call<T>(page: &Page, random: &mut Random, call: impl FnOnce(Deadline, &mut Random) -> T) -> T {
    let span = if random.below(LONG_EVERY) == 0 { LONG_SPAN } else { SPAN };
    let switched = switches();
    let done = timed(page, span, || call(Deadline::after(span), random));
    if switches() != switched {
        count(&page.slept);
    }
    done
}

/// Times `call`, which is given `span`, and counts it.
fn timed<T>(page: &Page, span: Duration, call: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = call();
    let late = begun.elapsed().saturating_sub(span);
    count(&page.calls);
    page.latest_ns.fetch_max(late.as_nanos() as u64, Ordering::Relaxed);
    done
}

/// How often this process has given up its processor by itself: to sleep.
fn switches() -> i64 {
    // SAFETY: numbers, for which zeros are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: valid for the call to fill.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage.ru_nvcsw
}

/// A role, if the ring is not spoiled so far that nobody gets it.
fn joined<T>(page: &Page, join: impl FnOnce() -> Result<T, JoinError>) -> Result<Option<T>, i32> {
    match timed(page, JOIN_SPAN, join) {
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
        let mut producer = match joined(page, || segment.producer()) {
            Ok(Some(producer)) => producer,
            Ok(None) => continue,
            Err(status) => return status,
        };
        let error = loop {
            if Instant::now() >= until || random.below(2_000) == 0 {
                break None;
            }
            match call(page, &mut random, |deadline, random| send(&mut producer, deadline, random))
            {
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
        let mut consumer = match joined(page, || segment.consumer()) {
            Ok(Some(consumer)) => consumer,
            Ok(None) => continue,
            Err(status) => return status,
        };
        let error = loop {
            if Instant::now() >= until || random.below(2_000) == 0 {
                break None;
            }
            match call(page, &mut random, |deadline, random| {
                receive(&mut consumer, deadline, random, page, &mut buffer)
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
