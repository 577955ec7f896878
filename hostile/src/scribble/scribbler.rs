//! What is written, and where: words that could stand there, and some that could not.

use super::page::{Page, count};
use super::victims::CANNOT_START;
use crate::words::{BEDS, CONTROLS, Shape};
use annulus::layout::{DATA, HEAD, Header};
use annulus_testkit::Random;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Turns of an empty loop between two scribbles, one of these for a ring's whole life: at full
/// speed nothing but garbage is left, and with long gaps the pair gets far in between.
const GAPS: [u64; 4] = [0, 1_000, 30_000, 1_000_000];

/// What is written, for a ring's whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// Control words are left alone.
    Records,
    /// Nothing but control words.
    Controls,
    /// Nothing but what says who sleeps and who was rung: the ring stays whole, and wakes are lost.
    Beds,
}

/// Scribbles until the time is up.
pub(super) fn scribble(fd: &OwnedFd, until: Instant, page: &Page, seed: u64) -> i32 {
    let Some(map) = Map::of(fd) else { return CANNOT_START };
    let mut random = Random::new(seed);
    let gap = GAPS[random.below(4) as usize];
    let part = [Part::All, Part::Records, Part::Controls, Part::Beds][random.below(4) as usize];
    while Instant::now() < until {
        let (at, position) = map.place(part, &mut random);
        match random.below(200) {
            // Not all control words at once where some are to be left alone.
            0 if part != Part::Beds => map.punch(fd, at),
            1 if part != Part::Beds => map.zero_page(at),
            2..40 => {
                let elsewhere = map.place(Part::All, &mut random).0;
                map.set(at, map.get(elsewhere));
            }
            40..60 => map.set(at, random.next()),
            60..90 => map.set(at, map.get(at) ^ 1 << random.below(64)),
            _ => {
                let words = map.shape.bad_words(position, map.get(at));
                map.set(at, words[random.below(words.len() as u64) as usize]);
            }
        }
        count(&page.calls);
        for turn in 0..gap {
            std::hint::black_box(turn);
        }
        if gap == 0 && random.below(1_000) == 0 {
            std::thread::sleep(Duration::from_micros(random.below(300)));
        }
    }
    0
}

/// The segment as anybody can map it.
struct Map {
    base: NonNull<u8>,
    bytes: usize,
    shape: Shape,
}

impl Map {
    fn of(fd: &OwnedFd) -> Option<Map> {
        // SAFETY: an all-zero `stat` is a valid one, for the kernel to fill.
        let mut stat: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: an open descriptor and a `stat` of our own.
        if unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) } != 0 {
            return None;
        }
        let bytes = stat.st_size as usize;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, fd.as_raw_fd(), 0)
        };
        if base == libc::MAP_FAILED {
            return None;
        }
        let base = NonNull::new(base.cast::<u8>())?;
        let mut map = Map { base, bytes, shape: Shape::new((bytes - DATA) as u64, 0) };
        // Four bytes, of which the first half of the word is another field.
        let stamp = map.get(offset_of!(Header, first_stamp) / 8 * 8) >> 32;
        map.shape = Shape::new((bytes - DATA) as u64, stamp as u32);
        Some(map)
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= self.bytes);
        // SAFETY: inside the mapping by the check.
        let place = unsafe { self.base.as_ptr().add(at) };
        // SAFETY: aligned by the check, mapped for as long as this process lives, and an atomic
        // is all that anybody makes of it.
        unsafe { AtomicU64::from_ptr(place.cast()) }
    }

    fn get(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Relaxed)
    }

    fn set(&self, at: usize, word: u64) {
        self.word(at).store(word, Ordering::Relaxed);
    }

    /// A place, and the position that lies there: a control word, a cell near `head`, or any.
    fn place(&self, part: Part, random: &mut Random) -> (usize, u64) {
        let head = self.get(HEAD) & !7;
        let controls = match part {
            Part::All if random.below(4) == 0 => &CONTROLS[..],
            Part::Controls => &CONTROLS[..],
            Part::Beds => BEDS,
            Part::All | Part::Records => &[],
        };
        if !controls.is_empty() {
            return (controls[random.below(controls.len() as u64) as usize], head);
        }
        let span = if random.below(2) == 0 { 128 } else { self.shape.capacity() };
        let position = head.wrapping_add(random.below(span) & !7);
        (self.shape.at(position), position)
    }

    fn page_of(&self, at: usize) -> usize {
        at / 4096 * 4096
    }

    /// A page that reads as zeros, by giving its memory back.
    fn punch(&self, fd: &OwnedFd, at: usize) {
        let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: an open descriptor and numbers.
        unsafe { libc::fallocate(fd.as_raw_fd(), how, self.page_of(at) as i64, 4096) };
    }

    /// A page of zeros, word by word.
    fn zero_page(&self, at: usize) {
        let start = self.page_of(at);
        (start..start + 4096).step_by(8).for_each(|at| self.set(at, 0));
    }
}
