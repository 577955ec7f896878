//! Deadlines that have passed when a call begins: it looks once, and neither waits nor wonders.

use annulus::layout::{Bed, HEAD, PRODUCER_BED};
use annulus::ring::spsc::{Consumer, Producer};
use annulus::sync::Outside;
use annulus::{Deadline, RecvError, SendError};
use annulus_hostile::words::{Shape, WAITINGS};
use annulus_hostile::world::{Reach, World};
use std::mem::offset_of;

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

#[test]
fn who_has_no_time_to_sleep_pays_for_no_barrier() {
    for waiting in WAITINGS {
        let shape = Shape::new(256, 7).waiting_by(waiting);
        let geometry = shape.geometry().expect("a good shape");
        let world = World::new(geometry);
        // SAFETY: the world has the geometry's size, and this is its only consumer.
        let consumer = unsafe { Consumer::attach(Reach(&world), geometry) };
        let passed = Deadline::at(world.time() - 1);
        world.begin(SOON, None);
        let received = consumer.expect("a new ring").recv(&mut [0; 56], passed);
        assert_eq!((received, world.barriers()), (Err(RecvError::Timeout), 0), "{waiting:?}");
    }
}

/// Without its barrier a side may miss its wake, so it looks by itself, and often.
#[test]
fn sleeps_are_short_where_the_barrier_fails_and_stay_so() {
    let longest = |barriers_fail: bool| {
        let geometry = Shape::new(256, 7).waiting_by(WAITINGS[1]).geometry();
        let geometry = geometry.expect("a good shape");
        let world = World::new(geometry);
        // SAFETY: the world has the geometry's size, and this is its only consumer.
        let consumer = unsafe { Consumer::attach(Reach(&world), geometry) };
        if barriers_fail {
            world.let_barriers_fail();
        }
        let soon = Deadline::at(world.time() + 3_000_000_000);
        let received = consumer.expect("a new ring").recv(&mut [0; 56], soon);
        assert_eq!(received, Err(RecvError::Timeout));
        world.longest_sleep_ns()
    };
    assert_eq!(longest(false), 500_000_000);
    assert!(longest(true) <= 1_000_000, "{}", longest(true));
}

/// What is released while it lies is no quarter of the ring, so nobody rings for it; but it is
/// there when the deadline comes.
#[test]
fn a_sender_whose_deadline_ends_its_sleep_takes_what_was_released_meanwhile() {
    let geometry = Shape::new(1024, 7).waiting_by(WAITINGS[1]).geometry();
    let geometry = geometry.expect("a good shape");
    let world = World::new(geometry);
    // SAFETY: the world has the geometry's size, and this is its only producer.
    let mut producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("a new ring");
    while producer.try_send(&[0; 56]).is_ok() {}
    world.set_echo(PRODUCER_BED + offset_of!(Bed, bell), HEAD, 64);
    let in_the_first_slice = Deadline::at(world.time() + 10_000_000);
    producer.send(&[0; 56], in_the_first_slice).expect("there is room for one");
    assert!(world.longest_sleep_ns() > 9_000_000, "it has slept");
}

/// However short its deadlines are against its slices: else one who waits again and again would
/// never be told.
#[test]
fn a_sleep_that_its_deadline_ends_asks_whether_the_peer_lives() {
    let geometry = Shape::new(256, 7).waiting_by(WAITINGS[1]).geometry();
    let geometry = geometry.expect("a good shape");
    let world = World::new(geometry);
    // SAFETY: the world has the geometry's size, and this is its only producer.
    let producer = unsafe { Producer::attach(Reach(&world), geometry) }.expect("a new ring");
    // SAFETY: as above, its only consumer.
    let consumer = unsafe { Consumer::attach(Reach(&world), geometry) };
    let mut consumer = consumer.expect("a new ring");
    let mut recv = |ns| consumer.recv(&mut [0; 56], Deadline::at(world.time() + ns));
    // Its slices have grown.
    assert_eq!(recv(3_000_000_000), Err(RecvError::Timeout));
    std::mem::forget(producer);
    world.set_outside(Outside::PeerGone);
    assert_eq!(recv(10_000_000), Err(RecvError::ProducerDied));
}
