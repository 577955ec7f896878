//! `annulus send`: lines or blocks from files into a ring.
//!
//! Lines are found in a private buffer and copied into the ring. What becomes of blocks, and of a
//! receiver that leaves, is a matter of the ring: `spsc`, `mpmc`.
//!
//! A command that fails leaves without closing, like one that is killed: so the receiver's status
//! is 0 only if all that was to be sent has arrived, and 3 otherwise.

mod mpmc;
mod spsc;

use crate::address::Address;
use crate::args::{self, Args};
use crate::exit::{Failure, Length, Status};
use crate::input::{Input, Lines, Next};
use crate::limit::Limit;
use crate::meet::{self, Producing, Sending};
use crate::trial::{self, Given, Traffic};
use crate::waiting::{self, WAIT_DEFAULT};
use crate::{units, usage};
use lexopt::prelude::{Long, Short, Value};
use std::ffi::OsString;
use std::time::Duration;

/// The pause between two looks for a receiver's leaving or coming.
const PAUSE: Duration = Duration::from_millis(1);

/// The sending end of a ring, with what it needs to say what went wrong.
pub(crate) trait Outlet {
    /// The longest message that the ring takes, in bytes.
    fn longest_message(&self) -> usize;

    /// Until when all is to be sent.
    fn limit(&self) -> Limit;

    /// Sends a message, and waits for room as long as it may.
    fn send(&mut self, message: &[u8]) -> Result<(), Failure>;

    /// Sends all of `input` in blocks of `chunk` bytes, the last of which may be shorter.
    fn send_blocks(&mut self, input: &Input, chunk: usize) -> Result<(), Failure>;

    /// Shows what was sent so far to whoever looks.
    fn publish_counters(&mut self);

    /// That the next message is too long.
    fn too_long(&self, len: Length) -> Failure;

    /// At the end: what was sent may be gone with the memory, and no send comes that would say so.
    fn is_kept(&self) -> Result<(), Failure>;

    /// Leaves in good order.
    fn close(self);

    /// Leaves as one who is killed.
    fn abandon(self);
}

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
    let Sending { segment, producer } = meet::sender(&asked.address, asked.longest())?;
    match producer {
        Producing::One(one) => {
            send_all(&asked, &inputs, spsc::Sender::new(&asked, segment, one, limit))
        }
        Producing::Many(many) => {
            send_all(&asked, &inputs, mpmc::Sender::new(&asked, segment, many, limit))
        }
    }
}

/// Sends all there is, and closes if all of it is in the ring.
fn send_all(asked: &Asked, inputs: &[Input], mut outlet: impl Outlet) -> Result<Status, Failure> {
    let sent = match (&asked.traffic, asked.chunk) {
        (Some(traffic), _) => trial::send(&mut outlet, traffic),
        (None, Some(chunk)) => inputs.iter().try_for_each(|input| outlet.send_blocks(input, chunk)),
        (None, None) => {
            let mut lines = Lines::new(outlet.longest_message());
            inputs.iter().try_for_each(|input| send_lines(&mut outlet, input, &mut lines))
        }
    };
    match sent.and_then(|()| outlet.is_kept()) {
        Ok(()) => {
            outlet.close();
            Ok(Status::Done)
        }
        Err(failure) => {
            // Not closed: its lock goes with the process, and that is how the receiver learns.
            outlet.abandon();
            Err(failure)
        }
    }
}

fn send_lines(outlet: &mut impl Outlet, input: &Input, lines: &mut Lines) -> Result<(), Failure> {
    let limit = outlet.limit();
    // Ends with the input, or at the limit.
    loop {
        if lines.are_used_up() {
            outlet.publish_counters();
        }
        match lines.next(input, limit).map_err(|stop| input.failed(stop))? {
            Next::Line(line) => outlet.send(line)?,
            Next::TooLong(seen) => return Err(outlet.too_long(Length::AtLeast(seen))),
            Next::End => return Ok(()),
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
