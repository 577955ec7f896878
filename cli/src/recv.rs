//! `annulus recv`: messages from a ring to standard output.
//!
//! ```text
//!   meet ---> write what is there ---> wait for more ---+
//!    ^          |  ^                                    |
//!    |          |  +------------------------------------+
//!    |          +--> closed and drained: unlink the ring, done          (--follow: meet again)
//!    |          +--> the sender died: all is written, status 3 (--follow: wait for a successor)
//!    |          +--> nobody reads the output: done; the rest stays in the ring
//!    +-- the ring was removed while a successor was waited for
//! ```
//! A message is released only after write(2) has taken it whole. One write takes at most 8
//! messages or 1/8 of the ring, and what it took is released at once: so that much, and no more,
//! comes again when this process is killed.
//!
//! In a ring of many each message goes to one receiver, and by itself: `mpmc`.

mod mpmc;

use crate::address::{Address, Kind};
use crate::args::{self, Args};
use crate::descriptor::Stop;
use crate::exit::{Failure, ManyFault, Status, note};
use crate::limit::Limit;
use crate::meet::{self, Consuming, Receiving};
use crate::output::{self, Form, Output, Written};
use crate::watch::Watch;
use crate::{trial, units, usage, waiting};
use annulus::error::{RecvError, Severed};
use annulus::sync::Outside;
use annulus::{Consumer, Deadline, Segment};
use lexopt::prelude::{Long, Short, Value};
use std::thread;
use std::time::Duration;

/// Messages that one write takes at most, and that come again at most after a kill.
const BATCH: usize = 8;

/// How long to wait for the ring when it is not said.
const WAIT_FOR: Duration = Duration::from_secs(10);

/// Between two looks at whether anybody still reads the output.
const SLICE: Duration = Duration::from_millis(200);

/// Between two looks for a dead sender's successor.
const PAUSE: Duration = Duration::from_millis(1);

struct Asked {
    address: Address,
    form: Form,
    /// Whether a trial is checked, and told of as JSON, instead of writing messages.
    check: Option<Told>,
    wait_for: Option<Duration>,
    deadline: Option<Duration>,
    follow: bool,
    /// So many senders are to have come first.
    producers: u64,
    count: u64,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some(asked) = parse(args)? else { return usage::show(usage::RECV) };
    let limit = Limit::after(asked.deadline);
    let mut wait = Limit::after(asked.wait_for).sooner(limit);
    if let Some(told) = asked.check {
        let (address, json, count) = (&asked.address, told == Told::Json, asked.count);
        return trial::check(&trial::Asked { address, json, count, limit, wait });
    }
    let output = Output::new(asked.form)?;
    let mut receiver = Receiver { asked: &asked, limit, output, received: 0, suspects: 0 };
    // Ends with the stream, an error or the limit; with --follow and no limit it need not.
    loop {
        let Receiving { segment, consumer, succeeds_a_dead, told, .. } =
            meet::receiver(&asked.address, wait)?;
        let end = match consumer {
            Consuming::Many(consumer) => receiver.receive_of_many(&segment, consumer, wait)?,
            Consuming::One(mut consumer) => {
                receiver.suspects = if succeeds_a_dead { BATCH } else { 0 };
                let end = receiver.receive(&segment, &mut consumer, told.then_some(wait))?;
                consumer.close();
                end
            }
        };
        if end != End::Orphaned && !asked.address.keep {
            unlink(&asked.address, &segment);
        }
        match end {
            End::Closed | End::Orphaned if asked.follow => wait = limit,
            End::Orphaned => {}
            End::Closed | End::Unread | End::Counted => return Ok(Status::Done),
        }
    }
}

fn parse(mut args: Args) -> Result<Option<Asked>, Failure> {
    let (mut address, mut raw, mut meta, mut follow) = (None, false, false, false);
    let (mut check, mut json) = (false, false);
    let mut given = waiting::Given::default();
    let (mut wait_for, mut deadline, mut count) = (Some(WAIT_FOR), None, u64::MAX);
    let mut producers = None;
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("raw") => raw = true,
            Long("meta") => meta = true,
            Long("check") => check = true,
            Long("json") => json = true,
            Long("follow") => follow = true,
            Long("wait") => given.wait(&mut args)?,
            Long("wake") => given.wake(&mut args)?,
            Long("wait-for") => wait_for = args.option("--wait-for", units::span)?,
            Long("deadline") => deadline = args.option("--deadline", units::span)?,
            Long("producers") => {
                producers = Some(args.positive("--producers", units::number)?);
            }
            Long("count") => count = args.positive("--count", units::number)?,
            Value(word) if address.is_none() => address = Some(args::address(word)?),
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let check = match (check, json) {
        (true, json) => Some(if json { Told::Json } else { Told::Text }),
        (false, true) => return Err(args.missing("--check, which --json goes with,")),
        (false, false) => None,
    };
    let excluded = [
        (raw, "--raw"),
        (meta, "--meta"),
        (follow, "--follow"),
        (producers.is_some(), "--producers"),
    ];
    if check.is_some()
        && let Some((_, option)) = excluded.iter().find(|(given, _)| *given)
    {
        return Err(args.both("--check", option));
    }
    let form = Form::of(raw, meta, &args)?;
    let mut address = address.ok_or(args.missing("an address"))?;
    given.ask(&mut address, None, &args)?;
    if check.is_some() && address.kind == Some(Kind::Mpmc) {
        let fault = ManyFault::Check;
        return Err(Failure::Many { address: address.to_string(), fault });
    }
    let producers = producers.unwrap_or(1);
    Ok(Some(Asked { address, form, check, wait_for, deadline, follow, producers, count }))
}

/// How a trial is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Text,
    Json,
}

/// Why receiving from a ring ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The sender closed, and all is written.
    Closed,
    /// Nobody reads the output.
    Unread,
    /// As many messages as were asked for.
    Counted,
    /// The ring lost its name while nobody sent: a new sender would not find it.
    Orphaned,
}

struct Receiver<'a> {
    asked: &'a Asked,
    limit: Limit,
    output: Output,
    received: u64,
    /// Messages to come that a dead predecessor may have written already.
    suspects: usize,
}

/// Why no more was written for now.
enum Halt {
    /// The ring says so.
    Ring(RecvError),
    /// Something else does, and it is final.
    Final(Failure),
}

impl Receiver<'_> {
    /// Receives until there is no more. With `told`, the sender is known to be dead: then a
    /// successor is waited for until that limit.
    fn receive(
        &mut self,
        segment: &Segment,
        consumer: &mut Consumer,
        told: Option<Limit>,
    ) -> Result<End, Failure> {
        if self.asked.producers > 1 {
            let fault = ManyFault::OneProducer { wanted: self.asked.producers };
            return Err(Failure::Many { address: self.asked.address.to_string(), fault });
        }
        if self.asked.address.release_each {
            consumer.release_each();
        }
        let mut successor_until = told;
        let watch = Watch::on(segment);
        // Ends with the stream, an error or a limit; with --follow and no limit it need not.
        loop {
            if let Some(until) = successor_until.take()
                && let Some(end) = self.wait_for_sender(&watch, consumer, until)?
            {
                return Ok(end);
            }
            match self.pump(&watch, segment.capacity() / 8, consumer) {
                Ok(end) => return Ok(end),
                Err(Halt::Ring(RecvError::Closed)) => return Ok(End::Closed),
                Err(Halt::Ring(RecvError::ProducerDied)) if self.asked.follow => {
                    note(&self.failed(RecvError::ProducerDied));
                    successor_until = Some(self.limit);
                }
                Err(Halt::Ring(error)) => return Err(self.failed(error)),
                Err(Halt::Final(failure)) => return Err(failure),
            }
        }
    }

    /// Writes messages until there will be no more, and says why.
    fn pump(
        &mut self,
        watch: &Watch,
        most_bytes: u64,
        consumer: &mut Consumer,
    ) -> Result<End, Halt> {
        let mut deadline = Deadline::PASSED;
        // Ends with the stream, an error or the limit.
        loop {
            match self.write_some(watch, most_bytes, consumer, deadline) {
                Ok(None) => deadline = Deadline::PASSED,
                Ok(Some(end)) => return Ok(end),
                Err(Halt::Ring(RecvError::Timeout)) if !self.limit.has_passed() => {
                    // What comes from now on was not here when a predecessor died.
                    self.suspects = 0;
                    if self.output.is_closed() {
                        return Ok(End::Unread);
                    }
                    deadline = self.limit.within(SLICE);
                }
                Err(halt) => return Err(halt),
            }
        }
    }

    /// Writes what is there, up to a batch or `most_bytes`, waiting for the first message until
    /// `deadline`.
    fn write_some(
        &mut self,
        watch: &Watch,
        most_bytes: u64,
        consumer: &mut Consumer,
        deadline: Deadline,
    ) -> Result<Option<End>, Halt> {
        let most = if self.asked.address.release_each { 1 } else { BATCH };
        let left = self.asked.count - self.received;
        let most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut batch = consumer.batch(deadline).map_err(Halt::Ring)?;
        self.output.clear();
        let mut bytes = 0;
        while self.output.count() < most
            && let Some(record) = batch.gather()
        {
            bytes += record.len() as u64;
            if self.output.count() > 0 && bytes > most_bytes {
                break;
            }
            let attempt = u32::from(self.output.count() < self.suspects);
            // SAFETY: the record stays mapped until it is released, and `clear` comes first.
            unsafe { self.output.push(record.position(), attempt, record.as_ptr(), record.len()) };
        }
        // Else gathering may have met the end of the file, and what it gathered is zeros by now.
        if !watch.is_whole() {
            return Err(Halt::Ring(RecvError::Severed(Severed::Truncated)));
        }
        let Written { whole, stop } = self.output.write(self.limit);
        batch.release(whole);
        consumer.flush();
        self.received += whole as u64;
        self.suspects = self.suspects.saturating_sub(whole);
        match stop {
            None if self.received == self.asked.count => Ok(Some(End::Counted)),
            None => Ok(None),
            Some(Stop::Closed) => Ok(Some(End::Unread)),
            Some(stop) => Err(Halt::Final(self.unwritten(stop, consumer))),
        }
    }

    /// Waits beside a ring whose sender is dead for the next one, and gives an end if something
    /// else comes first.
    fn wait_for_sender(
        &self,
        watch: &Watch,
        consumer: &mut Consumer,
        until: Limit,
    ) -> Result<Option<End>, Failure> {
        // Ends: at the limit; without one it waits for ever, which is what was asked for.
        loop {
            let quiet = matches!(consumer.try_peek(), Err(RecvError::Empty));
            if !quiet || consumer.peer() != Outside::PeerGone {
                return Ok(None);
            }
            if self.output.is_closed() {
                return Ok(Some(End::Unread));
            }
            if !watch.has_name() {
                return Ok(Some(End::Orphaned));
            }
            if until.has_passed() {
                return Err(Failure::NothingCame { address: self.asked.address.to_string() });
            }
            thread::sleep(PAUSE);
        }
    }

    fn failed(&self, error: RecvError) -> Failure {
        let address = self.asked.address.to_string();
        Failure::Recv { address, error, received: self.received }
    }

    /// Writing failed: perhaps because the messages are no more.
    fn unwritten(&self, stop: Stop, consumer: &Consumer) -> Failure {
        match (stop, consumer.peer()) {
            (Stop::Unmapped, Outside::Severed(severed)) => self.failed(RecvError::Severed(severed)),
            (stop, _) => output::failed(stop),
        }
    }
}

/// Takes the name of a ring away that is closed and drained. All messages have been written: if
/// this fails it is worth saying, and no failure.
pub(crate) fn unlink(address: &Address, segment: &Segment) {
    if let Err(error) = meet::unlink_spent(address, segment) {
        note(&Failure::Remove { address: address.to_string(), error });
    }
}
