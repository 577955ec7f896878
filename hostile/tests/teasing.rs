//! A word that shows something else from look to look, in every pattern of up to six looks: a call
//! that waits still ends by its deadline, and one that does not at once.

mod common;

use annulus::layout::{Bed, CONSUMER_BED, CONSUMER_GATE, HEAD, PRODUCER_BED, PRODUCER_GATE};
use annulus_hostile::calls::{ARRAY, Call};
use annulus_hostile::words::{Shape, WAITINGS};
use annulus_hostile::world::{Teasing, World};
use common::{SHAPE, STATES, after};
use std::mem::offset_of;

const CALLS: [Call; 16] = [
    Call::Send(false, ARRAY),
    Call::Send(true, 104),
    Call::Claim(true, ARRAY, Some(9)),
    Call::Batch(5, ARRAY),
    Call::Recv(false, 104),
    Call::Recv(true, 8),
    Call::RecvArray(true),
    Call::Peek(true, true),
    Call::Drain(9),
    Call::Gather(9, 9),
    Call::JoinProducer,
    Call::JoinConsumer,
    Call::Arm,
    Call::ArmForRoom(104),
    Call::Any,
    Call::AnyRoom(ARRAY),
];

const PERIOD_MAX: u32 = 6;

#[test]
fn however_a_word_changes_from_look_to_look_each_call_ends() {
    for waiting in WAITINGS {
        tease_all(SHAPE().waiting_by(waiting));
    }
}

fn tease_all(shape: Shape) {
    let geometry = shape.geometry().expect("a good shape");
    let mut runs = 0_u64;
    for (_, calls) in STATES {
        for call in CALLS {
            let near = after(&World::new(geometry), calls).positions();
            let head = near[1].saturating_sub(8);
            let teasings = [
                (shape.at(near[1]), [0, shape.message(near[1], 0, 8)]),
                (shape.at(near[1]), [0, shape.padding(near[1], 0, 256 - near[1] % 256 - 8)]),
                (shape.at(near[0]), [0, shape.message(near[0], 0, 8)]),
                (HEAD, [head, near[1]]),
                (HEAD, [near[1], near[0]]),
                (PRODUCER_GATE, [0b011, near[0] | 0b100]),
                (PRODUCER_GATE, [0, 0b011]),
                (CONSUMER_GATE, [0b011, near[1] | 0b100]),
                (CONSUMER_GATE, [0, 0b011]),
                (PRODUCER_BED + offset_of!(Bed, bell), [0, 1]),
                (CONSUMER_BED + offset_of!(Bed, bell), [0, 1]),
                (PRODUCER_BED + offset_of!(Bed, asleep), [1, 3]),
                (CONSUMER_BED + offset_of!(Bed, asleep), [1, 3]),
            ];
            for (at, words) in teasings {
                for period in 1..=PERIOD_MAX {
                    for pattern in 0..1 << period {
                        let world = World::new(geometry);
                        let mut sides = after(&world, calls);
                        world.set_teasing(Some(Teasing { at, words, pattern, period }));
                        sides.make(call, None);
                        runs += 1;
                    }
                }
            }
        }
    }
    println!("{runs} runs");
    assert_eq!(runs, 6 * 16 * 13 * 126);
}
