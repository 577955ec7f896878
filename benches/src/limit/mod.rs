//! The bare limits: what two cores of this machine can do without any ring between them.
//!
//! Plain code, one idea a file: [`rtt`] bounces a word, [`handoffs`] hand lines over. A limit is
//! what every ratio is divided by, so it is run at several cadences and its best one counts: a
//! ratio against a slower limit would be void.

mod handoff;
mod rtt;

use crate::case::Case;

/// The bare cache-line round trip, `limit/rtt`.
pub fn rtt() -> Case {
    rtt::case()
}

/// The bare hand-offs of lines: `limit/handoff/64KiB`, `limit/handoff/1MiB` and
/// `limit/handoff64/1MiB`.
pub fn handoffs() -> Vec<Case> {
    handoff::cases()
}
