//! A segment on the heap, of exactly its own size, whose every access is counted and checked.
//!
//! It runs the ring's own lines over the same copies as a real segment. Time is of its own: each
//! access takes a nanosecond and each pause a microsecond, so a call that waits for its deadline
//! does so in some thousand steps, and one that would wait for ever is seen to.

use annulus::layout::{
    Bed, CONSUMER_BED, CONSUMER_GATE, DATA, GATE_VACANT, PRODUCER_BED, PRODUCER_GATE,
};
use annulus::ring::{Barrier, Geometry, Role};
use annulus::sync::{Mapped, Memory, Ordering, Outside, Raw};
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::NonNull;

/// What a pause takes here.
const PAUSE_NS: u64 = 1_000;
/// What offering the processor takes here.
const YIELD_NS: u64 = 10_000;

/// What a system call takes here at least.
const CALL_NS: u64 = 1_000;

/// Words that somebody writes behind the back of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meddling {
    /// Before which access, counted from 1.
    pub before: u64,
    /// At which byte of the segment: a multiple of eight.
    pub at: usize,
    /// What.
    pub word: u64,
    /// What instead before every further access, in turns with `word`; or nothing more.
    pub then: Option<u64>,
}

/// A word that shows something else from look to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Teasing {
    /// At which byte of the segment: a multiple of eight.
    pub at: usize,
    /// The two words that it shows.
    pub words: [u64; 2],
    /// Which of them, look by look: bit by bit from the lowest, over and over.
    pub pattern: u32,
    /// After how many looks the pattern begins again.
    pub period: u32,
}

/// The segment.
pub struct World {
    raw: Raw,
    words: NonNull<[u64]>,
    geometry: Geometry,
    now: Cell<u64>,
    steps: Cell<u64>,
    limit: Cell<u64>,
    outside: Cell<Outside>,
    barriers: Cell<u64>,
    barriers_fail: Cell<bool>,
    longest_sleep_ns: Cell<u64>,
    meddling: Cell<Option<Meddling>>,
    teasing: Cell<Option<(Teasing, u32)>>,
    echo: Cell<Option<[usize; 2]>>,
    echoed: Cell<u64>,
}

impl World {
    /// A segment as its creator leaves it.
    pub fn new(geometry: Geometry) -> World {
        let mut words = vec![0; geometry.segment_bytes() as usize / 8];
        words[PRODUCER_GATE / 8] = GATE_VACANT;
        words[CONSUMER_GATE / 8] = GATE_VACANT;
        World::of(geometry, words)
    }

    /// A segment whose words are `words`.
    ///
    /// # Panics
    ///
    /// If they are not as many as the geometry says.
    pub fn of(geometry: Geometry, words: Vec<u64>) -> World {
        assert_eq!(8 * words.len() as u64, geometry.segment_bytes());
        let words = NonNull::from(Box::leak(words.into_boxed_slice()));
        // SAFETY: a block of its own, aligned to words, which is freed with the world.
        let raw = unsafe { Raw::new(words.cast::<u8>(), 8 * words.len()) };
        World {
            raw,
            words,
            geometry,
            now: Cell::new(1_000_000),
            steps: Cell::new(0),
            limit: Cell::new(u64::MAX),
            outside: Cell::new(Outside::PeerAlive),
            barriers: Cell::new(0),
            barriers_fail: Cell::new(false),
            longest_sleep_ns: Cell::new(0),
            meddling: Cell::new(None),
            teasing: Cell::new(None),
            echo: Cell::new(None),
            echoed: Cell::new(0),
        }
    }

    /// What the words are now.
    pub fn words(&self) -> Vec<u64> {
        (0..self.words.len()).map(|word| self.peek(8 * word)).collect()
    }

    /// Its geometry.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Its time, in nanoseconds.
    pub fn time(&self) -> u64 {
        self.now.get()
    }

    /// Lets time pass: one step.
    pub fn advance(&self, ns: u64) {
        self.step(ns);
    }

    /// The word at byte `at`.
    pub fn peek(&self, at: usize) -> u64 {
        self.check(at, 8, true);
        // SAFETY: checked.
        unsafe { self.raw.load(at, Ordering::Relaxed) }
    }

    /// Somebody writes the word at byte `at`.
    pub fn poke(&self, at: usize, word: u64) {
        self.check(at, 8, true);
        // SAFETY: checked.
        unsafe { self.raw.store(at, word, Ordering::Relaxed) };
    }

    /// What a waiting side is told from now on.
    pub fn set_outside(&self, outside: Outside) {
        self.outside.set(outside);
    }

    /// From now on the barriers of those who lie down fail.
    pub fn let_barriers_fail(&self) {
        self.barriers_fail.set(true);
    }

    /// How many barriers of those who lie down there were.
    pub fn barriers(&self) -> u64 {
        self.barriers.get()
    }

    /// The longest that anybody wanted to sleep at a time, in nanoseconds.
    pub fn longest_sleep_ns(&self) -> u64 {
        self.longest_sleep_ns.get()
    }

    /// From now on a word shows what `teasing` says, or what was written there last.
    pub fn set_teasing(&self, teasing: Option<Teasing>) {
        self.teasing.set(teasing.map(|teasing| (teasing, 0)));
    }

    /// When somebody looks at the word at byte `looked`, the one at byte `at` becomes `word`.
    pub fn set_echo(&self, looked: usize, at: usize, word: u64) {
        self.echo.set(Some([looked, at]));
        self.echoed.set(word);
    }

    /// Before a look at the word at byte `at`.
    fn tease(&self, at: usize) {
        if let Some((teasing, looks)) = self.teasing.get()
            && teasing.at == at
        {
            self.poke(at, teasing.words[(teasing.pattern >> looks & 1) as usize]);
            self.teasing.set(Some((teasing, (looks + 1) % teasing.period)));
        }
        if let Some([looked, echo_at]) = self.echo.get()
            && looked == at
        {
            self.poke(echo_at, self.echoed.get());
        }
    }

    /// Begins a call, which may take `limit` steps, and be meddled with. Returns nothing; see
    /// [`World::steps`].
    pub fn begin(&self, limit: u64, meddling: Option<Meddling>) {
        self.steps.set(0);
        self.limit.set(limit);
        self.meddling.set(meddling);
    }

    /// Accesses, pauses and questions since the call began.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Whether the addresses from `from` to `from + len` are the ring's.
    pub fn holds(&self, from: *const u8, len: usize) -> bool {
        let start = self.raw.base() as usize + DATA;
        let end = self.raw.base() as usize + self.raw.len();
        let from = from as usize;
        start <= from && from <= end && len <= end - from
    }

    fn check(&self, at: usize, bytes: usize, aligned: bool) {
        let inside = at.checked_add(bytes).is_some_and(|end| end <= self.raw.len());
        assert!(inside, "{bytes} bytes at {at} of a segment of {}", self.raw.len());
        assert!(!aligned || at.is_multiple_of(8), "a word at {at}");
    }

    /// One step, which took `ns`.
    fn step(&self, ns: u64) {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        self.now.set(self.now.get() + ns);
        assert!(steps <= self.limit.get(), "the call did not end in {steps} steps");
        if let Some(meddling) = self.meddling.get()
            && steps == meddling.before
        {
            self.poke(meddling.at, meddling.word);
            let next = |other| Meddling {
                before: steps + 1,
                word: other,
                then: Some(meddling.word),
                ..meddling
            };
            self.meddling.set(meddling.then.map(next));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // SAFETY: leaked by `of`; handles borrow the world, so none of them is left.
        drop(unsafe { Box::from_raw(self.words.as_ptr()) });
    }
}

/// A way to the segment.
#[derive(Clone, Copy)]
pub struct Reach<'w>(pub &'w World);

// SAFETY: `Raw` makes every access an atomic or an opaque one, and each is checked before.
unsafe impl Memory for Reach<'_> {
    unsafe fn load(&self, at: usize, order: Ordering) -> u64 {
        self.0.check(at, 8, true);
        self.0.step(1);
        self.0.tease(at);
        // SAFETY: checked; so likewise below.
        unsafe { self.0.raw.load(at, order) }
    }

    unsafe fn store(&self, at: usize, word: u64, order: Ordering) {
        self.0.check(at, 8, true);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.store(at, word, order) }
    }

    unsafe fn put(&self, at: usize, word: u64) {
        self.0.check(at, 8, true);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.store(at, word, Ordering::Relaxed) }
    }

    unsafe fn read(&self, at: usize, into: &mut [u8]) {
        self.0.check(at, into.len(), false);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.read(at, into) }
    }

    unsafe fn read_value(&self, at: usize, into: &mut [u8]) {
        self.0.check(at, into.len(), false);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.read_value(at, into) }
    }

    unsafe fn write(&self, at: usize, from: &[u8]) {
        self.0.check(at, from.len(), false);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.write(at, from) }
    }

    unsafe fn write_words(&self, at: usize, words: &[[u8; 8]]) {
        self.0.check(at, 8 * words.len(), true);
        self.0.step(1);
        // SAFETY: as above.
        unsafe { self.0.raw.write_words(at, words) }
    }

    unsafe fn glimpse(&self, at: usize) -> u64 {
        self.0.check(at, 8, true);
        self.0.step(1);
        self.0.tease(at);
        // SAFETY: as above.
        unsafe { self.0.raw.glimpse(at) }
    }

    fn prefetch_read(&self, at: usize) {
        self.0.check(at, 1, false);
    }

    fn prefetch_write(&self, at: usize) {
        self.0.check(at, 1, false);
    }

    fn pause(&self) {
        self.0.step(PAUSE_NS);
    }

    fn yield_now(&self) {
        self.0.step(YIELD_NS);
    }

    fn now(&self) -> u64 {
        self.0.step(1);
        self.0.now.get()
    }

    fn barrier(&self, _: Barrier) -> bool {
        self.0.step(CALL_NS);
        self.0.barriers.set(self.0.barriers.get() + 1);
        !self.0.barriers_fail.get()
    }

    /// Nobody is woken here, but for one who sees its bell rung before.
    fn sleep(&self, role: Role, bell: u64, ns: u64) -> bool {
        let at = bell_of(role);
        self.0.tease(at);
        self.0.longest_sleep_ns.set(self.0.longest_sleep_ns.get().max(ns));
        let sleeps = self.0.peek(at) as u32 == bell as u32;
        self.0.step(if sleeps { ns } else { CALL_NS });
        sleeps
    }

    fn wake(&self, _: Role) {
        self.0.step(CALL_NS);
    }

    fn outside(&self) -> Outside {
        self.0.step(1);
        self.0.outside.get()
    }
}

// SAFETY: the block is there as long as the world, which `self` borrows.
unsafe impl Mapped for Reach<'_> {
    fn base(&self) -> *mut u8 {
        self.0.raw.base()
    }
}

/// Where the bell of `role` stands.
const fn bell_of(role: Role) -> usize {
    offset_of!(Bed, bell)
        + match role {
            Role::Producer => PRODUCER_BED,
            Role::Consumer => CONSUMER_BED,
        }
}
