//! Who sleeps in a side's place, against a clock of their own: what it finds at a slice's end, and
//! what lying down costs.

use annulus::layout::{Bed, CONSUMER, CONSUMER_BED, HEAD, PRODUCER_BED, Participant};
use annulus::ring::any::{NoneReady, Slept, bell, wait_any};
use annulus::ring::spsc::{Consumer, Producer};
use annulus::ring::watch::{Armed, Order, Post, Told, Watch, arm, keep_watch};
use annulus::ring::{Geometry, Role, Waiting};
use annulus::sync::Outside;
use annulus::{Deadline, SendError};
use annulus_hostile::words::{Shape, WAITINGS};
use annulus_hostile::world::{Reach, World};
use std::mem::offset_of;

const PARKS: Waiting = WAITINGS[1];
const LOOKS_FIRST: Waiting = WAITINGS[2];

const MS: u64 = 1_000_000;

fn geometry(waiting: Waiting) -> Geometry {
    Shape::new(1024, 7).waiting_by(waiting).geometry().expect("a good shape")
}

fn consumer(world: &World) -> Consumer<Reach<'_>> {
    // SAFETY: the world has the geometry's size, and tests have one consumer at a time.
    unsafe { Consumer::attach(Reach(world), world.geometry()) }.expect("a good ring")
}

fn producer(world: &World) -> Producer<Reach<'_>> {
    // SAFETY: as above.
    unsafe { Producer::attach(Reach(world), world.geometry()) }.expect("a good ring")
}

/// A watcher's post in a world where nobody rings, and an order that stands until it is told.
struct Stand<'w> {
    world: &'w World,
    watch: Watch,
    until: u64,
    told: Option<(Told, u64)>,
    longest_ns: u64,
    outside: Outside,
}

impl Post for Stand<'_> {
    fn order(&mut self) -> Order {
        let is_over = self.told.is_some() || self.world.time() > self.until;
        if is_over { Order::End } else { Order::Watch(self.watch) }
    }

    fn tell(&mut self, watch: &Watch, told: Told) {
        assert_eq!(*watch, self.watch);
        self.told = Some((told, self.world.time()));
    }

    fn sleep(&mut self, _: u64, ns: u64) -> bool {
        self.longest_ns = self.longest_ns.max(ns);
        self.world.advance(ns);
        true
    }

    fn outside(&mut self) -> Outside {
        self.outside
    }
}

/// What the watcher of `role` says in the next three seconds, after how many milliseconds; and how
/// long it slept at a time.
fn watched(
    world: &World,
    role: Role,
    watch: Watch,
    outside: Outside,
) -> (Option<(Told, u64)>, u64) {
    let begun = world.time();
    let until = begun + 3_000 * MS;
    let mut stand = Stand { world, watch, until, told: None, longest_ns: 0, outside };
    // SAFETY: the world has the geometry's size.
    unsafe { keep_watch(Reach(world), world.geometry(), role, &mut stand) };
    (stand.told.map(|(told, at)| (told, (at - begun) / MS)), stand.longest_ns)
}

/// Lies down for a message; what was ordered at last.
fn armed(consumer: &mut Consumer<Reach<'_>>) -> Watch {
    let mut ordered = None;
    assert_eq!(arm(consumer, None, |watch| ordered = Some(watch)), Armed::Pending);
    ordered.expect("who lies has given an order")
}

#[test]
fn a_slice_ends_for_nothing_and_grows_while_nothing_comes() {
    let world = World::new(geometry(PARKS));
    let (_producer, mut consumer) = (producer(&world), consumer(&world));
    let watch = armed(&mut consumer);
    assert_eq!(watched(&world, Role::Consumer, watch, Outside::PeerAlive), (None, 500 * MS));
    // Nobody there is nobody dead.
    let world = World::new(geometry(PARKS));
    let watch = armed(&mut self::consumer(&world));
    assert_eq!(watched(&world, Role::Consumer, watch, Outside::PeerGone), (None, 500 * MS));
}

#[test]
fn slices_are_short_where_the_barrier_fails() {
    let world = World::new(geometry(PARKS));
    let (_producer, mut consumer) = (producer(&world), consumer(&world));
    world.let_barriers_fail();
    let mut ordered = Vec::new();
    assert_eq!(arm(&mut consumer, None, |watch| ordered.push(watch.is_sure())), Armed::Pending);
    assert_eq!(ordered, [true, false], "the watcher is told as soon as it is known");
    let watch = armed(&mut consumer);
    assert_eq!(watched(&world, Role::Consumer, watch, Outside::PeerAlive), (None, MS));
}

/// The ring may be for what was taken already, and the watcher have seen it before its order came.
#[test]
fn who_is_rung_before_its_order_is_given_does_not_wait() {
    let world = World::new(geometry(PARKS));
    let (_producer, mut consumer) = (producer(&world), consumer(&world));
    let watch = armed(&mut consumer);
    let bell = CONSUMER_BED + offset_of!(Bed, bell);
    assert_eq!(arm(&mut consumer, None, |_| world.poke(bell, 1)), Armed::Ready);
    assert_ne!(armed(&mut consumer), watch, "it lies down anew");
}

#[test]
fn the_end_of_a_slice_finds_a_message_that_nobody_rang_for() {
    let world = World::new(geometry(PARKS));
    let (mut producer, mut consumer) = (producer(&world), consumer(&world));
    let watch = armed(&mut consumer);
    let asleep = CONSUMER_BED + offset_of!(Bed, asleep);
    let lies = world.peek(asleep);
    world.poke(asleep, 0);
    producer.try_send(b"x").expect("there is room");
    world.poke(asleep, lies);
    let (told, _) = watched(&world, Role::Consumer, watch, Outside::PeerAlive);
    assert_eq!(told, Some((Told::WorkUnrung, 50)));
    let told = arm(&mut consumer, told.map(|(told, _)| told), drop);
    assert_eq!(told, Armed::Ready);
    consumer.try_recv(&mut [0; 8]).expect("a message");
    drop(consumer);
    let counted = world.peek(CONSUMER + offset_of!(Participant, backstop));
    assert_eq!(counted, 1, "a ring that did not come in the meantime either was lost");
}

#[test]
fn the_end_of_a_slice_finds_a_peer_that_is_gone_and_arming_says_that_it_died() {
    for (outside, said) in
        [(Outside::PeerGone, Armed::PeerDied), (Outside::PeerAlive, Armed::Pending)]
    {
        let world = World::new(geometry(PARKS));
        let mut consumer = consumer(&world);
        std::mem::forget(producer(&world));
        let watch = armed(&mut consumer);
        let (told, _) = watched(&world, Role::Consumer, watch, Outside::PeerGone);
        assert_eq!(told, Some((Told::Gone, 50)));
        // It may be another one by then.
        world.set_outside(outside);
        assert_eq!(arm(&mut consumer, Some(Told::Gone), drop), said);
    }
}

#[test]
fn the_end_of_a_slice_finds_room_that_is_no_quarter() {
    let world = World::new(geometry(PARKS));
    let (mut producer, _consumer) = (producer(&world), consumer(&world));
    while producer.try_send(&[0; 56]).is_ok() {}
    for (freed, wanted, found) in [(64, 56, Some((Told::Work, 50))), (64, 200, None)] {
        world.poke(HEAD, 0);
        let mut ordered = None;
        let mut room = producer.room_for(wanted).expect("it is not too large");
        assert_eq!(arm(&mut room, None, |watch| ordered = Some(watch)), Armed::Pending);
        world.poke(HEAD, freed);
        let watch = ordered.expect("an order");
        assert_eq!(watched(&world, Role::Producer, watch, Outside::PeerAlive).0, found);
        assert_eq!(world.peek(PRODUCER_BED + offset_of!(Bed, wanted)), 256);
    }
}

#[test]
fn a_send_that_waits_does_not_lie_for_what_was_armed_for() {
    let world = World::new(geometry(PARKS));
    let (mut producer, _consumer) = (producer(&world), consumer(&world));
    while producer.try_send(&[0; 56]).is_ok() {}
    let wanted = || world.peek(PRODUCER_BED + offset_of!(Bed, wanted));
    let mut room = producer.room_for(440).expect("it is not too large");
    assert_eq!(arm(&mut room, None, drop), Armed::Pending);
    assert_eq!(wanted(), 448);
    let soon = Deadline::at(world.time() + 10 * MS);
    assert_eq!(producer.send(&[0; 56], soon), Err(SendError::Timeout));
    assert_eq!(wanted(), 256);
}

#[test]
fn several_rings_pay_for_one_barrier_of_a_form_and_who_has_no_time_for_none() {
    for (waitings, barriers) in [([PARKS, PARKS], 1), ([PARKS, LOOKS_FIRST], 2)] {
        let worlds = waitings.map(|waiting| World::new(geometry(waiting)));
        let [mut first, mut second] = worlds.each_ref().map(consumer);
        let mut wait = |deadline| {
            let sides = &mut [&mut first, &mut second];
            wait_any(sides, 0, deadline, |sides, until| {
                assert_eq!(sides.iter_mut().map(|side| bell(*side)).sum::<u64>(), 0);
                // Each has a clock of its own.
                worlds.iter().for_each(|world| world.advance(until - world.time().min(until)));
                Slept::Out
            })
        };
        let paid = || worlds.each_ref().map(World::barriers).iter().sum::<u64>();
        let passed = Deadline::at(worlds[0].time() - 1);
        assert_eq!((wait(passed), paid()), (Err(NoneReady::Timeout), 0));
        // Several slices long.
        let late = Deadline::at(worlds[0].time() + 300 * MS);
        assert_eq!((wait(late), paid()), (Err(NoneReady::Timeout), barriers));
    }
}

#[test]
fn a_wait_that_its_deadline_ends_asks_about_each_peer() {
    let worlds = [PARKS, PARKS].map(|waiting| World::new(geometry(waiting)));
    let [mut first, mut second] = worlds.each_ref().map(consumer);
    worlds.iter().for_each(|world| std::mem::forget(producer(world)));
    let mut wait = |ns| {
        let soon = Deadline::at(worlds[0].time() + ns);
        wait_any(&mut [&mut first, &mut second], 0, soon, |_, until| {
            worlds.iter().for_each(|world| world.advance(until - world.time().min(until)));
            Slept::Out
        })
    };
    // Their slices have grown.
    assert_eq!(wait(3_000 * MS), Err(NoneReady::Timeout));
    worlds[1].set_outside(Outside::PeerGone);
    assert_eq!(wait(10 * MS), Err(NoneReady::PeerDied(1)));
}

#[test]
fn who_looks_first_does_not_sleep_while_its_budget_lasts() {
    for (waiting, sleeps) in [(LOOKS_FIRST, 0), (PARKS, 1)] {
        let world = World::new(geometry(waiting));
        let mut consumer = consumer(&world);
        let (soon, mut slept) = (Deadline::at(world.time() + 40_000), 0);
        let waited = wait_any(&mut [&mut consumer], 0, soon, |_, until| {
            slept += 1;
            world.advance(until - world.time());
            Slept::Out
        });
        assert_eq!((waited, slept), (Err(NoneReady::Timeout), sleeps), "{waiting:?}");
    }
}
