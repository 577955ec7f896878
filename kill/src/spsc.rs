//! The operations of the spsc ring.

use crate::scene::{Known, Ring, STARTS, message};
use crate::{Company, Operation, Receipt, begin, finished};
use annulus::ring::Role;
use annulus::{Consumer, Deadline, Producer, Segment};

/// Every operation of both sides, but for the waiting that may come before one.
pub const OPERATIONS: [Operation; 16] = [
    SEND,
    SEND_ALL,
    SEND_BATCH,
    CLAIM,
    producer("claim, drop", |segment, known| {
        let (mut producer, message) = ready_to_send(segment, known);
        begin();
        let claimed = producer.try_claim(message.len() + 40).map(|mut claim| {
            claim.write(0, &message);
        });
        let _ = claimed;
        finished(0);
    }),
    CLOSE_PRODUCER,
    JOIN_PRODUCER,
    consumer("recv", Receipt::Returned, |segment, _| {
        let mut consumer = ready_to_receive(segment);
        let mut buffer = [0; 128];
        begin();
        finished(u64::from(consumer.try_recv(&mut buffer).is_ok()));
    }),
    consumer("recv of the length", Receipt::Returned, |segment, known| {
        let mut consumer = ready_to_receive(segment);
        let mut buffer = message(known.received, known.stamp);
        begin();
        finished(u64::from(consumer.try_recv(&mut buffer).is_ok()));
    }),
    Operation {
        before: 1,
        ..consumer("recv, release due", Receipt::Returned, |segment, known| {
            let mut consumer = ready_to_receive(segment);
            consumer.release_each();
            receive_before(&mut consumer, 1);
            let mut buffer = message(known.received + 1, known.stamp);
            begin();
            finished(u64::from(consumer.try_recv(&mut buffer).is_ok()));
        })
    },
    Operation {
        before: 8,
        ..consumer("recv, batch due", Receipt::Returned, |segment, _| {
            let mut consumer = ready_to_receive(segment);
            receive_before(&mut consumer, 8);
            let mut buffer = [0; 128];
            begin();
            finished(u64::from(consumer.try_recv(&mut buffer).is_ok()));
        })
    },
    consumer("peek, release", Receipt::Shown, |segment, _| {
        let mut consumer = ready_to_receive(segment);
        consumer.release_each();
        begin();
        let taken = consumer.try_peek().map(|view| view.release());
        finished(u64::from(taken.is_ok()));
    }),
    DRAIN,
    BATCH,
    Operation {
        before: 3,
        ..consumer("close", Receipt::Returned, |segment, _| {
            let mut consumer = ready_to_receive(segment);
            receive_before(&mut consumer, 3);
            begin();
            drop(consumer);
            finished(0);
        })
    },
    JOIN_CONSUMER,
];

pub(crate) const SEND: Operation = producer("send", |segment, known| {
    let (mut producer, message) = ready_to_send(segment, known);
    begin();
    finished(u64::from(producer.try_send(&message).is_ok()));
});

pub(crate) const SEND_ALL: Operation = producer("send_all of 3", |segment, known| {
    let (mut producer, _) = ready_to_send(segment, known);
    let messages = [0, 1, 2].map(|more| message(known.sent + more, known.stamp));
    begin();
    let sent = producer.send_all(&messages, Deadline::PASSED);
    finished(sent.unwrap_or_else(|(sent, _)| sent) as u64);
});

pub(crate) const SEND_BATCH: Operation = producer("send_batch of 5", |segment, known| {
    let (mut producer, _) = ready_to_send(segment, known);
    let messages = [0, 1, 2, 3, 4].map(|more| message(known.sent + more, known.stamp));
    begin();
    let sent = producer.send_batch(&messages, Deadline::PASSED);
    finished(sent.map_or_else(|(sent, _)| sent, |()| messages.len()) as u64);
});

pub(crate) const CLAIM: Operation = producer("claim, commit", |segment, known| {
    let (mut producer, message) = ready_to_send(segment, known);
    begin();
    let sent = producer.try_claim(message.len() + 40).map(|mut claim| {
        claim.write(0, &message);
        claim.commit(message.len());
    });
    finished(u64::from(sent.is_ok()));
});

pub(crate) const CLOSE_PRODUCER: Operation = producer("close", |segment, known| {
    let (producer, _) = ready_to_send(segment, known);
    begin();
    drop(producer);
    finished(0);
});

pub(crate) const JOIN_PRODUCER: Operation = producer("join", |segment, _| {
    begin();
    let joined = segment.producer();
    finished(0);
    drop(joined);
});

pub(crate) const DRAIN: Operation = consumer("drain of 9", Receipt::Shown, |segment, _| {
    let mut consumer = ready_to_receive(segment);
    begin();
    let drained = consumer.drain(9, |record| {
        let mut buffer = [0; 128];
        record.read(0, &mut buffer[..record.len()]);
    });
    finished(drained.unwrap_or(0) as u64);
});

pub(crate) const BATCH: Operation = consumer("batch, release", Receipt::Shown, |segment, _| {
    let mut consumer = ready_to_receive(segment);
    begin();
    let mut released = 0;
    if let Ok(mut batch) = consumer.batch(Deadline::PASSED) {
        for _ in 0..9 {
            let _ = batch.gather();
        }
        released = batch.count().saturating_sub(1);
        batch.release(released);
    }
    finished(released as u64);
});

pub(crate) const JOIN_CONSUMER: Operation = consumer("join", Receipt::Returned, |segment, _| {
    begin();
    let joined = segment.consumer();
    finished(0);
    drop(joined);
});

/// Taking a role over from one that was killed.
pub(crate) fn take_over(role: Role) -> Operation {
    match role {
        Role::Producer => JOIN_PRODUCER,
        Role::Consumer => JOIN_CONSUMER,
    }
}

pub(crate) const fn producer(name: &'static str, perform: fn(&Segment, &Known)) -> Operation {
    let (role, receipt) = (Role::Producer, Receipt::Returned);
    let (company, rings, starts) = (Company::Nobody, &[Ring::Spins], &STARTS);
    Operation { name, role, before: 0, receipt, company, rings, starts, perform }
}

pub(crate) const fn consumer(
    name: &'static str,
    receipt: Receipt,
    perform: fn(&Segment, &Known),
) -> Operation {
    Operation { role: Role::Consumer, receipt, ..producer(name, perform) }
}

pub(crate) fn ready_to_send(segment: &Segment, known: &Known) -> (Producer, Vec<u8>) {
    let producer = segment.producer().expect("nobody is the producer");
    (producer, message(known.sent, known.stamp))
}

pub(crate) fn ready_to_receive(segment: &Segment) -> Consumer {
    segment.consumer().expect("nobody is the consumer")
}

/// Receives so many messages, or all that are there.
fn receive_before(consumer: &mut Consumer, messages: u64) {
    let mut buffer = [0; 128];
    for _ in 0..messages {
        let _ = consumer.try_recv(&mut buffer);
    }
}
