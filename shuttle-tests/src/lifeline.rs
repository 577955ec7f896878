//! The life of a participant that may end at any of its shared accesses.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// How many shared accesses a participant has left, system calls among them.
pub struct Lifeline {
    accesses_left: Cell<u64>,
    is_over: Cell<bool>,
}

/// What a death unwinds with.
struct Death;

impl Lifeline {
    pub(crate) fn endless() -> Lifeline {
        Lifeline { accesses_left: Cell::new(u64::MAX), is_over: Cell::new(false) }
    }

    /// From now on it is one that dies before its access number `accesses`, counted from 0.
    pub fn ends_before(&self, accesses: u64) {
        self.accesses_left.set(accesses);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Counts one access. False if it is over: then nothing happens any more.
    pub(crate) fn goes_on(&self) -> bool {
        if self.is_over.get() {
            return false;
        }
        match self.accesses_left.get() {
            0 => {
                self.is_over.set(true);
                resume_unwind(Box::new(Death));
            }
            u64::MAX => {}
            left => self.accesses_left.set(left - 1),
        }
        true
    }
}

/// What `live` gave, unless it died in it.
pub fn survived<T>(live: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(live)) {
        Ok(value) => Some(value),
        Err(end) if end.is::<Death>() => None,
        Err(other) => resume_unwind(other),
    }
}
