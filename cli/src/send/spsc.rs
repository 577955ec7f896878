//! Sending to a ring of one sender and one receiver.
//!
//! Blocks are read by the kernel straight into a claimed record: no copy in this process at all.

use super::{Asked, Outlet, PAUSE};
use crate::address::Address;
use crate::descriptor::Stop;
use crate::exit::{Failure, Length, Limits};
use crate::input::Input;
use crate::limit::Limit;
use annulus::error::{SendError, Severed};
use annulus::ring::Standing;
use annulus::segment::Mapping;
use annulus::sync::Outside;
use annulus::{Position, Producer, Segment};
use std::{mem, thread};

type Claim<'p> = annulus::ring::spsc::Claim<'p, Mapping>;

/// The sending end with what it needs to say what went wrong.
pub(crate) struct Sender<'a> {
    address: &'a Address,
    segment: Segment,
    producer: Producer,
    limit: Limit,
    /// Whether a receiver that leaves or dies ends nothing.
    persist: bool,
    /// Where our first message starts.
    start: Position,
    sent: u64,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        asked: &'a Asked,
        segment: Segment,
        producer: Producer,
        limit: Limit,
    ) -> Sender<'a> {
        let Asked { address, persist, .. } = asked;
        let start = producer.position();
        Sender { address, segment, producer, limit, persist: *persist, start, sent: 0 }
    }

    fn read_ahead(&self, input: &Input) -> Result<Option<u8>, Failure> {
        let mut byte = [0];
        let count = input.read_to(&mut byte, self.limit).map_err(|stop| input.failed(stop))?;
        Ok((count > 0).then_some(byte[0]))
    }

    /// Returns if the sending is worth trying again; gives the failure if it is not.
    ///
    /// A receiver that closed before it took anything of ours was none of ours: perhaps that of the
    /// stream before, just leaving while we came.
    fn ride_out(&self, error: SendError, len: usize) -> Result<(), Failure> {
        match error {
            SendError::PeerClosed if self.persist || self.took_nothing() => self.reopen(),
            SendError::PeerDead if self.persist => {
                // The engine looks at the deadline. The dead one's gate stays as it is: it tells
                // the next receiver which messages may come again.
                thread::sleep(PAUSE);
                Ok(())
            }
            SendError::TooLarge { .. } => Err(self.too_long(Length::Exactly(len))),
            error => Err(self.failed(error)),
        }
    }

    fn took_nothing(&self) -> bool {
        self.segment.survey().head <= self.start
    }

    /// Opens the ring for the next receiver. One that has closed and not left yet is given time.
    fn reopen(&self) -> Result<(), Failure> {
        let failed = |error| Failure::Join { address: self.address.to_string(), error };
        self.segment.reopen().map_err(failed)?;
        if matches!(self.segment.survey().consumer.standing, Standing::Closed(_)) {
            if self.limit.has_passed() {
                return Err(Failure::Slow { what: "the last receiver to leave".to_owned() });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn failed(&self, error: SendError) -> Failure {
        Failure::Send { address: self.address.to_string(), error, sent: self.sent }
    }

    /// Reading into a block failed: perhaps because the block is no more.
    fn block_failed(&self, input: &Input, stop: Stop) -> Failure {
        match (stop, self.producer.peer()) {
            (Stop::Unmapped, Outside::Severed(severed)) => self.failed(SendError::Severed(severed)),
            (stop, _) => input.failed(stop),
        }
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
        while let Err(error) = self.producer.send(message, self.limit.deadline()) {
            self.ride_out(error, message.len())?;
        }
        self.sent += 1;
        Ok(())
    }

    fn send_blocks(&mut self, input: &Input, chunk: usize) -> Result<(), Failure> {
        let mut ahead = None;
        // Ends with the input, or at the limit.
        loop {
            self.producer.publish_counters();
            let claimed = match ahead {
                None => self.producer.try_claim(chunk),
                Some(_) => self.producer.claim(chunk, self.limit.deadline()),
            };
            let mut claim = match claimed {
                Ok(claim) => claim,
                Err(SendError::Full) => {
                    // One byte says whether there is anything to wait for room for.
                    ahead = self.read_ahead(input)?;
                    if ahead.is_none() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => {
                    self.ride_out(error, chunk)?;
                    continue;
                }
            };
            let filled = match fill(&mut claim, ahead.take(), input, self.limit) {
                Ok(filled) => filled,
                Err(stop) => return Err(self.block_failed(input, stop)),
            };
            if filled > 0 {
                claim.commit(filled);
                self.sent += 1;
            }
            if filled < chunk {
                return Ok(());
            }
        }
    }

    fn publish_counters(&mut self) {
        self.producer.publish_counters();
    }

    fn too_long(&self, len: Length) -> Failure {
        let (address, number) = (self.address.to_string(), self.sent + 1);
        Failure::TooLong { address, number, len, ring: Limits::of(&self.segment) }
    }

    fn is_kept(&self) -> Result<(), Failure> {
        match self.producer.peer() {
            Outside::Severed(severed @ Severed::Truncated) => {
                Err(self.failed(SendError::Severed(severed)))
            }
            _ => Ok(()),
        }
    }

    fn close(self) {
        self.producer.close();
    }

    fn abandon(self) {
        mem::forget(self.producer);
    }
}

/// Reads into a claim until it is full or the input ends. Returns how many bytes that is.
fn fill(
    claim: &mut Claim<'_>,
    ahead: Option<u8>,
    input: &Input,
    limit: Limit,
) -> Result<usize, Stop> {
    let mut filled = 0;
    if let Some(byte) = ahead {
        claim.write(0, &[byte]);
        filled = 1;
    }
    let len = claim.len();
    let block = claim.as_mut_ptr();
    while filled < len {
        // SAFETY: `filled` is less than the claim's length.
        let rest = unsafe { block.add(filled) };
        // SAFETY: the rest of the claim is mapped, and ours until it is committed.
        match unsafe { input.read(rest, len - filled, limit) }? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
