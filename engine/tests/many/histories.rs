//! Small histories of a real ring between real threads, each explained as steps of a queue, one
//! after the other, in an order that nobody who looked at a clock could contradict
//! (linearizability: Herlihy and Wing, 1990; the search: Wing and Gong, 1993).
//!
//! The queue is what the ring promises and no more: a send is a place in the order first and shown
//! later, so a receive may find nothing while the send of what comes next has not returned; and
//! what was copied out is released by the next call of its consumer, so a send may find no room
//! until that has returned.

use annulus::ring::mpmc::{RecvError, SendError};
use annulus::{Backing, Config, MpmcConsumer, MpmcProducer, Segment, Slots};
use annulus_testkit::Random;
use std::collections::HashSet;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Slots of the ring, and how many of them have a message when a history begins: so that it is
/// often full, and often empty.
const SLOTS: u64 = 64;
const FILLED: [u64; 6] = [0, 1, 2, SLOTS - 2, SLOTS - 1, SLOTS];

/// Histories, each of two threads that send and receive, and the calls of each of them.
const HISTORIES: u64 = 10_000;
const CALLS: usize = 8;

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Sent { position: u64 },
    Full,
    Received { position: u64 },
    Empty,
}

/// A call, from its begin to its end on the clock of all.
#[derive(Clone, Copy, Debug)]
struct Call {
    begin: u64,
    end: u64,
    done: Done,
}

/// The clock of a history: it goes on by one whenever a call begins or ends.
#[derive(Default)]
struct Clock(AtomicU64);

impl Clock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn time(&self, call: impl FnOnce() -> Done) -> Call {
        let begin = self.tick();
        let done = call();
        Call { begin, end: self.tick(), done }
    }
}

/// A history: the messages that were there first, from the oldest to the next one; the calls; and
/// when the call has ended that released each message.
struct History {
    head: u64,
    tail: u64,
    calls: Vec<Call>,
    released: Vec<(u64, u64)>,
}

#[test]
fn every_history_of_a_ring_is_one_of_a_queue() {
    let mut random = Random::new(7);
    let segment =
        Segment::create(&Backing::Memfd, &Config::mpmc(Slots::of(SLOTS, 8).participants(4)))
            .unwrap();
    let mut producers = [(); 2].map(|()| segment.mpmc_producer().unwrap());
    let mut consumers = [(); 2].map(|()| segment.mpmc_consumer().unwrap());
    // It begins where the one before has ended.
    let mut first = 0;
    let mut contested = 0;
    for _ in 0..HISTORIES {
        let filled = FILLED[random.below(FILLED.len() as u64) as usize];
        for position in first..first + filled {
            assert_eq!(send(&mut producers[0]), Done::Sent { position });
        }
        let (calls, released) = live(&mut producers, &mut consumers, &mut random);
        let history = History { head: first, tail: first + filled, calls, released };
        let explained = Search { history: &history, in_vain: HashSet::new() }.is_explained();
        let History { head, tail, calls, .. } = history;
        assert!(explained, "with the messages from {head} to {tail}: {calls:#?}");
        contested += u64::from(is_contested(&calls));
        first = tail
            + calls.iter().filter(|call| matches!(call.done, Done::Sent { .. })).count() as u64;
        consumers.iter_mut().for_each(MpmcConsumer::flush);
        while receive(&mut consumers[0]) != Done::Empty {}
    }
    assert!(contested > HISTORIES / 1_000, "only {contested} had calls at the same time");
}

/// Two threads, at once: each of them sends and receives, by chance. Their calls, and when each
/// message was released that one of them received.
fn live(
    producers: &mut [MpmcProducer; 2],
    consumers: &mut [MpmcConsumer; 2],
    random: &mut Random,
) -> (Vec<Call>, Vec<(u64, u64)>) {
    let (clock, gate) = (&Clock::default(), &AtomicU64::new(0));
    let (mut calls, mut released) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let threads: Vec<_> = producers
            .iter_mut()
            .zip(consumers)
            .map(|(producer, consumer)| {
                let plan = [(); CALLS].map(|()| (random.below(2) == 0, random.below(4)));
                scope.spawn(move || {
                    gate.fetch_add(1, Ordering::SeqCst);
                    // Ends: the other one comes, too.
                    while gate.load(Ordering::SeqCst) < 2 {
                        thread::yield_now();
                    }
                    plan.map(|(sends, pauses)| {
                        (0..pauses).for_each(|_| spin_loop());
                        clock.time(|| if sends { send(producer) } else { receive(consumer) })
                    })
                })
            })
            .collect();
        for thread in threads {
            let mut in_hand = None;
            for call in thread.join().unwrap() {
                let receives = matches!(call.done, Done::Received { .. } | Done::Empty);
                if receives && let Some(position) = in_hand.take() {
                    released.push((position, call.end));
                }
                if let Done::Received { position } = call.done {
                    in_hand = Some(position);
                }
                calls.push(call);
            }
        }
    });
    (calls, released)
}

fn send(producer: &mut MpmcProducer) -> Done {
    match producer.try_send(&0u64.to_ne_bytes()) {
        Ok(position) => Done::Sent { position },
        Err(SendError::Full) => Done::Full,
        Err(error) => panic!("a send: {error}"),
    }
}

fn receive(consumer: &mut MpmcConsumer) -> Done {
    match consumer.try_recv(&mut [0; 8]) {
        Ok(received) if received.attempt == 0 => Done::Received { position: received.position },
        Err(RecvError::Empty) => Done::Empty,
        other => panic!("a receive: {other:?}"),
    }
}

/// Whether any call began before another one had ended.
fn is_contested(calls: &[Call]) -> bool {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.begin);
    calls.windows(2).any(|pair| pair[1].begin < pair[0].end)
}

/// A queue's steps that explain a history, looked for.
struct Search<'h> {
    history: &'h History,
    /// Calls that were done already where nothing explained the rest.
    in_vain: HashSet<u64>,
}

impl Search<'_> {
    fn is_explained(&mut self) -> bool {
        self.goes_on(0, self.history.head, self.history.tail)
    }

    /// Whether the calls that are not in `done` can follow where the queue has the messages from
    /// `head` to `tail`.
    fn goes_on(&mut self, done: u64, head: u64, tail: u64) -> bool {
        let calls = &self.history.calls;
        if done == (1 << calls.len()) - 1 {
            return true;
        }
        if !self.in_vain.insert(done) {
            return false;
        }
        let left = |at: &usize| done & 1 << at == 0;
        // None of them comes after one that had ended when it began.
        let end = (0..calls.len()).filter(left).map(|at| calls[at].end).min().unwrap_or(0);
        for at in (0..calls.len()).filter(left).filter(|at| calls[*at].begin < end) {
            let done = done | 1 << at;
            let call = calls[at];
            let goes_on = match call.done {
                Done::Sent { position } => {
                    position == tail
                        && self.may_have_room(tail, head)
                        && self.goes_on(done, head, tail + 1)
                }
                Done::Received { position } => {
                    position == head && head < tail && self.goes_on(done, head + 1, tail)
                }
                Done::Empty => {
                    self.may_see_nothing(call, head, tail) && self.goes_on(done, head, tail)
                }
                Done::Full => {
                    self.may_see_no_room(call, head, tail) && self.goes_on(done, head, tail)
                }
            };
            if goes_on {
                return true;
            }
        }
        false
    }

    /// Nobody writes over what was not taken.
    fn may_have_room(&self, tail: u64, head: u64) -> bool {
        tail < head + SLOTS
    }

    /// There is nothing, or what comes next is not shown yet.
    fn may_see_nothing(&self, call: Call, head: u64, tail: u64) -> bool {
        let shown = self.history.calls.iter().find_map(|other| match other.done {
            Done::Sent { position } if position == head => Some(other.end),
            _ => None,
        });
        head == tail || shown.is_some_and(|end| end > call.begin)
    }

    /// What stands in the next slot was not taken, or not released when the call began.
    fn may_see_no_room(&self, call: Call, head: u64, tail: u64) -> bool {
        let Some(before) = tail.checked_sub(SLOTS).filter(|before| *before >= self.history.head)
        else {
            return false;
        };
        let end = self.history.released.iter().find(|(position, _)| *position == before);
        before >= head || end.is_none_or(|(_, end)| *end > call.begin)
    }
}
