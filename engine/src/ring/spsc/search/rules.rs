//! One named test for each of the twelve rules of the ring: the smallest history in which the
//! rule is needed. The searches find more; these say what each rule is for.

use super::model::Outcome;
use super::traced::{HEAD_AT, RING_AT, Traced, survived};
use super::{fresh, lookalike, retire};
use crate::error::{RecvError, SendError};
use crate::ring::Geometry;
use crate::ring::spsc::{Consumer, Producer};
use crate::sync::Deadline;

/// A ring of sixteen cells with both sides; its model is told to expect every store.
struct Pair {
    memory: Traced,
    geometry: Geometry,
    producer: Producer<Traced>,
    consumer: Consumer<Traced>,
}

const CAPACITY: u64 = 128;

/// The stamp of lap 0 unless a test says otherwise.
const STAMP: u32 = 7;

impl Pair {
    fn new(first_stamp: u32) -> Pair {
        let (memory, geometry) = fresh(CAPACITY, first_stamp);
        let producer = successor(&memory, geometry);
        // SAFETY: the block has the geometry's size, and no other consumer is there.
        let consumer = unsafe { Consumer::attach(memory.share(), geometry) };
        let consumer = consumer.expect("a fresh ring is not corrupted");
        Pair { memory, geometry, producer, consumer }
    }

    /// Sends `message`; the model checks every store and every look of a reader.
    fn send(&mut self, message: &[u8]) {
        self.memory.block().model.begin(message.len());
        self.memory.block().model.commit_begins(message);
        self.producer.try_send(message).expect("there is room");
        self.memory.block().model.end(Outcome::Committed);
    }

    /// Sends an empty message by `send`, which may find no room.
    fn try_send(
        &mut self,
        send: impl FnOnce(&mut Producer<Traced>) -> Result<u64, SendError>,
    ) -> Result<u64, SendError> {
        self.memory.block().model.begin(0);
        self.memory.block().model.commit_begins(b"");
        let sent = send(&mut self.producer);
        let outcome = if sent.is_ok() { Outcome::Committed } else { Outcome::Refused };
        self.memory.block().model.end(outcome);
        sent
    }

    /// Writes `message` into a claim and commits its first `kept` bytes, or drops it.
    fn claim(&mut self, message: &[u8], kept: Option<usize>) {
        self.memory.block().model.begin(message.len());
        let mut claim = self.producer.try_claim(message.len()).expect("there is room");
        claim.write(0, message);
        if let Some(kept) = kept {
            self.memory.block().model.commit_begins(&message[..kept]);
            claim.commit(kept);
        }
        self.memory.block().model.end(Outcome::Refused);
    }

    /// Receives and releases everything that is there.
    fn receive_all(&mut self) -> usize {
        let mut count = 0;
        while self.consumer.try_recv(&mut [0; 128]).is_ok() {
            count += 1;
        }
        count
    }

    /// Another producer takes over, after a crash or a close.
    fn take_over(&mut self) {
        let successor = successor(&self.memory, self.geometry);
        retire(std::mem::replace(&mut self.producer, successor));
    }

    /// Fills the ring up to position `to` with empty messages, and takes them out again.
    fn advance_to(&mut self, to: u64) {
        while self.producer.position() < to {
            self.send(b"");
            self.receive_all();
        }
        assert_eq!(self.producer.position(), to);
    }
}

fn successor(memory: &Traced, geometry: Geometry) -> Producer<Traced> {
    // SAFETY: the block has the geometry's size, and the tests use one producer at a time.
    let producer = unsafe { Producer::attach(memory.share(), geometry) };
    producer.expect("nothing is corrupted")
}

/// A message of these words.
fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn rule_1_a_zeroed_word_is_no_record_even_where_the_stamp_is_0() {
    // Lap 1 is stamped 0; without the record bit every zeroed word of it would be a record.
    let mut pair = Pair::new(u32::MAX);
    pair.advance_to(CAPACITY);
    pair.send(b"x");
    assert_eq!(pair.receive_all(), 1);
    assert_eq!(pair.consumer.try_recv(&mut [0; 8]), Err(RecvError::Empty));
}

#[test]
fn rule_2_a_payload_that_imitates_the_next_lap_is_seen_also_in_its_last_broken_word() {
    for len in [16, 14, 13] {
        let mut pair = Pair::new(STAMP);
        pair.advance_to(2 * CAPACITY);
        // Old bytes that complete the imitation, were the last word not stored whole.
        let stamp = STAMP + 3;
        pair.send(&words(&[0, lookalike(stamp)])[..len]);
        pair.receive_all();
        pair.advance_to(3 * CAPACITY + 16);
        assert_eq!(pair.receive_all(), 0);
    }
    // The last word imitates by the bytes that a shorter message leaves behind.
    let mut pair = Pair::new(0x0100_0000 - 3);
    pair.advance_to(CAPACITY);
    pair.send(&words(&[u64::MAX, u64::MAX]));
    pair.receive_all();
    pair.advance_to(2 * CAPACITY);
    pair.send(&[&[0; 8][..], &[0, 0, 0, 0x80, 0, 0, 0]].concat());
    pair.receive_all();
    pair.advance_to(4 * CAPACITY);
}

#[test]
fn rule_3_an_imitation_is_seen_a_whole_ring_later() {
    let mut pair = Pair::new(STAMP);
    pair.advance_to(2 * CAPACITY + 80);
    // In the last cell but one of this lap: the next lap comes to it at its very end.
    pair.send(&words(&[lookalike(STAMP + 3)]));
    pair.receive_all();
    pair.advance_to(4 * CAPACITY);
}

#[test]
fn rule_4_the_next_word_is_zeroed_before_a_record_is_shown() {
    let mut pair = Pair::new(STAMP);
    pair.advance_to(2 * CAPACITY);
    pair.send(&words(&[lookalike(STAMP + 3); 5]));
    pair.receive_all();
    // The model's reader looks between the two stores of each commit of the next lap.
    pair.advance_to(4 * CAPACITY);
}

#[test]
fn rule_5_what_a_dropped_or_shortened_claim_leaves_is_never_taken_for_a_record() {
    for kept in [None, Some(0), Some(8)] {
        let mut pair = Pair::new(STAMP);
        pair.advance_to(2 * CAPACITY);
        // This lap's word, at every cell of the claim.
        pair.claim(&words(&[lookalike(STAMP + 2); 5]), kept);
        pair.send(b"");
        pair.receive_all();
        pair.advance_to(4 * CAPACITY);
    }
}

#[test]
fn rule_6_skipped_cells_keep_nothing_for_the_laps_to_come() {
    let mut pair = Pair::new(STAMP);
    pair.advance_to(2 * CAPACITY + 96);
    // A payload in the cells that the next lap will skip, imitating the lap after that.
    pair.send(&words(&[lookalike(STAMP + 4), lookalike(STAMP + 4)]));
    pair.receive_all();
    pair.advance_to(3 * CAPACITY + 96);
    pair.send(&[1; 40]);
    pair.receive_all();
    // Far enough that it is the imitated lap's turn.
    pair.advance_to(6 * CAPACITY);
}

#[test]
fn rule_7_a_successor_looks_at_what_it_never_saw_written() {
    let mut pair = Pair::new(STAMP);
    pair.advance_to(2 * CAPACITY + 64);
    pair.send(&words(&[lookalike(STAMP + 3); 5]));
    pair.receive_all();
    pair.take_over();
    pair.advance_to(4 * CAPACITY);
}

#[test]
fn rule_7_a_successor_goes_on_behind_what_was_committed_and_not_released() {
    let mut pair = Pair::new(STAMP);
    pair.send(b"one");
    pair.send(b"two");
    pair.take_over();
    pair.send(b"three");
    assert_eq!(pair.receive_all(), 3);
}

#[test]
fn rule_8_a_ring_is_filled_to_its_last_cell_and_the_oldest_record_stands() {
    for offset in 0..CAPACITY / 8 {
        let mut pair = Pair::new(STAMP);
        pair.advance_to(8 * offset);
        while pair.try_send(|producer| producer.try_send(b"")).is_ok() {}
        assert_eq!(pair.receive_all() as u64, CAPACITY / 8);
    }
}

#[test]
fn rule_9_a_ring_that_was_closed_and_drained_is_used_again_where_it_stands() {
    let mut pair = Pair::new(STAMP);
    pair.send(b"first");
    pair.receive_all();
    let position = pair.producer.position();
    let (memory, geometry) = (pair.memory.share(), pair.geometry);
    pair.producer.close();
    assert_eq!(pair.consumer.try_recv(&mut [0; 8]), Err(RecvError::Closed));
    pair.producer = successor(&memory, geometry);
    assert_eq!(pair.producer.position(), position);
    pair.send(b"second");
    assert_eq!(pair.receive_all(), 1);
}

#[test]
fn rule_10_no_byte_is_stored_outside_the_records_own_cells() {
    for len in 0..=48 {
        let mut pair = Pair::new(STAMP);
        pair.advance_to(2 * CAPACITY);
        pair.memory.block().bytes[RING_AT..].fill(0x55);
        let message = vec![0xff; len];
        pair.send(&message);
        // Nothing here would be taken for a record, so not even the next word is touched.
        let past = RING_AT + (8 + len).next_multiple_of(8);
        assert!(pair.memory.block().bytes[past..].iter().all(|&byte| byte == 0x55), "{len}");
    }
}

#[test]
fn rule_11_head_never_passes_a_record_that_is_still_looked_at() {
    let mut pair = Pair::new(STAMP);
    pair.consumer.release_each();
    pair.send(b"first");
    pair.send(b"second");
    let head = |memory: &Traced| memory.block().bytes[HEAD_AT];
    let memory = pair.memory.share();
    pair.consumer
        .drain(2, |record| assert_eq!(u64::from(head(&memory)), record.position()))
        .expect("two messages are there");
    assert_eq!(pair.consumer.batch(Deadline::PASSED).err(), Some(RecvError::Timeout));
    pair.send(b"third");
    let mut gathered = pair.consumer.batch(Deadline::PASSED).expect("one message is there");
    let position = gathered.gather().expect("one message is there").position();
    assert_eq!(u64::from(head(&memory)), position);
    gathered.release(1);
    assert!(u64::from(head(&memory)) > position);
}

#[test]
fn rule_11_large_records_are_released_by_their_bytes_and_small_ones_by_their_number() {
    let mut pair = Pair::new(STAMP);
    let head = |pair: &Pair| pair.memory.block().bytes[HEAD_AT];
    pair.send(&[1; 32]);
    pair.consumer.try_recv(&mut [0; 32]).expect("it is there");
    assert_eq!(head(&pair), 0, "what a call copies out is not released by that call");
    for _ in 0..3 {
        pair.send(b"");
    }
    pair.consumer.try_recv(&mut [0; 8]).expect("it is there");
    assert_eq!(head(&pair), 40, "but an eighth of the ring by the next");
    pair.consumer.try_peek().expect("it is there").release();
    assert_eq!(head(&pair), 56, "in place, two cells of eight are released at once");
    pair.consumer.try_recv(&mut [0; 8]).expect("it is there");
    assert_eq!(head(&pair), 56, "a small record is not released by itself");
    pair.consumer.flush();
    assert_eq!(head(&pair), 64, "but on demand");
    pair.send(b"");
    pair.receive_all();
    assert_eq!(head(&pair), 72, "and when the ring is found empty");
}

#[test]
fn rule_11_a_consumer_that_dies_in_a_receive_has_not_received() {
    for records in 0..20 {
        for stores in 0..2 {
            let mut pair = Pair::new(STAMP);
            for _ in 0..records {
                pair.send(b"");
                pair.consumer.try_recv(&mut []).expect("it is there");
            }
            pair.send(b"");
            let at = pair.consumer.position();
            pair.consumer.area.memory().die_before(stores);
            let _ = survived(|| pair.consumer.try_recv(&mut []));
            pair.consumer.area.memory().die();
            assert!(u64::from(pair.memory.block().bytes[HEAD_AT]) <= at);
        }
    }
}

#[test]
fn rule_11_the_longest_messages_never_wait_for_a_consumer_that_does_not_look_again() {
    // Every offset at which a record of the longest length can start.
    for offset in (0..CAPACITY).step_by(8) {
        let mut pair = Pair::new(STAMP);
        pair.advance_to(CAPACITY + offset);
        let longest = vec![1; pair.geometry.longest_message()];
        for _ in 0..4 {
            pair.send(&longest);
            pair.consumer.try_peek().expect("it is there").release();
        }
        // One that was copied out is released by the next look.
        for _ in 0..4 {
            pair.send(&longest);
            pair.consumer.try_recv(&mut [0; 128]).expect("it is there");
            assert_eq!(pair.consumer.try_recv(&mut [0; 128]), Err(RecvError::Empty));
        }
    }
}

#[test]
fn rule_12_a_try_takes_what_fits_and_only_a_blocking_send_waits_for_a_quarter() {
    let mut pair = Pair::new(STAMP);
    while pair.try_send(|producer| producer.try_send(b"")).is_ok() {}
    pair.consumer.release_each();
    pair.consumer.try_peek().expect("it is there").release();
    // One cell is free: less than a quarter, enough for one more.
    assert!(pair.try_send(|producer| producer.try_send(b"")).is_ok());
    pair.consumer.try_peek().expect("it is there").release();
    // A blocking send takes it too, before it reports that its deadline passed.
    assert!(pair.try_send(|producer| producer.send(b"", Deadline::PASSED)).is_ok());
    let last = pair.try_send(|producer| producer.send(b"", Deadline::PASSED));
    assert_eq!(last, Err(SendError::Timeout));
}

#[test]
fn a_crash_before_any_store_of_a_send_loses_nothing_and_the_successor_goes_on() {
    for stores in 0..12 {
        let mut pair = Pair::new(STAMP);
        pair.send(b"before");
        pair.producer.area.memory().die_before(stores);
        pair.memory.block().model.begin(40);
        pair.memory.block().model.commit_begins(&[9; 40]);
        let sent = survived(|| pair.producer.try_send(&[9; 40]));
        pair.memory.block().model.end(Outcome::Crashed);
        pair.take_over();
        pair.send(b"after");
        let received = pair.receive_all();
        assert!(received == 3 || sent.is_none() && received == 2);
    }
}
