//! The ring between two threads.

use super::ring;
use crate::sync::Deadline;

/// The message number `number`: its length and its bytes follow from that.
fn message(number: u64, longest: usize) -> Vec<u8> {
    let len = ((number * 2_654_435_761) >> 7) as usize % (longest + 1);
    (0..len).map(|at| (number + at as u64 * 31) as u8).collect()
}

#[test]
fn two_threads_exchange_messages_of_all_lengths_by_every_way_of_sending_and_receiving() {
    const MESSAGES: u64 = if cfg!(miri) { 150 } else { 200_000 };
    let (_heap, mut producer, mut consumer) = ring(1024);
    let longest = producer.longest_message();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..MESSAGES {
                let message = message(number, longest);
                if number % 3 == 0 {
                    let mut claim =
                        producer.claim(message.len(), Deadline::NEVER).expect("room comes");
                    claim.write(0, &message);
                    claim.commit(message.len());
                } else {
                    producer.send(&message, Deadline::NEVER).expect("room comes");
                }
            }
        });
        let mut buffer = vec![0; longest];
        let mut number = 0;
        while number < MESSAGES {
            if number % 4 == 0 {
                let view = consumer.peek(Deadline::NEVER).expect("a message comes");
                let mut bytes = vec![0; view.record().len()];
                view.record().read(0, &mut bytes);
                assert_eq!(bytes, message(number, longest));
                view.release();
            } else {
                // Now and then a buffer of the message's own length: the short way.
                let exact = message(number, longest).len();
                let room = if number % 4 == 1 { longest } else { exact };
                let received = consumer.recv(&mut buffer[..room], Deadline::NEVER);
                let len = received.expect("a message comes").len;
                assert_eq!(buffer[..len], message(number, longest));
            }
            number += 1;
        }
    });
}
