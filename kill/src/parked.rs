//! The operations of the spsc ring at which a side sleeps.
//!
//! First those that wake who sleeps in the other role: every way in which something is sent or
//! released, a close and a join. What wakes nobody is not among them: in a ring of 1 KiB a release
//! of one message is less than a sender waits for.
//!
//! Then those in which the victim lies down itself, sleeps, and rises: because it was woken, or
//! because its deadline came. By which call it does so makes no difference: all of one role wait by
//! the same lines. One that looks before it sleeps does no more than these and `spsc`'s together.
//!
//! By a fence or by membarrier(2): the stores are the same, but what stands between them and the
//! look for sleepers is not, so those that wake are tried by both. Who lies down passes the one or
//! the other in one place, before it sleeps; what follows a sleep that nobody ended is the same.

use crate::scene::{EMPTY, FULL, Known, NEW, Ring, Start, WRAPPING, message};
use crate::spsc::{
    BATCH, CLAIM, CLOSE_PRODUCER, DRAIN, JOIN_CONSUMER, JOIN_PRODUCER, SEND, SEND_ALL, SEND_BATCH,
    consumer, producer, ready_to_receive, ready_to_send,
};
use crate::{Company, Operation, Receipt, begin, finished};
use annulus::{Barrier, Deadline, Segment};
use std::time::Duration;

const BY_FENCE: Ring = Ring::Parks(Barrier::Fence);
const BY_MEMBARRIER: Ring = Ring::Parks(Barrier::Membarrier);
const RINGS: &[Ring] = &[BY_FENCE, BY_MEMBARRIER];

/// Where a receiver sleeps.
const EMPTIES: &[Start] = &[EMPTY, WRAPPING];

/// When a victim gives up that is woken before that.
const NEVER_COMES: Duration = Duration::from_secs(10);

/// When one rises that is not woken: it has to lie down before that, step by step.
const SLEEPS_OUT: Duration = Duration::from_millis(40);

/// All of them.
pub const OPERATIONS: [Operation; 15] = [
    wakes("wake by send", EMPTIES, SEND),
    wakes("wake by send_all of 3", EMPTIES, SEND_ALL),
    wakes("wake by send_batch of 5", EMPTIES, SEND_BATCH),
    wakes("wake by claim, commit", EMPTIES, CLAIM),
    wakes("wake by close", EMPTIES, CLOSE_PRODUCER),
    wakes("wake by join", &[NEW], JOIN_PRODUCER),
    wakes("wake by recv of 9", &[FULL], RECV),
    wakes("wake by drain of 9", &[FULL], DRAIN),
    wakes("wake by batch, release", &[FULL], BATCH),
    wakes("wake by close", &[FULL], CLOSE_CONSUMER),
    wakes("wake by join", &[FULL], JOIN_CONSUMER),
    Operation {
        company: Company::Waker,
        rings: RINGS,
        starts: EMPTIES,
        ..consumer("sleep in recv, woken", Receipt::Returned, |segment, _| {
            sleep_in_recv(segment, NEVER_COMES);
        })
    },
    Operation {
        company: Company::Idler,
        rings: &[BY_FENCE],
        starts: &[EMPTY],
        ..consumer("sleep in recv, in vain", Receipt::Returned, |segment, _| {
            sleep_in_recv(segment, SLEEPS_OUT);
        })
    },
    Operation {
        company: Company::Waker,
        rings: RINGS,
        starts: &[FULL],
        ..producer("sleep in send, woken", |segment, known| {
            sleep_in_send(segment, known, NEVER_COMES);
        })
    },
    Operation {
        company: Company::Idler,
        rings: &[BY_FENCE],
        starts: &[FULL],
        ..producer("sleep in send, in vain", |segment, known| {
            sleep_in_send(segment, known, SLEEPS_OUT);
        })
    },
];

/// `operation`, while a process sleeps in the other role.
const fn wakes(name: &'static str, starts: &'static [Start], operation: Operation) -> Operation {
    Operation { name, company: Company::Sleeper, rings: RINGS, starts, ..operation }
}

/// Enough to release a quarter of the ring, an eighth at a time.
const RECV: Operation = consumer("recv of 9", Receipt::Shown, |segment, _| {
    let mut consumer = ready_to_receive(segment);
    let mut buffer = [0; 128];
    begin();
    let received = (0..9).filter(|_| consumer.try_recv(&mut buffer).is_ok()).count();
    finished(received as u64);
});

const CLOSE_CONSUMER: Operation = consumer("close", Receipt::Returned, |segment, _| {
    let consumer = ready_to_receive(segment);
    begin();
    drop(consumer);
    finished(0);
});

fn sleep_in_recv(segment: &Segment, span: Duration) {
    let mut consumer = ready_to_receive(segment);
    let mut buffer = [0; 128];
    let deadline = Deadline::after(span);
    begin();
    finished(u64::from(consumer.recv(&mut buffer, deadline).is_ok()));
}

fn sleep_in_send(segment: &Segment, known: &Known, span: Duration) {
    let mut producer = ready_to_send(segment, known).0;
    let message = message(known.sent, known.stamp);
    let deadline = Deadline::after(span);
    begin();
    finished(u64::from(producer.send(&message, deadline).is_ok()));
}
