//! Receiving from a ring of many, beside other receivers.
//!
//! ```text
//!   wait until --producers have come ---> take one ---> write it ---> release it ---+
//!                                          ^   |                                    |
//!                                          +---|------------------------------------+
//!                                              +--> a gap: it is told, and passed
//!                                              +--> all senders have gone (--follow: wait)
//! ```
//! There is one write for each message, since the ring gives out one at a time: who is killed in it
//! leaves that message to another receiver, which is told that it comes again.
//!
//! A ring that a sender died in says so at each end of its life from then on. So a drained one is
//! removed at such an end, too: the next sender makes a new ring, whose ends are its own.

use super::{End, Receiver, SLICE, unlink};
use crate::descriptor::Stop;
use crate::exit::{Failure, ManyFault, note};
use crate::limit::Limit;
use crate::output::{self, Written};
use crate::watch::Watch;
use annulus::error::Severed;
use annulus::ring::Role;
use annulus::ring::mpmc::RecvError;
use annulus::{Deadline, MpmcConsumer, Segment};
use std::thread;
use std::time::Duration;

/// Between two looks for a sender to come.
const PAUSE: Duration = Duration::from_millis(5);

/// Why no more was written for now.
enum Halt {
    /// The ring says so.
    Ring(RecvError),
    /// Something else does, and it is final.
    Final(Failure),
}

impl From<RecvError> for Halt {
    fn from(error: RecvError) -> Halt {
        Halt::Ring(error)
    }
}

impl Receiver<'_> {
    /// Receives until there is no more, and leaves; `wait` is how long senders may take to come.
    pub(super) fn receive_of_many(
        &mut self,
        segment: &Segment,
        mut consumer: MpmcConsumer,
        wait: Limit,
    ) -> Result<End, Failure> {
        let received = self.receive_shares(segment, &mut consumer, wait);
        let lost = consumer.close();
        if lost > 0 {
            note(&self.many(ManyFault::Lost { count: lost }));
        }
        let count = segment.occupancy().map_or(0, |seen| seen.dead_letters);
        if count > 0 {
            note(&self.many(ManyFault::DeadLetters { count }));
        }
        let died = |failure: &Failure| {
            matches!(
                failure,
                Failure::Many { fault: ManyFault::Recv { error, .. }, .. }
                    if *error == RecvError::ProducerDied
            )
        };
        if received.as_ref().is_err_and(died) && !self.asked.address.keep {
            unlink(&self.asked.address, segment);
        }
        received
    }

    fn receive_shares(
        &mut self,
        segment: &Segment,
        consumer: &mut MpmcConsumer,
        wait: Limit,
    ) -> Result<End, Failure> {
        let watch = Watch::on(segment);
        if let Some(end) = self.wait_for_producers(segment, &watch, wait)? {
            return Ok(end);
        }
        let mut deadline = Deadline::PASSED;
        let mut is_told = false;
        // Ends with the stream, an error or a limit; with --follow and no limit it need not.
        loop {
            let error = match self.write_one(&watch, consumer, deadline) {
                Ok(None) => {
                    (deadline, is_told) = (Deadline::PASSED, false);
                    if self.limit.has_passed() {
                        return Err(Failure::Slow { what: "the last message".to_owned() });
                    }
                    continue;
                }
                Ok(Some(end)) => return Ok(end),
                Err(Halt::Ring(error)) => error,
                Err(Halt::Final(failure)) => return Err(failure),
            };
            match error {
                RecvError::Empty => {}
                RecvError::Timeout | RecvError::PeerStalled(_) if !self.limit.has_passed() => {}
                RecvError::Gap { .. } => note(&self.failed_at(error)),
                RecvError::Closed | RecvError::ProducerDied if self.asked.follow => {
                    if error == RecvError::ProducerDied && !is_told {
                        note(&self.failed_at(error));
                        is_told = true;
                    }
                    if let Some(end) = self.rest(&watch)? {
                        return Ok(end);
                    }
                }
                RecvError::Closed => return Ok(End::Closed),
                error => return Err(self.failed_at(error)),
            }
            if self.output.is_closed() {
                return Ok(End::Unread);
            }
            deadline = self.limit.within(SLICE);
        }
    }

    /// Takes a message, waiting for one until `deadline`, writes it and releases it.
    fn write_one(
        &mut self,
        watch: &Watch,
        consumer: &mut MpmcConsumer,
        deadline: Deadline,
    ) -> Result<Option<End>, Halt> {
        let taken = consumer.take(deadline)?;
        self.output.clear();
        // SAFETY: the message stays mapped until it is released, and `clear` comes first.
        unsafe {
            self.output.push(taken.position(), taken.attempt(), taken.as_ptr(), taken.len());
        }
        // Else its length may have been read behind the end of the file, as a zero.
        if !watch.is_whole() {
            return Err(RecvError::Severed(Severed::Truncated).into());
        }
        let Written { whole, stop } = self.output.write(self.limit);
        if whole == 1 {
            taken.release();
            self.received += 1;
        }
        match stop {
            None if self.received == self.asked.count => Ok(Some(End::Counted)),
            None => Ok(None),
            Some(Stop::Closed) => Ok(Some(End::Unread)),
            Some(Stop::Unmapped) if !watch.is_whole() => {
                Err(RecvError::Severed(Severed::Truncated).into())
            }
            Some(stop) => Err(Halt::Final(output::failed(stop))),
        }
    }

    /// Waits until as many senders have come as were asked for, and gives an end if something else
    /// comes first. We take part already: so nobody removes the ring meanwhile.
    fn wait_for_producers(
        &self,
        segment: &Segment,
        watch: &Watch,
        until: Limit,
    ) -> Result<Option<End>, Failure> {
        let wanted = self.asked.producers;
        // Ends: at the limit; without one it waits for ever, which is what was asked for.
        loop {
            let come = segment.occupancy().map_or(0, |seen| seen.come(Role::Producer));
            if come >= wanted {
                return Ok(None);
            }
            if let Some(end) = self.in_vain(watch) {
                return Ok(Some(end));
            }
            if until.has_passed() {
                return Err(self.many(ManyFault::FewProducers { come, wanted }));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits a moment for the next sender.
    fn rest(&self, watch: &Watch) -> Result<Option<End>, Failure> {
        if let Some(end) = self.in_vain(watch) {
            return Ok(Some(end));
        }
        if self.limit.has_passed() {
            return Err(Failure::NothingCame { address: self.asked.address.to_string() });
        }
        thread::sleep(PAUSE);
        Ok(None)
    }

    /// Why nobody has to be waited for, if so.
    fn in_vain(&self, watch: &Watch) -> Option<End> {
        if self.output.is_closed() {
            return Some(End::Unread);
        }
        (!watch.has_name()).then_some(End::Orphaned)
    }

    fn failed_at(&self, error: RecvError) -> Failure {
        self.many(ManyFault::Recv { error, received: self.received })
    }

    fn many(&self, fault: ManyFault) -> Failure {
        Failure::Many { address: self.asked.address.to_string(), fault }
    }
}
