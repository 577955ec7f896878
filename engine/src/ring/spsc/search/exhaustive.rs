//! The smallest ring, exhaustively: from every state that can be reached, every operation with
//! every imitating payload, whole and with a crash before each of its stores.
//!
//! A state is the ring's bytes, the oracle's records and the producer's private words. Stamps
//! only ever rise, so states are told apart by what matters for the future: for each cell, how
//! its word compares with the laps in which the producer will come to it next.

use super::model::{Committed, Outcome};
use super::traced::{Block, HEAD_AT, RING_AT, Traced, survived};
use super::{fresh, lookalike, retire};
use crate::ring::spsc::Producer;
use crate::ring::{Geometry, Position};
use crate::sync::Deadline;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The ring: eight cells.
const CAPACITY: u64 = 64;

/// The longest message in words: a record of three cells is 7/16 of eight.
const WORDS: usize = 2;

/// The producer's private words.
#[derive(Clone, Copy)]
struct Private {
    tail: Position,
    room_end: Position,
    short_end: Position,
}

/// Everything that an operation starts from.
#[derive(Clone)]
struct State {
    block: Block,
    private: Private,
}

/// What a payload's word imitates, by the lap in which it is written.
const IMITATIONS: [Option<u32>; 4] = [None, Some(0), Some(1), Some(2)];

/// What the producer does in one step.
#[derive(Clone, Debug)]
enum Operation {
    /// Sends these words.
    Send(Vec<usize>),
    /// Sends two messages of one word each in a batch.
    Batch(Vec<usize>),
    /// Claims room for two words, writes both, commits so many of them or drops the claim.
    Claim(Vec<usize>, Option<usize>),
    /// Goes, and a successor takes over.
    TakeOver,
}

/// All operations, payload words as indices of `IMITATIONS`.
fn operations() -> Vec<Operation> {
    let mut operations = vec![Operation::TakeOver];
    for words in 0..=WORDS {
        for code in 0..IMITATIONS.len().pow(words as u32) {
            let payload = |index| code / IMITATIONS.len().pow(index) % IMITATIONS.len();
            let payload: Vec<usize> = (0..words as u32).map(payload).collect();
            if words == WORDS {
                operations.push(Operation::Batch(payload.clone()));
                for kept in [None, Some(0), Some(1), Some(2)] {
                    operations.push(Operation::Claim(payload.clone(), kept));
                }
            }
            operations.push(Operation::Send(payload));
        }
    }
    operations
}

impl State {
    fn first(first_stamp: u32) -> (State, Geometry) {
        let (memory, geometry) = fresh(CAPACITY, first_stamp);
        // SAFETY: the block has the geometry's size, and no other producer is there.
        let producer = unsafe { Producer::attach(memory.share(), geometry) };
        let producer = producer.expect("a fresh ring is not corrupted");
        let private = Private::of(&producer);
        retire(producer);
        let block = memory.block().clone();
        (State { block, private }, geometry)
    }

    /// What matters for the future.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Private { tail, room_end, short_end } = self.private;
        (tail % CAPACITY, room_end - tail, short_end.saturating_sub(tail)).hash(&mut hasher);
        let model = &self.block.model;
        (tail - model.head).hash(&mut hasher);
        for Committed { position, payload, .. } in &model.records {
            (tail - position, payload.len()).hash(&mut hasher);
        }
        for cell in 0..CAPACITY / 8 {
            // The position at which the producer comes to this cell next.
            let ahead = (cell * 8 + CAPACITY - tail % CAPACITY) % CAPACITY;
            let stamp = model.stamp(tail + ahead);
            let at = RING_AT + cell as usize * 8;
            let bytes = self.block.bytes[at..at + 8].try_into().expect("eight bytes");
            let word = u64::from_le_bytes(bytes);
            let laps = ((word >> 32) as u32).wrapping_sub(stamp);
            // Words of laps that are over match no more, until stamps come round.
            let matters = word >> 31 & 1 == 1 && laps < 3;
            (if matters { laps } else { u32::MAX }).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The states after `operation`: whole, and with a crash before each of its stores.
    fn after(&self, operation: &Operation, geometry: Geometry, into: &mut Vec<State>) {
        for stores in 0.. {
            let memory = Traced::over(self.block.clone());
            let mine = memory.share();
            mine.die_before(stores);
            let mut producer = self.private.handle(mine, geometry);
            let outcome = survived(|| run(operation, &mut producer, &memory));
            memory.block().model.end(outcome.unwrap_or(Outcome::Crashed));
            let private = if outcome.is_some() && !matches!(operation, Operation::TakeOver) {
                let private = Private::of(&producer);
                assert_eq!(private.tail, memory.block().model.tail, "{operation:?}");
                private
            } else {
                // SAFETY: the block has the geometry's size, and the victim is gone.
                let successor = unsafe { Producer::attach(memory.share(), geometry) };
                let successor = successor.expect("a crash corrupts nothing");
                let private = Private::of(&successor);
                retire(successor);
                private
            };
            retire(producer);
            let block = memory.block().clone();
            into.push(State { block, private });
            if outcome.is_some() {
                return;
            }
        }
    }

    /// The state after the consumer released its oldest record, if there is one.
    fn released(&self) -> Option<State> {
        let mut state = self.clone();
        let end = state.block.model.records.front()?.end;
        let Block { bytes, model } = &mut state.block;
        bytes[HEAD_AT..HEAD_AT + 8].copy_from_slice(&end.to_le_bytes());
        model.after_store(bytes);
        Some(state)
    }
}

impl Private {
    fn of(producer: &Producer<Traced>) -> Private {
        let &Producer { tail, room_end, short_end, .. } = producer;
        Private { tail, room_end, short_end }
    }

    fn handle(self, memory: Traced, geometry: Geometry) -> Producer<Traced> {
        // SAFETY: the block has the geometry's size, and one handle is made of a state at a time.
        let producer = unsafe { Producer::attach(memory.share(), geometry) };
        let mut producer = producer.expect("a reached state is not corrupted");
        let Private { tail, room_end, short_end } = self;
        producer.area.memory().die();
        // SAFETY: as above.
        producer.area = unsafe { crate::ring::area::Area::new(memory, geometry) };
        (producer.tail, producer.room_end) = (tail, room_end);
        producer.short_end = short_end;
        producer
    }
}

/// Runs `operation` with payloads that imitate relative to the lap they are written in.
fn run(operation: &Operation, producer: &mut Producer<Traced>, memory: &Traced) -> Outcome {
    let payload = |words: &[usize]| -> Vec<u8> {
        let mut block = memory.block();
        block.model.begin(8 * words.len());
        let to_end = CAPACITY - block.model.tail % CAPACITY;
        let skip = if 8 + 8 * words.len() as u64 <= to_end { 0 } else { to_end };
        let stamp = block.model.stamp(block.model.tail + skip);
        let word = |&index: &usize| match IMITATIONS[index] {
            None => 0xaaaa_aaaa_2aaa_aaaau64,
            Some(laps) => lookalike(stamp.wrapping_add(laps)),
        };
        words.iter().flat_map(|index| word(index).to_le_bytes()).collect()
    };
    match operation {
        Operation::TakeOver => Outcome::Refused,
        Operation::Send(words) => {
            let message = payload(words);
            memory.block().model.commit_begins(&message);
            match producer.try_send(&message) {
                Ok(_) => Outcome::Committed,
                Err(_) => Outcome::Refused,
            }
        }
        Operation::Batch(words) => {
            let payload = payload(words);
            let (messages, _) = payload.as_chunks::<8>();
            memory.block().model.begin_all(&[8, 8]);
            memory.block().model.commits_begin(messages);
            let sent = producer.send_batch(messages, Deadline::PASSED);
            memory.block().model.end_batch(sent.map_or_else(|(sent, _)| sent, |()| 2), 2);
            Outcome::Refused
        }
        Operation::Claim(words, kept) => {
            let message = payload(words);
            let Ok(mut claim) = producer.try_claim(message.len()) else {
                return Outcome::Refused;
            };
            claim.write(0, &message);
            let Some(kept) = *kept else {
                return Outcome::Refused;
            };
            memory.block().model.commit_begins(&message[..8 * kept]);
            claim.commit(8 * kept);
            Outcome::Committed
        }
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "the first state has more successors than it has minutes for; random.rs runs the same"
)]
fn every_state_of_the_smallest_ring_shows_a_reader_exactly_what_was_committed() {
    let usual = if cfg!(debug_assertions) { 1_500 } else { 20_000 };
    let limit = std::env::var("ANNULUS_SEARCH_STATES").map_or(Ok(usual), |states| states.parse());
    let limit: usize = limit.expect("ANNULUS_SEARCH_STATES is a number of states");
    let operations = operations();
    let (first, geometry) = State::first(u32::MAX - 1);
    let mut known = HashSet::from([first.key()]);
    let mut frontier = vec![first];
    let (mut steps, mut stores) = (0u64, 0u64);
    let mut next = Vec::new();
    while !frontier.is_empty() && known.len() < limit {
        let mut later = Vec::new();
        for state in frontier {
            next.clear();
            next.extend(state.released());
            for operation in &operations {
                state.after(operation, geometry, &mut next);
            }
            steps += next.len() as u64;
            for mut state in next.drain(..) {
                stores += std::mem::take(&mut state.block.model.stores);
                if known.insert(state.key()) {
                    later.push(state);
                }
            }
            if known.len() >= limit {
                break;
            }
        }
        frontier = later;
    }
    let whole = if known.len() < limit { "all of them" } else { "stopped there" };
    println!("{} states ({whole}), {steps} steps, {stores} stores: clean", known.len());
    assert!(stores > steps && known.len() >= limit.min(1_000), "the search has searched");
}
