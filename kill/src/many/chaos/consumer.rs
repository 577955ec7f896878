//! A consumer's life, and what it checks.

use super::ledger::{Fault, Found, Holder, LANES, LAST_LANE, Ledger, Told, add, lane_of, number};
use super::life::{Life, join};
use crate::many::scene::number_of;
use annulus::ring::mpmc::{RecvError, Stalled};
use annulus::ring::{Position, Role};
use annulus::{Deadline, MpmcConsumer, Segment};
use annulus_testkit::Random;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One in so many messages is deadly to whoever takes it.
const DEADLY: u64 = 1 << 19;

/// Receives until it is killed, or leaves in good order now and then.
pub(super) fn consume(
    segment: &Segment,
    ledger: &Ledger,
    life: Life,
    random: &mut Random,
) -> Found {
    let page = ledger.page(Role::Consumer, life.lane);
    let mut consumer = join(page, || segment.mpmc_consumer())?;
    page.presence.joins(life.number);
    let mut reader = Reader::new(ledger, Holder { lane: life.lane, life: life.number });
    let found = work(&mut consumer, &mut reader, life, random);
    page.presence.leaves();
    found?;
    let before = reader.let_go()?;
    page.within(|| consumer.close());
    reader.released(before)
}

fn work(
    consumer: &mut MpmcConsumer,
    reader: &mut Reader<'_>,
    life: Life,
    random: &mut Random,
) -> Found {
    let ledger = reader.ledger;
    let page = ledger.page(Role::Consumer, life.lane);
    let mut watch = life.watch(ledger);
    let mut lost = 0;
    for _ in 0..life.leaves_after(random) {
        if ledger.is_over.load(Ordering::Relaxed) != 0 {
            break;
        }
        let choice = random.below(16);
        let limit = if choice == 0 { watch.at_once() } else { watch.draw(random) };
        let there = ledger.present(Role::Producer);
        let before = reader.let_go()?;
        let done = page.within(|| perform(consumer, reader, choice, limit.deadline));
        // The call has released it, whatever else came of it.
        reader.released(before)?;
        watch.check(&limit)?;
        add(&page.counts.given_up, consumer.lost() - lost);
        lost = consumer.lost();
        match done {
            Ok(found) => found?,
            Err(RecvError::Gap { position, .. }) => reader.gap(position)?,
            Err(RecvError::Empty | RecvError::Timeout) => reader.nothing()?,
            Err(RecvError::PeerStalled(Stalled { participant, .. })) => {
                reader.nothing()?;
                life.check_stall(page, participant, consumer.participant())?;
            }
            Err(RecvError::Closed | RecvError::ProducerDied) => {
                reader.nothing()?;
                life.check_death(ledger, Role::Producer, there)?;
                std::thread::sleep(Duration::from_micros(20));
            }
            Err(error) => return Err((Fault::Failed, error.code() as u64)),
        }
    }
    leave_in_hand(consumer, reader, random)
}

/// One in two leaves with a message that it took and did not release.
fn leave_in_hand(
    consumer: &mut MpmcConsumer,
    reader: &mut Reader<'_>,
    random: &mut Random,
) -> Found {
    if random.below(2) == 0 {
        return Ok(());
    }
    let before = reader.let_go()?;
    let taken = drop_taken(consumer, reader, Deadline::PASSED);
    reader.released(before)?;
    taken.unwrap_or(Ok(()))
}

/// One operation. What it found is checked while it is still in hand.
fn perform(
    consumer: &mut MpmcConsumer,
    reader: &mut Reader<'_>,
    choice: u64,
    deadline: Deadline,
) -> Result<Found, RecvError> {
    match choice {
        0 => {
            consumer.repair();
            reader.receive(consumer, Deadline::PASSED)
        }
        1 | 2 => drop_taken(consumer, reader, deadline),
        3..=6 => {
            let taken = consumer.take(deadline)?;
            let mut buffer = [0; 48];
            taken.read(0, &mut buffer[..taken.len()]);
            let found = reader.take(taken.position(), taken.attempt(), &buffer[..taken.len()]);
            let in_hand = found.and_then(|()| reader.let_go());
            taken.release();
            Ok(in_hand.and_then(|number| reader.released(number)))
        }
        7 => {
            let found = reader.receive(consumer, deadline)?;
            let in_hand = found.and_then(|()| reader.let_go());
            consumer.flush();
            Ok(in_hand.and_then(|number| reader.released(number)))
        }
        _ => reader.receive(consumer, deadline),
    }
}

/// Takes a message and puts it back: it is this handle's next one again.
fn drop_taken(
    consumer: &mut MpmcConsumer,
    reader: &mut Reader<'_>,
    deadline: Deadline,
) -> Result<Found, RecvError> {
    let taken = consumer.take(deadline)?;
    let mut buffer = [0; 48];
    taken.read(0, &mut buffer[..taken.len()]);
    let (position, attempt) = (taken.position(), taken.attempt());
    let found = reader.take(position, attempt, &buffer[..taken.len()]);
    reader.copied = None;
    reader.put_back = Some((position, attempt));
    Ok(found)
}

/// Checks what comes.
pub(super) struct Reader<'l> {
    ledger: &'l Ledger,
    holder: Holder,
    /// The message that the next call releases.
    copied: Option<u64>,
    /// The message that was put back, and comes again.
    put_back: Option<(Position, u32)>,
    /// One more than the last position of a first delivery or a gap.
    end: Position,
    /// For each lane, one more than the last number of a first delivery.
    ends: [u64; LANES],
}

impl<'l> Reader<'l> {
    pub(super) fn new(ledger: &'l Ledger, holder: Holder) -> Reader<'l> {
        Reader { ledger, holder, copied: None, put_back: None, end: 0, ends: [0; LANES] }
    }

    /// Receives a message, which is in hand until the next call.
    pub(super) fn receive(
        &mut self,
        consumer: &mut MpmcConsumer,
        deadline: Deadline,
    ) -> Result<Found, RecvError> {
        let mut buffer = [0; 48];
        let received = consumer.recv(&mut buffer, deadline)?;
        Ok(self.take(received.position, received.attempt, &buffer[..received.len]))
    }

    /// A message came, and is in hand.
    fn take(&mut self, position: Position, attempt: u32, bytes: &[u8]) -> Found {
        let known = number_of(bytes).and_then(|number| Some((number, lane_of(number)?)));
        let Some((number, lane)) = known else { return Err((Fault::Broken, position)) };
        self.copied = Some(number);
        if let Some(before) = self.put_back.take() {
            // It was told already, and is the same delivery.
            let is_same = before == (position, attempt);
            return if is_same { Ok(()) } else { Err((Fault::PutBack, before.0)) };
        }
        let counts = &self.ledger.page(Role::Consumer, self.holder.lane).counts;
        add(&counts.told, 1);
        self.ledger.came(number, position, attempt, self.holder)?;
        if attempt > 0 {
            add(&counts.again, 1);
        } else {
            self.goes_on(position)?;
            if number < self.ends[lane] {
                return Err((Fault::Overtaken, number));
            }
            self.ends[lane] = number + 1;
        }
        if is_deadly(number) && self.holder.lane != LAST_LANE {
            die(self.ledger, self.holder);
        }
        Ok(())
    }

    /// A gap was told.
    pub(super) fn gap(&mut self, position: Position) -> Found {
        self.nothing()?;
        add(&self.ledger.page(Role::Consumer, self.holder.lane).counts.gaps, 1);
        self.goes_on(position)?;
        self.ledger.tell(position, Told::Gap)
    }

    /// No message came: so none was put back.
    pub(super) fn nothing(&mut self) -> Found {
        match self.put_back.take() {
            Some((position, _)) => Err((Fault::PutBack, position)),
            None => Ok(()),
        }
    }

    fn goes_on(&mut self, position: Position) -> Found {
        if position < self.end {
            return Err((Fault::Disordered, position));
        }
        self.end = position + 1;
        Ok(())
    }

    /// The next call releases what is in hand.
    pub(super) fn let_go(&mut self) -> Result<Option<u64>, (Fault, u64)> {
        let in_hand = self.copied.take();
        in_hand.map_or(Ok(()), |number| self.ledger.let_go(number))?;
        Ok(in_hand)
    }

    /// It has.
    pub(super) fn released(&self, number: Option<u64>) -> Found {
        number.map_or(Ok(()), |number| self.ledger.released(number))
    }
}

/// Whether whoever takes it dies over it, so that it is given up in the end.
fn is_deadly(message: u64) -> bool {
    let lane = lane_of(message).unwrap_or(0);
    (message - number(lane, 0)) % DEADLY == DEADLY / 2
}

/// Dies with what it has in hand.
fn die(ledger: &Ledger, holder: Holder) {
    ledger.page(Role::Consumer, holder.lane).presence.leaves();
    // SAFETY: a signal to this very process, which ends it.
    unsafe { libc::raise(libc::SIGKILL) };
}
