//! What the bench claims about itself, each claim a test: its numbers are exact, its checks find
//! what they are for, two sides are two processes, and no round hangs.
//!
//! Nothing here is timed, and the sides are left unpinned, so that one core is enough.

mod drive;
mod flip;
mod pair;
mod payload;
mod report;
mod stats;
mod suite;

use annulus_benches::case::Stage;

/// A stage whose rounds are as short as they get.
fn small_stage(flip: Option<u64>) -> Stage {
    Stage { flip, shorten: 1_000_000, ..Stage::new(None) }
}
