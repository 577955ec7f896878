//! On which NUMA node memory is allocated.
//!
//! A segment is allocated in full when it is made, and pages stay where they are; so it is enough
//! that its creator has a policy for that long. Raw system calls: glibc has none of them.

use super::{SegmentError, fd};
use std::io;

/// Nodes are numbered below this, with all that the kernel knows.
const NODES_MAX: usize = 1024;

const WORDS: usize = NODES_MAX / 64;

/// A thread's memory policy.
struct Policy {
    mode: libc::c_int,
    nodes: [u64; WORDS],
}

impl Policy {
    fn of_this_thread() -> Result<Policy, SegmentError> {
        let mut policy = Policy { mode: 0, nodes: [0; WORDS] };
        let (no_address, no_flags) = (0_usize, 0_usize);
        // SAFETY: `mode` and `nodes` are there to be filled, the latter with as many bits as said.
        let status = unsafe {
            libc::syscall(
                libc::SYS_get_mempolicy,
                &raw mut policy.mode,
                policy.nodes.as_mut_ptr(),
                NODES_MAX,
                no_address,
                no_flags,
            )
        };
        if status != 0 {
            return Err(fd::failed("get_mempolicy", &io::Error::last_os_error()));
        }
        Ok(policy)
    }

    fn bound_to(node: u32) -> Option<Policy> {
        let mut nodes = [0; WORDS];
        *nodes.get_mut(node as usize / 64)? |= 1 << (node % 64);
        Some(Policy { mode: libc::MPOL_BIND, nodes })
    }

    fn set(&self) -> io::Result<()> {
        // One more than there are bits: the kernel leaves the last one out.
        let bits = NODES_MAX + 1;
        // SAFETY: `nodes` is there to be read, with as many bits as the kernel takes of it.
        let status =
            unsafe { libc::syscall(libc::SYS_set_mempolicy, self.mode, self.nodes.as_ptr(), bits) };
        if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Does `work`; what it has the kernel allocate comes from `node`, if one is asked for.
pub(super) fn on_node<T>(
    node: Option<u32>,
    work: impl FnOnce() -> Result<T, SegmentError>,
) -> Result<T, SegmentError> {
    let Some(asked) = node else { return work() };
    let before = Policy::of_this_thread()?;
    let bound = Policy::bound_to(asked).ok_or(SegmentError::NoSuchNode { asked })?;
    bound.set().map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => SegmentError::NoSuchNode { asked },
        _ => fd::failed("set_mempolicy", &error),
    })?;
    let done = work();
    before.set().map_err(|error| fd::failed("set_mempolicy", &error))?;
    done
}
