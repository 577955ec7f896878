//! `annulus send`: lines or blocks from files into a ring.
//!
//! Lines are found in a private buffer and copied into the ring. Blocks are read by the kernel
//! straight into a claimed record: no copy in this process at all.
//!
//! A command that fails leaves without closing, like one that is killed: so the receiver's status
//! is 0 only if all that was to be sent has arrived, and 3 otherwise.

use crate::address::Address;
use crate::args::{self, Args};
use crate::descriptor::Stop;
use crate::exit::{Failure, Length, Limits, Status};
use crate::input::{Input, Lines, Next};
use crate::limit::Limit;
use crate::meet::{self, Sending};
use crate::trial::{self, Given, Traffic};
use crate::waiting::{self, WAIT_DEFAULT};
use crate::{units, usage};
use annulus::error::{SendError, Severed};
use annulus::ring::Standing;
use annulus::segment::Mapping;
use annulus::sync::Outside;
use annulus::{Position, Producer, Segment};
use lexopt::prelude::{Long, Short, Value};
use std::ffi::OsString;
use std::time::Duration;
use std::{mem, thread};

/// The pause between two looks for a receiver's leaving or coming.
const PAUSE: Duration = Duration::from_millis(1);

type Claim<'p> = annulus::ring::spsc::Claim<'p, Mapping>;

struct Asked {
    address: Address,
    chunk: Option<usize>,
    deadline: Option<Duration>,
    persist: bool,
    files: Vec<OsString>,
    /// Messages of our own making, instead of files.
    traffic: Option<Traffic>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some(asked) = parse(args)? else { return usage::show(usage::SEND) };
    let limit = Limit::after(asked.deadline);
    let inputs = match asked.traffic {
        None => Input::open_all(&asked.files)?,
        Some(_) => Vec::new(),
    };
    let mut sender = Sender::join(&asked, limit)?;
    let sent = match &asked.traffic {
        None => sender.send_all(&inputs, asked.chunk),
        Some(traffic) => trial::send(&mut sender, traffic, limit),
    };
    match sent.and_then(|()| sender.is_kept()) {
        Ok(()) => {
            sender.producer.close();
            Ok(Status::Done)
        }
        Err(failure) => {
            // Not closed: its lock goes with the process, and that is how the receiver learns.
            mem::forget(sender.producer);
            Err(failure)
        }
    }
}

fn parse(mut args: Args) -> Result<Option<Asked>, Failure> {
    let (mut address, mut chunk, mut deadline) = (None, None, None);
    let (mut persist, mut files, mut given) = (false, Vec::new(), Given::default());
    let mut asked = waiting::Given::default();
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("chunk") => chunk = Some(args.positive("--chunk", units::size)?),
            Long("deadline") => deadline = args.option("--deadline", units::span)?,
            Long("persist") => persist = true,
            Long("wait") => asked.wait(&mut args)?,
            Long("wake") => asked.wake(&mut args)?,
            Long("barrier") => asked.barrier(&mut args)?,
            Long("count") => given.count(&mut args)?,
            Long("rate") => given.rate(&mut args)?,
            Long("size") => given.size(&mut args)?,
            Value(word) if address.is_none() => address = Some(args::address(word)?),
            Value(file) => files.push(file),
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let mut address = address.ok_or(args.missing("an address"))?;
    asked.ask(&mut address, Some(WAIT_DEFAULT), &args)?;
    let chunk = chunk.map(|chunk| usize::try_from(chunk).unwrap_or(usize::MAX));
    let traffic = given.traffic(&args)?;
    if traffic.is_some() && chunk.is_some() {
        return Err(args.both("--count", "--chunk"));
    }
    if traffic.is_some() && !files.is_empty() {
        return Err(args.both("--count", "FILE"));
    }
    Ok(Some(Asked { address, chunk, deadline, persist, files, traffic }))
}

impl Asked {
    /// The longest message that is known beforehand, and the option that says so.
    fn longest(&self) -> Option<(&'static str, usize)> {
        let of_traffic = self.traffic.as_ref().map(|traffic| ("--size", traffic.longest()));
        of_traffic.or(self.chunk.map(|chunk| ("--chunk", chunk)))
    }
}

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
    fn join(asked: &'a Asked, limit: Limit) -> Result<Sender<'a>, Failure> {
        let Asked { address, persist, .. } = asked;
        let Sending { segment, producer } = meet::sender(address, asked.longest())?;
        let start = producer.position();
        Ok(Sender { address, segment, producer, limit, persist: *persist, start, sent: 0 })
    }

    fn send_all(&mut self, inputs: &[Input], chunk: Option<usize>) -> Result<(), Failure> {
        match chunk {
            Some(chunk) => inputs.iter().try_for_each(|input| self.send_blocks(input, chunk)),
            None => {
                let mut lines = Lines::new(self.producer.longest_message());
                inputs.iter().try_for_each(|input| self.send_lines(input, &mut lines))
            }
        }
    }

    fn send_lines(&mut self, input: &Input, lines: &mut Lines) -> Result<(), Failure> {
        // Ends with the input, or at the limit.
        loop {
            if lines.are_used_up() {
                self.producer.publish_counters();
            }
            match lines.next(input, self.limit).map_err(|stop| input.failed(stop))? {
                Next::Line(line) => self.send(line)?,
                Next::TooLong(seen) => return Err(self.too_long(Length::AtLeast(seen))),
                Next::End => return Ok(()),
            }
        }
    }

    /// Sends a message, and waits for room as long as it may.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        // Ends: with success, with an error, or at the limit while no receiver comes.
        while let Err(error) = self.producer.send(message, self.limit.deadline()) {
            self.ride_out(error, message.len())?;
        }
        self.sent += 1;
        Ok(())
    }

    /// At the end: what was sent may be gone with the memory, and no send comes that would say so.
    fn is_kept(&self) -> Result<(), Failure> {
        match self.producer.peer() {
            Outside::Severed(severed @ Severed::Truncated) => {
                Err(self.failed(SendError::Severed(severed)))
            }
            _ => Ok(()),
        }
    }

    /// Shows what was sent so far to whoever looks.
    pub(crate) fn publish_counters(&mut self) {
        self.producer.publish_counters();
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

    fn too_long(&self, len: Length) -> Failure {
        let (capacity, longest) = (self.segment.capacity(), self.segment.longest_message());
        let (address, number) = (self.address.to_string(), self.sent + 1);
        Failure::TooLong { address, number, len, ring: Limits { capacity, longest } }
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
