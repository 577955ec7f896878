//! Bytes that say which ring it is, what it holds, which calls are made, and what somebody writes
//! in between: any bytes are a script.
//!
//! ```text
//!   shape     1 byte: capacity 64 << (0..=6)   4 bytes: the first stamp
//!   image     1 byte: a fresh ring, or filled by what follows
//!   steps     1 byte: which; then what it needs, up to the end
//! ```

use crate::calls::{Call, Sides};
use crate::words::{CONTROLS, Shape, WAITINGS};
use crate::world::{Meddling, World};
use annulus::error::Severed;
use annulus::layout::DATA;
use annulus::sync::Outside;

/// Steps that a script has at most: longer ones find nothing that shorter ones do not.
const STEPS_MAX: usize = 200;

/// The rest of a script; zeros after its end.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn take(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.take()))
    }

    fn flag(&mut self) -> bool {
        self.take() & 1 != 0
    }

    /// A length: mostly short, at times about as long as the ring's longest, or longer.
    fn len(&mut self, shape: Shape) -> usize {
        let byte = usize::from(self.take());
        match byte {
            0..160 => byte,
            160..240 => (shape.capacity() as usize / 16 * 7 + byte).saturating_sub(200),
            _ => shape.capacity() as usize * (byte - 238) / 2,
        }
    }

    /// A position: near where a side is, or anywhere.
    fn position(&mut self, positions: [u64; 2]) -> u64 {
        let byte = self.take();
        let near = u64::from(byte >> 2) % 32 * 8;
        match byte & 3 {
            0 => positions[0].wrapping_add(near),
            1 => positions[1].wrapping_add(near),
            2 => positions[1].wrapping_sub(near),
            _ => self.word() & !7,
        }
    }

    /// A word that somebody writes somewhere.
    fn scribble(&mut self, world: &World, shape: Shape, positions: [u64; 2]) -> (usize, u64) {
        let place = self.take();
        let position = self.position(positions);
        let at = match CONTROLS.get(usize::from(place)) {
            Some(control) => *control,
            None => shape.at(position),
        };
        let choice = self.take();
        let word = match choice {
            0..20 => shape.bad_words(position, world.peek(at))[usize::from(choice)],
            20..84 => world.peek(at) ^ 1 << (choice - 20),
            84..148 => shape.message(position, 0, u64::from(choice) - 84),
            // A word that stands elsewhere.
            148..180 => world.peek(shape.at(position.wrapping_add(8 * u64::from(choice - 148)))),
            180..212 => shape.padding(position, 0, 8 * u64::from(choice - 180)),
            _ => self.word(),
        };
        (at, word)
    }

    fn call(&mut self, which: u8, shape: Shape) -> Option<Call> {
        Some(match which {
            0 => Call::JoinProducer,
            1 => Call::JoinConsumer,
            2 => Call::CloseProducer,
            3 => Call::CloseConsumer,
            4..=6 => Call::Send(which == 4, self.len(shape)),
            7 | 8 => {
                let (len, commit) = (self.len(shape), self.take());
                let commit = (commit < 200).then_some(usize::from(commit));
                Call::Claim(which == 7, len, commit)
            }
            9 => Call::Batch(1 + usize::from(self.take() % 20), self.len(shape)),
            10..=12 => Call::Recv(which == 10, self.len(shape)),
            13 | 14 => Call::RecvArray(which == 13),
            15 | 16 => Call::Peek(which == 15, self.flag()),
            17 => Call::Drain(1 + usize::from(self.take())),
            18 => Call::Gather(self.take().into(), self.take().into()),
            19 => Call::Flush,
            20 => Call::ReleaseEach,
            _ => return None,
        })
    }
}

/// Runs the script that `bytes` are, and says how many corruptions were found on the way.
///
/// # Panics
///
/// If a call answers what it must not, leaves the segment, or does not end.
pub fn run(bytes: &[u8]) -> u64 {
    let mut bytes = Bytes(bytes);
    let capacity = 64 << (bytes.take() % 7);
    let stamp = u32::from_le_bytes(std::array::from_fn(|_| bytes.take()));
    let waiting = WAITINGS[bytes.take() as usize % WAITINGS.len()];
    let shape = Shape::new(capacity, stamp).waiting_by(waiting);
    let Some(geometry) = shape.geometry() else { return 0 };
    let world = World::new(geometry);
    let fill = bytes.take();
    if fill & 1 != 0 {
        CONTROLS.into_iter().for_each(|at| world.poke(at, bytes.word()));
    }
    if fill & 2 != 0 {
        // As many cells as the script has bytes for.
        let cells = (capacity as usize / 8).min(bytes.0.len() / 16);
        (0..cells).for_each(|cell| world.poke(DATA + 8 * cell, bytes.word()));
    }
    let mut sides = Sides::new(&world);
    let mut meddling = None;
    for _ in 0..STEPS_MAX {
        if bytes.0.is_empty() {
            break;
        }
        let which = bytes.take() % 32;
        if let Some(call) = bytes.call(which, shape) {
            sides.make(call, meddling.take());
            continue;
        }
        match which {
            21..=25 => {
                let (at, word) = bytes.scribble(&world, shape, sides.positions());
                world.poke(at, word);
            }
            26..=29 => {
                let before = 1 + u64::from(bytes.take() % 64);
                let (at, word) = bytes.scribble(&world, shape, sides.positions());
                let then = bytes.flag().then(|| world.peek(at));
                meddling = Some(Meddling { before, at, word, then });
            }
            _ => world.set_outside(match bytes.take() % 9 {
                0..=2 => Outside::PeerAlive,
                3..=5 => Outside::PeerGone,
                6 => Outside::Severed(Severed::Truncated),
                7 => Outside::Severed(Severed::Removed),
                _ => Outside::Severed(Severed::Forked),
            }),
        }
    }
    sides.make(Call::CloseProducer, None);
    sides.make(Call::CloseConsumer, None);
    sides.corruptions()
}
