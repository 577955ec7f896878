//! The order of what came: which number has to come next, and of which run.
//!
//! ```text
//!   nothing yet --any number; 0 if nobody received here before--> within a run
//!   within a run --the next number--> within a run --the last one--> between two runs
//!   between two runs --number 0 of another one--> within a run
//! ```
//! Anything else is a fault. What a receiver that died may have seen already is counted as
//! repeated: its successor cannot know, and no more than a batch can come again.

#[cfg(test)]
mod tests;

use super::message::Seen;

/// What came so far.
pub(super) struct Ledger {
    run: Option<Run>,
    /// Whether the first message must be number 0.
    from_zero: bool,
    /// Messages to come that a dead predecessor may have seen.
    suspects: u64,
    pub(super) counts: Counts,
}

/// What is told in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) runs: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Messages that may have been received before, by a receiver that died.
    pub(super) repeated: u64,
    /// Places where numbers are missing.
    pub(super) gaps: u64,
    /// The number of the first message, and of the newest.
    pub(super) first: u64,
    pub(super) newest: u64,
}

/// The run that is being received, or was last.
struct Run {
    seed: u64,
    /// The bits of the seed that are known.
    seed_bits: u64,
    next: u64,
    ended: bool,
}

/// Why a message is not the one that had to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disorder {
    /// It is of another run, in the middle of this one.
    OtherRun { number: u64, expected: u64 },
    /// Messages before it are missing.
    Gap { number: u64, expected: u64 },
    /// It came before.
    Repeat { number: u64, expected: u64 },
}

impl Ledger {
    /// Nothing came yet.
    pub(super) fn new() -> Ledger {
        Ledger { run: None, from_zero: false, suspects: 0, counts: Counts::default() }
    }

    /// A ring was joined: in which nobody has received before, or whose last receiver died.
    pub(super) fn join(&mut self, is_first: bool, suspects: u64) {
        self.from_zero = is_first;
        self.suspects = suspects;
    }

    /// The ring was found empty: what comes from now on came to nobody before.
    pub(super) fn found_empty(&mut self) {
        self.suspects = 0;
    }

    /// Takes a message of `len` bytes.
    pub(super) fn take(&mut self, seen: &Seen, len: usize) -> Result<(), Disorder> {
        let number = match &mut self.run {
            Some(run) if run.is_of(seen) => run.follow(seen),
            Some(run) if !run.ended => {
                Err(Disorder::OtherRun { number: seen.stamp.number, expected: run.next })
            }
            Some(_) => self.begin(seen, true),
            None => self.begin(seen, self.from_zero),
        };
        let number = number.inspect_err(|disorder| {
            self.counts.gaps += u64::from(matches!(disorder, Disorder::Gap { .. }));
        })?;
        self.counts.messages += 1;
        self.counts.bytes += len as u64;
        self.counts.newest = number;
        if self.suspects > 0 {
            self.suspects -= 1;
            self.counts.repeated += 1;
        }
        Ok(())
    }

    /// The number that had to come next, unless the run ended with its last message or none began.
    pub(super) fn awaits(&self) -> Option<u64> {
        self.run.as_ref().filter(|run| !run.ended).map(|run| run.next)
    }

    fn begin(&mut self, seen: &Seen, from_zero: bool) -> Result<u64, Disorder> {
        let stamp = seen.stamp;
        if from_zero && stamp.number != 0 {
            return Err(Disorder::Gap { number: stamp.number, expected: 0 });
        }
        self.run = Some(Run {
            seed: stamp.seed,
            seed_bits: seen.seed_bits,
            next: stamp.number + 1,
            ended: stamp.last,
        });
        if self.counts.runs == 0 {
            self.counts.first = stamp.number;
        }
        self.counts.runs += 1;
        Ok(stamp.number)
    }
}

impl Run {
    /// Whether the message is of this run, as far as both know its seed.
    fn is_of(&self, seen: &Seen) -> bool {
        (self.seed ^ seen.stamp.seed) & self.seed_bits & seen.seed_bits == 0
    }

    /// Takes the next message, and gives its number.
    fn follow(&mut self, seen: &Seen) -> Result<u64, Disorder> {
        let expected = self.next;
        let number = self.whole_number(seen);
        if self.ended || number < expected {
            return Err(Disorder::Repeat { number, expected });
        }
        if number > expected {
            return Err(Disorder::Gap { number, expected });
        }
        self.seed |= seen.stamp.seed;
        self.seed_bits |= seen.seed_bits;
        self.next = number + 1;
        self.ended = seen.stamp.last;
        Ok(number)
    }

    /// The number of which `seen` tells the low bits, that is nearest to the next one.
    fn whole_number(&self, seen: &Seen) -> u64 {
        let bits = seen.number_bits.count_ones();
        let unknown = u64::BITS - bits;
        let distance = seen.stamp.number.wrapping_sub(self.next) << unknown;
        let distance = distance.cast_signed() >> unknown;
        self.next.saturating_add_signed(distance)
    }
}
