//! crossbeam's ArrayQueue: a queue of fixed slots for any number of threads, by Vyukov's design. It
//! cannot cross processes, so it runs as two pinned threads of one process, which favours it.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use super::{RTT_LIMIT, RTT_PAUSES, STREAM_PAUSES};
use crate::block::Block;
use crate::case::{Against, Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port, Sink, Source, check, pause};
use crate::fault::{Fault, Side, SideFault};
use crate::many::{PAIRS, PAIRS_BYTES, ROUND_TRIPS, SLOTS, STREAMS, pairs, rate_of_pairs};
use crate::pair;
use crate::payload::Script;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![case("array_queue/rtt/56", 56, SLOTS, Some(RTT_LIMIT), rtt::<56>())];
    for (payload, slots, messages) in STREAMS {
        let name = format!("array_queue/stream/{payload}/{slots}");
        let variants = match payload {
            8 => streams::<8>(slots, messages),
            _ => streams::<56>(slots, messages),
        };
        cases.push(case(&name, payload, slots, None, variants));
    }
    let both = RTT_PAUSES.map(|pauses| {
        Variant::new(format!("pause:{pauses}"), move |stage: &Stage| both_ways(stage, pauses))
    });
    cases.push(case("array_queue/pairs/8", 8, SLOTS, None, both.into()));
    cases
}

fn case(
    name: &str,
    payload: usize,
    slots: usize,
    against: Option<Against>,
    variants: Vec<Variant>,
) -> Case {
    // A stamp stands beside each message.
    let cell = payload + 8;
    let unit = if against.is_some() { Unit::Nanoseconds } else { Unit::MessagesPerSecond };
    Case {
        name: name.to_owned(),
        unit,
        ring_bytes: Some(slots * cell),
        cell: Some(cell),
        against,
        variants,
    }
}

fn rtt<const N: usize>() -> Vec<Variant> {
    let variant = |pauses| {
        Variant::new(format!("pause:{pauses}"), move |stage: &Stage| {
            let plan = stage.plan(ROUND_TRIPS);
            let block = stage.block_for_samples(&plan)?;
            let open = || {
                let [there, back] = [(); 2].map(|()| Arc::new(ArrayQueue::<[u8; N]>::new(SLOTS)));
                let here = End { to: there.clone(), from: back.clone(), pauses };
                (here, End { to: back, from: there, pauses })
            };
            let lead = |mut end: End<N>| drive::ping::<N, _>(&mut end, &plan, &block);
            let peer = |mut end: End<N>| drive::echo::<N, _>(&mut end, &plan, &block);
            let pids = pair::threads(&stage.terms, &block, open, lead, peer)?;
            stage.latency(&block, pids)
        })
    };
    RTT_PAUSES.map(variant).into()
}

fn streams<const N: usize>(slots: usize, messages: u64) -> Vec<Variant> {
    let variant = |(reader, writer)| {
        Variant::new(format!("pause:{reader}/{writer}"), move |stage: &Stage| {
            let plan = stage.plan(messages);
            let block = Block::map(0, 0)?;
            let open = || {
                let queue = Arc::new(ArrayQueue::<[u8; N]>::new(slots));
                let end = |pauses| End { to: queue.clone(), from: queue.clone(), pauses };
                (end(writer), end(reader))
            };
            let lead = |mut end: End<N>| drive::pour(&mut end, &plan, &block);
            let peer = |mut end: End<N>| drive::drink(&mut end, &plan, &block);
            let pids = pair::threads(&stage.terms, &block, open, lead, peer)?;
            stage.rate(&block, pids)
        })
    };
    STREAM_PAUSES.map(variant).into()
}

fn both_ways(stage: &Stage, pauses: u32) -> Result<Round, Fault> {
    let plan = stage.plan(PAIRS);
    let block = Block::map(PAIRS_BYTES, 0)?;
    let open = || {
        let queue = Arc::new(ArrayQueue::<[u8; 8]>::new(SLOTS));
        let end = || End { to: queue.clone(), from: queue.clone(), pauses };
        (end(), end())
    };
    let lead = |mut end: End<8>| pairs(&mut end, Side::Lead, &plan, &block);
    let peer = |mut end: End<8>| pairs(&mut end, Side::Peer, &plan, &block);
    let pids = pair::threads(&stage.terms, &block, open, lead, peer)?;
    rate_of_pairs(stage, &plan, &block, pids, false)
}

/// One thread's way to the queues.
struct End<const N: usize> {
    to: Arc<ArrayQueue<[u8; N]>>,
    from: Arc<ArrayQueue<[u8; N]>>,
    pauses: u32,
}

impl<const N: usize> End<N> {
    #[inline(always)]
    fn push(&self, message: [u8; N]) {
        let mut message = message;
        while let Err(back) = self.to.push(message) {
            message = back;
            pause(self.pauses);
        }
    }

    #[inline(always)]
    fn pop(&self) -> [u8; N] {
        loop {
            if let Some(message) = self.from.pop() {
                return message;
            }
            pause(self.pauses);
        }
    }
}

impl<const N: usize> Port<N> for End<N> {
    #[inline(always)]
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        self.push(*message);
        Ok(())
    }

    #[inline(always)]
    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        *message = self.pop();
        Ok(())
    }
}

impl<const N: usize> Sink for End<N> {
    #[inline(always)]
    fn put(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        self.push(script.message(next));
        Ok(next + 1)
    }
}

impl<const N: usize> Source for End<N> {
    #[inline(always)]
    fn take(&mut self, next: u64, _end: u64, script: &Script) -> Result<u64, SideFault> {
        check(script, &self.pop(), next)?;
        Ok(next + 1)
    }
}
