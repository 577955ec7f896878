//! Ours: the engine's spsc ring in two processes, through the same drivers as everything else.
//!
//! The parent creates the segments and takes descriptors of them before it forks; each side opens
//! its own by [`Segment::from_fd`], as two strangers would. A round trip needs two rings, one each
//! way. One variant only: how long to pause and when to resume is the engine's own affair, not the
//! bench's.
//!
//! `rtt` and `stream` copy a message in by `send` and out by `recv_array`; `batch` sends 32 at a
//! time by `send_batch`; `zerocopy` fills a claim in place and reads a view in place.
//!
//! What is driven, and over a ring of which make, are two questions: the same courses over rings
//! whose sides may sleep are in [`spsc_park`](crate::spsc_park).

use std::fmt::Debug;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};

use annulus::segment::{Name, NameError, Removal, SegmentError, remove};
use annulus::{Attach, Backing, Config, Consumer, Deadline, Message, Producer, Segment, Wait};

use crate::block::Block;
use crate::case::{Against, Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Plan, Port, Sink, Source, check, mismatch};
use crate::fault::{Fault, SideFault, Step};
use crate::pair;
use crate::payload::Script;

/// What a record's place in the ring is rounded up to, for the report.
const CELL: Option<usize> = Some(annulus::layout::CELL as usize);

/// Round trips of one round.
const ROUND_TRIPS: u64 = 100_000;

/// Messages of 8 bytes in one round of a stream over a large ring.
pub(crate) const STREAM_8_MESSAGES: u64 = 16_000_000;

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

/// Messages in one batch, at most: as many as the rivals'.
const BATCH: usize = 32;

/// Messages of a zero-copy stream, and their words.
const LARGE_BYTES: usize = 4096;
const LARGE_WORDS: usize = LARGE_BYTES / 8;

/// All cases of the spsc ring.
pub fn cases() -> Vec<Case> {
    let small = Some(("limit/handoff/64KiB", 64.0));
    let large = Some(("limit/handoff64/1MiB", 1.0));
    vec![
        rtt::<8>("spsc/rtt/8", 64 * KIB),
        rtt::<56>("spsc/rtt/56", 64 * KIB),
        rtt::<64>("spsc/rtt/64", 64 * KIB),
        rtt::<256>("spsc/rtt/256", 64 * KIB),
        rtt::<1024>("spsc/rtt/1024", 64 * KIB),
        rtt::<56>("spsc/rtt/56/4KiB", 4 * KIB),
        rtt::<56>("spsc/rtt/56/1MiB", MIB),
        stream::<8>("spsc/stream/8/16KiB", 16 * KIB, 8_000_000, None),
        stream::<8>(
            "spsc/stream/8/1MiB",
            MIB,
            STREAM_8_MESSAGES,
            Some(("limit/handoff/1MiB", 8.0)),
        ),
        stream::<56>("spsc/stream/56/64KiB", 64 * KIB, 4_000_000, small),
        stream::<56>("spsc/stream/56/1MiB", MIB, 8_000_000, large),
        stream::<64>("spsc/stream/64/64KiB", 64 * KIB, 4_000_000, small),
        stream::<64>("spsc/stream/64/1MiB", MIB, 8_000_000, large),
        batch::<8>("spsc/batch/8/16KiB", 16 * KIB, 8_000_000, None),
        batch::<8>("spsc/batch/8/1MiB", MIB, 16_000_000, Some(("limit/handoff/1MiB", 8.0))),
        batch::<56>(
            "spsc/batch/56/64KiB",
            64 * KIB,
            4_000_000,
            Some(("limit/handoff/64KiB", 56.0)),
        ),
        batch::<56>("spsc/batch/56/1MiB", MIB, 8_000_000, Some(("limit/handoff/1MiB", 56.0))),
        batch::<64>("spsc/batch/64/64KiB", 64 * KIB, 4_000_000, small),
        batch::<64>("spsc/batch/64/1MiB", MIB, 8_000_000, Some(("limit/handoff/1MiB", 64.0))),
        zero_copy("spsc/zerocopy/4096/1MiB", MIB, 200_000),
    ]
}

fn rtt<const N: usize>(name: &str, ring_bytes: usize) -> Case {
    let config = ring(ring_bytes);
    let run = move |stage: &Stage| round_trips::<N>(stage, &config, ROUND_TRIPS, ping::<N>);
    case(name, Unit::Nanoseconds, ring_bytes, Some(("limit/rtt", 1.0)), Variant::new("spin", run))
}

fn stream<const N: usize>(
    name: &str,
    ring_bytes: usize,
    messages: u64,
    against: Option<(&'static str, f64)>,
) -> Case {
    let config = ring(ring_bytes);
    let run = move |stage: &Stage| copied::<N>(stage, &config, messages);
    case(name, Unit::MessagesPerSecond, ring_bytes, against, Variant::new("spin", run))
}

fn batch<const N: usize>(
    name: &str,
    ring_bytes: usize,
    messages: u64,
    against: Option<(&'static str, f64)>,
) -> Case {
    let config = ring(ring_bytes);
    let run = move |stage: &Stage| {
        let receiver = |consumer| Copying::<_, N> { end: consumer };
        one_way(stage, &config, messages, InBatches::<N>, receiver)
    };
    case(name, Unit::MessagesPerSecond, ring_bytes, against, Variant::new("spin", run))
}

fn zero_copy(name: &str, ring_bytes: usize, messages: u64) -> Case {
    let config = ring(ring_bytes);
    let run = move |stage: &Stage| one_way(stage, &config, messages, InPlace, InPlace);
    let against = Some(("limit/handoff/1MiB", LARGE_BYTES as f64));
    case(name, Unit::MessagesPerSecond, ring_bytes, against, Variant::new("spin", run))
}

/// A ring whose sides spin, as all of these do.
fn ring(bytes: usize) -> Config {
    Config::spsc(bytes as u64).wait(Wait::Spin)
}

pub(crate) fn case(
    name: &str,
    unit: Unit,
    ring_bytes: usize,
    against: Option<(&'static str, f64)>,
    variant: Variant,
) -> Case {
    Case {
        name: name.to_owned(),
        unit,
        ring_bytes: Some(ring_bytes),
        cell: CELL,
        against: against.map(|(limit, weight)| Against { limit, weight }),
        variants: vec![variant],
    }
}

/// Round trips over two rings of that make, the lead's side by `ping`.
pub(crate) fn round_trips<const N: usize>(
    stage: &Stage,
    config: &Config,
    round_trips: u64,
    ping: impl Fn(End, &Plan, &Block) -> Result<(), SideFault>,
) -> Result<Round, Fault> {
    let plan = stage.plan(round_trips);
    let block = stage.block_for_samples(&plan)?;
    let (there, back) = (Shared::create(config)?, Shared::create(config)?);
    let lead = || {
        let (there, back) = (attach(there.for_lead)?, attach(back.for_lead)?);
        ping(End { producer: producer(&there)?, consumer: consumer(&back)? }, &plan, &block)
    };
    let peer = || {
        let (there, back) = (attach(there.for_peer)?, attach(back.for_peer)?);
        let mut end = End { producer: producer(&back)?, consumer: consumer(&there)? };
        drive::echo::<N, _>(&mut end, &plan, &block)
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

/// The lead's side of round trips, by calls that wait.
pub(crate) fn ping<const N: usize>(
    mut end: End,
    plan: &Plan,
    block: &Block,
) -> Result<(), SideFault> {
    drive::ping::<N, _>(&mut end, plan, block)
}

/// A stream of messages of `N` bytes over a ring of that make, copied in and out one at a time.
pub(crate) fn copied<const N: usize>(
    stage: &Stage,
    config: &Config,
    messages: u64,
) -> Result<Round, Fault> {
    let sender = |producer| Copying::<_, N> { end: producer };
    let receiver = |consumer| Copying::<_, N> { end: consumer };
    one_way(stage, config, messages, sender, receiver)
}

fn one_way<S: Sink, R: Source>(
    stage: &Stage,
    config: &Config,
    messages: u64,
    sender: impl Fn(Producer) -> S,
    receiver: impl Fn(Consumer) -> R,
) -> Result<Round, Fault> {
    let sender = |segment: Segment| Ok(sender(producer(&segment)?));
    let receiver = |segment: Segment| Ok(receiver(consumer(&segment)?));
    one_way_over(stage, config, messages, sender, receiver)
}

/// A stream over a ring of that make, each side's end made of its own attached segment.
pub(crate) fn one_way_over<S: Sink, R: Source>(
    stage: &Stage,
    config: &Config,
    messages: u64,
    sender: impl Fn(Segment) -> Result<S, SideFault>,
    receiver: impl Fn(Segment) -> Result<R, SideFault>,
) -> Result<Round, Fault> {
    let plan = stage.plan(messages);
    let block = Block::map(0, 0)?;
    let ring = Shared::create(config)?;
    let lead = || drive::pour(&mut sender(attach(ring.for_lead)?)?, &plan, &block);
    let peer = || drive::drink(&mut receiver(attach(ring.for_peer)?)?, &plan, &block);
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.rate(&block, pids)
}

/// A new ring and a descriptor of it for each side, taken before the fork: the engine closes its
/// own in a forked child.
struct Shared {
    for_lead: OwnedFd,
    for_peer: OwnedFd,
    _name: Option<Named>,
}

/// The name of a ring whose means of waking needs one, taken away at the end. What a runner that is
/// killed leaves of it, `annulus gc` removes.
struct Named(Name);

impl Shared {
    fn create(config: &Config) -> Result<Shared, Fault> {
        let failed = |error: &dyn Debug| {
            eprintln!("annulus: creating a ring by {config:?}: {error:?}");
            Fault::last_os()
        };
        let (segment, name) = match Segment::create(&Backing::Memfd, config) {
            Err(SegmentError::NamelessSysvSem) => {
                let name = next_name().map_err(|error| failed(&error))?;
                (Segment::create(&Backing::Named(name.clone()), config), Some(Named(name)))
            }
            made => (made, None),
        };
        let segment = segment.map_err(|error| failed(&error))?;
        Ok(Shared {
            for_lead: segment.share_fd().map_err(|error| failed(&error))?,
            for_peer: segment.share_fd().map_err(|error| failed(&error))?,
            _name: name,
        })
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // It is there to be tidy: nobody is told if it fails.
        let _ = remove(&self.0, Removal::Forced);
    }
}

fn next_name() -> Result<Name, NameError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    Name::new(&format!("bench-{}-{number}", std::process::id()))
}

fn attach(fd: OwnedFd) -> Result<Segment, SideFault> {
    Segment::from_fd(fd, &Attach::default()).map_err(|error| refused(Step::Open, &error))
}

fn producer(segment: &Segment) -> Result<Producer, SideFault> {
    segment.producer().map_err(|error| refused(Step::Open, &error))
}

fn consumer(segment: &Segment) -> Result<Consumer, SideFault> {
    segment.consumer().map_err(|error| refused(Step::Open, &error))
}

#[cold]
pub(crate) fn refused(step: Step, error: &dyn Debug) -> SideFault {
    eprintln!("annulus: {step:?}: {error:?}");
    SideFault::Refused(step)
}

/// One process's end of a ring there and a ring back.
pub(crate) struct End {
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
}

/// An end that copies messages of `N` bytes.
struct Copying<E, const N: usize> {
    end: E,
}

/// A sending end of batches of messages of `N` bytes.
struct InBatches<const N: usize>(Producer);

/// An end that works in the ring itself.
struct InPlace<E>(E);

impl<const N: usize> Port<N> for End {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        send(&mut self.producer, message)
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        *message = receive::<N>(&mut self.consumer)?.0;
        Ok(())
    }
}

impl<const N: usize> Sink for Copying<Producer, N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        send(&mut self.end, &script.message::<N>(next))?;
        Ok(next + 1)
    }
}

impl<const N: usize> Source for Copying<Consumer, N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        check(script, &receive::<N>(&mut self.end)?.0, next)?;
        Ok(next + 1)
    }
}

impl<const N: usize> Sink for InBatches<N> {
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

impl Sink for InPlace<Producer> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let claim = self.0.claim(LARGE_BYTES, Deadline::NEVER);
        let mut claim = claim.map_err(|error| refused(Step::Send, &error))?;
        // SAFETY: the claim gives LARGE_BYTES bytes that are ours until it is committed.
        unsafe { script.write_in_place(claim.as_mut_ptr().cast(), LARGE_WORDS, next) };
        claim.commit(LARGE_BYTES);
        Ok(next + 1)
    }
}

impl Source for InPlace<Consumer> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let view = self.0.peek(Deadline::NEVER);
        let view = view.map_err(|error| refused(Step::Receive, &error))?;
        if view.record().len() != LARGE_BYTES {
            return Err(mismatch(next));
        }
        // SAFETY: the view is of LARGE_BYTES bytes that stand still until it is released.
        let same =
            unsafe { script.matches_in_place(view.record().as_ptr().cast(), LARGE_WORDS, next) };
        view.release();
        if same { Ok(next + 1) } else { Err(mismatch(next)) }
    }
}

#[inline(always)]
pub(crate) fn send(producer: &mut Producer, message: &[u8]) -> Result<(), SideFault> {
    match producer.send(message, Deadline::NEVER) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(Step::Send, &error)),
    }
}

/// Receives a message of exactly `N` bytes; what it holds is checked by the driver.
#[inline(always)]
fn receive<const N: usize>(consumer: &mut Consumer) -> Result<Message<N>, SideFault> {
    consumer.recv_array(Deadline::NEVER).map_err(|error| refused(Step::Receive, &error))
}
