//! The kernel's own ways, as a measure: 64 bytes there and back through pipes and a Unix socket.
//!
//! A round trip is two system calls and a wake-up on each side. The descriptors are made before
//! the fork and inherited by both sides; a side that loses its peer is ended by the parent.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};

use crate::case::{Case, Round, Stage, Unit, Variant};
use crate::drive::{self, Port};
use crate::fault::{Fault, SideFault};
use crate::pair;

const MESSAGE_BYTES: usize = 64;
/// Round trips of one round, at 10 to 60 microseconds each.
const ROUND_TRIPS: u64 = 4_000;

/// `pipe/rtt/64` and `unix/rtt/64`.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, open: fn() -> Result<[End; 2], Fault>| Case {
        name: name.to_owned(),
        unit: Unit::Nanoseconds,
        ring_bytes: None,
        cell: None,
        against: None,
        variants: vec![Variant::new("block", move |stage| round(stage, open()?))],
    };
    vec![case("pipe/rtt/64", pipes), case("unix/rtt/64", sockets)]
}

fn round(stage: &Stage, [mut here, mut there]: [End; 2]) -> Result<Round, Fault> {
    let plan = stage.plan(ROUND_TRIPS);
    let block = stage.block_for_samples(&plan)?;
    let lead = || drive::ping::<MESSAGE_BYTES, _>(&mut here, &plan, &block);
    let peer = || drive::echo::<MESSAGE_BYTES, _>(&mut there, &plan, &block);
    let pids = pair::processes(&stage.terms, &block, lead, peer)?;
    stage.latency(&block, pids)
}

/// What a side reads from and writes to.
struct End {
    input: File,
    output: File,
}

impl<const N: usize> Port<N> for End {
    fn send(&mut self, message: &[u8; N]) -> Result<(), SideFault> {
        self.output.write_all(message).map_err(os)
    }

    fn receive(&mut self, message: &mut [u8; N]) -> Result<(), SideFault> {
        self.input.read_exact(message).map_err(os)
    }
}

/// Two pipes, one each way.
fn pipes() -> Result<[End; 2], Fault> {
    let (back_read, there_write) = std::io::pipe().map_err(|_| Fault::last_os())?;
    let (there_read, back_write) = std::io::pipe().map_err(|_| Fault::last_os())?;
    let file = |fd: OwnedFd| File::from(fd);
    Ok([
        End { input: file(back_read.into()), output: file(back_write.into()) },
        End { input: file(there_read.into()), output: file(there_write.into()) },
    ])
}

/// A pair of sequenced-packet sockets: boundaries are kept, as a ring keeps them.
fn sockets() -> Result<[End; 2], Fault> {
    let mut fds = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: two ints of our own for the kernel to fill.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) } != 0 {
        return Err(Fault::last_os());
    }
    // SAFETY: the kernel just made both descriptors for us alone.
    let ends = fds.map(|fd| unsafe { File::from_raw_fd(fd) });
    let [left, right] = ends.map(|end| {
        let input = end.try_clone().map_err(|_| Fault::last_os())?;
        Ok(End { input, output: end })
    });
    Ok([left?, right?])
}

fn os(error: std::io::Error) -> SideFault {
    SideFault::Os { errno: error.raw_os_error().unwrap_or(libc::EPIPE) }
}
