//! Waiting for something that another process brings about and does not announce.

use std::thread;
use std::time::{Duration, Instant};

/// Returns as soon as `condition` holds; panics at the caller's line if it does not in time.
///
/// The condition is looked at once more after the time is up, so that a test on a busy machine
/// fails because something did not happen, and not because nobody looked.
#[track_caller]
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + within;
    loop {
        let last = Instant::now() >= end;
        if condition() {
            return;
        }
        assert!(!last, "it did not happen within {within:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
