//! When the messages of a paced run are due: at points that are fixed from its start on.
//!
//! A message that is late shifts none of those behind it: they are sent at once until the run has
//! caught up. The wait sleeps while there is time, and spins for the rest: a sleeping thread wakes
//! some 50 us late, more where others want its core.

use super::clock::now_ns;
use crate::limit::Limit;
use std::hint;
use std::thread;
use std::time::Duration;

/// What is left to spin for. So a run of 5,000 messages a second and more never sleeps.
const SPIN_NS: u64 = 200_000;

/// One sleep at most, so that a limit is noticed.
const SLEEP_NS: u64 = 100_000_000;

/// The times of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    start_ns: u64,
    rate: u64,
}

impl Pace {
    /// From now on, so many messages a second.
    pub(super) fn from_now(rate: u64) -> Pace {
        Pace { start_ns: now_ns(), rate }
    }

    /// Waits until the message `number` is due. False if the limit passes before.
    pub(super) fn wait(self, number: u64, limit: Limit) -> bool {
        let due_ns = self.due_ns(number);
        // Ends when the message is due or at the limit, whichever is sooner; the clock rises.
        loop {
            let left_ns = due_ns.saturating_sub(now_ns());
            if left_ns == 0 {
                return true;
            }
            if limit.has_passed() {
                return false;
            }
            if left_ns > SPIN_NS {
                thread::sleep(Duration::from_nanos((left_ns - SPIN_NS).min(SLEEP_NS)));
            } else {
                hint::spin_loop();
            }
        }
    }

    /// When the message is due. Past the end of the clock is its end.
    fn due_ns(self, number: u64) -> u64 {
        let after_ns = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        let after_ns = u64::try_from(after_ns).unwrap_or(u64::MAX);
        self.start_ns.saturating_add(after_ns)
    }
}

#[cfg(test)]
mod tests {
    //! The points of a run, and that waits end at them.

    use super::super::clock::now_ns;
    use super::Pace;
    use crate::limit::Limit;
    use std::time::Duration;

    #[test]
    fn points_do_not_drift_whatever_the_rate() {
        for rate in [1, 3, 7, 10_000, 999_999_937, u64::MAX] {
            let pace = Pace { start_ns: 5, rate };
            assert_eq!(pace.due_ns(0), 5);
            assert_eq!(pace.due_ns(rate), 1_000_000_005);
            if rate < 1_000_000 {
                assert_eq!(pace.due_ns(3_600 * rate), 3_600_000_000_005);
            }
        }
        assert_eq!(Pace { start_ns: 5, rate: 1 }.due_ns(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_wait_ends_when_the_message_is_due_and_not_before() {
        let pace = Pace::from_now(1_000);
        for number in [1, 2, 30] {
            assert!(pace.wait(number, Limit::NEVER));
            assert!(now_ns() >= pace.due_ns(number));
        }
        // Those before are late, and go at once.
        let begun = now_ns();
        assert!((0..30).all(|number| pace.wait(number, Limit::NEVER)));
        assert!(now_ns() - begun < 20_000_000);
    }

    #[test]
    fn a_wait_ends_at_the_limit() {
        let pace = Pace::from_now(1);
        let begun = now_ns();
        assert!(!pace.wait(3_600, Limit::after(Some(Duration::from_millis(30)))));
        assert!((30_000_000..10_000_000_000).contains(&(now_ns() - begun)));
    }
}
