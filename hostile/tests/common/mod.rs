//! A small ring in the states that matter: empty, full, across the wrap, closed, taken over.

use annulus_hostile::calls::{ARRAY, Call, Sides};
use annulus_hostile::words::Shape;
use annulus_hostile::world::World;

/// Four records of 56 bytes and their words fill it to the last cell.
pub(crate) const SHAPE: fn() -> Shape = || Shape::new(256, 0xffff_fffe);

/// What was done before, by name.
pub(crate) const STATES: [(&str, &[Call]); 6] = [
    ("empty", &[Call::JoinProducer, Call::JoinConsumer]),
    (
        "filled",
        &[
            Call::JoinProducer,
            Call::JoinConsumer,
            Call::Send(false, 8),
            Call::Send(false, 20),
            Call::Send(false, ARRAY),
            Call::Recv(false, 8),
        ],
    ),
    ("full", &[Call::JoinProducer, Call::JoinConsumer, Call::Batch(4, ARRAY)]),
    (
        "across the wrap",
        &[
            Call::JoinProducer,
            Call::JoinConsumer,
            Call::Batch(3, 48),
            Call::Drain(3),
            Call::Send(false, 40),
            Call::Recv(false, 100),
            Call::Flush,
            // Does not fit into the rest of the lap, so this leaves a padding.
            Call::Send(false, ARRAY),
            Call::Send(false, 0),
        ],
    ),
    (
        "closed",
        &[Call::JoinProducer, Call::JoinConsumer, Call::Batch(2, ARRAY), Call::CloseProducer],
    ),
    (
        "taken over",
        &[
            Call::JoinProducer,
            Call::JoinConsumer,
            Call::Batch(4, ARRAY),
            Call::RecvArray(false),
            Call::RecvArray(false),
            Call::JoinConsumer,
            Call::JoinProducer,
        ],
    ),
];

/// The two sides of `world`, a new one, after `calls`.
pub(crate) fn after<'w>(world: &'w World, calls: &[Call]) -> Sides<'w> {
    let mut sides = Sides::new(world);
    for call in calls {
        sides.make(*call, None);
    }
    assert_eq!(sides.corruptions(), 0, "nobody has meddled yet");
    sides
}
