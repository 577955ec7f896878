//! Where an operation has been: so that the next one of its kind gets there by breakpoints.

use std::collections::HashMap;

/// The instructions of an operation that was stepped through, in turn.
pub(crate) struct Track {
    /// The address of the instruction that comes next after so many.
    at: Vec<usize>,
    /// After how many instructions it was there last, before that.
    before: Vec<Option<usize>>,
    /// Where each address stands last.
    last: HashMap<usize, usize>,
}

impl Track {
    /// One that begins at that address.
    pub(crate) fn new(begin: usize) -> Track {
        let mut track = Track { at: Vec::new(), before: Vec::new(), last: HashMap::new() };
        track.push(begin);
        track
    }

    /// After one more instruction it is at that address.
    pub(crate) fn push(&mut self, at: usize) {
        self.before.push(self.last.insert(at, self.at.len()));
        self.at.push(at);
    }

    /// After `from` instructions, the most of them, up to `to`, that a single breakpoint skips: it
    /// stands where the victim has not been since.
    pub(crate) fn reach(&self, from: usize, to: usize) -> usize {
        let is_new = |at: &usize| self.before[*at].is_none_or(|before| before < from);
        (from + 1..=to.min(self.at.len() - 1)).rev().find(is_new).unwrap_or(from + 1)
    }

    /// The address after so many instructions.
    pub(crate) fn at(&self, instructions: usize) -> usize {
        self.at[instructions]
    }
}

#[cfg(test)]
mod tests {
    use super::Track;

    /// The stops on the way to `to`, along a track of these addresses.
    fn stops(addresses: &[usize], to: usize) -> Vec<usize> {
        let mut track = Track::new(addresses[0]);
        addresses[1..].iter().for_each(|at| track.push(*at));
        let mut stops = vec![0];
        while stops[stops.len() - 1] < to {
            stops.push(track.reach(stops[stops.len() - 1], to));
        }
        stops
    }

    #[test]
    fn a_straight_way_takes_one_stop() {
        assert_eq!(stops(&[1, 2, 3, 4, 5], 4), [0, 4]);
        assert_eq!(stops(&[1, 2, 3, 4, 5], 0), [0]);
    }

    #[test]
    fn a_loop_takes_a_stop_each_time_round() {
        assert_eq!(stops(&[1, 2, 3, 2, 3, 2, 3, 4], 6), [0, 2, 3, 4, 5, 6]);
        assert_eq!(stops(&[1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 5], 9), [0, 3, 5, 7, 9]);
        // What lies behind is met first by a stop there.
        assert_eq!(stops(&[1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 5], 10), [0, 10]);
    }

    #[test]
    fn an_instruction_that_repeats_itself_is_stepped() {
        assert_eq!(stops(&[1, 7, 7, 7, 7, 2], 4), [0, 1, 2, 3, 4]);
    }
}
