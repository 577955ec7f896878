//! `annulus recv --check`: receives a trial, recomputes every byte, and tells what came of it.
//!
//! A message is copied out, checked, and released only if it is right: so what is wrong stays in
//! the ring, to be looked at. Whatever ends it, what came so far is told.

use super::fault::{Fault, Kind};
use super::histogram::Histogram;
use super::ledger::Ledger;
use super::message;
use super::summary::Summary;
use super::{clock, interrupt};
use crate::address::Address;
use crate::exit::{Failure, ManyFault, Status};
use crate::limit::Limit;
use crate::meet::{self, Consuming, Receiving};
use crate::watch::Watch;
use crate::{print, recv};
use annulus::error::{RecvError, Severed};
use annulus::sync::Outside;
use annulus::{Consumer, Deadline, Position, Segment};
use std::thread;
use std::time::Duration;

/// Messages that come again at most after a receiver's death.
const BATCH: u64 = 8;

/// Between two looks at whether a signal came, while nothing else does.
const SLICE: Duration = Duration::from_millis(100);

/// Between two looks for a dead sender's successor.
const PAUSE: Duration = Duration::from_millis(1);

/// Messages between two looks at the limit, where nothing else waits.
const LOOK: u64 = 256;

/// What was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) address: &'a Address,
    pub(crate) json: bool,
    /// How many messages at most.
    pub(crate) count: u64,
    /// When all has to be over.
    pub(crate) limit: Limit,
    /// When there has to be something to receive.
    pub(crate) wait: Limit,
}

/// Runs the command.
pub(crate) fn run(asked: &Asked<'_>) -> Result<Status, Failure> {
    print::check()?;
    interrupt::watch();
    let mut trial = Trial::new(asked);
    let result = trial.receive();
    if let Err(failure @ Failure::Many { .. }) = result {
        // There was no trial to tell of.
        return Err(failure);
    }
    let printed = print::all(&trial.told(result.as_ref().err()));
    // What was found wrong goes before a summary that nobody takes.
    result.and(printed)?;
    if interrupt::came() {
        interrupt::die();
    }
    Ok(Status::Done)
}

struct Trial<'a> {
    asked: &'a Asked<'a>,
    ledger: Ledger,
    latency: Histogram,
    /// Where a message is checked: a peer that writes meanwhile cannot reach it.
    buffer: Vec<u8>,
    /// When the first message had come, and when the newest had.
    begun_ns: Option<u64>,
    ended_ns: u64,
    /// When the first and the newest message were sent, if that stands in them.
    sent_ns: Option<(u64, u64)>,
}

/// Why no more is received for now.
enum Halt {
    /// The ring says so.
    Ring(RecvError),
    /// A message, or the want of one, is wrong.
    Fault(Position, Kind),
    /// A signal came.
    Interrupted,
    /// The limit passed while messages came.
    Late,
}

/// Whether a ring has served its purpose.
#[derive(PartialEq, Eq)]
enum End {
    /// All that was asked for has come, or a signal.
    Done,
    /// It lost its name while nobody sent: a new sender would not find it.
    Orphaned,
}

impl<'a> Trial<'a> {
    fn new(asked: &'a Asked<'a>) -> Trial<'a> {
        Trial {
            asked,
            ledger: Ledger::new(),
            latency: Histogram::new(),
            buffer: Vec::new(),
            begun_ns: None,
            ended_ns: 0,
            sent_ns: None,
        }
    }

    fn receive(&mut self) -> Result<(), Failure> {
        // Ends with the trial, an error or a limit: another turn follows only a ring without name.
        loop {
            let Some(Receiving { segment, consumer, succeeds_a_dead, told, is_first }) =
                self.meet()?
            else {
                return Ok(());
            };
            let Consuming::One(mut consumer) = consumer else { return Err(self.of_many()) };
            self.ledger.join(is_first, if succeeds_a_dead { BATCH } else { 0 });
            if self.asked.address.release_each {
                consumer.release_each();
            }
            let end = self.receive_from(&segment, &mut consumer, told)?;
            if interrupt::came() {
                // As without us: not closed, and what was checked does not come again.
                consumer.flush();
                std::mem::forget(consumer);
                return Ok(());
            }
            consumer.close();
            if end == End::Done {
                if !self.asked.address.keep {
                    recv::unlink(self.asked.address, &segment);
                }
                return Ok(());
            }
        }
    }

    /// Waits for a ring with something to receive; `None` when a signal comes first.
    fn meet(&self) -> Result<Option<Receiving>, Failure> {
        let Asked { address, wait, .. } = *self.asked;
        // Ends: at the limit; without one it waits for ever, which is what was asked for.
        loop {
            let slice = wait.sooner(Limit::after(Some(SLICE)));
            match meet::receiver(address, slice) {
                Err(Failure::NothingCame { .. }) if interrupt::came() => return Ok(None),
                Err(Failure::NothingCame { .. }) if !wait.has_passed() => {}
                met => return met.map(Some),
            }
        }
    }

    /// Receives until there is no more. With `told`, the sender is known to be dead: then its
    /// successor is waited for.
    fn receive_from(
        &mut self,
        segment: &Segment,
        consumer: &mut Consumer,
        told: bool,
    ) -> Result<End, Failure> {
        let watch = Watch::on(segment);
        if told && let Some(end) = self.wait_for_sender(&watch, consumer)? {
            return Ok(end);
        }
        let pumped = self.pump(consumer);
        self.pause();
        let Err(halt) = pumped else { return Ok(End::Done) };
        match halt {
            Halt::Interrupted => Ok(End::Done),
            Halt::Ring(RecvError::Closed) => match self.unfinished() {
                None => Ok(End::Done),
                Some(kind) => Err(self.fault(consumer.position(), kind)),
            },
            // What was cut off reads as zeros, which are no message; that is no fault of anybody's
            // bytes.
            Halt::Fault(..) if !watch.is_whole() => {
                Err(self.failed(RecvError::Severed(Severed::Truncated)))
            }
            Halt::Fault(position, kind) => Err(self.fault(position, kind)),
            Halt::Ring(error) => Err(self.failed(error)),
            Halt::Late => Err(Failure::Slow { what: "the end of the trial".to_owned() }),
        }
    }

    /// Checks messages until there will be no more, or as many came as were asked for.
    fn pump(&mut self, consumer: &mut Consumer) -> Result<(), Halt> {
        let mut deadline = Deadline::PASSED;
        // Ends with the stream, an error, a signal or the limit.
        while self.ledger.counts.messages < self.asked.count {
            if interrupt::came() {
                return Err(Halt::Interrupted);
            }
            match self.check_one(consumer, deadline) {
                Ok(()) => deadline = Deadline::PASSED,
                Err(Halt::Ring(RecvError::Timeout)) => {
                    if self.asked.limit.has_passed() {
                        return Err(Halt::Ring(RecvError::Timeout));
                    }
                    if deadline == Deadline::PASSED {
                        self.pause();
                    }
                    deadline = self.asked.limit.within(SLICE);
                }
                Err(halt) => return Err(halt),
            }
            if self.ledger.counts.messages.is_multiple_of(LOOK) && self.asked.limit.has_passed() {
                return Err(Halt::Late);
            }
        }
        Ok(())
    }

    /// Checks the next message, waiting for it until `deadline`.
    fn check_one(&mut self, consumer: &mut Consumer, deadline: Deadline) -> Result<(), Halt> {
        let view = consumer.peek(deadline).map_err(Halt::Ring)?;
        let record = view.record();
        let (position, len) = (record.position(), record.len());
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        let message = &mut self.buffer[..len];
        record.read(0, message);
        let read = message::read(message);
        let seen = read.map_err(|wrong| {
            let expected = self.ledger.awaits();
            Halt::Fault(position, Kind::Wrong { wrong, expected })
        })?;
        let taken = self.ledger.take(&seen, len);
        taken.map_err(|disorder| Halt::Fault(position, Kind::Disorder(disorder)))?;
        if let Some(sent_ns) = seen.stamp.sent_ns {
            self.latency.record(clock::now_ns().saturating_sub(sent_ns));
            let first_ns = self.sent_ns.map_or(sent_ns, |(first_ns, _)| first_ns);
            self.sent_ns = Some((first_ns, sent_ns));
        }
        if self.begun_ns.is_none() {
            self.begun_ns = Some(clock::now_ns());
        }
        self.ended_ns = 0;
        view.release();
        Ok(())
    }

    /// No message is there: the newest one came just now, if there was one since.
    fn pause(&mut self) {
        self.ledger.found_empty();
        if self.ended_ns == 0 {
            self.ended_ns = clock::now_ns();
        }
    }

    /// What is missing now that the ring is closed and drained.
    fn unfinished(&self) -> Option<Kind> {
        match self.ledger.awaits() {
            Some(expected) => Some(Kind::NoEnd { expected }),
            None if self.ledger.counts.messages == 0 => Some(Kind::Nothing),
            None => None,
        }
    }

    /// Waits beside a ring whose sender is dead for the next one, and gives an end if something
    /// else comes first.
    fn wait_for_sender(
        &self,
        watch: &Watch,
        consumer: &mut Consumer,
    ) -> Result<Option<End>, Failure> {
        // Ends: at the limit; without one it waits for ever, which is what was asked for.
        loop {
            let quiet = matches!(consumer.try_peek(), Err(RecvError::Empty));
            if !quiet || consumer.peer() != Outside::PeerGone {
                return Ok(None);
            }
            if interrupt::came() {
                return Ok(Some(End::Done));
            }
            if !watch.has_name() {
                return Ok(Some(End::Orphaned));
            }
            if self.asked.wait.has_passed() {
                return Err(Failure::NothingCame { address: self.asked.address.to_string() });
            }
            thread::sleep(PAUSE);
        }
    }

    fn fault(&self, position: Position, kind: Kind) -> Failure {
        Failure::Trial(Fault { address: self.asked.address.to_string(), position, kind })
    }

    fn of_many(&self) -> Failure {
        Failure::Many { address: self.asked.address.to_string(), fault: ManyFault::Check }
    }

    fn failed(&self, error: RecvError) -> Failure {
        let received = self.ledger.counts.messages;
        Failure::Recv { address: self.asked.address.to_string(), error, received }
    }

    /// What came so far, and why no more.
    fn told(&self, failure: Option<&Failure>) -> String {
        let summary = Summary {
            address: self.asked.address.to_string(),
            counts: self.ledger.counts,
            span_ns: self.begun_ns.map_or(0, |begun_ns| self.ended_ns.saturating_sub(begun_ns)),
            sent_span_ns: self.sent_ns.map(|(first_ns, last_ns)| last_ns.saturating_sub(first_ns)),
            latency: &self.latency,
            interrupted: interrupt::came(),
            failure: failure.map(ToString::to_string),
        };
        if self.asked.json { summary.json() } else { summary.text() }
    }
}
