//! The thread that makes a handle's descriptor readable, and how the handle talks to it.
//!
//! What it does is the watcher's part of [`ring::watch`](crate::ring::watch); here is where it
//! stands. Orders are left under a mutex, which the proof there rests on. The thread mostly sleeps
//! at the bell, whether there is an order or not, so that giving one takes no system call.
//!
//! It ends with its handle. That it is to end stands in the orders; but it looks there only when it
//! is awake, and nobody may ring for it but the peer. So it is woken without a ring, again and
//! again until it is gone: a wake that comes just before it falls asleep is lost, the next is not.
//!
//! In a forked child there is no such thread, and the descriptor is the parent's. There neither is
//! touched: not the mutex either, which the thread may have held at the fork.

use super::super::Inner;
use super::super::fd::errno_of;
use super::super::onlooker::Onlooker;
use super::super::plan::Plan;
use super::super::wait_errors::PollError;
use super::super::waitable::Place;
use super::eventfd;
use crate::ring::Role;
use crate::ring::watch::{Order, Post, Told, Watch, keep_watch};
use crate::sync::Outside;
use crate::wake::{Berth, Futex, Means};
use std::io;
use std::mem::{MaybeUninit, forget};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What it is called in a debugger.
const NAME: &str = "annulus-ringer";

/// Far more than it needs.
const STACK_BYTES: usize = 64 << 10;

/// Between two wakes of a thread that is to end.
const WAKE_EVERY: Duration = Duration::from_micros(20);

/// The thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ringer {
    segment: Arc<Inner>,
    role: Role,
    desk: Arc<Desk>,
    /// None when it has ended.
    thread: Option<JoinHandle<()>>,
}

/// Where orders are left, and answers.
#[derive(Debug)]
struct Desk {
    orders: Mutex<Orders>,
    fd: OwnedFd,
}

#[derive(Debug)]
struct Orders {
    order: Order,
    /// What was told and not heard yet; as long as there is something, the descriptor is readable.
    told: Option<Told>,
}

impl Ringer {
    /// A thread for the side at `place`, with nothing to do yet.
    pub(super) fn start(place: Place<'_>) -> Result<Ringer, PollError> {
        let failed = |call, error: &io::Error| PollError::Io { call, errno: errno_of(error) };
        let fd = eventfd::new().map_err(|error| failed("eventfd", &error))?;
        let orders = Mutex::new(Orders { order: Order::Rest, told: None });
        let desk = Arc::new(Desk { orders, fd });
        let (segment, role) = (Arc::clone(place.segment), place.role);
        let mut stand = Stand { segment: Arc::clone(&segment), role, desk: Arc::clone(&desk) };
        let builder = thread::Builder::new().name(NAME.to_owned()).stack_size(STACK_BYTES);
        let spawned = without_signals(|| builder.spawn(move || stand.watch()));
        let thread = Some(spawned.map_err(|error| failed("clone", &error))?);
        Ok(Ringer { segment, role, desk, thread })
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.desk.fd
    }

    /// Whether it stands at `place`.
    pub(super) fn is_at(&self, place: Place<'_>) -> bool {
        Arc::ptr_eq(&self.segment, place.segment) && self.role == place.role
    }

    /// Whether there is no use in it, since the mapping was cut off; as in a forked child.
    pub(super) fn is_cut_off(&self) -> bool {
        self.segment.map.severed().is_some()
    }

    /// Drops the order, and says what was told of it. The descriptor is not readable then.
    pub(super) fn dismiss(&self) -> Option<Told> {
        let mut orders = self.desk.lock();
        orders.order = Order::Rest;
        let told = orders.told.take();
        drop(orders);
        if told.is_some() {
            eventfd::clear(&self.desk.fd);
        }
        told
    }

    /// Gives it an order, in the place of the last.
    pub(super) fn order(&self, watch: Watch) {
        self.desk.lock().order = Order::Watch(watch);
        if !watch.is_sure() {
            // It may be in a long slice, in which a ring may be missed.
            self.wake();
        }
    }

    /// Wakes it, if it sleeps.
    fn wake(&self) {
        Futex.wake(Berth::new(self.segment.map.raw(), self.role));
    }
}

impl Drop for Ringer {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.segment.node.is_inherited() {
            // It is the parent's, and so is what the handle of it points at.
            forget(thread);
            return;
        }
        self.desk.lock().order = Order::End;
        // Ends when it has come to look, which each of these wakes makes it do; if the mapping was
        // cut off while it slept, none does, but the end of its slice.
        while !thread.is_finished() {
            self.wake();
            thread::sleep(WAKE_EVERY);
        }
        // It does not panic; if it did, it is gone all the same.
        let _ = thread.join();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own end.
struct Stand {
    segment: Arc<Inner>,
    role: Role,
    desk: Arc<Desk>,
}

impl Stand {
    fn watch(&mut self) {
        let Plan::Spsc(geometry) = self.segment.plan else { return };
        let (memory, role) = (Onlooker(self.segment.map.raw()), self.role);
        // SAFETY: the mapping has the size of the geometry, as checked when it was made.
        unsafe { keep_watch(memory, geometry, role, self) };
    }
}

impl Post for Stand {
    fn order(&mut self) -> Order {
        self.desk.lock().order
    }

    fn tell(&mut self, watch: &Watch, told: Told) {
        let mut orders = self.desk.lock();
        if orders.order == Order::Watch(*watch) {
            orders.order = Order::Rest;
            orders.told = Some(told);
            eventfd::set(&self.desk.fd);
        }
    }

    fn sleep(&mut self, bell: u64, ns: u64) -> bool {
        Futex.sleep(Berth::new(self.segment.map.raw(), self.role), bell as u32, ns)
    }

    fn outside(&mut self) -> Outside {
        self.segment.outside(self.role)
    }
}

/// Has `start` start a thread that takes no signals: those are for the program's own threads.
/// But for the ones that tell a thread of its own fault: so the guard against truncation (`guard`)
/// works there, too.
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let faults = [libc::SIGBUS, libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    for signal in faults {
        // SAFETY: changes the set, which is filled.
        unsafe { libc::sigdelset(all.as_mut_ptr(), signal) };
    }
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: reads the one set and fills the other; changes this thread's mask and nothing else.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let started = start();
    // SAFETY: the mask of before, as it was filled: the call above cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    started
}
