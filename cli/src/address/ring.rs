//! Which ring an address asks for: one of two sides, or one of many and what slots that has.
//!
//! ```text
//!   ring=spsc   capacity=1MiB
//!   ring=mpmc   slots=4096   payload=256   participants=128   delivery=at-least-once   fixed=no
//!               producers=many   consumers=many   dead-letters=8
//! ```
//! What is not asked for is followed in a ring that exists, and stands above in a new one.

use super::{Address, AddressError, choice, unit, word};
use crate::units::{self, UnitError};
use annulus::Slots;
use annulus::layout::{CAPACITY_MAX, SEATS_MAX, SLOT_CELL, SLOTS_MIN};
use annulus::ring::Role;
use annulus::ring::mpmc::{Delivery, Geometry};
use annulus::segment::SegmentError;
use std::fmt;

/// The slots of a ring of many that is created with none asked for.
const SLOTS_DEFAULT: u64 = 4096;

/// The longest message of one, in bytes.
const PAYLOAD_DEFAULT: u32 = 256;

/// The words for the sorts of rings.
pub(super) const KINDS: &str = "spsc or mpmc";

/// The words for what becomes of a message whose receiver died.
const DELIVERIES: &str = "at-least-once or at-most-once";

/// The words for how many of a role there may be at a time, `true` for the first.
const NUMBERS: [&str; 2] = ["many", "one"];

/// A sort of ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One sender, one receiver.
    Spsc,
    /// Many of both, each message to one of them.
    Mpmc,
}

impl Kind {
    /// The sort of that name.
    pub(super) fn of(word: &str) -> Option<Kind> {
        [Kind::Spsc, Kind::Mpmc].into_iter().find(|kind| kind.to_string() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Spsc => "spsc",
            Kind::Mpmc => "mpmc",
        })
    }
}

/// What was asked of a ring of many; one that exists must have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AskedSlots {
    count: Option<u64>,
    payload: Option<u32>,
    participants: Option<u16>,
    delivery: Option<Delivery>,
    is_of_one_length: Option<bool>,
    single_producer: Option<bool>,
    single_consumer: Option<bool>,
    letters: Option<u16>,
}

impl AskedSlots {
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), AddressError> {
        match key {
            "slots" => self.count = Some(unit("slots", value, units::number)?),
            "payload" => self.payload = Some(narrow("payload", value, units::size)?),
            "participants" => {
                self.participants = Some(narrow("participants", value, units::number)?);
            }
            "delivery" => {
                self.delivery = Some(word("delivery", value, delivery_of, DELIVERIES)?);
            }
            "fixed" => {
                self.is_of_one_length = Some(choice("fixed", value, ["no", "yes"], "yes or no")?);
            }
            "producers" => {
                self.single_producer = Some(choice("producers", value, NUMBERS, "many or one")?);
            }
            "consumers" => {
                self.single_consumer = Some(choice("consumers", value, NUMBERS, "many or one")?);
            }
            "dead-letters" => {
                self.letters = Some(narrow("dead-letters", value, units::number)?);
            }
            _ => return Err(AddressError::Unknown(key.to_owned())),
        }
        Ok(())
    }

    /// The slots of a new ring.
    pub(crate) fn for_new(self) -> Slots {
        let payload = self.payload.unwrap_or(PAYLOAD_DEFAULT);
        let mut slots = Slots::of(self.count.unwrap_or(SLOTS_DEFAULT), payload)
            .participants(self.participants.unwrap_or(Geometry::SEATS))
            .delivery(self.delivery.unwrap_or_default())
            .dead_letters(self.letters.unwrap_or(Geometry::LETTERS));
        if self.is_of_one_length == Some(true) {
            slots = slots.of_one_length();
        }
        if self.single_producer == Some(true) {
            slots = slots.single_producer();
        }
        if self.single_consumer == Some(true) {
            slots = slots.single_consumer();
        }
        slots
    }

    /// The longest message of a new ring, in bytes.
    pub(crate) fn payload_for_new(self) -> usize {
        self.payload.unwrap_or(PAYLOAD_DEFAULT) as usize
    }

    /// The first thing that was asked for and that the ring of that shape does not have: as it is,
    /// and as it was asked for.
    pub(crate) fn difference(self, found: Geometry) -> Option<(String, String)> {
        let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
        let found = [
            ("slots", found.slots().to_string()),
            ("payload", found.payload().to_string()),
            ("participants", found.seats().to_string()),
            ("delivery", delivery(found.delivery()).to_owned()),
            ("fixed", yes_no(found.is_of_one_length())),
            ("producers", number_of(found.is_single(Role::Producer))),
            ("consumers", number_of(found.is_single(Role::Consumer))),
            ("dead-letters", found.letters().to_string()),
        ];
        let mut pairs = found.into_iter().zip(self.given());
        pairs.find_map(|((key, found), (_, asked))| {
            let asked = asked.filter(|asked| *asked != found)?;
            Some((format!("{key}={found}"), format!("{key}={asked}")))
        })
    }

    /// Each option, and its value if it was given.
    fn given(self) -> [(&'static str, Option<String>); 8] {
        let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
        [
            ("slots", self.count.map(|count| count.to_string())),
            ("payload", self.payload.map(|payload| payload.to_string())),
            ("participants", self.participants.map(|participants| participants.to_string())),
            ("delivery", self.delivery.map(|asked| delivery(asked).to_owned())),
            ("fixed", self.is_of_one_length.map(yes_no)),
            ("producers", self.single_producer.map(number_of)),
            ("consumers", self.single_consumer.map(number_of)),
            ("dead-letters", self.letters.map(|letters| letters.to_string())),
        ]
    }

    /// That there can be such a ring.
    fn check(self) -> Result<(), SegmentError> {
        let count = self.count.unwrap_or(SLOTS_DEFAULT);
        if !count.is_power_of_two() || !(SLOTS_MIN..=CAPACITY_MAX / SLOT_CELL).contains(&count) {
            return Err(SegmentError::Slots { asked: count });
        }
        let payload = self.payload.unwrap_or(PAYLOAD_DEFAULT);
        // How many are in a ring that exists is not known here: it may have the fewest.
        let geometry = Geometry::new(self.count.unwrap_or(SLOTS_MIN), payload);
        let geometry = geometry.ok_or(SegmentError::LargeSlots { slots: count, payload })?;
        let asked = self.participants.unwrap_or(Geometry::SEATS);
        match geometry.with_seats(asked) {
            Some(_) => Ok(()),
            None => Err(SegmentError::Participants { asked, least: 2, limit: SEATS_MAX }),
        }
    }
}

impl Address {
    /// That all options are of the ring that is asked for.
    pub(super) fn check_ring(&self) -> Result<(), AddressError> {
        if self.kind != Some(Kind::Mpmc) {
            let mut given = self.slots.given().into_iter();
            return match given.find(|(_, value)| value.is_some()) {
                Some((key, _)) => Err(AddressError::OtherRing(key, Kind::Spsc)),
                None => Ok(()),
            };
        }
        if self.capacity.is_some() {
            return Err(AddressError::OtherRing("capacity", Kind::Mpmc));
        }
        if let (Some(letters @ 1..), Some(Delivery::AtMostOnce)) =
            (self.slots.letters, self.slots.delivery)
        {
            let (key, given) = ("dead-letters", letters.to_string());
            let allowed = "0, or delivery= with at-least-once";
            return Err(AddressError::Value { key, given, allowed });
        }
        self.slots.check().map_err(AddressError::Slots)
    }
}

/// Says that `key` is no option of that sort of ring.
pub(super) fn other_ring(f: &mut fmt::Formatter<'_>, key: &str, kind: Kind) -> fmt::Result {
    match kind {
        Kind::Spsc => write!(
            f,
            "{key}= is for rings of many senders and receivers, write ring=mpmc&{key}= or leave \
             it out"
        ),
        Kind::Mpmc => write!(
            f,
            "{key}= is for rings of one sender, the size of one with ring=mpmc is said by slots= \
             and payload="
        ),
    }
}

/// The word for what becomes of a message whose receiver died.
pub(crate) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::AtLeastOnce => "at-least-once",
        Delivery::AtMostOnce => "at-most-once",
    }
}

fn delivery_of(word: &str) -> Option<Delivery> {
    [Delivery::AtLeastOnce, Delivery::AtMostOnce].into_iter().find(|asked| delivery(*asked) == word)
}

/// The word for how many of a role there may be at a time.
fn number_of(is_single: bool) -> String {
    NUMBERS[usize::from(is_single)].to_owned()
}

/// A size or a number that takes less than 64 bits.
fn narrow<T: TryFrom<u64>>(
    key: &'static str,
    given: &str,
    read: fn(&str) -> Result<u64, UnitError>,
) -> Result<T, AddressError> {
    let number = unit(key, given, read)?;
    T::try_from(number).map_err(|_| AddressError::Unit(key, UnitError::TooLarge, given.to_owned()))
}
