//! Ours, typed: the streams of `spsc/stream/56` once more, as records of a type.
//!
//! The same ring, driver, payload and check; what differs is that the 56 bytes are a struct of ten
//! fields, which is sent by reference and received by value (`stream`), or written and looked at
//! where it stands, which trusts the peer (`inplace`).

use annulus::segment::{Mapping, Trusted};
use annulus::typed::{TypedConsumer, TypedProducer, TypedSegment, zerocopy};
use annulus::{Config, Deadline, Segment, Wait};
use zerocopy::IntoBytes;

use crate::case::{Case, Stage, Unit, Variant};
use crate::drive::{Sink, Source, check};
use crate::fault::{SideFault, Step};
use crate::payload::Script;
use crate::spsc::{self, one_way_over, refused};

annulus::record! {
    /// A quote as a feed has it: 56 bytes, fields of several sizes.
    struct Quote {
        bid: f64,
        ask: f64,
        bid_size: u32,
        ask_size: u32,
        time_ns: u64,
        sequence: u64,
        venue: u16,
        kind: u16,
        flags: u32,
        instrument: u64,
    }
}

const BYTES: usize = size_of::<Quote>();

/// All cases of the typed ring.
pub fn cases() -> Vec<Case> {
    let small = Some(("limit/handoff/64KiB", 64.0));
    let large = Some(("limit/handoff64/1MiB", 1.0));
    let (kib64, mib) = (64 << 10, 1 << 20);
    vec![
        stream("spsc-typed/stream/56/64KiB", kib64, 4_000_000, small),
        stream("spsc-typed/stream/56/1MiB", mib, 8_000_000, large),
        in_place("spsc-typed/inplace/56/64KiB", kib64, 4_000_000, small),
        in_place("spsc-typed/inplace/56/1MiB", mib, 8_000_000, large),
    ]
}

fn stream(
    name: &str,
    ring_bytes: usize,
    messages: u64,
    against: Option<(&'static str, f64)>,
) -> Case {
    let run = move |stage: &Stage| {
        let config = Config::spsc_of::<Quote>(ring_bytes as u64).wait(Wait::Spin);
        let sender = |segment| Ok(ByValue(typed(segment)?.producer().map_err(unopened)?));
        let receiver = |segment| Ok(ByValue(typed(segment)?.consumer().map_err(unopened)?));
        one_way_over(stage, &config, messages, sender, receiver)
    };
    let variant = Variant::new("spin", run);
    spsc::case(name, Unit::MessagesPerSecond, ring_bytes, against, variant)
}

fn in_place(
    name: &str,
    ring_bytes: usize,
    messages: u64,
    against: Option<(&'static str, f64)>,
) -> Case {
    let run = move |stage: &Stage| {
        let config = Config::spsc_of::<Quote>(ring_bytes as u64).wait(Wait::Spin);
        let sender = |segment| Ok(InPlace(trusted(segment)?.producer().map_err(unopened)?));
        let receiver = |segment| Ok(InPlace(trusted(segment)?.consumer().map_err(unopened)?));
        one_way_over(stage, &config, messages, sender, receiver)
    };
    let variant = Variant::new("spin", run);
    spsc::case(name, Unit::MessagesPerSecond, ring_bytes, against, variant)
}

fn typed(segment: Segment) -> Result<TypedSegment<Quote>, SideFault> {
    segment.typed().map_err(unopened)
}

fn trusted(segment: Segment) -> Result<TypedSegment<Quote, Trusted>, SideFault> {
    // SAFETY: a memfd that the two sides of the bench alone have, and both use it by this library.
    Ok(unsafe { typed(segment)?.trusting_peers() })
}

fn unopened(error: impl std::fmt::Debug) -> SideFault {
    refused(Step::Open, &error)
}

/// An end that copies records.
struct ByValue<E>(E);

/// An end that works in the ring itself.
struct InPlace<E>(E);

impl Sink for ByValue<TypedProducer<Quote>> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let quote: Quote = zerocopy::transmute!(script.message::<BYTES>(next));
        match self.0.send(&quote, Deadline::NEVER) {
            Ok(_) => Ok(next + 1),
            Err(error) => Err(refused(Step::Send, &error)),
        }
    }
}

impl Source for ByValue<TypedConsumer<Quote>> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        match self.0.recv(Deadline::NEVER) {
            Ok(quote) => check(script, quote.as_bytes(), next).map(|()| next + 1),
            Err(error) => Err(refused(Step::Receive, &error)),
        }
    }
}

impl Sink for InPlace<TypedProducer<Quote, Mapping<Trusted>>> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let claim = self.0.claim(Deadline::NEVER);
        let mut claim = claim.map_err(|error| refused(Step::Send, &error))?;
        *claim = zerocopy::transmute!(script.message::<BYTES>(next));
        claim.commit();
        Ok(next + 1)
    }
}

impl Source for InPlace<TypedConsumer<Quote, Mapping<Trusted>>> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let view = self.0.peek(Deadline::NEVER);
        let view = view.map_err(|error| refused(Step::Receive, &error))?;
        check(script, view.as_bytes(), next)?;
        view.release();
        Ok(next + 1)
    }
}
