//! How a ring's sides wait, as it is asked for: the words, and `--wait` and `--barrier`.
//!
//! Who makes a ring chooses; who joins one that exists must find there what it asked for, and
//! follows it when it asked for nothing. The options and those of the address say the same thing,
//! so only one of them may.

use crate::address::Address;
use crate::args::Args;
use crate::exit::Failure;
use annulus::{Barrier, Wait};

/// How the sides of a ring wait that is created with nothing asked for.
pub(crate) const WAIT_DEFAULT: Wait = Wait::Spin;

/// The words for the ways to wait.
pub(crate) const WAITS: &str = "spin, spin-park or park";

/// The words for the barriers.
pub(crate) const BARRIERS: &str = "fence or membarrier";

/// The way to wait of that name.
pub(crate) fn wait(word: &str) -> Option<Wait> {
    [Wait::Spin, Wait::SpinThenPark, Wait::Park].into_iter().find(|wait| wait.to_string() == word)
}

/// The barrier of that name.
pub(crate) fn barrier(word: &str) -> Option<Barrier> {
    [Barrier::Fence, Barrier::Membarrier].into_iter().find(|barrier| barrier.to_string() == word)
}

/// What stood on the command line.
#[derive(Default)]
pub(crate) struct Given {
    wait: Option<Wait>,
    barrier: Option<Barrier>,
}

impl Given {
    /// Reads the value of `--wait`.
    pub(crate) fn wait(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.wait = Some(args.choice("--wait", wait, WAITS)?);
        Ok(())
    }

    /// Reads the value of `--barrier`.
    pub(crate) fn barrier(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.barrier = Some(args.choice("--barrier", barrier, BARRIERS)?);
        Ok(())
    }

    /// Asks for it at `address`, where it may not be asked for as well. With nothing asked for,
    /// the sides wait by `unasked`, if that is known.
    pub(crate) fn ask(
        self,
        address: &mut Address,
        unasked: Option<Wait>,
        args: &Args,
    ) -> Result<(), Failure> {
        if self.wait.is_some() && address.wait.is_some() {
            return Err(args.both("--wait", "?wait="));
        }
        if self.barrier.is_some() && address.barrier.is_some() {
            return Err(args.both("--barrier", "?barrier="));
        }
        address.wait = address.wait.or(self.wait);
        address.barrier = address.barrier.or(self.barrier);
        match (address.wait.or(unasked), address.barrier) {
            // Nobody sleeps.
            (Some(Wait::Spin), Some(_)) => {
                Err(args.missing("--wait spin-park or park, which a barrier goes with,"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
