//! What a ring of many holds, and who, as somebody sees it who has not joined: for people.

use super::geometry::Geometry;
use super::letters;
use super::standing::Standing;
use super::word::{ATTEMPTS_MAX, State, Word};
use crate::error::{Corruption, What};
use crate::layout::{Comings, MPMC_COMINGS, MPMC_SEATS, Seat};
use crate::ring::{Position, Role};
use crate::sync::{Memory, Ordering};
use core::mem::offset_of;

/// A participant, by what its seat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attendant {
    /// Its index.
    pub participant: u16,
    /// What it joined as.
    pub role: Role,
    /// Its process, as that saw itself.
    pub pid: u64,
    /// `CLOCK_REALTIME` in nanoseconds when it joined.
    pub since_ns: u64,
    /// How many slots it holds: written by it, or in its hand.
    pub holds: u64,
    /// The lowest position of these.
    pub oldest: Option<Position>,
    /// Messages that it gave up for good, since consumers died over them so often.
    pub lost: u64,
    /// Sleeps of its whose backstop, not a wake, found work: 0 unless somebody was killed or the
    /// machine is very busy.
    pub backstop: u64,
}

/// All slots and seats, each looked at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Who has a seat, dead or alive.
    pub attendants: Vec<Attendant>,
    /// The lowest position that is not free: as far as all before it is released.
    pub head: Position,
    /// Behind the highest position that was claimed.
    pub tail: Position,
    /// Messages that nobody has taken, or whose consumer is gone.
    pub ready: u64,
    /// Messages in consumers' hands.
    pub taken: u64,
    /// Slots that producers have claimed and not committed.
    pub writing: u64,
    /// Gaps that nobody was told of yet.
    pub gaps: u64,
    /// Dead letters: messages that are delivered no more, and wait to be looked at.
    pub dead_letters: u64,
    /// Messages that will be dead letters when a consumer comes by. They are among the ready ones.
    pub worn_out: u64,
    /// Those in the hand of the last consumer that they are given to, among the taken ones.
    pub last_delivered: u64,
    /// Payload bytes of what is ready or taken.
    pub bytes: u64,
    /// How many producers have come so far, and how many consumers.
    came: [u64; 2],
    /// Whether a producer, and a consumer, has died whose seat was taken over since.
    died: [bool; 2],
    /// What no participant writes, if some of it was found.
    pub corruption: Option<Corruption>,
}

impl Occupancy {
    /// Looks at the ring in `memory`. Stores nothing; takes each slot's line from the caches of
    /// those who use it for a moment.
    ///
    /// # Safety
    ///
    /// `memory` has at least `geometry.segment_bytes()` bytes.
    pub unsafe fn of<M: Memory>(memory: M, geometry: Geometry) -> Occupancy {
        let came = [offset_of!(Comings, producer_joined), offset_of!(Comings, consumer_joined)];
        let died = [offset_of!(Comings, producer_died), offset_of!(Comings, consumer_died)];
        // ORDERING: Acquire, all: for people, who would like what they see to fit together.
        // SAFETY: words within a segment of that geometry, aligned by the layout; so in `seen`.
        let word = |at| unsafe { memory.load(at, Ordering::Acquire) };
        let mut seen = Occupancy {
            attendants: Vec::new(),
            head: 0,
            tail: 0,
            ready: 0,
            taken: 0,
            writing: 0,
            gaps: 0,
            dead_letters: 0,
            worn_out: 0,
            last_delivered: 0,
            bytes: 0,
            came: came.map(|field| word(MPMC_COMINGS + field)),
            died: died.map(|field| word(MPMC_COMINGS + field) != 0),
            corruption: None,
        };
        for participant in 1..=geometry.seats() {
            seen.look_at_seat(participant, &word);
        }
        for cell in 0..geometry.letters() {
            match letters::look(geometry, geometry.letter_at(cell), &word) {
                Ok(Some(_)) => seen.dead_letters += 1,
                Ok(None) => {}
                Err(corruption) => seen.corruption = seen.corruption.or(Some(corruption)),
            }
        }
        let lap_max = geometry.position_max() / geometry.slots();
        let mut head = None;
        for slot in 0..geometry.slots() {
            let at = geometry.slot_at(slot);
            let len = if geometry.is_of_one_length() {
                geometry.payload().into()
            } else {
                word(at + 8).min(geometry.payload().into())
            };
            // Whatever a peer wrote: no lap is believed beyond where a ring comes to.
            let position = |lap: u64| lap.min(lap_max) * geometry.slots() + slot;
            let word = Word::from_bits(word(at));
            let lap = word.lap();
            match geometry.state_of(word) {
                Some(State::Free) => {
                    // The lap before it is over.
                    let behind = (position(lap) + 1).saturating_sub(geometry.slots());
                    seen.tail = seen.tail.max(behind);
                    continue;
                }
                Some(state) => {
                    seen.count(state, len, word.owner(), position(lap));
                    let is_last = state == State::Taken && word.attempts() == ATTEMPTS_MAX;
                    seen.worn_out += u64::from(state == State::Orphaned && word.is_dead_letter());
                    seen.last_delivered += u64::from(is_last && !word.is_dead_letter());
                }
                None => {
                    let at = at as u64;
                    seen.corruption = seen.corruption.or(Some(Corruption { what: What::Slot, at }));
                    continue;
                }
            }
            seen.tail = seen.tail.max(position(lap) + 1);
            head = Some(head.map_or(position(lap), |head: u64| head.min(position(lap))));
        }
        seen.head = head.unwrap_or(seen.tail);
        seen
    }

    /// How many of that role have come so far, those that left or died included.
    pub fn come(&self, role: Role) -> u64 {
        self.came[role as usize]
    }

    /// Whether one of that role has died in the ring's life, and its seat was taken over since.
    pub fn has_died(&self, role: Role) -> bool {
        self.died[role as usize]
    }

    /// Whether nothing is in the ring, and nothing is being put there.
    pub fn is_drained(&self) -> bool {
        self.ready + self.taken + self.writing + self.gaps == 0 && self.corruption.is_none()
    }

    fn look_at_seat(&mut self, participant: u16, word: &impl Fn(usize) -> u64) {
        let at = MPMC_SEATS + (participant as usize - 1) * size_of::<Seat>();
        match Standing::from_bits(word(at + offset_of!(Seat, state))) {
            Some(Standing::Active(_, role)) => self.attendants.push(Attendant {
                participant,
                role,
                pid: word(at + offset_of!(Seat, pid)),
                since_ns: word(at + offset_of!(Seat, since_ns)),
                holds: 0,
                oldest: None,
                lost: word(at + offset_of!(Seat, lost)),
                backstop: word(at + offset_of!(Seat, backstop)),
            }),
            Some(Standing::Free(_)) => {}
            None => {
                self.corruption = Some(Corruption { what: What::Seat, at: at as u64 });
            }
        }
    }

    fn count(&mut self, state: State, len: u64, owner: u16, position: Position) {
        match state {
            State::Free => {}
            State::Writing => self.writing += 1,
            State::Tombstone => self.gaps += 1,
            State::Ready | State::Orphaned => self.ready += 1,
            State::Taken => self.taken += 1,
        }
        if matches!(state, State::Ready | State::Orphaned | State::Taken) {
            self.bytes += len;
        }
        if matches!(state, State::Writing | State::Taken)
            && let Some(attendant) =
                self.attendants.iter_mut().find(|attendant| attendant.participant == owner)
        {
            attendant.holds += 1;
            attendant.oldest = Some(attendant.oldest.map_or(position, |at| at.min(position)));
        }
    }
}
