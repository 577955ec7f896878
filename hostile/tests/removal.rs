//! A removal by force that comes between two looks, and a head where no record can end.

use annulus::error::{Severed, What};
use annulus::layout::{HEAD, PRODUCER_GATE};
use annulus::ring::spsc::{Consumer, Producer};
use annulus::sync::Outside;
use annulus::{Deadline, RecvError, SendError};
use annulus_hostile::words::Shape;
use annulus_hostile::world::{Reach, World};

const REMOVED: RecvError = RecvError::Severed(Severed::Removed);

#[test]
fn what_was_sent_before_a_removal_is_received_also_when_it_came_after_the_first_look() {
    let shape = Shape::new(256, 7);
    let geometry = shape.geometry().expect("a good shape");
    for waits in [false, true] {
        let world = World::new(geometry);
        // SAFETY: the world has the geometry's size, and this is its only producer.
        let mut producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("new");
        // SAFETY: likewise, its only consumer.
        let mut consumer = unsafe { Consumer::attach(Reach(&world), geometry) }.expect("new");
        let at = shape.at(producer.try_send(&[5; 8]).expect("there is room"));
        world.poke(PRODUCER_GATE, 0);
        world.set_outside(Outside::Severed(Severed::Removed));
        // As if it had come between the look at it and that at the gate.
        let word = world.peek(at);
        world.poke(at, 0);
        world.set_echo(PRODUCER_GATE, at, word);
        let deadline = Deadline::at(if waits { world.time() + 1_000_000 } else { 0 });
        world.begin(5_000, None);
        let mut buffer = [0; 8];
        consumer.recv(&mut buffer, deadline).expect("it was sent");
        assert_eq!(buffer, [5; 8]);
        assert_eq!(consumer.recv(&mut buffer, Deadline::NEVER), Err(REMOVED));
        assert_eq!(consumer.try_recv(&mut buffer), Err(REMOVED));
    }
}

#[test]
fn a_remover_that_died_after_its_mark_leaves_nobody_waiting() {
    let geometry = Shape::new(256, 7).geometry().expect("a good shape");
    let world = World::new(geometry);
    // SAFETY: the world has the geometry's size, and this is its only producer.
    let mut producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("new");
    // SAFETY: likewise, its only consumer.
    let mut consumer = unsafe { Consumer::attach(Reach(&world), geometry) }.expect("new");
    // The gates stand as they stood; what the kernel knows of the peer comes after the mark.
    world.set_outside(Outside::Severed(Severed::Removed));
    producer.try_send(&[5; 8]).expect("there is room");
    world.begin(5_000, None);
    consumer.recv(&mut [0; 8], Deadline::NEVER).expect("it was sent");
    world.begin(5_000, None);
    assert_eq!(consumer.recv(&mut [0; 8], Deadline::NEVER), Err(REMOVED));
    while producer.try_send(&[0; 56]).is_ok() {}
    world.begin(10_000, None);
    let refused = Err(SendError::Severed(Severed::Removed));
    assert_eq!(producer.send(&[0; 56], Deadline::NEVER), refused);
}

#[test]
fn a_head_between_two_cells_is_corruption() {
    let geometry = Shape::new(4096, 7).geometry().expect("a good shape");
    for head in [1, 4, 67] {
        let world = World::new(geometry);
        // SAFETY: the world has the geometry's size, and this is its only producer.
        let mut producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("new");
        while producer.try_send(&[0; 56]).is_ok() {}
        world.poke(HEAD, head);
        let refused = SendError::Corrupted(What::Head);
        assert_eq!(producer.try_send(&[0; 56]), Err(refused));
        assert_eq!(producer.corruption().map(|corruption| corruption.at), Some(head));
    }
}
