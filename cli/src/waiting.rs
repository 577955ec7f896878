//! How a ring's sides wait, as it is asked for: the words, and `--wait`, `--wake` and `--barrier`.
//!
//! Who makes a ring chooses; who joins one that exists must find there what it asked for, and
//! follows it when it asked for nothing. The options and those of the address say the same thing,
//! so only one of them may.

use crate::address::Address;
use crate::args::Args;
use crate::exit::Failure;
use annulus::{Barrier, Wait, Wake};

/// How the sides of a ring wait that is created with nothing asked for.
pub(crate) const WAIT_DEFAULT: Wait = Wait::SpinThenPark;

/// The words for the ways to wait.
pub(crate) const WAITS: &str = "spin, spin-park or park";

/// The words for the means of waking.
pub(crate) const WAKES: &str = "futex, posix-sem, sysv-sem or event";

/// The words for the barriers.
pub(crate) const BARRIERS: &str = "fence or membarrier";

/// The way to wait of that name.
pub(crate) fn wait(word: &str) -> Option<Wait> {
    [Wait::Spin, Wait::SpinThenPark, Wait::Park].into_iter().find(|wait| wait.to_string() == word)
}

/// The means of waking of that name.
pub(crate) fn wake(word: &str) -> Option<Wake> {
    [Wake::Futex, Wake::PosixSem, Wake::SysvSem, Wake::Event]
        .into_iter()
        .find(|wake| wake.to_string() == word)
}

/// The barrier of that name.
pub(crate) fn barrier(word: &str) -> Option<Barrier> {
    [Barrier::Fence, Barrier::Membarrier].into_iter().find(|barrier| barrier.to_string() == word)
}

/// What stood on the command line.
#[derive(Default)]
pub(crate) struct Given {
    wait: Option<Wait>,
    wake: Option<Wake>,
    barrier: Option<Barrier>,
}

impl Given {
    /// Reads the value of `--wait`.
    pub(crate) fn wait(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.wait = Some(args.choice("--wait", wait, WAITS)?);
        Ok(())
    }

    /// Reads the value of `--wake`.
    pub(crate) fn wake(&mut self, args: &mut Args) -> Result<(), Failure> {
        self.wake = Some(args.choice("--wake", wake, WAKES)?);
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
        if self.wake.is_some() && address.wake.is_some() {
            return Err(args.both("--wake", "?wake="));
        }
        if self.barrier.is_some() && address.barrier.is_some() {
            return Err(args.both("--barrier", "?barrier="));
        }
        address.wait = address.wait.or(self.wait);
        address.wake = address.wake.or(self.wake);
        address.barrier = address.barrier.or(self.barrier);
        let with = match (address.wake, address.barrier) {
            (Some(_), _) => "--wait spin-park or park, which waking goes with,",
            (None, Some(_)) => "--wait spin-park or park, which a barrier goes with,",
            (None, None) => return Ok(()),
        };
        match address.wait.or(unasked) {
            // Nobody sleeps.
            Some(Wait::Spin) => Err(args.missing(with)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
