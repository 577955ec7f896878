//! What comes again to the successor of a consumer that is killed while it looks at a message.

use super::{Consumer, Producer, Reach, ring};
use crate::layout::HEAD;
use crate::sync::{Deadline, Memory, Ordering};

const CAPACITY: u64 = 4096;

/// Records of 24 bytes: they do not divide the ring, so that each lap ends in padding.
const LEN: usize = 16;

/// More laps than one, at each of whose ends something else is held back.
const MESSAGES: usize = 600;

/// A way to take messages from a ring that has one, which says where each stood while it was
/// looked at.
type Way = fn(&mut Consumer<Reach>, &mut dyn FnMut(u64, &Reach));

fn receive(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let received = consumer.try_recv(&mut [0; LEN]).expect("it is there");
    at(received.position, consumer.area.memory());
}

fn receive_into_more(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let received = consumer.try_recv(&mut [0; 99]).expect("it is there");
    at(received.position, consumer.area.memory());
}

fn peek(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let position = consumer.try_peek().expect("it is there").record().position();
    at(position, consumer.area.memory());
    consumer.try_peek().expect("it still is").release();
}

fn wait_and_peek(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let position = consumer.peek(Deadline::NEVER).expect("it is there").record().position();
    at(position, consumer.area.memory());
    consumer.try_peek().expect("it still is").release();
}

fn drain(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    // A look at `head` from within, by somebody else's way to the same memory.
    let memory = *consumer.area.memory();
    consumer.drain(1, |record| at(record.position(), &memory)).expect("it is there");
}

#[cfg(feature = "typed")]
fn peek_typed(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let position = consumer.try_peek_of(LEN).expect("it is there").record().position();
    at(position, consumer.area.memory());
    consumer.try_peek_of(LEN).expect("it still is").release();
}

#[cfg(feature = "typed")]
fn drain_typed(consumer: &mut Consumer<Reach>, at: &mut dyn FnMut(u64, &Reach)) {
    let memory = *consumer.area.memory();
    consumer.drain_of(LEN, 1, |record| at(record.position(), &memory)).expect("it is there");
}

const WAYS: &[Way] = &[
    receive,
    receive_into_more,
    peek,
    wait_and_peek,
    drain,
    #[cfg(feature = "typed")]
    peek_typed,
    #[cfg(feature = "typed")]
    drain_typed,
];

/// How many messages come again at most if `first` is taken so many times and then `second` once,
/// over and over.
fn most_again(first: Way, times: usize, second: Way, each: bool) -> usize {
    let (_heap, mut producer, mut consumer) = ring(CAPACITY);
    if each {
        consumer.release_each();
    }
    let mut starts = Vec::new();
    let mut most = 0;
    for number in 0..MESSAGES {
        fill(&mut producer, &mut starts);
        let way = if number % (times + 1) == times { second } else { first };
        way(&mut consumer, &mut |position, memory| {
            // ORDERING: Relaxed: one thread.
            // SAFETY: a control word.
            let head = unsafe { memory.load(HEAD, Ordering::Relaxed) };
            let released = starts.partition_point(|start| *start < head);
            starts.drain(..released);
            most = most.max(starts.partition_point(|start| *start <= position));
        });
    }
    most
}

/// Fills the ring, and notes where each message starts.
fn fill(producer: &mut Producer<Reach>, starts: &mut Vec<u64>) {
    while let Ok(start) = producer.try_send(&[7; LEN]) {
        starts.push(start);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes long there, and looks at numbers only")]
fn however_messages_are_taken_no_more_come_again_than_are_held_back() {
    let mut most_of_all = 0;
    for (i, first) in WAYS.iter().enumerate() {
        for (j, second) in WAYS.iter().enumerate() {
            for times in [1, 3, 7, 8, 11, 20] {
                let most = most_again(*first, times, *second, false);
                assert!(most <= 8, "{most} by {i}, {times} times, and then by {j}");
                most_of_all = most_of_all.max(most);
                let most = most_again(*first, times, *second, true);
                assert_eq!(most, 1, "of each by {i}, {times} times, and then by {j}");
            }
        }
    }
    assert_eq!(most_of_all, 8, "so many are held back");
}
