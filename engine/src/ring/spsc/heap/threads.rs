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
    const MESSAGES: u64 = if cfg!(miri) { 30 } else { 200_000 };
    let (_heap, mut producer, mut consumer) = ring(1024);
    let longest = producer.longest_message();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut number = 0;
            while number < MESSAGES {
                let message = message(number, longest);
                match number % 5 {
                    0 | 1 => {
                        producer.send(&message, Deadline::NEVER).expect("room comes");
                    }
                    2 => {
                        let mut claim =
                            producer.claim(message.len(), Deadline::NEVER).expect("room comes");
                        claim.write(0, &message);
                        claim.commit(message.len());
                    }
                    _ => {
                        let count = (MESSAGES - number).min(7);
                        let batch: Vec<Vec<u8>> = (number..number + count)
                            .map(|each| self::message(each, longest))
                            .collect();
                        producer.send_batch(&batch, Deadline::NEVER).expect("room comes");
                        number += count - 1;
                    }
                }
                number += 1;
            }
        });
        let mut buffer = vec![0; longest];
        let mut number = 0;
        while number < MESSAGES {
            match number % 5 {
                0 => {
                    let view = consumer.peek(Deadline::NEVER).expect("a message comes");
                    let mut bytes = vec![0; view.record().len()];
                    view.record().read(0, &mut bytes);
                    assert_eq!(bytes, message(number, longest));
                    view.release();
                    number += 1;
                }
                1 => {
                    // Some at once, if they are there.
                    let _ = consumer.drain((MESSAGES - number).min(5) as usize, |record| {
                        let mut bytes = vec![0; record.len()];
                        record.read(0, &mut bytes);
                        assert_eq!(bytes, message(number, longest));
                        number += 1;
                    });
                }
                way => {
                    // Now and then a buffer of the message's own length: the short way.
                    let exact = message(number, longest).len();
                    let room = if way == 2 { longest } else { exact };
                    let received = consumer.recv(&mut buffer[..room], Deadline::NEVER);
                    let len = received.expect("a message comes").len;
                    assert_eq!(buffer[..len], message(number, longest));
                    number += 1;
                }
            }
        }
    });
}

/// Messages of one length, at full speed: the short ways of both sides, and by value.
#[test]
fn two_threads_exchange_short_messages_by_value() {
    const MESSAGES: u64 = if cfg!(miri) { 40 } else { 300_000 };
    let (_heap, mut producer, mut consumer) = ring(4096);
    let message = |number: u64| [number, !number, number << 7].map(u64::to_le_bytes);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..MESSAGES {
                let message = message(number);
                producer.send(message.as_flattened(), Deadline::NEVER).expect("room comes");
            }
        });
        for number in 0..MESSAGES {
            let came = consumer.recv_array::<24>(Deadline::NEVER).expect("a message comes");
            assert_eq!(came.as_slice(), message(number).as_flattened());
        }
    });
}
