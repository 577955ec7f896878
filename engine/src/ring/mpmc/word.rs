//! The word of a slot: who holds it, and in which lap.
//!
//! ```text
//!   63                              17 16       7 6      3 2    0
//!  +----------------------------------+----------+--------+------+
//!  |               lap                |  owner   |attempts| state|
//!  +----------------------------------+----------+--------+------+
//! ```
//!
//! It never repeats, so that a compare-and-swap of a word that was seen a while ago changes that
//! claim or nothing: in one slot the pair of lap and attempts only grows, and the index of a
//! participant is given to another one only when no claim bears it any more.

/// The state of a slot. Zero is none, so a zeroed page is seen for what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has claimed this lap's position.
    Free,
    /// Claimed by a producer, which writes.
    Writing,
    /// Committed.
    Ready,
    /// Taken by a consumer, which reads.
    Taken,
    /// Taken by a consumer that is gone: to be taken again.
    Orphaned,
    /// Claimed by a producer that is gone, or dropped its claim: there is no message.
    Tombstone,
}

/// A word of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// The most times that a message is taken: so often a consumer died over it.
pub(super) const ATTEMPTS_MAX: u32 = 15;

const ORPHANED: u64 = 0b001;
const READY: u64 = 0b010;
/// What is orphaned or ready, with its lower bits set.
const TAKEN: u64 = 0b011;
const FREE: u64 = 0b100;
const WRITING: u64 = 0b101;
const TOMBSTONE: u64 = 0b110;
/// A dead letter: orphaned if it bears no owner, and taken if it does.
const DEAD_LETTER: u64 = 0b111;

const STATE: u64 = 0b111;
const ATTEMPTS_SHIFT: u32 = 3;
const ATTEMPTS: u64 = 0b1111;
const OWNER_SHIFT: u32 = 7;
const OWNER: u64 = (1 << 10) - 1;
const LAP_SHIFT: u32 = 17;

/// The last lap that a word can say.
pub(super) const LAP_MAX: u64 = u64::MAX >> LAP_SHIFT;

impl Word {
    #[inline(always)]
    const fn of(lap: u64, owner: u16, attempts: u32, state: u64) -> Word {
        let (owner, attempts) =
            ((owner as u64) << OWNER_SHIFT, (attempts as u64) << ATTEMPTS_SHIFT);
        Word(lap << LAP_SHIFT | owner | attempts | state)
    }

    /// Free in `lap`.
    #[inline(always)]
    pub(super) const fn free(lap: u64) -> Word {
        Word::of(lap, 0, 0, FREE)
    }

    /// Claimed in `lap` by the producer `owner`.
    #[inline(always)]
    pub(super) const fn writing(lap: u64, owner: u16) -> Word {
        Word::of(lap, owner, 0, WRITING)
    }

    /// Committed in `lap` by the producer `owner`.
    #[inline(always)]
    pub(super) const fn ready(lap: u64, owner: u16) -> Word {
        Word::of(lap, owner, 0, READY)
    }

    /// Given up in `lap`, for the producer `owner`.
    pub(super) const fn tombstone(lap: u64, owner: u16) -> Word {
        Word::of(lap, owner, 0, TOMBSTONE)
    }

    /// This message, ready or orphaned, in the hands of the consumer `owner`. A dead letter stays
    /// one.
    #[inline(always)]
    pub(super) const fn taken_by(self, owner: u16) -> Word {
        let kept = self.0 & !(OWNER << OWNER_SHIFT);
        Word(kept | (owner as u64) << OWNER_SHIFT | TAKEN)
    }

    /// This message when its consumer is gone: to be taken again. `None` after the last attempt.
    pub(super) const fn orphaned(self) -> Option<Word> {
        if self.attempts() == ATTEMPTS_MAX {
            return None;
        }
        let state = if self.is_dead_letter() { DEAD_LETTER } else { ORPHANED };
        Some(Word::of(self.lap(), 0, self.attempts() + 1, state))
    }

    /// This message when it is not delivered any more, but put by. Attempts count anew.
    pub(super) const fn dead_letter(self) -> Word {
        Word::of(self.lap(), 0, 0, DEAD_LETTER)
    }

    /// Whether it is to be put by when it is taken.
    pub(super) const fn is_dead_letter(self) -> bool {
        self.0 & STATE == DEAD_LETTER
    }

    /// The slot when this lap is over.
    #[inline(always)]
    pub(super) const fn released(self) -> Word {
        Word::free(self.lap() + 1)
    }

    /// The word as it stands in shared memory.
    #[inline(always)]
    pub(super) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The word whose bits are `bits`, whatever a peer wrote.
    #[inline(always)]
    pub(super) const fn from_bits(bits: u64) -> Word {
        Word(bits)
    }

    /// The lap that it belongs to.
    #[inline(always)]
    pub(super) const fn lap(self) -> u64 {
        self.0 >> LAP_SHIFT
    }

    /// The participant that it bears; 0 for none.
    #[inline(always)]
    pub(super) const fn owner(self) -> u16 {
        (self.0 >> OWNER_SHIFT & OWNER) as u16
    }

    /// So many consumers took this message and are gone.
    #[inline(always)]
    pub(super) const fn attempts(self) -> u32 {
        (self.0 >> ATTEMPTS_SHIFT & ATTEMPTS) as u32
    }

    /// Whether it is committed in `lap`, by one of so many participants.
    #[inline(always)]
    pub(super) const fn is_ready_in(self, lap: u64, participants: u16) -> bool {
        // Only the owner's bits are left, and they are 1 to `participants`.
        let owner = (self.0 ^ Word::of(lap, 0, 0, READY).0).rotate_right(OWNER_SHIFT);
        owner.wrapping_sub(1) < participants as u64
    }

    /// Its state; `None` for a word that no participant writes.
    #[inline(always)]
    pub(super) const fn state(self) -> Option<State> {
        let (has_owner, has_attempts) = (self.owner() != 0, self.attempts() != 0);
        match (self.0 & STATE, has_owner, has_attempts) {
            (FREE, false, false) => Some(State::Free),
            (WRITING, true, false) => Some(State::Writing),
            (READY, true, false) => Some(State::Ready),
            (TAKEN, true, _) => Some(State::Taken),
            (ORPHANED, false, true) => Some(State::Orphaned),
            (TOMBSTONE, true, false) => Some(State::Tombstone),
            (DEAD_LETTER, false, _) => Some(State::Orphaned),
            (DEAD_LETTER, true, _) => Some(State::Taken),
            _ => None,
        }
    }
}

const _: () = assert!(crate::layout::SEATS_MAX as u64 <= OWNER);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        let ready = Word::ready(1 << 46, 1000);
        assert_eq!((ready.lap(), ready.owner(), ready.attempts()), (1 << 46, 1000, 0));
        assert_eq!(ready.state(), Some(State::Ready));
        let taken = ready.taken_by(7);
        assert_eq!((taken.lap(), taken.owner(), taken.state()), (1 << 46, 7, Some(State::Taken)));
        assert_eq!(taken.released(), Word::free((1 << 46) + 1));
    }

    #[test]
    fn a_message_is_orphaned_fifteen_times_and_never_with_the_same_word() {
        let mut word = Word::ready(3, 1).taken_by(2);
        for attempt in 1..=ATTEMPTS_MAX {
            let orphaned = word.orphaned().expect("not the last attempt");
            assert_eq!((orphaned.attempts(), orphaned.state()), (attempt, Some(State::Orphaned)));
            assert_ne!(orphaned.taken_by(2), word);
            word = orphaned.taken_by(2);
        }
        assert_eq!(word.orphaned(), None);
    }

    #[test]
    fn a_dead_letter_is_orphaned_and_taken_as_a_message_is_and_never_with_the_same_word() {
        let mut letter = Word::ready(3, 1).taken_by(2).dead_letter();
        for attempt in 0..=ATTEMPTS_MAX {
            assert_eq!((letter.attempts(), letter.state()), (attempt, Some(State::Orphaned)));
            let taken = letter.taken_by(2);
            assert_eq!((taken.owner(), taken.state()), (2, Some(State::Taken)));
            assert!(letter.is_dead_letter() && taken.is_dead_letter());
            assert_eq!(taken.released(), Word::free(4));
            match taken.orphaned() {
                Some(next) => letter = next,
                None => assert_eq!(attempt, ATTEMPTS_MAX),
            }
        }
        let message = Word::ready(3, 1);
        assert!(!message.is_dead_letter() && !message.taken_by(2).is_dead_letter());
    }

    #[test]
    fn ready_is_told_from_all_else() {
        let ready = |word: Word| word.is_ready_in(3, 7);
        assert!(ready(Word::ready(3, 1)) && ready(Word::ready(3, 7)));
        let others = [
            Word::ready(3, 8),
            Word::ready(3, 0),
            Word::ready(2, 1),
            Word::ready(4, 1),
            Word::ready(3, 1).taken_by(1),
            Word::writing(3, 1),
            Word::tombstone(3, 1),
            Word::free(3),
            Word::from_bits(Word::ready(3, 1).to_bits() | 1 << ATTEMPTS_SHIFT),
            Word::from_bits(0),
        ];
        assert_eq!(others.map(ready), [false; 10]);
    }

    #[test]
    fn words_that_no_participant_writes_have_no_state() {
        for bits in [0, WRITING, READY, TAKEN, TOMBSTONE, ORPHANED, FREE | 1 << OWNER_SHIFT] {
            assert_eq!(Word::from_bits(bits).state(), None, "{bits:#x}");
        }
    }
}
