//! Taking a segment's name away: when nobody needs it, or by force.
//!
//! Removal and joining pass the same door, and joining looks at the name there; so nobody ever
//! joins a segment that was removed, and nobody removes one that was joined. Processes that have
//! it mapped keep their memory.
//!
//! What may be removed: a file that begins with the magic, of whatever version and however
//! damaged else, and one that is too short to hold it; under a segment's name these were segments
//! once. Anything else is left to its owner. The locks are the same in all versions, with room
//! for a thousand participants, and all of them are asked.
//!
//! *By force*: the name is taken first, so that whoever is killed on the way has done no more than
//! `unlink` does, and the pair goes on. Then the segment is marked, and both gates are made zero,
//! which is never a gate: so each side leaves the way of messages at its next look, and learns why.
//! One who is killed between mark and gates has told those who wait, who ask outside, and no other.

use super::config::MemoryChoice;
use super::door::Door;
use super::header::Checked;
use super::map::Map;
use super::onlooker::Onlooker;
use super::plan::Plan;
use super::registry::{Key, Node};
use super::{Name, RemoveError, SegmentError, attach, fd, header, locks};
use crate::layout::{
    Bed, CONSUMER, CONSUMER_GATE, Comings, HEAD, MAGIC, MPMC_COMINGS, MPMC_SEATS, PRODUCER,
    PRODUCER_GATE, Participant, REMOVAL, REMOVED, Seat,
};
use crate::ring::area::bed_at;
use crate::ring::gate::Gate;
use crate::ring::{Role, Standing, Wake, mpmc};
use crate::sync::{Byte, Ordering, Raw};
use crate::wake::{self, Berth};
use core::mem::offset_of;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What has to be true of a segment that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nobody holds a role in it. Unread messages are lost.
    Unheld,
    /// The same, and all was received: the producer has closed and a consumer was told so; of a
    /// ring of many, a producer has come, no slot holds a message, a claim or a gap, and there is
    /// no dead letter.
    Spent,
    /// Nothing, but that the segment is one of this version: whoever holds a role gets
    /// [`Severed::Removed`](crate::error::Severed::Removed), a receiver when it has received all
    /// that was sent before. One that closes in that very moment may leave its peer with
    /// `PeerClosed` or `Closed` instead.
    Forced,
}

/// Removes the named segment if what `removal` asks for is true of it. Waits for others who join or
/// remove it, at most a second. Root removes those of other users too.
pub fn remove(name: &Name, removal: Removal) -> Result<(), RemoveError> {
    let path = name.path();
    let seen = attach::look(&path)?;
    if !seen.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(RemoveError::NotAnnulus);
    }
    let file = fd::open_anew(&seen)?;
    let node = Node::enter(&file)?;
    let _door = Door::enter(&node)?;
    let state = node.state().map_err(|error| fd::failed("fstat", &error))?;
    if state.bytes >= size_of::<u64>() as u64 && header::magic(&file)? != MAGIC {
        return Err(RemoveError::NotAnnulus);
    }
    let checked = header::read(&file, state.bytes).ok();
    let held = check_unheld(&node, &file, checked.as_ref());
    let held_by = match (removal, held) {
        (_, Ok(())) => None,
        // One of another version cannot be marked, so its holders would never know.
        (Removal::Forced, Err(held)) => {
            let checked = checked.as_ref().ok_or(held)?;
            let map = Map::new(&file, checked, MemoryChoice { prefault: false, lock: false })?;
            Some((map, checked))
        }
        (_, Err(held)) => return Err(held),
    };
    if removal == Removal::Spent && !is_spent(&file, checked.as_ref())? {
        return Err(RemoveError::NotSpent);
    }
    check_still_named(&path, &file)?;
    // Before the name: who is killed in between leaves a segment without a set, which the next who
    // joins makes anew, and no set that nothing names.
    if let Some(checked) = &checked
        && checked.plan.waiting().wake() == Some(Wake::SysvSem)
    {
        wake::forget_sysv(&checked.header);
    }
    fs::remove_file(&path).map_err(|error| match fd::errno_of(&error) {
        libc::ENOENT => RemoveError::NotFound,
        libc::EACCES | libc::EPERM => RemoveError::Denied,
        errno => RemoveError::Io { call: "unlink", errno },
    })?;
    if let Some((map, checked)) = held_by {
        mark(map.raw(), checked);
    }
    Ok(())
}

/// Tells those who hold a role that the segment is no more. In a ring of many hints stand where
/// gates do elsewhere, and may be zero; its participants look at the mark when they find nothing
/// to do.
fn mark(raw: Raw, checked: &Checked) {
    // ORDERING: Release, all three: who sees a gate of zero finds the mark.
    for (at, word) in [(REMOVAL, REMOVED), (CONSUMER_GATE, 0), (PRODUCER_GATE, 0)] {
        // SAFETY: control words below `DATA`, aligned by the layout.
        unsafe { raw.store(at, word, Ordering::Release) };
    }
    if let Plan::Mpmc(_) = checked.plan {
        // Those who sleep ask, as when somebody leaves.
        // SAFETY: as above.
        unsafe { raw.count(MPMC_COMINGS + offset_of!(Comings, changes)) };
    }
    // Those who sleep are to look at their gates. In a pair one who publishes may ring at the same
    // time by a store, and one ring of two be lost: a sleeper is woken by either. Of many, all ring
    // as here.
    for role in [Role::Producer, Role::Consumer] {
        // It releases, edge B of `ring::park`: who sees it rung sees the gates.
        // SAFETY: as above.
        unsafe { raw.count(bed_at(role) + offset_of!(Bed, bell)) };
    }
    // Without a wake sleepers see the bell when their slice ends. Those who slept by a set are
    // awake, since that is gone. One who has an event's mutex may be dead, and we would wait for
    // it.
    let Some(wake @ (Wake::Futex | Wake::PosixSem)) = checked.plan.waiting().wake() else {
        return;
    };
    if let Ok(means) = wake::open(wake, &checked.header, raw) {
        means.wake(Berth::new(raw, Role::Producer));
        means.wake(Berth::new(raw, Role::Consumer));
    }
}

/// Whether the segment was taken from those who hold it.
pub(super) fn is_removed(raw: Raw) -> bool {
    // ORDERING: Acquire: not older than the gate that led here.
    // SAFETY: a control word below `DATA`, aligned by the layout.
    unsafe { raw.load(REMOVAL, Ordering::Acquire) == REMOVED }
}

/// Nobody else changes names of segments while we have the door.
fn check_still_named(path: &Path, file: &File) -> Result<(), RemoveError> {
    let now = attach::look(path)?;
    let key = |file| Key::of(file).map_err(|error| fd::failed("fstat", &error));
    if key(&now)? == key(file)? { Ok(()) } else { Err(RemoveError::Replaced) }
}

fn check_unheld(node: &Node, file: &File, checked: Option<&Checked>) -> Result<(), RemoveError> {
    let is_locked = |range| node.is_locked(range).map_err(|error| failed("fcntl", &error));
    if !is_locked(locks::ANYBODY)? {
        return Ok(());
    }
    if let Some(Checked { plan: Plan::Mpmc(geometry), .. }) = checked {
        for participant in 1..=geometry.seats() {
            if is_locked(locks::byte_of_many(Byte::Life(participant)))? {
                return Err(held_by_one_of_many(file, participant));
            }
        }
    }
    let producer = is_locked(locks::byte_of(Role::Producer))?;
    let (role, at) = if producer { (Role::Producer, PRODUCER) } else { (Role::Consumer, CONSUMER) };
    let pid = header::word_at(file, at + offset_of!(Participant, pid)).ok();
    Err(RemoveError::Held { role, pid: pid.filter(|pid| *pid != 0) })
}

fn held_by_one_of_many(file: &File, participant: u16) -> RemoveError {
    let at = MPMC_SEATS + (participant as usize - 1) * size_of::<Seat>();
    let word = |field| header::word_at(file, at + field).ok();
    let role = word(offset_of!(Seat, state)).and_then(mpmc::role_of);
    let pid = word(offset_of!(Seat, pid)).filter(|pid| *pid != 0);
    RemoveError::Held { role: role.unwrap_or(Role::Producer), pid }
}

/// Whether the producer closed, and a consumer that was told so closed there, too. Nobody changes
/// these words, since nobody holds a role and we have the door.
fn is_spent(file: &File, checked: Option<&Checked>) -> Result<bool, RemoveError> {
    let Some(checked) = checked else { return Ok(false) };
    if let Plan::Mpmc(geometry) = checked.plan {
        return is_used_up(file, checked, geometry);
    }
    let end = Standing::Closed(header::word_at(file, HEAD)?);
    for gate in [PRODUCER_GATE, CONSUMER_GATE] {
        if Gate::from_bits(header::word_at(file, gate)?).standing() != end {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same of a ring of many, which has no gates: nobody is left who could put something there.
fn is_used_up(
    file: &File,
    checked: &Checked,
    geometry: mpmc::Geometry,
) -> Result<bool, RemoveError> {
    let map = Map::new(file, checked, MemoryChoice { prefault: false, lock: false })?;
    // SAFETY: the mapping has the size of the geometry, as checked when it was made.
    let seen = unsafe { mpmc::Occupancy::of(Onlooker(map.raw()), geometry) };
    // Dead letters are to be looked at by somebody.
    Ok(seen.come(Role::Producer) > 0 && seen.is_drained() && seen.dead_letters == 0)
}

fn failed(call: &'static str, error: &io::Error) -> RemoveError {
    RemoveError::Io { call, errno: fd::errno_of(error) }
}

impl From<SegmentError> for RemoveError {
    fn from(error: SegmentError) -> RemoveError {
        match error {
            SegmentError::NotFound => RemoveError::NotFound,
            SegmentError::Denied => RemoveError::Denied,
            SegmentError::Io { call, errno } => RemoveError::Io { call, errno },
            // The rest does not come of looking, opening and reading.
            _ => RemoveError::NotAnnulus,
        }
    }
}
