//! Taking a role.
//!
//! ```text
//!   the barrier          by which one will sleep works here
//!   the door             one at a time, against removal too
//!     the role's byte    Busy if somebody has it
//!     the name           Removed if it is gone meanwhile
//!     the gates          a reader that is gone does not stop a new sender
//!     the participant    who we are, for those who look
//!     the means of waking
//!     the ring's attach
//!   the door is left
//! ```
//!
//! The byte is held until the handle's memory is dropped, which comes after the handle's own last
//! store. Killed anywhere in between, the kernel gives byte and door back, and nothing here needs
//! repair: a gate that says `Joined` with a free byte means a participant that died.

use super::door::Door;
use super::mapping::{Mapping, RoleLock};
use super::plan::Plan;
use super::remove::is_removed;
use super::trust::Peers;
use super::{Inner, JoinError, Shape, fd, locks, waiting};
use crate::error::Severed;
use crate::layout::{CONSUMER_GATE, Participant};
use crate::ring::area::participant_at;
use crate::ring::gate::Gate;
use crate::ring::{Geometry, Role, spsc};
use crate::sync::{Ordering, Raw};
use crate::wake::{self, WakeError};
use core::mem::offset_of;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Takes the producer's role, to send messages of any bytes.
pub(super) fn producer_of_bytes<P: Peers>(
    segment: &Arc<Inner>,
) -> Result<spsc::Producer<Mapping<P>>, JoinError> {
    match Shape::of(&segment.header) {
        Some(shape) => Err(JoinError::Typed { shape }),
        None => producer(segment),
    }
}

/// Takes the producer's role, to send what the ring takes.
pub(super) fn producer<P: Peers>(
    segment: &Arc<Inner>,
) -> Result<spsc::Producer<Mapping<P>>, JoinError> {
    let geometry = one_to_one(segment)?;
    let (_door, mapping) = join(segment, Role::Producer)?;
    // SAFETY: the mapping has the size of the geometry, as checked when it was made; the byte in
    // it keeps others from being the producer.
    let attached = unsafe { spsc::Producer::attach(mapping, geometry) };
    attached.map_err(JoinError::Corrupted)
}

/// Takes the consumer's role.
pub(super) fn consumer<P: Peers>(
    segment: &Arc<Inner>,
) -> Result<spsc::Consumer<Mapping<P>>, JoinError> {
    let geometry = one_to_one(segment)?;
    let (_door, mapping) = join(segment, Role::Consumer)?;
    // SAFETY: as in `producer`.
    let attached = unsafe { spsc::Consumer::attach(mapping, geometry) };
    attached.map_err(JoinError::Corrupted)
}

/// All but the ring's own part. The door is still ours.
fn join<P: Peers>(segment: &Arc<Inner>, role: Role) -> Result<(Door<'_>, Mapping<P>), JoinError> {
    if let Some(cause) = segment.map.severed() {
        return Err(JoinError::Severed(cause));
    }
    waiting::check_possible(segment.plan.waiting())?;
    let door = Door::enter(&segment.node)?;
    if !segment.node.try_lock(locks::byte_of(role)).map_err(fcntl_failed)? {
        return Err(JoinError::Busy { role, pid: segment.pid_of(role) });
    }
    let taken = RoleLock::taken(Arc::clone(segment), role);
    check_there(segment)?;
    let raw = segment.map.raw();
    if role == Role::Producer {
        let consumer = locks::byte_of(Role::Consumer);
        if !segment.node.is_locked(consumer).map_err(fcntl_failed)? {
            reopen_for_readers(raw);
        }
    }
    open_means(segment)?;
    sign_in(raw, role);
    Ok((door, Mapping::new(taken)))
}

/// What this process wakes others by in this segment, and is woken. We have the door.
fn open_means(segment: &Inner) -> Result<(), JoinError> {
    let Some(wake) = segment.plan.waiting().wake() else { return Ok(()) };
    if segment.means.get().is_none() {
        let opened = wake::open(wake, &segment.header, segment.map.raw());
        let means = opened.map_err(|error| match error {
            WakeError::Missing => JoinError::NoSuchWake { wake },
            WakeError::Foreign => JoinError::ForeignWake { wake },
            WakeError::NoSet(errno) => JoinError::NoSysvSem { errno },
            WakeError::TakenKey(key) => JoinError::TakenKey { key },
        })?;
        // One that came first by another thread is as good.
        let _ = segment.means.set(means);
    }
    Ok(())
}

/// Opens the ring for a next reader, if nobody is one now.
pub(super) fn reopen(segment: &Arc<Inner>) -> Result<(), JoinError> {
    if let Some(cause) = segment.map.severed() {
        return Err(JoinError::Severed(cause));
    }
    one_to_one(segment)?;
    let _door = Door::enter(&segment.node)?;
    let state = segment.node.state().map_err(|error| failed("fstat", &error))?;
    check_whole(segment, state.bytes)?;
    if is_removed(segment.map.raw()) {
        return Err(JoinError::Removed);
    }
    let consumer = locks::byte_of(Role::Consumer);
    if !segment.node.is_locked(consumer).map_err(fcntl_failed)? {
        reopen_for_readers(segment.map.raw());
    }
    Ok(())
}

/// The geometry of a ring of one producer and one consumer.
fn one_to_one(segment: &Inner) -> Result<Geometry, JoinError> {
    match segment.plan {
        Plan::Spsc(geometry) => Ok(geometry),
        Plan::Mpmc(_) => Err(JoinError::OfMany),
    }
}

/// That the segment has its name, if it had one, and all of its bytes, and that nobody took it
/// away. We have the door.
pub(super) fn check_there(segment: &Inner) -> Result<(), JoinError> {
    let state = segment.node.state().map_err(|error| failed("fstat", &error))?;
    if segment.named && state.nameless {
        return Err(JoinError::Removed);
    }
    check_whole(segment, state.bytes)?;
    if is_removed(segment.map.raw()) { Err(JoinError::Removed) } else { Ok(()) }
}

/// That the file, of `bytes`, has all of the segment: before the mapping is touched.
fn check_whole(segment: &Inner, bytes: u64) -> Result<(), JoinError> {
    if bytes < segment.header.segment_bytes {
        segment.map.sever(Severed::Truncated);
        return Err(JoinError::Severed(Severed::Truncated));
    }
    Ok(())
}

/// A ring that nobody reads is open again: a reader that left does not stop a new sender.
fn reopen_for_readers(raw: Raw) {
    // ORDERING: Relaxed: nobody is the consumer, and none can join while we have the door.
    // SAFETY: a control word below `DATA`, aligned by the layout.
    unsafe { raw.store(CONSUMER_GATE, Gate::VACANT.to_bits(), Ordering::Relaxed) };
}

/// Writes down who we are.
fn sign_in(raw: Raw, role: Role) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let generation = word(raw, role, offset_of!(Participant, generation)).wrapping_add(1);
    set_word(raw, role, offset_of!(Participant, pid), std::process::id().into());
    set_word(raw, role, offset_of!(Participant, since_ns), since.as_nanos() as u64);
    set_word(raw, role, offset_of!(Participant, generation), generation);
}

/// A word of the participant of `role`.
pub(super) fn word(raw: Raw, role: Role, field: usize) -> u64 {
    // ORDERING: Acquire: a survey asks for the byte after it has read the generation.
    // SAFETY: a word of a `Participant`, below `DATA` and aligned by the layout.
    unsafe { raw.load(participant_at(role) + field, Ordering::Acquire) }
}

fn set_word(raw: Raw, role: Role, field: usize, word: u64) {
    // ORDERING: Relaxed: whoever must see it is shown it by the gate, which is opened after.
    // SAFETY: as in `word`.
    unsafe { raw.store(participant_at(role) + field, word, Ordering::Relaxed) };
}

fn fcntl_failed(error: io::Error) -> JoinError {
    failed("fcntl", &error)
}

fn failed(call: &'static str, error: &io::Error) -> JoinError {
    JoinError::Io { call, errno: fd::errno_of(error) }
}
