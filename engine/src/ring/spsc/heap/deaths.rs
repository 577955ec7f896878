//! Who is called dead by a waiting side, and who is not.

use super::ring_with;
use crate::error::{RecvError, SendError};
use crate::layout::{CONSUMER, PRODUCER, Participant};
use crate::sync::{Deadline, Ordering, Outside, Raw};
use core::mem::offset_of;
use std::time::Duration;

fn a_while() -> Deadline {
    Deadline::after(Duration::from_millis(20))
}

/// Never reached: the answer comes first, however slow the machine is.
fn long() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// One leaves in good order, and one joins where the first had joined, each time we ask: the gate
/// shows the same before and after, and the lock byte is free in between.
fn another_each_time(raw: &Raw) -> Outside {
    for participant in [PRODUCER, CONSUMER] {
        let counted = participant + offset_of!(Participant, generation);
        // SAFETY: a word of a participant.
        let generation = unsafe { raw.load(counted, Ordering::Relaxed) };
        // SAFETY: as above.
        unsafe { raw.store(counted, generation + 1, Ordering::Relaxed) };
    }
    Outside::PeerGone
}

#[test]
fn a_peer_that_is_gone_and_left_its_gate_open_is_dead() {
    let (_heap, mut producer, consumer) = ring_with(64, |_| Outside::PeerGone);
    std::mem::forget(consumer);
    while producer.try_send(b"x").is_ok() {}
    assert_eq!(producer.send(b"x", long()), Err(SendError::PeerDead));

    let (_heap, producer, mut consumer) = ring_with(64, |_| Outside::PeerGone);
    std::mem::forget(producer);
    assert_eq!(consumer.recv(&mut [], long()), Err(RecvError::ProducerDied));
}

#[test]
fn peers_that_come_and_go_at_one_position_are_never_called_dead() {
    let (_heap, mut producer, consumer) = ring_with(64, another_each_time);
    std::mem::forget(consumer);
    while producer.try_send(b"x").is_ok() {}
    assert_eq!(producer.send(b"x", a_while()), Err(SendError::Timeout));

    let (_heap, producer, mut consumer) = ring_with(64, another_each_time);
    std::mem::forget(producer);
    assert_eq!(consumer.recv(&mut [], a_while()), Err(RecvError::Timeout));
}
