//! A word of which loom tries every order of accesses.
//!
//! Loom tries two accesses the other way round when it sees the later one come, but knows of each
//! atomic only the last access (0.7; its issues 166 and 392). Where a thread loads a word and then
//! stores or swaps it, its own load hides that another one has loaded the word before, and of those
//! two orders one is never tried. Rings are full of that.
//!
//! So each reader has a mark of its own beside the word, which it swaps in vain, and a writer looks
//! at the marks of all others: then no load is hidden. No mark ever has another value, so that
//! nothing is ordered by them; and they are touched in one step with the word, so that there are no
//! more orders to try.

use annulus::sync::Ordering;
use loom::sync::atomic::AtomicU64;

/// So many handles a model may make of one ring; and one for who has none.
const READERS: usize = 8;

/// Who accesses a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader(usize);

impl Reader {
    /// One who has no handle: one thread at most.
    pub(crate) const OTHER: Reader = Reader(0);

    /// Of the handle that is made after `others`.
    pub(crate) fn after(others: usize) -> Reader {
        assert!(others + 1 < READERS, "a model makes fewer handles of one ring");
        Reader(others + 1)
    }
}

/// A word that threads share.
pub(crate) struct Explored {
    word: AtomicU64,
    marks: [AtomicU64; READERS],
}

impl Explored {
    pub(crate) fn new(word: u64) -> Explored {
        Explored { word: AtomicU64::new(word), marks: [(); READERS].map(|()| AtomicU64::new(0)) }
    }

    pub(crate) fn load(&self, by: Reader, order: Ordering) -> u64 {
        let word = self.word.load(order);
        in_the_same_step(|| {
            let mark = &self.marks[by.0];
            let _ = mark.compare_exchange(1, 1, Ordering::Relaxed, Ordering::Relaxed);
        });
        word
    }

    pub(crate) fn store(&self, by: Reader, word: u64, order: Ordering) {
        self.word.store(word, order);
        self.look_at_marks(by);
    }

    pub(crate) fn compare_exchange(&self, by: Reader, current: u64, new: u64) -> Result<u64, u64> {
        let swapped = self.word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
        self.look_at_marks(by);
        swapped
    }

    pub(crate) fn count(&self, by: Reader) {
        self.word.fetch_add(1, Ordering::AcqRel);
        self.look_at_marks(by);
    }

    /// The word, of which the caller knows that nobody writes it.
    ///
    /// # Safety
    ///
    /// Nobody does: loom fails the model otherwise.
    pub(crate) unsafe fn unsync_load(&self) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.word.unsync_load() }
    }

    fn look_at_marks(&self, by: Reader) {
        in_the_same_step(|| {
            for (reader, mark) in self.marks.iter().enumerate() {
                if Reader(reader) != by {
                    mark.load(Ordering::Relaxed);
                }
            }
        });
    }
}

/// Does what follows an access before anybody else comes: where loom would try another thread
/// there, it tries it before the access.
fn in_the_same_step(touch: impl FnOnce()) {
    loom::stop_exploring();
    touch();
    loom::explore();
}
