//! Ours: the engine's ring of many producers and consumers, with one of each, and with two
//! processes that are both.
//!
//! Messages have one length, so 56 bytes take one line. As in [`spsc`](crate::spsc) the parent
//! makes the segments and each side opens its own.

use std::os::fd::OwnedFd;

use annulus::ring::mpmc::RecvError;
use annulus::{
    Attach, Backing, Config, Deadline, Message, MpmcConsumer, MpmcProducer, Segment, Slots, Wait,
};

use crate::block::Block;
use crate::case::{Against, Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port, Sink, Source, check};
use crate::fault::{Fault, Side, SideFault, Step};
use crate::many::{PAIRS, PAIRS_BYTES, ROUND_TRIPS, SLOTS, STREAMS, pairs, rate_of_pairs};
use crate::pair;
use crate::payload::Script;
use crate::spsc::refused;

/// Messages in one batch, at most.
const BATCH: usize = 32;

/// How many a ring is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sides {
    /// Many of each role, as a ring of many is unless it is asked to be otherwise.
    Many,
    /// One of each at a time.
    Single,
}

/// How a stream is sent and received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copies {
    /// By `send` and `recv_array`.
    Each,
    /// By `send_batch`, and by `drain` of what is there.
    Batches,
}

/// All cases of the ring of many.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sides) in [("mpmc", Sides::Many), ("mpmc-single", Sides::Single)] {
        let rtt = format!("{name}/rtt/56");
        cases.push(case(&rtt, Unit::Nanoseconds, 56, SLOTS, move |stage| {
            round_trips::<56>(stage, sides)
        }));
        for (shape, copies) in [("stream", Copies::Each), ("batch", Copies::Batches)] {
            for (payload, slots, messages) in STREAMS {
                let name = format!("{name}/{shape}/{payload}/{slots}");
                let how = (sides, copies);
                cases.push(match payload {
                    8 => case(&name, Unit::MessagesPerSecond, 8, slots, move |stage| {
                        one_way::<8>(stage, how, slots, messages)
                    }),
                    _ => case(&name, Unit::MessagesPerSecond, 56, slots, move |stage| {
                        one_way::<56>(stage, how, slots, messages)
                    }),
                });
            }
        }
    }
    cases.push(case("mpmc/pairs/8", Unit::MessagesPerSecond, 8, SLOTS, |stage| {
        both_ways(stage, false)
    }));
    let mut slower = case("mpmc/pairs/8/slower", Unit::MessagesPerSecond, 8, SLOTS, |stage| {
        both_ways(stage, true)
    });
    slower.against = Some(Against { limit: "mpmc/pairs/8", weight: 1.0 });
    cases.push(slower);
    cases
}

pub(crate) fn case(
    name: &str,
    unit: Unit,
    payload: usize,
    slots: usize,
    run: impl Fn(&Stage) -> Result<Round, Fault> + 'static,
) -> Case {
    let cell = (8 + payload).next_multiple_of(64);
    Case {
        name: name.to_owned(),
        unit,
        ring_bytes: Some(slots * cell),
        cell: Some(cell),
        against: (unit == Unit::Nanoseconds).then_some(Against { limit: "limit/rtt", weight: 1.0 }),
        variants: vec![Variant::new("spin", run)],
    }
}

fn config(sides: Sides, wait: Wait, slots: usize, payload: usize) -> Config {
    let slots = Slots::of(slots as u64, payload as u32).of_one_length().participants(8);
    let slots = match sides {
        Sides::Many => slots,
        Sides::Single => slots.single_producer().single_consumer(),
    };
    Config::mpmc(slots).wait(wait)
}

/// Descriptors of a new ring, one for each side.
pub(crate) fn create(
    sides: Sides,
    wait: Wait,
    slots: usize,
    payload: usize,
) -> Result<[OwnedFd; 2], Fault> {
    let segment = Segment::create(&Backing::Memfd, &config(sides, wait, slots, payload));
    let segment = segment.map_err(|error| {
        eprintln!("annulus: creating a ring of many: {error:?}");
        Fault::last_os()
    })?;
    let share = || segment.share_fd().map_err(|_| Fault::last_os());
    Ok([share()?, share()?])
}

pub(crate) fn attach(fd: OwnedFd) -> Result<Segment, SideFault> {
    Segment::from_fd(fd, &Attach::default()).map_err(|error| refused(Step::Open, &error))
}

pub(crate) fn producer(segment: &Segment) -> Result<MpmcProducer, SideFault> {
    segment.mpmc_producer().map_err(|error| refused(Step::Open, &error))
}

pub(crate) fn consumer(segment: &Segment) -> Result<MpmcConsumer, SideFault> {
    segment.mpmc_consumer().map_err(|error| refused(Step::Open, &error))
}

fn round_trips<const N: usize>(stage: &Stage, sides: Sides) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = stage.block_for_samples(&plan)?;
    let ([there, there_too], [back, back_too]) =
        (create(sides, Wait::Spin, SLOTS, N)?, create(sides, Wait::Spin, SLOTS, N)?);
    let lead = || {
        let (there, back) = (attach(there)?, attach(back)?);
        let mut end = End { producer: producer(&there)?, consumer: consumer(&back)? };
        drive::ping::<N, _>(&mut end, &plan, &block)
    };
    let peer = || {
        let (there, back) = (attach(there_too)?, attach(back_too)?);
        let mut end = End { producer: producer(&back)?, consumer: consumer(&there)? };
        drive::echo::<N, _>(&mut end, &plan, &block)
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

fn one_way<const N: usize>(
    stage: &Stage,
    (sides, copies): (Sides, Copies),
    slots: usize,
    messages: u64,
) -> Result<Round, Fault> {
    let plan = stage.plan(messages);
    let block = Block::map(0, 0)?;
    let [ring, ring_too] = create(sides, Wait::Spin, slots, N)?;
    let lead = || {
        let end = producer(&attach(ring)?)?;
        match copies {
            Copies::Each => drive::pour(&mut Sender::<N>(end), &plan, &block),
            Copies::Batches => drive::pour(&mut BatchSender::<N>(end), &plan, &block),
        }
    };
    let peer = || {
        let end = consumer(&attach(ring_too)?)?;
        match copies {
            Copies::Each => drive::drink(&mut Receiver::<N>(end), &plan, &block),
            Copies::Batches => drive::drink(&mut Drainer::<N>(end), &plan, &block),
        }
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.rate(&block, pids)
}

/// Both sides send and receive over one ring.
fn both_ways(stage: &Stage, slower: bool) -> Result<Round, Fault> {
    let plan = stage.plan(PAIRS);
    let block = Block::map(PAIRS_BYTES, 0)?;
    let [ring, ring_too] = create(Sides::Many, Wait::Spin, SLOTS, 8)?;
    let side = |side: Side, fd: OwnedFd| {
        let segment = attach(fd)?;
        let mut end = End { producer: producer(&segment)?, consumer: consumer(&segment)? };
        pairs(&mut end, side, &plan, &block)
    };
    let lead = || side(Side::Lead, ring);
    let peer = || side(Side::Peer, ring_too);
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    rate_of_pairs(stage, &plan, &block, pids, slower)
}

struct End {
    producer: MpmcProducer,
    consumer: MpmcConsumer,
}

struct Sender<const N: usize>(MpmcProducer);

struct Receiver<const N: usize>(MpmcConsumer);

/// A sending end of batches.
struct BatchSender<const N: usize>(MpmcProducer);

/// A receiving end that takes what is there.
struct Drainer<const N: usize>(MpmcConsumer);

impl<const N: usize> Port<N> for End {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        send(&mut self.producer, message)
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        *message = receive(&mut self.consumer)?.0;
        // Else its slot would be in the way a lap later, and of ourselves.
        self.consumer.flush();
        Ok(())
    }
}

impl<const N: usize> Sink for Sender<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        send(&mut self.0, &script.message::<N>(next))?;
        Ok(next + 1)
    }
}

impl<const N: usize> Source for Receiver<N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        check(script, &receive::<N>(&mut self.0)?.0, next)?;
        Ok(next + 1)
    }
}

impl<const N: usize> Sink for BatchSender<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault> {
        let count = BATCH.min((end - next) as usize);
        let messages: [[u8; N]; BATCH] = std::array::from_fn(|i| script.message(next + i as u64));
        match self.0.send_batch(&messages[..count], Deadline::NEVER) {
            Ok(()) => Ok(next + count as u64),
            Err((_, error)) => Err(refused(Step::Send, &error)),
        }
    }
}

impl<const N: usize> Source for Drainer<N> {
    #[inline(always)]
    fn take(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault> {
        // Only this waits.
        check(script, &receive::<N>(&mut self.0)?.0, next)?;
        let mut next = next + 1;
        let mut checked = Ok(());
        let limit = (BATCH - 1).min((end - next) as usize);
        let drained = self.0.drain(limit, |taken| {
            let mut message = Message([0; N]);
            taken.read(0, &mut message.0);
            if checked.is_ok() {
                checked = check(script, &message.0, next);
            }
            next += 1;
        });
        match drained {
            Ok(_) | Err(RecvError::Empty) => checked.map(|()| next),
            Err(error) => Err(refused(Step::Receive, &error)),
        }
    }
}

#[inline(always)]
fn send(producer: &mut MpmcProducer, message: &[u8]) -> Result<(), SideFault> {
    match producer.send(message, Deadline::NEVER) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(Step::Send, &error)),
    }
}

#[inline(always)]
fn receive<const N: usize>(consumer: &mut MpmcConsumer) -> Result<Message<N>, SideFault> {
    match consumer.recv_array(Deadline::NEVER) {
        Ok((_, message)) => Ok(message),
        Err(error) => Err(refused(Step::Receive, &error)),
    }
}
