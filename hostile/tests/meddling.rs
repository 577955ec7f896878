//! Somebody writes while a call runs: before each single access, over each word that it may read,
//! each of twenty words, once or in turns with what stood there. A word that is read twice, and
//! believed the first time, is found so.

mod common;

use annulus_hostile::calls::{ARRAY, Call};
use annulus_hostile::words::{CONTROLS, Shape, WAITINGS};
use annulus_hostile::world::{Meddling, World};
use common::{SHAPE, STATES, after};

const CALLS: [Call; 21] = [
    Call::JoinProducer,
    Call::JoinConsumer,
    Call::CloseProducer,
    Call::CloseConsumer,
    Call::Send(false, ARRAY),
    Call::Send(true, 104),
    Call::Claim(false, 104, Some(9)),
    Call::Claim(true, 24, None),
    Call::Batch(5, 16),
    Call::Recv(false, 104),
    Call::Recv(true, 8),
    Call::RecvArray(false),
    Call::RecvArray(true),
    Call::Peek(true, true),
    Call::Drain(9),
    Call::Gather(9, 1),
    Call::Flush,
    Call::Arm,
    Call::ArmForRoom(104),
    Call::Any,
    Call::AnyRoom(ARRAY),
];

/// What both sides do afterwards.
const AFTERWARDS: [Call; 2] = [Call::Recv(false, 104), Call::Send(false, 8)];

/// Accesses of a call that are meddled with: further ones are turns of a wait.
const ACCESSES: u64 = 40;

#[test]
fn whatever_is_written_while_a_call_runs_it_ends_with_what_it_may_answer() {
    for waiting in WAITINGS {
        meddle_with_all(SHAPE().waiting_by(waiting));
    }
}

fn meddle_with_all(shape: Shape) {
    let geometry = shape.geometry().expect("a good shape");
    let (mut runs, mut told) = (0_u64, 0_u64);
    for (state, calls) in STATES {
        for call in CALLS {
            let steps = {
                let world = World::new(geometry);
                after(&world, calls).make(call, None)
            };
            for before in 1..=steps.min(ACCESSES) {
                let world = World::new(geometry);
                let near = after(&world, calls).positions();
                let cells = near.into_iter().flat_map(|position| [position, position + 64]);
                let places = CONTROLS
                    .into_iter()
                    .map(|at| (at, near[1]))
                    .chain(cells.map(|position| (shape.at(position), position)));
                for (at, position) in places {
                    let good = world.peek(at);
                    for (choice, word) in shape.bad_words(position, good).into_iter().enumerate() {
                        let world = World::new(geometry);
                        let mut sides = after(&world, calls);
                        // Every other word stays, the rest come and go.
                        let then = (choice % 2 == 0).then_some(good);
                        sides.make(call, Some(Meddling { before, at, word, then }));
                        for call in AFTERWARDS {
                            sides.make(call, None);
                        }
                        runs += 1;
                        told += u64::from(sides.corruptions() > 0);
                    }
                }
            }
        }
        println!("{state}: {runs} runs so far, {told} of them told");
    }
    assert!(runs > 100_000, "only {runs} runs");
    assert!(told > runs / 50, "{told} of {runs} were told");
}
