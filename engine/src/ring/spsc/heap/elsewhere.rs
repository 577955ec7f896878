//! Sides that lie down while somebody else sleeps, between threads: what Miri sees of it. Nobody
//! sleeps by the kernel here, so that a sleep is a moment in which others run.

use super::{Consumer, Heap, Producer, Reach};
use crate::error::RecvError;
use crate::ring::any::{Slept, wait_any};
use crate::ring::watch::{Armed, Order, Post, Told, Watch, arm, keep_watch};
use crate::ring::{Barrier, Geometry, Role, Waiting, Wake};
use crate::sync::{Deadline, Outside};
use std::sync::{Condvar, Mutex};
use std::thread;

const MESSAGES: u64 = if cfg!(miri) { 12 } else { 20_000 };

fn geometry() -> Geometry {
    let waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };
    Geometry::new(256, 7).expect("a good geometry").waiting_by(waiting)
}

fn pair(heap: &mut Heap) -> (Producer<Reach>, Consumer<Reach>) {
    // SAFETY: the heap block has the geometry's size; one producer, one consumer.
    let producer = unsafe { Producer::attach(heap.reach(), geometry()) };
    // SAFETY: as above.
    let consumer = unsafe { Consumer::attach(heap.reach(), geometry()) };
    (producer.expect("a fresh ring"), consumer.expect("a fresh ring"))
}

fn send_all(mut producer: Producer<Reach>) {
    for number in 0..MESSAGES {
        while producer.try_send(&number.to_le_bytes()).is_err() {
            thread::yield_now();
        }
    }
}

/// Receives all that is there; false when all was.
fn receive(consumer: &mut Consumer<Reach>, next: &mut u64) -> bool {
    let mut bytes = [0; 8];
    loop {
        match consumer.try_recv(&mut bytes) {
            Ok(_) => assert_eq!(u64::from_le_bytes(bytes), *next),
            Err(RecvError::Empty) => return true,
            Err(RecvError::Closed) => return false,
            Err(error) => panic!("{error}"),
        }
        *next += 1;
    }
}

#[test]
fn two_rings_are_received_from_by_one_who_waits_for_either() {
    let mut heaps = [Heap::new(geometry()), Heap::new(geometry())];
    let [first, second] = heaps.each_mut().map(pair);
    let mut consumers = [first.1, second.1];
    thread::scope(|threads| {
        threads.spawn(|| send_all(first.0));
        threads.spawn(|| send_all(second.0));
        let (mut open, mut next, mut ready) = ([true; 2], [0; 2], 0);
        while open != [false; 2] {
            let mut sides: Vec<_> = consumers.iter_mut().collect();
            // One that is closed is ready for ever.
            ready = wait_any(&mut sides, ready, Deadline::NEVER, |_, _| {
                thread::yield_now();
                Slept::Woken
            })
            .expect("one of them");
            open[ready] = receive(&mut consumers[ready], &mut next[ready]);
        }
        assert_eq!(next, [MESSAGES; 2]);
    });
    drop(consumers);
}

/// What a side and its watcher have in common.
struct Desk {
    orders: Mutex<(Order, Option<Told>)>,
    readable: Condvar,
}

impl Desk {
    fn set(&self, order: Order) -> Option<Told> {
        let mut orders = self.orders.lock().expect("nobody panics there");
        std::mem::replace(&mut *orders, (order, None)).1
    }

    fn wait(&self) {
        let mut orders = self.orders.lock().expect("nobody panics there");
        while orders.1.is_none() {
            orders = self.readable.wait(orders).expect("nobody panics there");
        }
    }
}

struct Stand<'d>(&'d Desk);

impl Post for Stand<'_> {
    fn order(&mut self) -> Order {
        self.0.orders.lock().expect("nobody panics there").0
    }

    fn tell(&mut self, watch: &Watch, told: Told) {
        let mut orders = self.0.orders.lock().expect("nobody panics there");
        if orders.0 == Order::Watch(*watch) {
            *orders = (Order::Rest, Some(told));
            self.0.readable.notify_all();
        }
    }

    fn sleep(&mut self, _: u64, _: u64) -> bool {
        thread::yield_now();
        false
    }

    fn outside(&mut self) -> Outside {
        Outside::PeerAlive
    }
}

#[test]
fn all_messages_are_received_by_one_who_is_told_of_them() {
    let mut heap = Heap::new(geometry());
    let reach = heap.reach();
    let (producer, mut consumer) = pair(&mut heap);
    let desk = Desk { orders: Mutex::new((Order::Rest, None)), readable: Condvar::new() };
    thread::scope(|threads| {
        threads.spawn(|| send_all(producer));
        threads.spawn(|| {
            // SAFETY: the heap block has the geometry's size, and outlives the scope.
            unsafe { keep_watch(reach, geometry(), Role::Consumer, &mut Stand(&desk)) };
        });
        let mut next = 0;
        while receive(&mut consumer, &mut next) {
            let told = desk.set(Order::Rest);
            let armed = arm(&mut consumer, told, |watch| {
                desk.set(Order::Watch(watch));
            });
            if armed == Armed::Pending {
                desk.wait();
            }
        }
        desk.set(Order::End);
        assert_eq!(next, MESSAGES);
    });
    drop(consumer);
}
