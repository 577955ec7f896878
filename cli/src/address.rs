//! Addresses: which segment is meant, and what is asked of it.
//!
//! ```text
//!   shm:NAME?capacity=64KiB&keep=yes     shared memory under a name; a bare NAME is the same
//!   file:PATH?capacity=1MiB              a file on a local disk
//!   \__/\__/ \____________________/
//!  scheme place      options              unknown or repeated: an error
//! ```
//! Which ring, and of what slots if it is one of many, is read in `ring`.

mod ring;

pub(crate) use ring::{AskedSlots, Kind, delivery};

use crate::units::{self, Bytes, UnitError};
use crate::waiting::{self, BARRIERS, WAITS, WAKES};
use annulus::layout::{CAPACITY_MAX, CAPACITY_MIN};
use annulus::segment::{Name, NameError, SegmentError};
use annulus::{Backing, Barrier, Wait, Wake};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// The capacity of a ring that is created with none asked for.
pub(crate) const CAPACITY_DEFAULT: u64 = 1 << 20;

/// A checked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Where the segment is; never a memfd.
    pub(crate) backing: Backing,
    /// Which ring was asked for. One that exists must be it; a new one is of two sides.
    pub(crate) kind: Option<Kind>,
    /// The slots that were asked for, of a ring of many.
    pub(crate) slots: AskedSlots,
    /// The capacity that was asked for, in bytes. One that exists must have it.
    pub(crate) capacity: Option<u64>,
    /// Whether the last receiver leaves a ring that is closed and drained.
    pub(crate) keep: bool,
    /// Whether a segment of another user will do.
    pub(crate) any_owner: bool,
    /// Whether each message is released by itself.
    pub(crate) release_each: bool,
    /// The size of the huge pages that were asked for, in bytes. One that exists must have it.
    pub(crate) huge_pages: Option<u64>,
    /// The NUMA node that the memory of a new one is to come from.
    pub(crate) numa_node: Option<u32>,
    /// How the ring's sides are to wait. One that exists must have it.
    pub(crate) wait: Option<Wait>,
    /// What is to wake sleepers. One that exists must have it.
    pub(crate) wake: Option<Wake>,
    /// How sleepers are not to be missed. One that exists must have it.
    pub(crate) barrier: Option<Barrier>,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// Nothing stands there.
    Empty,
    /// It is no text in UTF-8.
    NotText,
    /// No such scheme.
    Scheme(String),
    /// The name is none.
    Name(NameError),
    /// `file:` without a path.
    NoPath,
    /// An option without `=`.
    NoValue(String),
    /// No such option.
    Unknown(String),
    /// An option that stands there twice.
    Repeated(String),
    /// An option with a value that it does not have.
    Value {
        /// The option.
        key: &'static str,
        /// What was given.
        given: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// The option's value is no size, or no number.
    Unit(&'static str, UnitError, String),
    /// Huge pages for shared memory under a name.
    NamedHugePages,
    /// Waking or a barrier for sides that do not sleep.
    NoSleepers,
    /// An option of the other sort of ring, or of one whose sides sleep.
    OtherRing(&'static str, Kind),
    /// No ring of many has this shape.
    Slots(SegmentError),
    /// Options for a command that asks for nothing but the place.
    NoOptions,
    /// No ring has this capacity.
    Capacity {
        /// What was given.
        given: String,
        /// The possible one that is closest.
        nearest: u64,
    },
}

impl Address {
    /// Reads an address. No system call.
    pub(crate) fn parse(given: &OsStr) -> Result<Address, AddressError> {
        let text = given.to_str().ok_or(AddressError::NotText)?;
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (place, options) = match text.split_once('?') {
            Some((place, options)) => (place, Some(options)),
            None => (text, None),
        };
        let mut address = Address {
            backing: backing(place)?,
            kind: None,
            slots: AskedSlots::default(),
            capacity: None,
            keep: false,
            any_owner: false,
            release_each: false,
            huge_pages: None,
            numa_node: None,
            wait: None,
            wake: None,
            barrier: None,
        };
        let mut seen = Vec::new();
        for option in options.into_iter().flat_map(|options| options.split('&')) {
            let (key, value) =
                option.split_once('=').ok_or_else(|| AddressError::NoValue(option.to_owned()))?;
            if seen.contains(&key) {
                return Err(AddressError::Repeated(key.to_owned()));
            }
            seen.push(key);
            address.set(key, value)?;
        }
        address.check_ring()?;
        if address.huge_pages.is_some() && matches!(address.backing, Backing::Named(_)) {
            return Err(AddressError::NamedHugePages);
        }
        let for_sleepers = address.wake.is_some() || address.barrier.is_some();
        if address.wait == Some(Wait::Spin) && for_sleepers {
            return Err(AddressError::NoSleepers);
        }
        Ok(address)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), AddressError> {
        match key {
            "ring" => self.kind = Some(word("ring", value, Kind::of, ring::KINDS)?),
            "capacity" => self.capacity = Some(capacity(value)?),
            "keep" => self.keep = choice("keep", value, ["no", "yes"], "yes or no")?,
            "owner" => self.any_owner = choice("owner", value, ["self", "any"], "any or self")?,
            "release" => {
                self.release_each = choice("release", value, ["batch", "each"], "each or batch")?;
            }
            "pages" => self.huge_pages = Some(unit("pages", value, units::size)?),
            "node" => {
                let node = unit("node", value, units::number)?;
                let node = u32::try_from(node).map_err(|_| {
                    AddressError::Unit("node", UnitError::TooLarge, value.to_owned())
                })?;
                self.numa_node = Some(node);
            }
            "wait" => self.wait = Some(word("wait", value, waiting::wait, WAITS)?),
            "wake" => self.wake = Some(word("wake", value, waiting::wake, WAKES)?),
            "barrier" => {
                self.barrier = Some(word("barrier", value, waiting::barrier, BARRIERS)?);
            }
            _ => return self.slots.set(key, value),
        }
        Ok(())
    }
}

fn backing(place: &str) -> Result<Backing, AddressError> {
    let name = |name| Name::new(name).map(Backing::Named).map_err(AddressError::Name);
    match place.split_once(':') {
        None => name(place),
        Some(("shm", rest)) => name(rest),
        Some(("file", "")) => Err(AddressError::NoPath),
        Some(("file", path)) => Ok(Backing::File(PathBuf::from(path))),
        Some((scheme, _)) => Err(AddressError::Scheme(scheme.to_owned())),
    }
}

/// Whether the second of two words was given, not the first.
fn choice(
    key: &'static str,
    given: &str,
    words: [&str; 2],
    allowed: &'static str,
) -> Result<bool, AddressError> {
    word(key, given, |given| words.iter().position(|word| *word == given), allowed)
        .map(|index| index == 1)
}

/// What `read` knows by the word that was given.
fn word<T>(
    key: &'static str,
    given: &str,
    read: impl Fn(&str) -> Option<T>,
    allowed: &'static str,
) -> Result<T, AddressError> {
    read(given).ok_or_else(|| AddressError::Value { key, given: given.to_owned(), allowed })
}

/// A size, or a number.
fn unit(
    key: &'static str,
    given: &str,
    read: fn(&str) -> Result<u64, UnitError>,
) -> Result<u64, AddressError> {
    read(given).map_err(|error| AddressError::Unit(key, error, given.to_owned()))
}

/// A ring's capacity: a power of two within the limits.
fn capacity(given: &str) -> Result<u64, AddressError> {
    let bytes = match units::size(given) {
        Ok(bytes) => bytes,
        Err(UnitError::TooLarge) => u64::MAX,
        Err(error) => return Err(AddressError::Unit("capacity", error, given.to_owned())),
    };
    let nearest = nearest_capacity(bytes);
    if bytes == nearest {
        return Ok(bytes);
    }
    Err(AddressError::Capacity { given: given.to_owned(), nearest })
}

fn nearest_capacity(bytes: u64) -> u64 {
    let above = bytes.clamp(CAPACITY_MIN, CAPACITY_MAX).next_power_of_two();
    let below = (above / 2).max(CAPACITY_MIN);
    if bytes.abs_diff(below) <= bytes.abs_diff(above) { below } else { above }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backing {
            Backing::Named(name) => write!(f, "shm:{name}"),
            Backing::File(path) => write!(f, "file:{}", path.display()),
            Backing::Memfd => f.write_str("memfd"),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::Empty => f.write_str("it is empty, write shm:NAME"),
            AddressError::NotText => f.write_str("it is not UTF-8, write shm:NAME"),
            AddressError::Scheme(scheme) => {
                write!(f, "there is no scheme '{scheme}:', use shm:NAME or file:PATH")
            }
            AddressError::Name(error) => error.fmt(f),
            AddressError::NoPath => f.write_str("the path is missing, write file:PATH"),
            AddressError::NoValue(option) => {
                write!(f, "the option '{option}' has no value, write ?key=value&key=value")
            }
            AddressError::Unknown(key) => write!(
                f,
                "there is no option '{key}', the options are capacity, keep, owner, release, \
                 pages, node, wait, wake and barrier, and ring=mpmc with slots, payload, \
                 participants, delivery, fixed, producers, consumers and dead-letters"
            ),
            AddressError::Repeated(key) => {
                write!(f, "the option '{key}' is given twice, give it once")
            }
            AddressError::Value { key, given, allowed } => {
                write!(f, "{key}={given} is not possible, write {key}= with {allowed}")
            }
            AddressError::Unit(key, error, given) => write!(f, "{key}={given}: {error}"),
            AddressError::NoSleepers => f.write_str(
                "nobody sleeps where all spin, so there is no waking and no barrier: write wait= \
                 with spin-park or park, or neither of them",
            ),
            AddressError::OtherRing(key, kind) => ring::other_ring(f, key, *kind),
            AddressError::Slots(error) => error.fmt(f),
            AddressError::NoOptions => f.write_str("rm takes no options, write the name alone"),
            AddressError::NamedHugePages => f.write_str(
                "shared memory under a name has no huge pages, use file:PATH on a hugetlbfs",
            ),
            AddressError::Capacity { given, nearest } => write!(
                f,
                "capacity={given} is not possible, a ring has a power of two from {} to {} and \
                 the nearest is {}",
                Bytes(CAPACITY_MIN),
                Bytes(CAPACITY_MAX),
                Bytes(*nearest)
            ),
        }
    }
}

/// An address that was refused, with what was typed.
#[derive(Debug)]
pub(crate) struct BadAddress {
    pub(crate) given: OsString,
    pub(crate) error: AddressError,
}

#[cfg(test)]
mod tests;
