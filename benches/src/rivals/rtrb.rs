//! rtrb 0.4: a ring of fixed slots for two threads. It cannot cross processes, so it runs as two
//! pinned threads of one process, which favours it: one address space, one page table.
//!
//! Its fastest honest use: `push`/`pop` one at a time, and chunks (`write_chunk_uninit`,
//! `read_chunk`) for batches. A message is a `[u64; N]`, so slots are packed; aligning them to
//! lines was tried for 56 and 64 bytes and is a variant of its own (`line`).

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::{BATCH, ROUND_TRIPS, RTT_LIMIT, RTT_PAUSES, RTT_RING_BYTES, STREAM_PAUSES, STREAMS};
use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port, Sink, Source, check, pause};
use crate::fault::{Fault, SideFault, Step};
use crate::pair;
use crate::payload::Script;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![rtt::<8>(), rtt::<56>(), rtt::<64>()];
    for batch in [false, true] {
        cases.extend((0..STREAMS.len()).map(|i| match STREAMS[i].payload {
            8 => stream::<8>(i, batch),
            56 => stream::<56>(i, batch),
            _ => stream::<64>(i, batch),
        }));
    }
    cases
}

/// A message in a slot.
trait Slot<const N: usize>: Copy + Send + 'static {
    fn of(bytes: [u8; N]) -> Self;
    fn bytes(&self) -> &[u8; N];
}

/// Slots as close as they go.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Packed<const N: usize>([u8; N]);

/// Slots that begin on a line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct OnLine<const N: usize>([u8; N]);

impl<const N: usize> Slot<N> for Packed<N> {
    #[inline(always)]
    fn of(bytes: [u8; N]) -> Self {
        Packed(bytes)
    }
    #[inline(always)]
    fn bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Slot<N> for OnLine<N> {
    #[inline(always)]
    fn of(bytes: [u8; N]) -> Self {
        OnLine(bytes)
    }
    #[inline(always)]
    fn bytes(&self) -> &[u8; N] {
        &self.0
    }
}

fn rtt<const N: usize>() -> Case {
    let mut variants = Vec::new();
    for pauses in RTT_PAUSES {
        variants.push(Variant::new(format!("pause:{pauses}"), move |stage| {
            round_trips::<Packed<N>, N>(stage, pauses)
        }));
        if N > 8 {
            variants.push(Variant::new(format!("pause:{pauses},line"), move |stage| {
                round_trips::<OnLine<N>, N>(stage, pauses)
            }));
        }
    }
    Case {
        name: format!("rtrb/rtt/{N}"),
        unit: Unit::Nanoseconds,
        ring_bytes: Some(RTT_RING_BYTES),
        cell: Some(size_of::<Packed<N>>()),
        against: Some(RTT_LIMIT),
        variants,
    }
}

fn stream<const N: usize>(index: usize, batch: bool) -> Case {
    let stream = STREAMS[index];
    let mut variants = Vec::new();
    for (reader, writer) in STREAM_PAUSES {
        let wait = format!("pause:{reader}/{writer}");
        variants.push(Variant::new(wait.clone(), move |stage| {
            one_way::<Packed<N>, N>(stage, index, batch, (reader, writer))
        }));
        if N > 8 {
            variants.push(Variant::new(wait + ",line", move |stage| {
                one_way::<OnLine<N>, N>(stage, index, batch, (reader, writer))
            }));
        }
    }
    let form = if batch { "batch" } else { "stream" };
    Case {
        name: format!("rtrb/{form}/{N}/{}", stream.ring_name),
        unit: Unit::MessagesPerSecond,
        ring_bytes: Some(stream.ring_bytes),
        cell: Some(size_of::<Packed<N>>()),
        against: if batch { stream.batch_against() } else { stream.against },
        variants,
    }
}

fn round_trips<S: Slot<N>, const N: usize>(stage: &Stage, pauses: u32) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = stage.block_for_samples(&plan)?;
    let open = || {
        let slots = RTT_RING_BYTES / size_of::<S>();
        let (there_in, there_out) = RingBuffer::<S>::new(slots);
        let (back_in, back_out) = RingBuffer::<S>::new(slots);
        let here = End { producer: there_in, consumer: back_out, pauses };
        (here, End { producer: back_in, consumer: there_out, pauses })
    };
    let lead = |mut end: End<S>| drive::ping::<N, _>(&mut end, &plan, &block);
    let peer = |mut end: End<S>| drive::echo::<N, _>(&mut end, &plan, &block);
    let pids = pair::threads(&stage.terms, &block, open, lead, peer)?;
    stage.latency(&block, pids)
}

fn one_way<S: Slot<N>, const N: usize>(
    stage: &Stage,
    index: usize,
    batch: bool,
    (reader, writer): (u32, u32),
) -> Result<Round, Fault> {
    let stream = STREAMS[index];
    let plan = stage.plan(stream.messages);
    let block = Block::map(0, 0)?;
    let open = || RingBuffer::<S>::new(stream.ring_bytes / size_of::<S>());
    let lead = |producer: Producer<S>| {
        let mut sender = Sender::<S, N> { producer, pauses: writer };
        if batch {
            drive::pour(&mut Batched(sender), &plan, &block)
        } else {
            drive::pour(&mut sender, &plan, &block)
        }
    };
    let peer = |consumer: Consumer<S>| {
        let mut receiver = Receiver::<S, N> { consumer, pauses: reader };
        if batch {
            drive::drink(&mut Batched(receiver), &plan, &block)
        } else {
            drive::drink(&mut receiver, &plan, &block)
        }
    };
    let pids = pair::threads(&stage.terms, &block, open, lead, peer)?;
    stage.rate(&block, pids)
}

/// One thread's end of a ring there and a ring back.
struct End<S> {
    producer: Producer<S>,
    consumer: Consumer<S>,
    pauses: u32,
}

struct Sender<S, const N: usize> {
    producer: Producer<S>,
    pauses: u32,
}

struct Receiver<S, const N: usize> {
    consumer: Consumer<S>,
    pauses: u32,
}

/// The same end, by chunks of at most [`BATCH`].
struct Batched<E>(E);

impl<S: Slot<N>, const N: usize> Port<N> for End<S> {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        push(&mut self.producer, S::of(*message), self.pauses);
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        *message = *pop(&mut self.consumer, self.pauses).bytes();
        Ok(())
    }
}

impl<S: Slot<N>, const N: usize> Sink for Sender<S, N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        push(&mut self.producer, S::of(script.message(next)), self.pauses);
        Ok(next + 1)
    }
}

impl<S: Slot<N>, const N: usize> Source for Receiver<S, N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let message = pop(&mut self.consumer, self.pauses);
        check(script, message.bytes(), next)?;
        Ok(next + 1)
    }
}

impl<S: Slot<N>, const N: usize> Sink for Batched<Sender<S, N>> {
    #[inline(always)]
    fn put(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault> {
        let wanted = BATCH.min((end - next) as usize);
        loop {
            if let Ok(chunk) = self.0.producer.write_chunk_uninit(wanted) {
                let messages = (next..).map(|position| S::of(script.message(position)));
                return Ok(next + chunk.fill_from_iter(messages) as u64);
            }
            pause(self.0.pauses);
        }
    }
}

impl<S: Slot<N>, const N: usize> Source for Batched<Receiver<S, N>> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let consumer = &mut self.0.consumer;
        // The other's index is looked at only when what is known of is used up.
        let mut there = consumer.cached_slots();
        while there == 0 {
            there = consumer.slots();
            if there == 0 {
                pause(self.0.pauses);
            }
        }
        let chunk =
            consumer.read_chunk(there.min(BATCH)).map_err(|_| SideFault::Refused(Step::Receive))?;
        let mut position = next;
        for message in chunk {
            check(script, message.bytes(), position)?;
            position += 1;
        }
        Ok(position)
    }
}

#[inline(always)]
fn push<S>(producer: &mut Producer<S>, mut message: S, pauses: u32) {
    while let Err(PushError::Full(back)) = producer.push(message) {
        message = back;
        pause(pauses);
    }
}

#[inline(always)]
fn pop<S>(consumer: &mut Consumer<S>, pauses: u32) -> S {
    loop {
        if let Ok(message) = consumer.pop() {
            return message;
        }
        pause(pauses);
    }
}
