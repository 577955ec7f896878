//! Long random histories at byte level, with crashes of either side at any store.

use super::model::{Committed, Outcome};
use super::traced::{RING_AT, Traced, survived};
use super::{fresh, lookalike};
use crate::error::{RecvError, SendError};
use crate::ring::Geometry;
use crate::ring::spsc::{Consumer, Producer};
use crate::sync::Deadline;

/// A small generator of its own, so that a seed means the same for good (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

/// One ring, its two real sides, and the dice.
struct History {
    random: Random,
    geometry: Geometry,
    memory: Traced,
    producer: Option<Producer<Traced>>,
    consumer: Option<Consumer<Traced>>,
    crashes: u64,
}

impl History {
    fn new(seed: u64) -> History {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let capacity = 64 << random.below(5);
        // Around the stamp's wrap, where a zero word is a word of lap 0 but for the record bit.
        let first_stamp = match random.below(4) {
            0 => 0u32.wrapping_sub(random.below(3) as u32),
            1 => random.below(3) as u32,
            _ => random.next() as u32,
        };
        let (memory, geometry) = fresh(capacity, first_stamp);
        // Any old memory but for a word of lap 0 at its start, where no record stands.
        if random.one_in(4) {
            let stamp = first_stamp;
            let mut block = memory.block();
            let data = &mut block.bytes[RING_AT + 8..];
            for word in data.chunks_exact_mut(8) {
                let old = old_word(&mut random, stamp);
                word.copy_from_slice(&old.to_le_bytes());
            }
        }
        History { random, geometry, memory, producer: None, consumer: None, crashes: 0 }
    }

    /// A payload of `len` bytes out of imitating words, shifted now and then so that the
    /// imitation ends within a word.
    fn payload(&mut self, len: usize) -> Vec<u8> {
        let tail = self.memory.block().model.tail;
        let stamp = self.memory.block().model.stamp(tail);
        let shift = if self.random.one_in(3) { self.random.below(8) } else { 0 };
        let mut bytes = Vec::with_capacity(len + 16);
        while bytes.len() < len + 8 {
            bytes.extend_from_slice(&old_word(&mut self.random, stamp).to_le_bytes());
        }
        bytes[shift..shift + len].to_vec()
    }

    fn victim(&mut self, memory: &Traced, stores: usize) {
        memory.scramble(self.random.next());
        if self.random.one_in(12) {
            memory.die_before(self.random.below(stores) as u32);
        }
    }

    /// Runs one operation of the producer, or joins one. It may die in it.
    fn produce(&mut self) {
        let Some(mut producer) = self.producer.take() else {
            let memory = self.memory.share();
            self.victim(&memory, 3);
            let geometry = self.geometry;
            // SAFETY: the block has the geometry's size, and no other producer is there.
            let joined = survived(|| unsafe { Producer::attach(memory, geometry) });
            self.producer = joined.map(|producer| producer.expect("nothing is corrupted"));
            match &self.producer {
                Some(producer) => producer.area.memory().die_before(u32::MAX),
                None => self.crashes += 1,
            }
            return;
        };
        let longest = self.geometry.longest_message();
        let len = match self.random.below(4) {
            0 => self.random.below(longest + 1),
            1 => longest,
            _ => self.random.below(25.min(longest + 1)),
        };
        let payload = self.payload(len);
        let choice = self.random.below(9);
        let batch: Vec<&[u8]> = payload.chunks(self.random.below(24) + 1).collect();
        if choice == 8 {
            let lens: Vec<usize> = batch.iter().map(|message| message.len()).collect();
            self.memory.block().model.begin_all(&lens);
        } else {
            self.memory.block().model.begin(len);
        }
        // A handle's own memory decides when it dies.
        let dice = producer.area.memory() as *const Traced;
        // SAFETY: the handle outlives this call, and its memory is only ever shared.
        self.victim(unsafe { &*dice }, len / 4 + 8);
        let model = self.memory.share();
        let done = survived(|| match choice {
            0..=3 => {
                model.block().model.commit_begins(&payload);
                let sent = if choice == 0 {
                    producer.send(&payload, Deadline::PASSED)
                } else {
                    producer.try_send(&payload)
                };
                settle(sent.map(|_| ()))
            }
            4 | 5 => producer.try_claim(len).map_or_else(settle_error, |mut claim| {
                claim.write(0, &payload);
                let kept = if choice == 4 { len } else { len / 2 };
                model.block().model.commit_begins(&payload[..kept]);
                claim.commit(kept);
                true
            }),
            6 => producer.try_claim(len).map_or_else(settle_error, |mut claim| {
                claim.write(0, &payload);
                false
            }),
            8 => {
                model.block().model.commits_begin(&batch);
                let sent = producer.send_batch(&batch, Deadline::PASSED);
                let sent = sent.map_or_else(
                    |(sent, error)| {
                        settle_error(error);
                        sent
                    },
                    |()| batch.len(),
                );
                model.block().model.end_batch(sent, batch.len());
                false
            }
            _ => false,
        });
        self.finish_producer(producer, done, choice == 7);
    }

    fn finish_producer(&mut self, producer: Producer<Traced>, done: Option<bool>, leave: bool) {
        match done {
            None => {
                self.crashes += 1;
                self.memory.block().model.end(Outcome::Crashed);
                assert!(producer.area.memory().is_dead());
            }
            Some(committed) => {
                let outcome = if committed { Outcome::Committed } else { Outcome::Refused };
                self.memory.block().model.end(outcome);
                assert_eq!(producer.tail, self.memory.block().model.tail, "the tail of a walk");
                producer.area.memory().die_before(u32::MAX);
                if leave && self.random.one_in(4) {
                    // A clean close and a hand-over: to the next, they are a take-over too.
                    producer.close();
                } else {
                    self.producer = Some(producer);
                }
            }
        }
    }

    /// Runs one operation of the consumer, or joins one. It may die in it.
    fn consume(&mut self) {
        let Some(mut consumer) = self.consumer.take() else {
            let memory = self.memory.share();
            let geometry = self.geometry;
            // SAFETY: the block has the geometry's size, and no other consumer is there.
            let joined = unsafe { Consumer::attach(memory, geometry) };
            self.consumer = Some(joined.expect("nothing is corrupted"));
            return;
        };
        let expected: Vec<Committed> = {
            let block = self.memory.block();
            let unread = |record: &&Committed| record.end > consumer.position();
            block.model.records.iter().filter(unread).cloned().collect()
        };
        let choice = self.random.below(6);
        if self.random.one_in(12) {
            consumer.area.memory().die_before(self.random.below(2) as u32);
        }
        let limit = self.random.below(10);
        let done = survived(|| match choice {
            0 | 1 => {
                // A buffer of the message's own length may take the short way.
                let exact = expected.first().filter(|_| choice == 0);
                let mut buffer = vec![0; exact.map_or(512, |record| record.payload.len())];
                match (consumer.try_recv(&mut buffer), expected.first()) {
                    (Ok(received), Some(record)) => {
                        assert_eq!(&buffer[..received.len], record.payload);
                        assert_eq!(received.position, record.position);
                    }
                    (Err(RecvError::Empty | RecvError::Closed), None) => {}
                    (got, wanted) => panic!("received {got:?}, wanted {wanted:?}"),
                }
            }
            2 => {
                let mut count = 0;
                let _ = consumer.drain(limit, |record| {
                    let mut bytes = vec![0; record.len()];
                    record.read(0, &mut bytes);
                    assert_eq!(bytes, expected[count].payload);
                    count += 1;
                });
                assert_eq!(count, expected.len().min(limit));
            }
            3 => match consumer.batch(Deadline::PASSED) {
                Ok(mut batch) => {
                    while let Some(record) = batch.gather() {
                        let mut bytes = vec![0; record.len()];
                        record.read(0, &mut bytes);
                        assert_eq!(bytes, expected[batch.count() - 1].payload);
                    }
                    let count = batch.count().min(limit);
                    batch.release(count);
                }
                Err(_) => assert!(expected.is_empty()),
            },
            4 => {
                if let Ok(view) = consumer.try_peek() {
                    assert_eq!(view.record().len(), expected[0].payload.len());
                    view.release();
                }
            }
            _ => consumer.flush(),
        });
        match done {
            None => self.crashes += 1,
            Some(()) => {
                consumer.area.memory().die_before(u32::MAX);
                if self.random.one_in(40) {
                    consumer.close();
                } else {
                    self.consumer = Some(consumer);
                }
            }
        }
    }
}

/// A word that may stand in old memory or in a payload: neutral, or one that imitates the word
/// of a lap nearby, with any length.
fn old_word(random: &mut Random, stamp: u32) -> u64 {
    let imitated = match random.below(6) {
        0 => return random.next(),
        1 => return 0,
        2 => stamp,
        3 => stamp.wrapping_add(2),
        _ => stamp.wrapping_add(1),
    };
    let len = if random.one_in(2) { 0 } else { random.next() & 31 };
    let padding = u64::from(random.one_in(8)) << 30;
    lookalike(imitated) | padding | len
}

/// Whether a send put its message into the ring.
fn settle(sent: Result<(), SendError>) -> bool {
    match sent {
        Ok(()) => true,
        Err(error) => settle_error(error),
    }
}

fn settle_error(error: SendError) -> bool {
    match error {
        SendError::Full | SendError::Timeout | SendError::PeerClosed => false,
        other => panic!("a send fails with {other:?}"),
    }
}

#[test]
fn after_every_store_a_reader_sees_exactly_what_was_committed() {
    let rings = std::env::var("ANNULUS_SEARCH_RINGS").map_or(Ok(1_500), |rings| rings.parse());
    let rings: u64 = rings.expect("ANNULUS_SEARCH_RINGS is a number of rings");
    let rings = if cfg!(miri) { 1 } else { rings };
    let (mut stores, mut crashes) = (0, 0);
    for seed in 1..=rings {
        let mut history = History::new(seed);
        for _ in 0..400 {
            if history.random.one_in(2) {
                history.produce();
            } else {
                history.consume();
            }
        }
        stores += history.memory.block().model.stores;
        crashes += history.crashes;
    }
    println!("{rings} rings, {stores} stores with a look after each, {crashes} crashes: clean");
    assert!(stores > 100 * rings && crashes >= rings, "the search has searched");
}
