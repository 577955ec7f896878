//! Deadlines that have passed when a call begins: it looks once, and neither waits nor wonders.

use annulus::ring::spsc::{Consumer, Producer};
use annulus::{Deadline, RecvError, SendError};
use annulus_hostile::words::Shape;
use annulus_hostile::world::{Reach, World};

/// Steps of a call that does not wait for room, with something to spare: a single wait between
/// two looks at the clock has two thousand.
const AT_ONCE: u64 = 100;

/// Steps of a call that looks for messages until it reads the clock.
const SOON: u64 = 500;

#[test]
fn a_send_whose_deadline_has_passed_does_not_wait_for_room() {
    let geometry = Shape::new(256, 7).geometry().expect("a good shape");
    let world = World::new(geometry);
    // SAFETY: the world has the geometry's size, and this is its only producer.
    let mut producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("a new ring");
    while producer.try_send(&[0; 56]).is_ok() {}
    let passed = Deadline::at(world.time() - 1);

    world.begin(AT_ONCE, None);
    assert_eq!(producer.send(&[0; 56], passed), Err(SendError::Timeout));
    world.begin(AT_ONCE, None);
    assert_eq!(producer.claim(56, passed).map(|_| ()), Err(SendError::Timeout));
    world.begin(AT_ONCE, None);
    assert_eq!(producer.send_batch(&[[0; 56]; 20], passed), Err((0, SendError::Timeout)));
    world.begin(AT_ONCE, None);
    assert_eq!(producer.send_all([[0; 56]; 20], passed), Err((0, SendError::Timeout)));
}

#[test]
fn a_receive_whose_deadline_has_passed_soon_ends() {
    let geometry = Shape::new(256, 7).geometry().expect("a good shape");
    let world = World::new(geometry);
    // SAFETY: the world has the geometry's size, and this is its only consumer.
    let mut consumer = unsafe { Consumer::attach(Reach(&world), geometry) }.expect("a new ring");
    let passed = Deadline::at(world.time() - 1);

    world.begin(SOON, None);
    assert_eq!(consumer.recv(&mut [0; 56], passed), Err(RecvError::Timeout));
    world.begin(SOON, None);
    assert_eq!(consumer.recv_array::<56>(passed), Err(RecvError::Timeout));
    world.begin(SOON, None);
    assert_eq!(consumer.peek(passed).map(|_| ()), Err(RecvError::Timeout));
    world.begin(SOON, None);
    assert_eq!(consumer.batch(passed).map(|_| ()), Err(RecvError::Timeout));
}
