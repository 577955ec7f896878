//! Many threads over one ring, some of which die.

use super::*;

const MESSAGES: u64 = if cfg!(miri) { 30 } else { 20_000 };

/// A number of which producer, and the how manieth of its messages.
fn tagged(producer: u64, number: u64) -> [u8; 8] {
    (producer << 32 | number).to_le_bytes()
}

#[test]
fn every_message_of_several_producers_comes_once_and_in_its_producer_s_order() {
    let mut hall = Hall::of(if cfg!(miri) { 4 } else { 64 });
    let producers = [hall.producer(), hall.producer()];
    let consumers = [hall.consumer(), hall.consumer()];
    let seen = std::thread::scope(|scope| {
        for (tag, mut producer) in producers.into_iter().enumerate() {
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    let message = tagged(tag as u64, number);
                    producer.send(&message, Deadline::NEVER).expect("consumers live");
                }
            });
        }
        let readers = consumers.map(|mut consumer| {
            scope.spawn(move || {
                let mut seen = Vec::new();
                let mut buffer = [0; 8];
                while let Ok(received) = consumer.recv(&mut buffer, Deadline::NEVER) {
                    assert_eq!((received.len, received.attempt), (8, 0));
                    seen.push((received.position, u64::from_le_bytes(buffer)));
                }
                seen
            })
        });
        readers.map(|reader| reader.join().expect("it reads to the end"))
    });
    for part in &seen {
        assert!(part.is_sorted_by_key(|(position, _)| *position));
    }
    let mut all: Vec<(u64, u64)> = seen.into_iter().flatten().collect();
    all.sort_unstable();
    assert!(all.iter().map(|(position, _)| *position).eq(0..2 * MESSAGES));
    for tag in 0..2 {
        let of_it = all.iter().filter(|(_, message)| message >> 32 == tag);
        assert!(of_it.map(|(_, message)| message & u64::from(u32::MAX)).eq(0..MESSAGES));
    }
}

/// Each sends and receives, so all contend for the same slots.
#[test]
fn those_who_send_and_receive_in_turn_get_as_many_as_they_send() {
    let mut hall = Hall::of(if cfg!(miri) { 4 } else { 64 });
    let ends = [(); 2].map(|()| (hall.producer(), hall.consumer()));
    let mut seen: Vec<u64> = std::thread::scope(|scope| {
        let sides = ends.map(|(mut producer, mut consumer)| {
            let tag = u64::from(producer.participant());
            scope.spawn(move || {
                let mut buffer = [0; 8];
                let pairs = (0..MESSAGES).map(|number| {
                    producer.send(&tagged(tag, number), soon_enough()).expect("there is room");
                    consumer.recv(&mut buffer, soon_enough()).expect("one is there");
                    consumer.flush();
                    u64::from_le_bytes(buffer)
                });
                pairs.collect::<Vec<u64>>()
            })
        });
        sides.into_iter().flat_map(|side| side.join().expect("it comes to its end")).collect()
    });
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u64, 2 * MESSAGES);
}

/// Only a test that hangs meets it.
fn soon_enough() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// A consumer that dies with a message in hand, over and over, beside one that lives.
#[test]
fn nothing_is_lost_or_doubled_unflagged_while_consumers_die() {
    let mut hall = Hall::of(8);
    let (producer, mut survivor) = (hall.producer(), hall.consumer());
    let total = MESSAGES / 10;
    let mut seen = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut producer = producer;
            for number in 0..total {
                producer.send(&number.to_le_bytes(), Deadline::NEVER).expect("one lives");
            }
        });
        let reader = scope.spawn(move || {
            let mut seen = Vec::new();
            let mut buffer = [0; 8];
            while let Ok(received) = survivor.recv(&mut buffer, Deadline::NEVER) {
                seen.push((u64::from_le_bytes(buffer), received.attempt));
            }
            seen
        });
        let mut seen = Vec::new();
        for turn in 0..total / 20 {
            let mut victim = hall.consumer();
            for _ in 0..turn % 4 + 1 {
                let mut buffer = [0; 8];
                let Ok(received) = victim.recv(&mut buffer, Deadline::NEVER) else { break };
                seen.push((u64::from_le_bytes(buffer), received.attempt));
            }
            hall.kill_consumer(victim);
        }
        seen.extend(reader.join().expect("it reads to the end"));
        seen
    });
    seen.sort_unstable();
    let mut expected = 0;
    for (number, attempt) in seen {
        assert!(number == expected || number + 1 == expected && attempt > 0, "{number}");
        expected = number + 1;
    }
    assert_eq!(expected, total);
}
