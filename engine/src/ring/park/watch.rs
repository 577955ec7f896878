//! Lying down while somebody else sleeps, so that a descriptor becomes readable and epoll wakes.
//!
//! Who waits in epoll cannot sleep at its bell. A thread of its process does so instead, its
//! *watcher*, and makes the descriptor readable when somebody rings. All else stays as in
//! `park`: the side alone writes its bed, and S1 to S4 are its own.
//!
//! ```text
//!      the side                            its watcher
//!   S1 b = bell                         H1 v = bell
//!   O  order: watch while bell is b     H2 an order whose b is not v: drop it, and tell
//!   S2 asleep += 1, now odd             H3 sleep while bell is v; then H1 again
//!   S3 barrier
//!   S4 look, at the bell too: get up and drop the order if there is work, or it is not b
//! ```
//!
//! **No ring goes unheard** that S1 did not see. A turn of the watcher whose H1 does not see it
//! does not sleep at H3, or is woken there, as S5 has it, and another turn follows. Take the first
//! whose H1 does. If its H2 comes after O, it finds the order, and tells. If its H2 comes before O,
//! the lock of the orders has O, and so S4, see what H1 saw: the bell is not b, and nobody waits.
//! (With H2 before H1 an order and a ring could both come in between, and H3 would sleep on.) That
//! what S4 does not see is rung for is `park`'s affair.
//!
//! **Who lies may lie down again**, to look once more: it lies on, if nobody rang, and needs no new
//! barrier. The bell is the one that S1 saw when it lay down, so the above holds. It would not
//! without the bell at S4: a ring for a message that was taken before it came may lie between the
//! two orders, and the next message is not rung for, since the number is the same.
//!
//! **An order is told once**, and dropped with that; then the side looks, perhaps for nothing, and
//! gives the next. Before that it drops what order there is and empties the descriptor.
//!
//! **Slices** are the watcher's: at their end it looks whether there is work, and asks about the
//! peer, in its side's place. A slice begins with an order, as soon as the watcher sees that, at
//! the end of the slice before it: so a death is told after two slices at most. What a slice's end
//! found is told, and whether it counts as a lost wake is left to the side.

use super::super::area::Area;
use super::super::side::{AsSide, Fate};
use super::super::{Geometry, Role};
use super::steps::Sought;
use super::{SLICE_MAX_NS, SLICE_NS, UNSURE_SLICE_NS};
use crate::layout::Bed;
use crate::sync::{Memory, Ordering, Outside};
use core::mem::offset_of;

/// An order to watch: while the bell is what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    bell: u64,
    sought: Sought,
    /// Whether the barrier works; else a ring may be missed, and slices are short.
    is_sure: bool,
}

/// What a watcher has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Rest,
    /// To tell.
    Watch(Watch),
    /// To leave.
    End,
}

/// Why a side is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Somebody rang.
    Rung,
    /// Somebody rang, and the slice was over before the wake came.
    RungUnheard,
    /// There is work.
    Work,
    /// There is work, for which somebody should have rung.
    WorkUnrung,
    /// The peer may be dead, or the segment gone.
    Gone,
}

/// How a side stands that was to lie down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// It is up: a try will find something.
    Ready,
    /// It lies, and the order is given.
    Pending,
    /// It is up: the peer died, and left nothing that a try would find.
    PeerDied,
}

/// Where a watcher stands: how it hears from its side, and sleeps.
pub trait Post {
    /// The order that stands now.
    fn order(&mut self) -> Order;

    /// Drops the order, if it still is that one, and tells the side.
    fn tell(&mut self, watch: &Watch, told: Told);

    /// Sleeps while the bell is `bell`, for up to `ns`, or until woken. Says whether it was so
    /// long.
    fn sleep(&mut self, bell: u64, ns: u64) -> bool;

    /// What [`Memory::outside`] answers the side.
    fn outside(&mut self) -> Outside;
}

impl Watch {
    pub(super) fn new(bell: u64, sought: Sought, is_sure: bool) -> Watch {
        Watch { bell, sought, is_sure }
    }

    /// Whether the barrier works. If not, slices are short, and the watcher is to know at once.
    pub fn is_sure(&self) -> bool {
        self.is_sure
    }
}

/// Has a side lie down, and its watcher ordered by `order`, unless there is work. `told` is what
/// the watcher said since the last time; the caller has dropped the last order before, and drops
/// this one if the side is not to wait.
///
/// `order` may be called twice; the later order counts.
pub fn arm<S: AsSide + ?Sized>(
    side: &mut S,
    told: Option<Told>,
    mut order: impl FnMut(Watch),
) -> Armed {
    let side = side.side();
    if let Some(told) = told {
        side.told(told);
    }
    if side.is_ready() {
        side.rise();
        return Armed::Ready;
    }
    if told == Some(Told::Gone) {
        match side.ask() {
            Fate::Open => {}
            fate => {
                side.rise();
                return if fate == Fate::Died { Armed::PeerDied } else { Armed::Ready };
            }
        }
    }
    // S1.
    let watch = side.watch();
    // O.
    order(watch);
    // S2.
    if side.lie_down() {
        // S3.
        let is_sure = side.execute_barrier();
        side.brace(is_sure);
        if is_sure != watch.is_sure {
            order(Watch { is_sure, ..watch });
        }
    }
    // S4.
    if side.reason(false).is_some() {
        side.rise();
        return Armed::Ready;
    }
    Armed::Pending
}

/// A time after which a watcher looks by itself.
struct Slice {
    of: Order,
    ns: u64,
    end_ns: u64,
}

impl Slice {
    fn first(of: Order, now: u64) -> Slice {
        let (ns, _) = Slice::bounds(of);
        Slice { of, ns, end_ns: now.saturating_add(ns) }
    }

    fn next(&mut self, now: u64) {
        let (_, most) = Slice::bounds(self.of);
        self.ns = (2 * self.ns).min(most);
        self.end_ns = now.saturating_add(self.ns);
    }

    /// The shortest and the longest.
    fn bounds(of: Order) -> (u64, u64) {
        match of {
            Order::Watch(Watch { is_sure: false, .. }) => (UNSURE_SLICE_NS, UNSURE_SLICE_NS),
            _ => (SLICE_NS, SLICE_MAX_NS),
        }
    }
}

/// Watches at the bell of `role` until it is ordered to end.
///
/// # Safety
///
/// `memory` has at least `geometry.segment_bytes()` bytes.
pub unsafe fn keep_watch<M: Memory>(
    memory: M,
    geometry: Geometry,
    role: Role,
    post: &mut impl Post,
) {
    // SAFETY: the size is the caller's promise.
    let area = unsafe { Area::new(memory, geometry) };
    let mut slice = Slice::first(Order::Rest, area.memory().now());
    let mut has_slept_out = false;
    loop {
        // H1.
        // ORDERING: Acquire, edge B: what was ordered before the ring is found.
        let bell = area.bed(role, offset_of!(Bed, bell), Ordering::Acquire);
        // H2.
        let order = post.order();
        let now = area.memory().now();
        if order != slice.of {
            slice = Slice::first(order, now);
            has_slept_out = false;
        }
        match order {
            Order::End => return,
            Order::Rest => {}
            Order::Watch(watch) => {
                let told = if watch.bell != bell {
                    Some(if has_slept_out { Told::RungUnheard } else { Told::Rung })
                } else if now >= slice.end_ns {
                    at_slice_end(&area, &watch, || post.outside())
                } else {
                    None
                };
                if let Some(told) = told {
                    post.tell(&watch, told);
                    // Whatever it is now, it is another order.
                    continue;
                }
            }
        }
        if now >= slice.end_ns {
            slice.next(now);
        }
        // H3.
        has_slept_out = post.sleep(bell, slice.end_ns - now);
    }
}

/// What the side is to be told at the end of a slice without a ring, if anything.
fn at_slice_end<M: Memory>(
    area: &Area<M>,
    watch: &Watch,
    outside: impl FnOnce() -> Outside,
) -> Option<Told> {
    if !watch.sought.seems_idle(area) {
        return Some(watch.sought.unrung(area));
    }
    watch.sought.may_be_over(area, outside).then_some(Told::Gone)
}
