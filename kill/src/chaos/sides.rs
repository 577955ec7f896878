//! The two sides' lives: operations at random, for as long as they live.
//!
//! Messages are numbered. One whose sender was killed may be in the ring or not, and its number is
//! never used again; so the first message of the next sender says from which number on some may
//! be missing. Whatever else is missing, was lost.

use super::ledger::{Ledger, Page, Progress};
use super::random::{Watch, leaves_after};
use annulus::ring::Position;
use annulus::ring::spsc::Record;
use annulus::sync::Memory;
use annulus::{Consumer, Deadline, Producer, RecvError, Segment, SendError};
use annulus_testkit::Random;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Messages that a successor may see again.
const BATCH: u64 = 8;

/// The longest filler of a message.
const FILLER_MAX: usize = 200;

/// What a side can find wrong, by the number that it leaves in the ledger.
pub(super) const FAULTS: [&str; 8] = [
    "none",
    "LOST: a message that was sent did not come; at",
    "LOST: a message came with other bytes than were sent; at",
    "DOUBLED: a message came again that was not in the batch; at",
    "DOUBLED: more than a batch came again; at",
    "WEDGED: an operation failed with an error that no death brings; code",
    "WEDGED: nobody may join; code",
    "WEDGED: a wait went on after its deadline; milliseconds",
];
const LOST: u64 = 1;
const BROKEN: u64 = 2;
const DOUBLED: u64 = 3;
const TOO_MANY: u64 = 4;
const FAILED: u64 = 5;
const REFUSED: u64 = 6;
const LATE: u64 = 7;

/// The producer's life: sends until it is killed, or leaves in good order now and then.
pub(super) fn produce(segment: &Segment, ledger: &Ledger, seed: u64) {
    let page = &ledger.producer;
    let mut random = Random::new(seed);
    page.joined.store(0, Ordering::SeqCst);
    let Ok(mut producer) = page.within(|| segment.producer()) else {
        return found(page, REFUSED, 0);
    };
    page.joined.store(1, Ordering::SeqCst);
    // What is missing from here on is nobody's fault.
    let mut certain = ledger.returned.load(Ordering::Relaxed);
    let mut next = ledger.attempted.load(Ordering::Relaxed);
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut watch = Watch::new();
    for _ in 0..leaves_after(&mut random) {
        let choice = random.below(8);
        let count = if choice >= 5 { 1 + random.below(6) } else { 1 };
        messages.clear();
        messages.extend((next..next + count).map(|number| {
            let known = if number == next { certain } else { number };
            message(number, known)
        }));
        ledger.attempted.store(next + count, Ordering::Relaxed);
        let limit = watch.draw(&mut random);
        let deadline = limit.deadline;
        let done = page.within(|| match choice {
            0..=2 => producer.send(&messages[0], deadline).map(|_| 1),
            3 | 4 => claim(&mut producer, &messages[0], choice == 4, deadline),
            _ => match producer.send_batch(&messages, deadline) {
                Err((0, error)) => Err(error),
                Err((sent, _)) => Ok(sent as u64),
                Ok(()) => Ok(count),
            },
        });
        if let Some(late) = watch.missed_ms(&limit) {
            return found(page, LATE, late);
        }
        match done {
            Ok(sent) => {
                next += sent;
                certain = next;
                ledger.returned.store(next, Ordering::Relaxed);
            }
            // Nothing was sent.
            Err(SendError::PeerDead) => saw_death(page),
            Err(SendError::PeerClosed) => std::thread::sleep(Duration::from_micros(50)),
            Err(SendError::Timeout) => {}
            Err(error) => return found(page, FAILED, error.code() as u64),
        }
        ledger.attempted.store(next, Ordering::Relaxed);
    }
    page.joined.store(0, Ordering::SeqCst);
    page.within(|| producer.close());
}

/// Claims more than it commits, or a claim that it drops first.
fn claim(
    producer: &mut Producer,
    message: &[u8],
    drops_one: bool,
    deadline: Deadline,
) -> Result<u64, SendError> {
    if drops_one {
        let mut dropped = producer.claim(message.len() + 64, deadline)?;
        dropped.write(8, message);
    }
    let mut claim = producer.claim(message.len() + 40, deadline)?;
    claim.write(0, message);
    claim.commit(message.len());
    Ok(1)
}

/// The consumer's life.
pub(super) fn consume(segment: &Segment, ledger: &Ledger, seed: u64) {
    let page = &ledger.consumer;
    let mut random = Random::new(seed);
    page.joined.store(0, Ordering::SeqCst);
    let Ok(mut consumer) = page.within(|| segment.consumer()) else {
        return found(page, REFUSED, 0);
    };
    page.joined.store(1, Ordering::SeqCst);
    let mut reader = Reader::of(ledger);
    let mut buffer = [0; 16 + FILLER_MAX];
    let mut watch = Watch::new();
    for _ in 0..leaves_after(&mut random) {
        let limit = watch.draw(&mut random);
        let deadline = limit.deadline;
        let count = random.below(12) as usize;
        let choice = random.below(6);
        let done = page.within(|| match choice {
            0..=2 => consumer.recv(&mut buffer, deadline).map(|received| {
                reader.take(received.position, &buffer[..received.len]);
            }),
            3 => peek(&mut consumer, &mut reader, &mut buffer, deadline),
            4 => batch(&mut consumer, &mut reader, &mut buffer, count, deadline),
            _ => consumer.drain(count, |record| reader.look(record, &mut buffer)).map(|_| ()),
        });
        ledger.shown.store(0, Ordering::Relaxed);
        if let Some(late) = watch.missed_ms(&limit) {
            return found(page, LATE, late);
        }
        match done {
            Ok(()) | Err(RecvError::Empty | RecvError::Timeout) => {}
            Err(RecvError::ProducerDied) => saw_death(page),
            Err(RecvError::Closed) => std::thread::sleep(Duration::from_micros(50)),
            Err(error) => return found(page, FAILED, error.code() as u64),
        }
    }
    page.joined.store(0, Ordering::SeqCst);
    page.within(|| consumer.close());
}

fn peek(
    consumer: &mut Consumer,
    reader: &mut Reader<'_>,
    buffer: &mut [u8],
    deadline: Deadline,
) -> Result<(), RecvError> {
    let view = consumer.peek(deadline)?;
    reader.look(view.record(), buffer);
    view.release();
    Ok(())
}

fn batch(
    consumer: &mut Consumer,
    reader: &mut Reader<'_>,
    buffer: &mut [u8],
    limit: usize,
    deadline: Deadline,
) -> Result<(), RecvError> {
    let mut batch = consumer.batch(deadline)?;
    while batch.count() < limit.min(BATCH as usize) {
        let Some(record) = batch.gather() else { break };
        reader.look(record, buffer);
    }
    let count = batch.count();
    batch.release(count);
    Ok(())
}

/// Checks what comes.
struct Reader<'l> {
    ledger: &'l Ledger,
    /// How far its predecessor had come.
    start: Progress,
    /// So many may come again: those that the ring held back, and those that the predecessor was
    /// looking at in place.
    may_repeat: u64,
    repeated: u64,
}

impl<'l> Reader<'l> {
    fn of(ledger: &'l Ledger) -> Reader<'l> {
        // A predecessor may have died before it had seen again all that its own one left.
        let left = BATCH + ledger.shown.load(Ordering::Relaxed);
        let may_repeat = left.max(ledger.may_repeat.load(Ordering::Relaxed));
        ledger.may_repeat.store(may_repeat, Ordering::Relaxed);
        ledger.shown.store(0, Ordering::Relaxed);
        Reader { ledger, start: ledger.progress(), may_repeat, repeated: 0 }
    }

    /// A message is shown in place.
    fn look<M: Memory>(&mut self, record: Record<'_, M>, buffer: &mut [u8]) {
        let Some(bytes) = buffer.get_mut(..record.len()) else {
            return self.wrong(BROKEN, record.position());
        };
        record.read(0, bytes);
        self.ledger.shown.fetch_add(1, Ordering::Relaxed);
        self.take(record.position(), bytes);
    }

    fn wrong(&self, fault: u64, at: u64) {
        let page = &self.ledger.consumer;
        found(page, fault, at);
    }

    /// A message came.
    fn take(&mut self, position: Position, bytes: &[u8]) {
        let Progress { next, end } = self.ledger.progress();
        let word =
            |i: usize| bytes[8 * i..].first_chunk::<8>().map(|word| u64::from_le_bytes(*word));
        let (number, certain) = match bytes.len() {
            16.. => (word(0).unwrap_or(u64::MAX), word(1).unwrap_or(u64::MAX)),
            _ => (u64::MAX, u64::MAX),
        };
        if number == u64::MAX || bytes != message(number, certain) {
            return self.wrong(BROKEN, position);
        }
        if position < end {
            // Only what a predecessor had, and not released, comes again; its position tells.
            self.repeated += 1;
            self.ledger.repeated.fetch_add(1, Ordering::Relaxed);
            if number >= self.start.next || end != self.start.end {
                self.wrong(DOUBLED, number);
            } else if self.repeated > self.may_repeat {
                self.wrong(TOO_MANY, number);
            }
            return;
        }
        if number < next {
            return self.wrong(DOUBLED, number);
        }
        if number > next && next < certain {
            return self.wrong(LOST, next);
        }
        self.ledger.set_progress(Progress { next: number + 1, end: position + 1 });
        self.ledger.may_repeat.store(BATCH, Ordering::Relaxed);
    }
}

/// Message number `number`, before which numbers from `certain` on may be missing: its length
/// and bytes follow from that.
fn message(number: u64, certain: u64) -> Vec<u8> {
    let mut bytes = [number.to_le_bytes(), certain.to_le_bytes()].concat();
    let mut random = Random::new(number);
    let len = random.below(FILLER_MAX as u64 + 1) as usize;
    while bytes.len() < 16 + len {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(16 + len);
    bytes
}

fn saw_death(page: &Page) {
    page.deaths_seen.fetch_add(1, Ordering::Relaxed);
    std::thread::sleep(Duration::from_micros(20));
}

/// Leaves a fault, if it is the first.
fn found(page: &Page, fault: u64, at: u64) {
    if page.fault.load(Ordering::Relaxed) == 0 {
        page.fault_at.store(at, Ordering::Relaxed);
        page.fault.store(fault, Ordering::Release);
    }
}
