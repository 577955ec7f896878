//! What the lives of both roles have in common.

use super::ledger::{Fault, Found, LANES, Ledger, Page, add};
use super::limit::Watch;
use annulus::ring::Role;
use annulus::segment::JoinError;
use annulus_testkit::Random;
use std::time::Duration;

/// So often one tries to join, a millisecond apart.
const TRIES: u64 = 3_000;

/// Which life it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) role: Role,
    pub(super) lane: usize,
    /// Of its lane, from 1 on.
    pub(super) number: u64,
}

impl Life {
    pub(super) fn watch<'l>(&self, ledger: &'l Ledger) -> Watch<'l> {
        Watch::new(ledger.page(self.role, self.lane))
    }

    /// After how many operations it leaves in good order, if it lives so long.
    pub(super) fn leaves_after(&self, random: &mut Random) -> u64 {
        if random.below(8) == 0 { random.below(4_000) } else { u64::MAX }
    }

    /// Somebody was in the way. Not itself: it has nothing in hand that could be.
    pub(super) fn check_stall(&self, page: &Page, participant: u16, own: u16) -> Found {
        add(&page.counts.stalls, 1);
        if participant == own { Err((Fault::Itself, own.into())) } else { Ok(()) }
    }

    /// It was told that all of `role` are gone. Nobody was there all the time since `before`.
    pub(super) fn check_death(&self, ledger: &Ledger, role: Role, before: [u64; LANES]) -> Found {
        add(&ledger.page(self.role, self.lane).counts.deaths, 1);
        let now = ledger.present(role);
        match (0..LANES).find(|&lane| before[lane] != 0 && before[lane] == now[lane]) {
            Some(lane) => Err((Fault::Mourned, lane as u64)),
            None => Ok(()),
        }
    }
}

/// Joins. One who is stopped in the door, or in a seat that it looks at, holds others up.
pub(super) fn join<T>(
    page: &Page,
    join: impl Fn() -> Result<T, JoinError>,
) -> Result<T, (Fault, u64)> {
    for _ in 0..TRIES {
        match page.within(&join) {
            Ok(handle) => return Ok(handle),
            Err(JoinError::Full { .. } | JoinError::Busy { .. } | JoinError::DoorStuck) => {}
            Err(_) => return Err((Fault::Refused, 1)),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err((Fault::Refused, TRIES))
}
