//! How `send` and `recv` find each other: creating or attaching, and whom to wait for.
//!
//! ```text
//!   send   attach; nothing there: create; the name was taken or removed meanwhile: once more
//!   recv   look, every few milliseconds, until there is something to receive:
//!            no ring                                             not yet
//!            a ring that no sender has joined                    not yet
//!            closed, drained, and a receiver has been told so    not yet (it is about to go)
//!            a living sender, unread messages, an untold end     join
//! ```
//! Of a ring of many, which others join as well, an end is told if a receiver has come and all that
//! have come live or have left.
//!
//! Whoever is just leaving (its gate is closed, its lock not yet dropped) is waited for.

use crate::address::{Address, CAPACITY_DEFAULT, Kind};
use crate::exit::{Failure, Limits, ManyFault};
use crate::limit::Limit;
use crate::waiting::WAIT_DEFAULT;
use annulus::layout::SLOTS_MIN;
use annulus::ring::mpmc::{self, Occupancy};
use annulus::ring::{Geometry, Role, Standing};
use annulus::segment::{JoinError, Removal, RemoveError, RoleSurvey, SegmentError, Survey};
use annulus::{Attach, Backing, Config, Consumer, MpmcConsumer, MpmcProducer, Producer, Segment};
use std::io;
use std::thread;
use std::time::Duration;

/// How long somebody who has closed may take to be gone.
const LEAVING: Duration = Duration::from_secs(2);

/// Rings that `send` finds removed again before it gives up.
const ATTEMPTS: u32 = 1_000;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// The sender's end of a ring.
pub(crate) struct Sending {
    pub(crate) segment: Segment,
    pub(crate) producer: Producing,
}

/// Its handle, by the sort of ring.
pub(crate) enum Producing {
    One(Producer),
    Many(MpmcProducer),
}

/// The receiver's end of a ring.
pub(crate) struct Receiving {
    pub(crate) segment: Segment,
    pub(crate) consumer: Consuming,
    /// The receiver before died: the first messages may have been written by it already.
    pub(crate) succeeds_a_dead: bool,
    /// The sender is dead, and the receiver before left in good order: it has said so.
    pub(crate) told: bool,
    /// Nobody has received from this ring before.
    pub(crate) is_first: bool,
}

/// Its handle, by the sort of ring.
pub(crate) enum Consuming {
    One(Consumer),
    Many(MpmcConsumer),
}

/// Joins the ring at `address` as its sender, or one of them; creates it if it is not there. One
/// that does not take messages of the `longest` length, which that option asks for, is neither
/// created nor joined.
pub(crate) fn sender(
    address: &Address,
    longest: Option<(&'static str, usize)>,
) -> Result<Sending, Failure> {
    let leaving = Limit::after(Some(LEAVING));
    for _ in 0..ATTEMPTS {
        let Some(segment) = find_or_create(address, longest)? else { continue };
        check_takes(address, Limits::of(&segment), longest)?;
        let joined = match segment.mpmc_geometry() {
            None => segment.producer().map(Producing::One),
            Some(_) => segment.mpmc_producer().map(Producing::Many),
        };
        match joined {
            Ok(producer) => return Ok(Sending { segment, producer }),
            Err(JoinError::Removed) => {}
            Err(JoinError::Busy { .. }) if is_leaving(segment.survey().producer, leaving) => {
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(Failure::Join { address: address.to_string(), error }),
        }
    }
    Err(Failure::Contended { address: address.to_string() })
}

/// Joins the ring at `address` as its receiver, as soon as there is something to receive.
pub(crate) fn receiver(address: &Address, limit: Limit) -> Result<Receiving, Failure> {
    // Ends: at the limit; without one it waits for ever, which is what was asked for.
    loop {
        if let Some(receiving) = look(address, limit)? {
            return Ok(receiving);
        }
        if limit.has_passed() {
            return Err(Failure::NothingCame { address: address.to_string() });
        }
        thread::sleep(PAUSE);
    }
}

/// Unlinks the ring if it is closed and drained and nobody has joined it again.
pub(crate) fn unlink_spent(address: &Address, segment: &Segment) -> Result<(), RemoveError> {
    let Backing::Named(name) = &address.backing else { return Ok(()) };
    let leaving = Limit::after(Some(LEAVING));
    // Ends: somebody who has closed is gone soon, and at the limit we are.
    loop {
        match annulus::segment::remove(name, Removal::Spent) {
            Err(RemoveError::Held { .. }) if is_being_left(segment, leaving) => {
                thread::sleep(PAUSE);
            }
            // Somebody is still there or has begun anew, or has removed it before us.
            Err(
                RemoveError::Held { .. }
                | RemoveError::NotSpent
                | RemoveError::NotFound
                | RemoveError::Replaced,
            ) => return Ok(()),
            settled => return settled,
        }
    }
}

/// The ring at `address`, made if it was not there; `None` if it changed under our hands.
fn find_or_create(
    address: &Address,
    longest: Option<(&'static str, usize)>,
) -> Result<Option<Segment>, Failure> {
    if let Some(segment) = attach(address, Attach::default())? {
        return Ok(Some(segment));
    }
    let (config, limits) = match address.kind {
        Some(Kind::Mpmc) => {
            let limits = Limits::Slots { longest: address.slots.payload_for_new() };
            (Config::mpmc(address.slots.for_new()).wait(WAIT_DEFAULT), Some(limits))
        }
        Some(Kind::Spsc) | None => {
            let capacity = address.capacity.unwrap_or(CAPACITY_DEFAULT);
            // An impossible capacity is refused when the ring is made.
            let longest = Geometry::new(capacity, 0).map(|geometry| geometry.longest_message());
            let limits = longest.map(|longest| Limits::Capacity { capacity, longest });
            (Config::spsc(capacity).wait(WAIT_DEFAULT), limits)
        }
    };
    if let Some(limits) = limits {
        check_takes(address, limits, longest)?;
    }
    create(address, config)
}

/// Whether a ring takes messages of the length that an option asks for.
fn check_takes(
    address: &Address,
    ring: Limits,
    asked: Option<(&'static str, usize)>,
) -> Result<(), Failure> {
    match asked {
        Some((option, bytes)) if bytes > ring.longest() => {
            Err(Failure::LongBlocks { address: address.to_string(), option, bytes, ring })
        }
        _ => Ok(()),
    }
}

/// The smallest ring that takes a message of `len` bytes, if there is one.
pub(crate) fn capacity_for(len: usize) -> Option<u64> {
    let capacities = (0..u64::BITS).map(|shift| 1 << shift);
    let mut geometries = capacities.filter_map(|capacity| Geometry::new(capacity, 0));
    geometries.find(|geometry| geometry.longest_message() >= len).map(Geometry::capacity)
}

/// Whether the smallest ring of many takes a message of `len` bytes.
pub(crate) fn is_possible_payload(len: usize) -> bool {
    u32::try_from(len).is_ok_and(|len| mpmc::Geometry::new(SLOTS_MIN, len).is_some())
}

/// One look for something to receive.
fn look(address: &Address, limit: Limit) -> Result<Option<Receiving>, Failure> {
    // Its memory is brought in only once there is something in it: there may be many looks.
    let glimpse = attach(address, Attach::default().prefault(false))?;
    if glimpse.is_none_or(|segment| has_nothing(&segment)) {
        return Ok(None);
    }
    let Some(segment) = attach(address, Attach::default())? else { return Ok(None) };
    if has_nothing(&segment) {
        return Ok(None);
    }
    if segment.mpmc_geometry().is_some() {
        return join_many(address, segment);
    }
    let before = segment.survey();
    let (sender, predecessor) = (before.producer, before.consumer);
    let is_dead = !sender.held && matches!(sender.standing, Standing::Joined(_));
    let told = is_dead && matches!(predecessor.standing, Standing::Closed(_));
    match segment.consumer() {
        Ok(consumer) => {
            let died = !predecessor.held && matches!(predecessor.standing, Standing::Joined(_));
            let is_first = predecessor.standing == Standing::Vacant;
            let consumer = Consuming::One(consumer);
            Ok(Some(Receiving { segment, consumer, succeeds_a_dead: died, told, is_first }))
        }
        Err(JoinError::Removed) => Ok(None),
        Err(JoinError::Busy { .. }) if is_leaving(segment.survey().consumer, limit) => Ok(None),
        Err(error) => Err(Failure::Join { address: address.to_string(), error }),
    }
}

/// Joins as one of the receivers. What may come again says so by itself.
fn join_many(address: &Address, segment: Segment) -> Result<Option<Receiving>, Failure> {
    match segment.mpmc_consumer() {
        Ok(consumer) => {
            let consumer = Consuming::Many(consumer);
            let (succeeds_a_dead, told, is_first) = (false, false, false);
            Ok(Some(Receiving { segment, consumer, succeeds_a_dead, told, is_first }))
        }
        Err(JoinError::Removed) => Ok(None),
        Err(error) => Err(Failure::Join { address: address.to_string(), error }),
    }
}

/// The ring at `address`, if there is one; it must be what was asked for.
fn attach(address: &Address, choice: Attach) -> Result<Option<Segment>, Failure> {
    let choice = waiting(address, choice.any_owner(address.any_owner));
    let segment = match Segment::attach(&address.backing, &choice) {
        Ok(segment) => segment,
        Err(SegmentError::NotFound) => return Ok(None),
        Err(error) => return Err(failed(address, error, bytes_of(&address.backing))),
    };
    check_found(address, &segment)?;
    let found = segment.header().page_bytes.into();
    match address.huge_pages {
        Some(asked) if asked != found => {
            Err(Failure::OtherPages { address: address.to_string(), asked, found })
        }
        _ => Ok(Some(segment)),
    }
}

/// Asks for the wait policy and the means of waking that `address` asks for.
pub(crate) fn waiting(address: &Address, mut choice: Attach) -> Attach {
    if let Some(wait) = address.wait {
        choice = choice.wait(wait);
    }
    if let Some(wake) = address.wake {
        choice = choice.wake(wake);
    }
    choice
}

/// That a ring is of the sort, and has the size and the barrier that `address` asks for.
pub(crate) fn check_found(address: &Address, segment: &Segment) -> Result<(), Failure> {
    check_ring(address, segment)?;
    let found = segment.capacity();
    if let Some(asked) = address.capacity.filter(|asked| *asked != found) {
        return Err(Failure::OtherCapacity { address: address.to_string(), asked, found });
    }
    let found = segment.waiting().barrier();
    match address.barrier.filter(|asked| Some(*asked) != found) {
        Some(asked) => Err(Failure::OtherBarrier { address: address.to_string(), asked, found }),
        None => Ok(()),
    }
}

/// That it is the ring that was asked for. A capacity is one of a ring of two sides.
fn check_ring(address: &Address, segment: &Segment) -> Result<(), Failure> {
    let geometry = segment.mpmc_geometry();
    let found = if geometry.is_some() { Kind::Mpmc } else { Kind::Spsc };
    let asked = address.kind.or(address.capacity.map(|_| Kind::Spsc)).unwrap_or(found);
    let fault = if asked != found {
        ManyFault::OtherKind { asked, found }
    } else if let Some(geometry) = geometry
        && let Some((found, asked)) = address.slots.difference(geometry)
    {
        ManyFault::OtherSlots { asked, found }
    } else {
        return Ok(());
    };
    Err(Failure::Many { address: address.to_string(), fault })
}

/// A new ring, unless somebody else has just made it.
fn create(address: &Address, mut config: Config) -> Result<Option<Segment>, Failure> {
    if let Some(wait) = address.wait {
        config = config.wait(wait);
    }
    if let Some(wake) = address.wake {
        config = config.wake(wake);
    }
    if let Some(barrier) = address.barrier {
        config = config.barrier(barrier);
    }
    if let Some(bytes) = address.huge_pages {
        config = config.huge_pages(bytes);
    }
    if let Some(node) = address.numa_node {
        config = config.numa_node(node);
    }
    match Segment::create(&address.backing, &config) {
        Ok(segment) => Ok(Some(segment)),
        Err(SegmentError::Exists) => Ok(None),
        Err(error) => Err(failed(address, error, size_of_new(address))),
    }
}

/// The segment, of so many bytes, cannot be made or opened.
pub(crate) fn failed(address: &Address, error: SegmentError, bytes: Option<u64>) -> Failure {
    let address = address.to_string();
    match error {
        SegmentError::Io { call, errno } => {
            Failure::Call { address, call, error: io::Error::from_raw_os_error(errno), bytes }
        }
        error => Failure::Segment { address, error },
    }
}

/// The size of the file there, if there is one.
pub(crate) fn bytes_of(backing: &Backing) -> Option<u64> {
    let metadata = match backing {
        Backing::Named(name) => name.path().metadata(),
        Backing::File(path) => path.metadata(),
        Backing::Memfd => return None,
    };
    metadata.ok().map(|metadata| metadata.len())
}

/// About how many bytes a new ring would have.
fn size_of_new(address: &Address) -> Option<u64> {
    match address.kind {
        Some(Kind::Mpmc) => None,
        Some(Kind::Spsc) | None => Some(address.capacity.unwrap_or(CAPACITY_DEFAULT)),
    }
}

/// Whether there is nothing to receive, and no end to be told of.
fn has_nothing(segment: &Segment) -> bool {
    match segment.occupancy() {
        None => is_idle(&segment.survey()),
        Some(seen) => is_idle_of_many(segment, &seen),
    }
}

/// The same of a ring of many.
fn is_idle_of_many(segment: &Segment, seen: &Occupancy) -> bool {
    if seen.corruption.is_some() {
        return false;
    }
    let all = segment.attendances();
    let of_role = |role| all.iter().filter(move |seen| seen.attendant.role == role);
    let lives = |role| of_role(role).any(|seen| seen.is_alive);
    if seen.come(Role::Producer) == 0 {
        return true;
    }
    if lives(Role::Producer) || !seen.is_drained() {
        return false;
    }
    let is_told = seen.come(Role::Consumer) > 0 && of_role(Role::Consumer).next().is_none();
    lives(Role::Consumer) || is_told
}

/// Nobody has sent anything that is still to be received, and nobody is about to.
fn is_idle(survey: &Survey) -> bool {
    let nobody = survey.producer.standing == Standing::Vacant && !survey.producer.held;
    nobody || is_spent(survey)
}

/// Closed by both sides, and nothing left in it.
pub(crate) fn is_spent(survey: &Survey) -> bool {
    let told = matches!(survey.consumer.standing, Standing::Closed(_));
    told && survey.closed_at == Some(survey.head)
}

/// Whether those who still hold the ring are about to leave it.
fn is_being_left(segment: &Segment, limit: Limit) -> bool {
    match segment.mpmc_geometry() {
        None => is_leaving(segment.survey().producer, limit),
        // Who leaves gives its seat up before its lock.
        Some(_) => !segment.attendances().iter().any(|seen| seen.is_alive) && !limit.has_passed(),
    }
}

/// Whether somebody who still holds the role has closed it, and may take a little longer.
fn is_leaving(role: RoleSurvey, limit: Limit) -> bool {
    matches!(role.standing, Standing::Closed(_)) && !limit.has_passed()
}
