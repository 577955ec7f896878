//! The bare limits: what two cores of this machine can do without any ring between them.
//!
//! Plain code, one idea a file: [`rtts`] bounce a word, [`handoffs`] hand lines over, [`wakes`]
//! wake each other from sleep. A limit is what every ratio is divided by, so it is run at several
//! cadences, where it has any, and its best one counts: a ratio against a slower limit would be
//! void.

mod futex;
mod handoff;
mod rtt;

use crate::case::Case;

/// The bare cache-line round trips: `limit/rtt` on one line each way, `limit/rtt/fresh` on the next
/// line each time.
pub fn rtts() -> [Case; 2] {
    rtt::cases()
}

/// The bare wake from sleep, there and back: `limit/futex-rtt`.
pub fn wakes() -> [Case; 1] {
    [futex::case()]
}

/// The bare hand-offs of lines: `limit/handoff/64KiB`, `limit/handoff/1MiB` and
/// `limit/handoff64/1MiB`.
pub fn handoffs() -> Vec<Case> {
    handoff::cases()
}
