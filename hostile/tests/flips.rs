//! Every bit of every shared word that a handle reads, flipped, in every state: each call answers
//! what it may, and corruption is told where it can be seen.

mod common;

use annulus_hostile::calls::{ARRAY, Call};
use annulus_hostile::words::{CONTROLS, Shape, WAITINGS};
use annulus_hostile::world::World;
use common::{SHAPE, STATES, after};

/// What both sides do then: with the handles that they have, and as their successors.
const LIFE: [Call; 16] = [
    Call::Recv(false, 104),
    Call::RecvArray(true),
    Call::Send(false, 8),
    Call::Claim(true, 104, Some(50)),
    Call::Peek(false, true),
    Call::Gather(9, 9),
    Call::JoinProducer,
    Call::Send(true, ARRAY),
    Call::JoinConsumer,
    Call::Batch(3, 16),
    Call::Drain(9),
    Call::Recv(true, 104),
    Call::CloseProducer,
    Call::Recv(true, 104),
    Call::CloseConsumer,
    Call::JoinConsumer,
];

/// What successors do that come before anybody has seen the flip.
const SUCCESSION: [Call; 7] = [
    Call::JoinProducer,
    Call::Send(true, ARRAY),
    Call::JoinConsumer,
    Call::Gather(9, 1),
    Call::Send(false, 0),
    Call::Drain(9),
    Call::Recv(true, 104),
];

#[test]
fn every_flipped_bit_is_an_error_or_does_no_more_than_change_messages() {
    for waiting in WAITINGS {
        flip_all(SHAPE().waiting_by(waiting));
    }
}

fn flip_all(shape: Shape) {
    let geometry = shape.geometry().expect("a good shape");
    let cells = (0..shape.capacity()).step_by(8).map(|position| shape.at(position));
    let places: Vec<usize> = CONTROLS.into_iter().chain(cells).collect();
    let (mut flips, mut told) = (0, 0);
    for (state, calls) in STATES {
        for at in &places {
            for bit in 0..64 {
                for life in [&LIFE[..], &SUCCESSION] {
                    let world = World::new(geometry);
                    let mut sides = after(&world, calls);
                    world.poke(*at, world.peek(*at) ^ 1 << bit);
                    for call in life {
                        sides.make(*call, None);
                    }
                    flips += 1;
                    told += u64::from(sides.corruptions() > 0);
                }
            }
        }
        println!("{state}: {flips} flips so far, {told} of them told");
    }
    assert_eq!(flips, 2 * 6 * 43 * 64);
    // Heads, gates and lengths are found out; payload cannot be.
    assert!(told > flips / 40, "{told} of {flips} flips were told");
}
