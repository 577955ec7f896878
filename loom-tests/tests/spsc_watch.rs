//! Sides that lie down while somebody else sleeps: a thread that tells them, or one sleep at the
//! bells of two rings. Nothing that is told by a slice's end is told here, so a ring that is not
//! heard leaves a model in which nobody moves any more.
#![cfg(loom)]

mod common;

use annulus::layout::{Bed, CONSUMER_BED, CONSUMER_GATE, PRODUCER_GATE};
use annulus::ring::any::{Slept, bell, wait_any};
use annulus::ring::spsc::{Consumer, Producer};
use annulus::ring::watch::{Armed, Order, Post, Told, Watch, arm, keep_watch};
use annulus::ring::{Barrier, Role};
use annulus::sync::{Memory, Outside};
use annulus::{Deadline, RecvError};
use annulus_loom_tests::{Modelled, Ring};
use common::{consumer_of, geometry, model, parking, producer_of, send, sender_of};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const FORMS: [Barrier; 2] = [Barrier::Fence, Barrier::Membarrier];

/// What a side and its watcher have in common, as in `segment::pollable`; the eventfd is a
/// condition.
struct Desk {
    orders: Mutex<(Order, Option<Told>)>,
    readable: Condvar,
}

impl Desk {
    fn new() -> Arc<Desk> {
        Arc::new(Desk { orders: Mutex::new((Order::Rest, None)), readable: Condvar::new() })
    }

    fn order(&self, order: Order) {
        self.orders.lock().expect("nobody panics there").0 = order;
    }

    fn dismiss(&self) -> Option<Told> {
        let mut orders = self.orders.lock().expect("nobody panics there");
        orders.0 = Order::Rest;
        orders.1.take()
    }

    fn wait(&self) {
        let mut orders = self.orders.lock().expect("nobody panics there");
        while orders.1.is_none() {
            orders = self.readable.wait(orders).expect("nobody panics there");
        }
    }
}

/// A watcher's post in the models.
struct Stand {
    desk: Arc<Desk>,
    memory: Modelled,
    role: Role,
}

impl Post for Stand {
    fn order(&mut self) -> Order {
        self.desk.orders.lock().expect("nobody panics there").0
    }

    fn tell(&mut self, watch: &Watch, told: Told) {
        let mut orders = self.desk.orders.lock().expect("nobody panics there");
        if orders.0 == Order::Watch(*watch) {
            *orders = (Order::Rest, Some(told));
            self.desk.readable.notify_all();
        }
    }

    fn sleep(&mut self, bell: u64, ns: u64) -> bool {
        self.memory.sleep(self.role, bell, ns)
    }

    fn outside(&mut self) -> Outside {
        Outside::PeerAlive
    }
}

/// The watcher of `role`, until the guard is told to end it.
struct Watcher {
    desk: Arc<Desk>,
    ring: Arc<Ring>,
    role: Role,
    thread: thread::JoinHandle<()>,
}

impl Watcher {
    fn start(ring: &Arc<Ring>, role: Role) -> Watcher {
        let desk = Desk::new();
        let mut stand = Stand { desk: desk.clone(), memory: Modelled::over(ring), role };
        let memory = Modelled::over(ring);
        let thread = thread::spawn(move || {
            // SAFETY: a modelled ring has the geometry's size.
            unsafe { keep_watch(memory, geometry(), role, &mut stand) };
        });
        Watcher { desk, ring: ring.clone(), role, thread }
    }

    fn end(self) {
        self.desk.order(Order::End);
        self.ring.end_sleeps(self.role);
        self.thread.join().expect("the watcher ends");
    }
}

/// Receives a message as one does who waits for a descriptor. One who is `hasty` tries before it
/// waits, too, and arms again.
fn receive(consumer: &mut Consumer<Modelled>, desk: &Desk, hasty: bool) -> Result<u64, RecvError> {
    let mut bytes = [0; 8];
    let mut may_wait = !hasty;
    loop {
        let order = |watch| desk.order(Order::Watch(watch));
        if arm(consumer, desk.dismiss(), order) != Armed::Pending {
            desk.dismiss();
        } else if may_wait {
            desk.wait();
            continue;
        }
        may_wait = true;
        match consumer.try_recv(&mut bytes) {
            Ok(_) => return Ok(u64::from_le_bytes(bytes)),
            Err(RecvError::Empty) => {}
            Err(error) => return Err(error),
        }
    }
}

fn sides(ring: &Arc<Ring>, form: Barrier) -> (Producer<Modelled>, Consumer<Modelled>) {
    let producer = producer_of(Modelled::over(ring), parking(form));
    (producer, consumer_of(Modelled::over(ring), parking(form)))
}

/// Both sides of a new ring, and the receiver's watcher.
fn watched(form: Barrier) -> (Producer<Modelled>, Consumer<Modelled>, Watcher) {
    let ring = Ring::fresh(geometry());
    let (producer, consumer) = sides(&ring, form);
    (producer, consumer, Watcher::start(&ring, Role::Consumer))
}

/// Both sides of a full ring of four words, and the sender's watcher.
fn watched_full() -> (Producer<Modelled>, Consumer<Modelled>, Watcher) {
    let ring = Ring::fresh(geometry());
    let (mut producer, consumer) = sides(&ring, Barrier::Fence);
    for word in 0..4 {
        send(&mut producer, word);
    }
    (producer, consumer, Watcher::start(&ring, Role::Producer))
}

/// A receiver of so many messages, each released at once, which leaves its ring open.
fn receiver_of(mut consumer: Consumer<Modelled>, messages: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..messages {
            consumer.try_recv(&mut [0; 8]).expect("it is there");
            consumer.flush();
        }
        std::mem::forget(consumer);
    })
}

/// Ends a model: `side` leaves its ring open.
fn end<T>(side: T, other: thread::JoinHandle<()>, watcher: Watcher) {
    std::mem::forget(side);
    other.join().expect("the other side ends");
    watcher.end();
}

/// Tells `producer` of room for `len` bytes as one is told who waits for a descriptor.
fn wait_for_room(producer: &mut Producer<Modelled>, len: usize, desk: &Desk) {
    if arm_for_room(producer, len, desk) == Armed::Pending {
        desk.wait();
    }
}

fn arm_for_room(producer: &mut Producer<Modelled>, len: usize, desk: &Desk) -> Armed {
    let mut room = producer.room_for(len).expect("it is not too large");
    arm(&mut room, desk.dismiss(), |watch| desk.order(Order::Watch(watch)))
}

#[test]
fn a_receiver_is_told_of_the_message() {
    for form in FORMS {
        model(move || {
            let (producer, mut consumer, watcher) = watched(form);
            let sender = sender_of(producer, [1]);
            assert_eq!(receive(&mut consumer, &watcher.desk, false), Ok(1));
            end(consumer, sender, watcher);
        });
    }
}

#[test]
fn a_receiver_that_tries_while_it_is_armed_and_arms_again_is_told() {
    model(|| {
        let (producer, mut consumer, watcher) = watched(Barrier::Fence);
        let sender = sender_of(producer, [1, 2]);
        assert_eq!(receive(&mut consumer, &watcher.desk, true), Ok(1));
        assert_eq!(receive(&mut consumer, &watcher.desk, false), Ok(2));
        end(consumer, sender, watcher);
    });
}

#[test]
fn a_receiver_is_told_of_each_of_two_messages() {
    model(|| {
        let (producer, mut consumer, watcher) = watched(Barrier::Fence);
        let sender = sender_of(producer, [1, 2]);
        assert_eq!(receive(&mut consumer, &watcher.desk, false), Ok(1));
        assert_eq!(receive(&mut consumer, &watcher.desk, false), Ok(2));
        end(consumer, sender, watcher);
    });
}

#[test]
fn a_receiver_is_told_of_a_close() {
    model(|| {
        let (producer, mut consumer, watcher) = watched(Barrier::Fence);
        let sender = thread::spawn(move || producer.close());
        assert_eq!(receive(&mut consumer, &watcher.desk, false), Err(RecvError::Closed));
        end(consumer, sender, watcher);
    });
}

/// Who takes a segment away rings without a look at who sleeps.
#[test]
fn a_receiver_is_told_of_a_removal_by_force() {
    model(|| {
        let ring = Ring::fresh(geometry());
        let (producer, mut consumer) = sides(&ring, Barrier::Fence);
        std::mem::forget(producer);
        let watcher = Watcher::start(&ring, Role::Consumer);
        let remover = thread::spawn(move || {
            let memory = Modelled::over(&ring);
            let bell = CONSUMER_BED + offset_of!(Bed, bell);
            for gate in [CONSUMER_GATE, PRODUCER_GATE] {
                // SAFETY: a control word; so likewise below.
                unsafe { memory.store(gate, 0, Ordering::Release) };
            }
            // SAFETY: as above.
            let rung = unsafe { memory.load(bell, Ordering::Relaxed) } + 1;
            // SAFETY: as above.
            unsafe { memory.store(bell, rung, Ordering::Release) };
            memory.wake(Role::Consumer);
        });
        // The models' outside knows of no removal, so it is a damaged gate.
        let told = receive(&mut consumer, &watcher.desk, false);
        assert!(matches!(told, Err(RecvError::Corrupted(_))), "{told:?}");
        end(consumer, remover, watcher);
    });
}

#[test]
fn a_sender_is_told_of_room() {
    model(|| {
        let (mut producer, consumer, watcher) = watched_full();
        // Two releases, the first of which is not room enough for two words: three cells.
        let receiver = receiver_of(consumer, 2);
        while producer.try_send(&[4; 16]).is_err() {
            wait_for_room(&mut producer, 16, &watcher.desk);
        }
        end(producer, receiver, watcher);
    });
}

/// It lies for two words when it arms for one.
#[test]
fn a_sender_that_arms_for_less_is_told_of_less() {
    model(|| {
        let (mut producer, consumer, watcher) = watched_full();
        assert_eq!(arm_for_room(&mut producer, 16, &watcher.desk), Armed::Pending);
        let receiver = receiver_of(consumer, 1);
        while producer.try_send(&[4; 8]).is_err() {
            wait_for_room(&mut producer, 8, &watcher.desk);
        }
        end(producer, receiver, watcher);
    });
}

/// One barrier for both rings, and one sleep.
#[test]
fn a_receiver_of_two_rings_is_woken_by_either() {
    for form in FORMS {
        model(move || {
            let rings = Ring::fresh_pair(geometry());
            let producers =
                rings.each_ref().map(|ring| producer_of(Modelled::over(ring), parking(form)));
            let [mut first, mut second] =
                rings.each_ref().map(|ring| consumer_of(Modelled::over(ring), parking(form)));
            let senders = producers.map(|producer| sender_of(producer, [1]));
            let mut ready = 0;
            let mut received = [0; 2];
            while received != [1; 2] {
                let mut sides = [&mut first, &mut second];
                let any = wait_any(&mut sides, ready, Deadline::NEVER, |sides, _| {
                    let bells = [0, 1].map(|side| bell(sides[side]));
                    Ring::sleep_at_both(&rings, bells);
                    Slept::Woken
                });
                ready = any.expect("one of them");
                let side = if ready == 0 { &mut first } else { &mut second };
                side.try_recv(&mut [0; 8]).expect("it is there");
                received[ready] += 1;
            }
            std::mem::forget((first, second));
            for sender in senders {
                sender.join().expect("the sender ends");
            }
        });
    }
}
