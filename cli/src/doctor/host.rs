//! What the kernel answers to this process: its cores, its limits, the room in /dev/shm.
//!
//! Each of these calls only answers. Asked once, so that a test can answer instead.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;

/// Cores that are asked for at most; the kernel has 8,192 at most.
const CORES_MAX: usize = 65_536;

/// Where rings with a name are.
const FOLDER: &CStr = c"/dev/shm";

/// An answer, or the system's word on why there is none.
pub(super) type Answer<T> = Result<T, String>;

/// All answers.
pub(super) struct Host {
    /// The cores that this process may use, rising.
    pub(super) cores: Answer<Vec<usize>>,
    /// The commands of membarrier(2) that are there.
    pub(super) membarrier: Answer<u64>,
    /// The soft limit of locked memory in bytes; `None` is no limit.
    pub(super) memlock: Answer<Option<u64>>,
    /// The soft limit of open files.
    pub(super) nofile: Answer<Option<u64>>,
    /// The file system under the named rings.
    pub(super) shm: Answer<Space>,
}

/// The room of a file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) bytes: u64,
    pub(super) free: u64,
    pub(super) read_only: bool,
}

impl Host {
    /// Asks the kernel.
    pub(super) fn ask() -> Host {
        Host {
            cores: cores(),
            membarrier: membarrier(),
            memlock: limit(libc::RLIMIT_MEMLOCK),
            nofile: limit(libc::RLIMIT_NOFILE),
            shm: space(FOLDER),
        }
    }
}

fn cores() -> Answer<Vec<usize>> {
    let mut words = vec![0_u64; CORES_MAX / 64];
    let bytes = words.len() * 8;
    // SAFETY: the set is `bytes` bytes of ours, as the call is told; it fills whole words.
    let done = unsafe { libc::sched_getaffinity(0, bytes, words.as_mut_ptr().cast()) };
    if done != 0 {
        return Err(last_error());
    }
    let has = |core: &usize| words[core / 64] >> (core % 64) & 1 == 1;
    Ok((0..CORES_MAX).filter(has).collect())
}

fn membarrier() -> Answer<u64> {
    // SAFETY: MEMBARRIER_CMD_QUERY with no flags: takes no pointer and does nothing but answer.
    let commands = unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) };
    u64::try_from(commands).map_err(|_| last_error())
}

fn limit(resource: libc::__rlimit_resource_t) -> Answer<Option<u64>> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is an rlimit for the call to fill.
    match unsafe { libc::getrlimit(resource, &mut limit) } {
        0 if limit.rlim_cur == libc::RLIM_INFINITY => Ok(None),
        0 => Ok(Some(limit.rlim_cur)),
        _ => Err(last_error()),
    }
}

fn space(of: &CStr) -> Answer<Space> {
    let mut stat = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `of` ends in a zero byte, and `stat` is for the call to fill.
    if unsafe { libc::statvfs(of.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return Err(last_error());
    }
    // SAFETY: the call succeeded, so it was filled.
    let stat = unsafe { stat.assume_init() };
    Ok(Space {
        bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        read_only: stat.f_flag & libc::ST_RDONLY != 0,
    })
}

fn last_error() -> String {
    let text = io::Error::last_os_error().to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
