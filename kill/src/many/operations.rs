//! The operations of the ring of many.

use super::scene::message;
use super::{Effect, Operation};
use crate::{begin, finished};
use annulus::ring::mpmc::RecvError;
use annulus::{Deadline, MpmcConsumer, MpmcProducer, Segment};

/// Every operation. The first receive of a consumer looks at all slots, and repairs.
pub const OPERATIONS: [Operation; 17] = [
    Operation {
        name: "send",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let message = message(next);
            begin();
            finished(u64::from(producer.try_send(&message).is_ok()));
        },
    },
    Operation {
        name: "send, after another one",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let messages = [message(next), message(next + 1)];
            begin();
            let sent = messages.iter().take_while(|message| producer.try_send(message).is_ok());
            finished(sent.count() as u64);
        },
    },
    Operation {
        name: "send, numbered",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = segment.mpmc_producer_numbered(1).expect("nobody has the number");
            let messages = [message(next), message(next + 1)];
            begin();
            let sent = messages.iter().take_while(|message| producer.try_send(message).is_ok());
            finished(sent.count() as u64);
        },
    },
    Operation {
        name: "send a batch",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let messages = [0, 1, 2].map(|more| message(next + more));
            begin();
            let sent = match producer.send_batch(&messages, Deadline::PASSED) {
                Ok(()) => messages.len(),
                Err((sent, _)) => sent,
            };
            finished(sent as u64);
        },
    },
    Operation {
        name: "send, repair first",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let message = message(next);
            begin();
            let first = producer.try_send(&message).is_ok();
            producer.repair();
            finished(u64::from(first || producer.try_send(&message).is_ok()));
        },
    },
    Operation {
        name: "claim, commit",
        effect: Effect::Sends,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let message = message(next);
            begin();
            let sent = producer.try_claim(48).map(|mut claim| {
                claim.write(0, &message);
                claim.commit(message.len());
            });
            finished(u64::from(sent.is_ok()));
        },
    },
    Operation {
        name: "claim, drop",
        effect: Effect::Drops,
        perform: |segment, next| {
            let mut producer = producer(segment);
            let message = message(next);
            begin();
            let claimed = producer.try_claim(48).map(|mut claim| claim.write(0, &message));
            finished(u64::from(claimed.is_ok()));
        },
    },
    Operation {
        name: "recv",
        effect: Effect::Keeps { wanted: 1 },
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            begin();
            finished(receive(&mut consumer, 1));
        },
    },
    Operation {
        name: "recv, again",
        effect: Effect::Keeps { wanted: 2 },
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            begin();
            finished(receive(&mut consumer, 2));
        },
    },
    Operation {
        name: "recv, past a gap",
        effect: Effect::Keeps { wanted: 6 },
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            begin();
            finished(receive(&mut consumer, 6));
        },
    },
    Operation {
        name: "take, release",
        effect: Effect::Takes,
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            begin();
            let taken = consumer.try_take().map(|taken| taken.release());
            finished(u64::from(taken.is_ok()));
        },
    },
    Operation {
        name: "drain",
        effect: Effect::Takes,
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            begin();
            finished(consumer.drain(3, |_| {}).unwrap_or(0) as u64);
        },
    },
    Operation {
        name: "join to send",
        effect: Effect::Nothing,
        perform: |segment, _| {
            begin();
            let joined = segment.mpmc_producer();
            finished(0);
            drop(joined);
        },
    },
    Operation {
        name: "join to receive",
        effect: Effect::Nothing,
        perform: |segment, _| {
            begin();
            let joined = segment.mpmc_consumer();
            finished(0);
            drop(joined);
        },
    },
    Operation {
        name: "leave, a sender",
        effect: Effect::Nothing,
        perform: |segment, _| {
            let producer = producer(segment);
            begin();
            producer.close();
            finished(0);
        },
    },
    Operation {
        name: "leave, with a message copied",
        effect: Effect::Takes,
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            let received = receive(&mut consumer, 1);
            begin();
            consumer.close();
            finished(received);
        },
    },
    Operation {
        name: "leave, with a message in hand",
        effect: Effect::Keeps { wanted: 1 },
        perform: |segment, _| {
            let mut consumer = consumer(segment);
            let taken = u64::from(consumer.try_take().is_ok());
            begin();
            consumer.close();
            finished(taken);
        },
    },
];

/// What a successor does who is to find everything: it joins, looks at all slots, repairs, takes.
pub(super) const RECOVER: Operation = Operation {
    name: "recover",
    effect: Effect::Keeps { wanted: 1 },
    perform: |segment, _| {
        begin();
        let received = segment.mpmc_consumer().map_or(0, |mut consumer| {
            let received = receive(&mut consumer, 1);
            // It dies with what it has in hand.
            std::mem::forget(consumer);
            received
        });
        finished(received);
    },
};

fn producer(segment: &Segment) -> MpmcProducer {
    segment.mpmc_producer().expect("there is a seat")
}

fn consumer(segment: &Segment) -> MpmcConsumer {
    segment.mpmc_consumer().expect("there is a seat")
}

/// Receives so many messages, until there is none. How many came.
fn receive(consumer: &mut MpmcConsumer, messages: u64) -> u64 {
    let mut buffer = [0; 48];
    let mut came = 0;
    while came < messages {
        match consumer.try_recv(&mut buffer) {
            Ok(_) => came += 1,
            Err(RecvError::Gap { .. }) => {}
            Err(_) => break,
        }
    }
    came
}
