//! ringfire 0.5 (lossless): slots of sequence number and message in a file of shared memory, so two
//! processes, like ours.
//!
//! Its fastest honest use: `push`/`try_recv` one at a time, and `push_batch`/`recv_batch`. One
//! reader is registered (each more is scanned when the ring looks full). A full ring is its own
//! affair (100 pauses, then `yield_now`: variants `own`), or ours by `try_push`.
//!
//! A slot is 8 bytes more than its message: 16 bytes for 8, 64 for 56, 72 for 64 bytes. Its
//! capacity must be a power of two of slots, so for 64 bytes it gets an eighth more bytes than
//! the ring's name says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ringfire::{CleanupMode, FlowControl, RingConsumer, RingProducer, RingProducerBuilder};

use super::{BATCH, ROUND_TRIPS, RTT_LIMIT, RTT_PAUSES, RTT_RING_BYTES, STREAM_PAUSES, STREAMS};
use crate::block::Block;
use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port, Sink, Source, check, pause};
use crate::fault::{Fault, Side, SideFault, Step};
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

/// A message in a slot, aligned so that the slot's sequence number stands right before it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Message<const N: usize>([u8; N]);

/// Slots in `ring_bytes`: the power of two whose slots, without what exceeds a line, fill it.
fn slots<const N: usize>(ring_bytes: usize) -> u64 {
    (ring_bytes / (N + 8).min(64)) as u64
}

fn rtt<const N: usize>() -> Case {
    Case {
        name: format!("ringfire/rtt/{N}"),
        unit: Unit::Nanoseconds,
        ring_bytes: Some(RTT_RING_BYTES),
        cell: Some(N + 8),
        against: Some(RTT_LIMIT),
        variants: RTT_PAUSES
            .map(|pauses| {
                let run = move |stage: &Stage| round_trips::<N>(stage, pauses);
                Variant::new(format!("pause:{pauses}"), run)
            })
            .into(),
    }
}

fn stream<const N: usize>(index: usize, batch: bool) -> Case {
    let stream = STREAMS[index];
    let mut variants = Vec::new();
    for (reader, writer) in STREAM_PAUSES {
        let run = move |stage: &Stage| one_way::<N>(stage, index, batch, reader, None);
        variants.push(Variant::new(format!("pause:{reader}/own"), run));
        if !batch {
            let run = move |stage: &Stage| one_way::<N>(stage, index, batch, reader, Some(writer));
            variants.push(Variant::new(format!("pause:{reader}/{writer}"), run));
        }
    }
    let form = if batch { "batch" } else { "stream" };
    Case {
        name: format!("ringfire/{form}/{N}/{}", stream.ring_name),
        unit: Unit::MessagesPerSecond,
        ring_bytes: Some(stream.ring_bytes),
        cell: Some(N + 8),
        against: if batch { stream.batch_against() } else { stream.against },
        variants,
    }
}

fn round_trips<const N: usize>(stage: &Stage, pauses: u32) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = stage.block_for_samples(&plan)?;
    let (there, back) = (RingFile::new(), RingFile::new());
    let slots = slots::<N>(RTT_RING_BYTES);
    let lead = || {
        let producer = there.create::<N>(slots)?;
        block.meet(Side::Lead, 1);
        block.meet(Side::Lead, 2);
        let mut end = End { producer, consumer: back.attach::<N>()?, pauses };
        drive::ping::<N, _>(&mut end, &plan, &block)
    };
    let peer = || {
        block.meet(Side::Peer, 1);
        let producer = back.create::<N>(slots)?;
        block.meet(Side::Peer, 2);
        let mut end = End { producer, consumer: there.attach::<N>()?, pauses };
        drive::echo::<N, _>(&mut end, &plan, &block)
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

fn one_way<const N: usize>(
    stage: &Stage,
    index: usize,
    batch: bool,
    reader_pauses: u32,
    writer_pauses: Option<u32>,
) -> Result<Round, Fault> {
    let stream = STREAMS[index];
    let plan = stage.plan(stream.messages);
    let block = Block::map(0, 0)?;
    let file = RingFile::new();
    let lead = || {
        let producer = file.create::<N>(slots::<N>(stream.ring_bytes))?;
        block.meet(Side::Lead, 1);
        match (batch, writer_pauses) {
            (true, _) => drive::pour(&mut BatchSender { producer }, &plan, &block),
            (_, None) => drive::pour(&mut OwnPatience { producer }, &plan, &block),
            (_, Some(pauses)) => drive::pour(&mut Sender { producer, pauses }, &plan, &block),
        }
    };
    let peer = || {
        block.meet(Side::Peer, 1);
        let (consumer, pauses) = (file.attach::<N>()?, reader_pauses);
        if batch {
            let buffer = [Message([0; N]); BATCH];
            drive::drink(&mut BatchReceiver { consumer, pauses, buffer }, &plan, &block)
        } else {
            drive::drink(&mut Receiver { consumer, pauses }, &plan, &block)
        }
    };
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.rate(&block, pids)
}

/// The name of a ring's file, which is gone when this is dropped (by the parent: a side leaves
/// without dropping anything).
struct RingFile(PathBuf);

impl RingFile {
    fn new() -> RingFile {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("annulus-bench-rival.{}.{number}", std::process::id());
        RingFile(PathBuf::from("/dev/shm").join(name))
    }

    fn create<const N: usize>(&self, slots: u64) -> Result<RingProducer<Message<N>>, SideFault> {
        RingProducerBuilder::new(slots)
            .flow_control(FlowControl::LosslessBackpressure)
            .max_readers(1)
            .cleanup_mode(CleanupMode::Persistent)
            .file_mode(0o600)
            .build(&self.0)
            .map_err(refused)
    }

    fn attach<const N: usize>(&self) -> Result<RingConsumer<Message<N>>, SideFault> {
        RingConsumer::attach(&self.0).map_err(refused)
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        // A ring that was never made has no file; nothing else can be done about it either.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn refused(error: ringfire::RingfireError) -> SideFault {
    eprintln!("ringfire: {error}");
    SideFault::Refused(Step::Open)
}

/// One process's end of a ring there and a ring back.
struct End<const N: usize> {
    producer: RingProducer<Message<N>>,
    consumer: RingConsumer<Message<N>>,
    pauses: u32,
}

struct OwnPatience<const N: usize> {
    producer: RingProducer<Message<N>>,
}

struct Sender<const N: usize> {
    producer: RingProducer<Message<N>>,
    pauses: u32,
}

struct Receiver<const N: usize> {
    consumer: RingConsumer<Message<N>>,
    pauses: u32,
}

struct BatchSender<const N: usize> {
    producer: RingProducer<Message<N>>,
}

struct BatchReceiver<const N: usize> {
    consumer: RingConsumer<Message<N>>,
    pauses: u32,
    buffer: [Message<N>; BATCH],
}

impl<const N: usize> Port<N> for End<N> {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        self.producer.push(&Message(*message));
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        *message = receive(&mut self.consumer, self.pauses).0;
        Ok(())
    }
}

impl<const N: usize> Sink for OwnPatience<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        self.producer.push(&Message(script.message(next)));
        Ok(next + 1)
    }
}

impl<const N: usize> Sink for Sender<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let message = Message(script.message(next));
        while self.producer.try_push(&message).is_err() {
            pause(self.pauses);
        }
        Ok(next + 1)
    }
}

impl<const N: usize> Source for Receiver<N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let message = receive(&mut self.consumer, self.pauses);
        check(script, &message.0, next)?;
        Ok(next + 1)
    }
}

impl<const N: usize> Sink for BatchSender<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, end: u64, script: &Script) -> Result<u64, SideFault> {
        let count = BATCH.min((end - next) as usize);
        let messages: [Message<N>; BATCH] =
            std::array::from_fn(|i| Message(script.message(next + i as u64)));
        self.producer.push_batch(&messages[..count]);
        Ok(next + count as u64)
    }
}

impl<const N: usize> Source for BatchReceiver<N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        let mut count = self.consumer.recv_batch(&mut self.buffer);
        while count == 0 {
            pause(self.pauses);
            count = self.consumer.recv_batch(&mut self.buffer);
        }
        for (position, message) in (next..).zip(&self.buffer[..count]) {
            check(script, &message.0, position)?;
        }
        Ok(next + count as u64)
    }
}

#[inline(always)]
fn receive<const N: usize>(consumer: &mut RingConsumer<Message<N>>, pauses: u32) -> Message<N> {
    loop {
        if let Some(message) = consumer.try_recv() {
            return message;
        }
        pause(pauses);
    }
}
