//! How many processors this process may use.

/// Whether it is one only: then who waits by looking keeps its peer from running. A thread's own
/// mask counts, as set when this is asked.
pub(crate) fn is_alone() -> bool {
    // SAFETY: a set of bits, for which zeros are a value.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: the set is valid for the call to fill, and its size is told.
    let status = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    // SAFETY: reads the set.
    status == 0 && unsafe { libc::CPU_COUNT(&set) } == 1
}
