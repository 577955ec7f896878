//! The end of a round: all are gone, and whoever comes now finds everything, and a ring as good as
//! new.

use super::consumer::Reader;
use super::ledger::{FAULTS, Fault, Found, Holder, LAST_LANE, Ledger, add};
use super::letters::Letters;
use crate::many::scene::{SLOTS, message, number_of};
use crate::scene::Trouble;
use annulus::ring::Role;
use annulus::ring::mpmc::RecvError;
use annulus::{Deadline, MpmcConsumer, Segment};

/// Messages that go through the ring afterwards: two laps.
const AFTERWARDS: u64 = 2 * SLOTS + 2;

/// Looks at the ring that all have left, or died in. What is wrong, in words.
pub(super) fn check(segment: &Segment, ledger: &Ledger) -> Result<Option<String>, Trouble> {
    let mut consumer = segment.mpmc_consumer()?;
    let came = drain(&mut consumer, ledger).and_then(|()| all_came(segment, ledger));
    if let Err((fault, at)) = came {
        return Ok(Some(format!("{} {at}, when all were gone", FAULTS[fault as usize])));
    }
    if let Some(held) = segment.attendances().iter().find(|seen| seen.attendant.holds != 0) {
        return Ok(Some(format!("WEDGED: a slot is still held: {held:?}")));
    }
    let mut producer = segment.mpmc_producer()?;
    for number in 0..AFTERWARDS {
        if let Err(error) = producer.try_send(&message(number)) {
            return Ok(Some(format!("WEDGED: nobody can send afterwards: {error}")));
        }
        let mut buffer = [0; 48];
        match consumer.try_recv(&mut buffer) {
            Ok(received)
                if number_of(&buffer[..received.len]) == Some(number) && received.attempt == 0 => {}
            other => return Ok(Some(format!("LOST: {number} afterwards: {other:?}"))),
        }
        consumer.flush();
    }
    if producer.sent().is_some() {
        // These are its only lane's.
        let sends = &ledger.page(Role::Producer, 0).sends;
        sends.store(2 * producer.sent().unwrap_or(0), std::sync::atomic::Ordering::Relaxed);
    }
    drop((producer, consumer));
    let left = segment.inspect().backlog;
    let is_empty = left.messages == 0 && left.head == left.tail;
    Ok((!is_empty).then(|| format!("DOUBLED: something is left over: {left:?}")))
}

/// Whether each message came, or is a dead letter; there is room for others then.
fn all_came(segment: &Segment, ledger: &Ledger) -> Found {
    ledger.all_came(|| Letters::of(segment))?;
    let letters = Letters::of(segment).clear(segment, ledger)?;
    add(&ledger.page(Role::Consumer, LAST_LANE).counts.letters, letters);
    Ok(())
}

/// Takes all that there is.
fn drain(consumer: &mut MpmcConsumer, ledger: &Ledger) -> Found {
    let mut reader = Reader::new(ledger, Holder { lane: LAST_LANE, life: 1 });
    let page = ledger.page(Role::Consumer, LAST_LANE);
    // Ends: there is no more than a lap, and each time something comes it is less.
    for _ in 0..3 * SLOTS {
        consumer.repair();
        let before = reader.let_go()?;
        let done = reader.receive(consumer, Deadline::PASSED);
        reader.released(before)?;
        match done {
            Ok(found) => found?,
            Err(RecvError::Gap { position, .. }) => reader.gap(position)?,
            Err(RecvError::Empty | RecvError::Closed | RecvError::ProducerDied) => {
                add(&page.counts.given_up, consumer.lost());
                return Ok(());
            }
            Err(error) => return Err((Fault::Failed, error.code() as u64)),
        }
    }
    Err((Fault::Gap, u64::MAX))
}
