//! The state of a seat: whether somebody has it, and as what.

use crate::ring::Role;

/// What a seat's state says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has it; so many had.
    Free(u64),
    /// Somebody has it, or had when it died.
    Active(u64, Role),
}

const FREE: u64 = 1;
const PRODUCER: u64 = 2;
const CONSUMER: u64 = 3;
const KIND_BITS: u32 = 2;

impl Standing {
    pub(super) const fn to_bits(self) -> u64 {
        match self {
            Standing::Free(generation) => generation << KIND_BITS | FREE,
            Standing::Active(generation, Role::Producer) => generation << KIND_BITS | PRODUCER,
            Standing::Active(generation, Role::Consumer) => generation << KIND_BITS | CONSUMER,
        }
    }

    pub(super) const fn from_bits(bits: u64) -> Option<Standing> {
        let generation = bits >> KIND_BITS;
        match bits & 3 {
            FREE => Some(Standing::Free(generation)),
            PRODUCER => Some(Standing::Active(generation, Role::Producer)),
            CONSUMER => Some(Standing::Active(generation, Role::Consumer)),
            _ => None,
        }
    }
}

/// What the participant is, or was when it died, whose seat's state is `bits`.
pub(crate) fn role_of(bits: u64) -> Option<Role> {
    match Standing::from_bits(bits)? {
        Standing::Active(_, role) => Some(role),
        Standing::Free(_) => None,
    }
}

/// The bits of a seat that nobody had yet.
pub(super) const VACANT: u64 = Standing::Free(0).to_bits();
