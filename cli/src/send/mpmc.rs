//! Sending to a ring of many, beside other senders.
//!
//! Blocks are read into a private buffer first: a slot that was claimed and is written as slowly as
//! the input comes would hold all other senders' messages back, and at the end of the input it
//! would be a gap.

use super::{Asked, Outlet, PAUSE};
use crate::address::Address;
use crate::exit::{Failure, Length, Limits, ManyFault};
use crate::input::Input;
use crate::limit::Limit;
use crate::watch::Watch;
use annulus::error::Severed;
use annulus::ring::Role;
use annulus::ring::mpmc::{Occupancy, SendError};
use annulus::{MpmcProducer, Position, Segment};
use std::{mem, thread};

/// One of the senders.
pub(super) struct Sender<'a> {
    address: &'a Address,
    segment: Segment,
    producer: MpmcProducer,
    limit: Limit,
    watch: Watch,
    /// Whether receivers that leave or die end nothing.
    persist: bool,
    /// How many receivers had come when there was none: these are nothing to us.
    strangers: Option<u64>,
    /// The position of our first message.
    first: Option<Position>,
    sent: u64,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        asked: &'a Asked,
        segment: Segment,
        producer: MpmcProducer,
        limit: Limit,
    ) -> Sender<'a> {
        let Asked { address, persist, .. } = asked;
        // In this order: one who comes in between is one of ours.
        let come = consumers(segment.occupancy());
        let strangers = (!segment.survey().consumer.held).then_some(come);
        let watch = Watch::on(&segment);
        let persist = *persist;
        Sender {
            address,
            segment,
            producer,
            limit,
            watch,
            persist,
            strangers,
            first: None,
            sent: 0,
        }
    }

    /// Returns if the sending is worth trying again; gives the failure if it is not.
    fn ride_out(&self, error: SendError, len: usize) -> Result<(), Failure> {
        let goes_on = match error {
            SendError::PeerClosed => self.persist || self.is_unseen() || self.took_nothing(),
            SendError::PeerDead => self.persist || self.is_unseen(),
            SendError::TooLarge { .. } => return Err(self.too_long(Length::Exactly(len))),
            _ => false,
        };
        if !goes_on {
            return Err(self.failed(error));
        }
        if self.limit.has_passed() {
            return Err(self.failed(SendError::Timeout));
        }
        thread::sleep(PAUSE);
        Ok(())
    }

    /// Whether no receiver was here since we came.
    fn is_unseen(&self) -> bool {
        self.strangers == Some(consumers(self.segment.occupancy()))
    }

    /// Whether those that closed were none of ours: perhaps those of the stream before, just
    /// leaving while we came.
    fn took_nothing(&self) -> bool {
        let head = self.segment.occupancy().map_or(0, |seen| seen.head);
        self.first.is_none_or(|first| head <= first)
    }

    fn failed(&self, error: SendError) -> Failure {
        let fault = ManyFault::Send { error, sent: self.sent };
        Failure::Many { address: self.address.to_string(), fault }
    }
}

impl Outlet for Sender<'_> {
    fn longest_message(&self) -> usize {
        self.producer.longest_message()
    }

    fn limit(&self) -> Limit {
        self.limit
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        // Ends: with success, with an error, or at the limit while no receiver comes.
        let position = loop {
            match self.producer.send(message, self.limit.deadline()) {
                Ok(position) => break position,
                Err(error) => self.ride_out(error, message.len())?,
            }
        };
        self.first = self.first.or(Some(position));
        self.sent += 1;
        Ok(())
    }

    fn send_blocks(&mut self, input: &Input, chunk: usize) -> Result<(), Failure> {
        let mut block = vec![0; chunk];
        // Ends with the input, or at the limit.
        loop {
            let mut filled = 0;
            while filled < chunk {
                let read = input.read_to(&mut block[filled..], self.limit);
                match read.map_err(|stop| input.failed(stop))? {
                    0 => break,
                    count => filled += count,
                }
            }
            if filled > 0 {
                self.send(&block[..filled])?;
            }
            if filled < chunk {
                return Ok(());
            }
        }
    }

    /// Participants of a ring of many count nothing yet.
    fn publish_counters(&mut self) {}

    fn too_long(&self, len: Length) -> Failure {
        let (address, number) = (self.address.to_string(), self.sent + 1);
        Failure::TooLong { address, number, len, ring: Limits::of(&self.segment) }
    }

    fn is_kept(&self) -> Result<(), Failure> {
        match self.watch.is_whole() {
            true => Ok(()),
            false => Err(self.failed(SendError::Severed(Severed::Truncated))),
        }
    }

    fn close(self) {
        self.producer.close();
    }

    fn abandon(self) {
        mem::forget(self.producer);
    }
}

/// How many receivers have come so far.
fn consumers(seen: Option<Occupancy>) -> u64 {
    seen.map_or(0, |seen| seen.come(Role::Consumer))
}
