//! A /dev/shm of one's own and as small as one likes, for tests of "shared memory is full".
//!
//! The child enters a mount namespace of its own and mounts a tmpfs over /dev/shm there. Nobody
//! else sees it, and it is gone with the child. The kernel allows that to root only.

use crate::Child;
use std::ffi::CString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::time::Duration;

/// Makes `command` run with a private /dev/shm of `bytes` (rounded up to pages).
pub fn small_shm(command: &mut Command, bytes: u64) -> &mut Command {
    let options = CString::new(format!("mode=1777,size={bytes}")).expect("it holds no zero byte");
    // SAFETY: `enter` makes three system calls and nothing else, as a forked child may.
    unsafe { command.pre_exec(move || enter(&options)) }
}

/// Why [`small_shm`] cannot work here, or `None` where it can. For `skip!`.
pub fn small_shm_refused() -> Option<String> {
    match Child::try_spawn(small_shm(&mut Command::new("true"), 4096)) {
        Ok(mut child) => {
            child.wait_within(Duration::from_secs(10)).assert_success();
            None
        }
        Err(error) => Some(format!("no private /dev/shm (it needs root): {error}")),
    }
}

fn enter(options: &CString) -> io::Result<()> {
    // SAFETY: takes no pointer; the calling process has one thread, as it has just been forked.
    let unshared = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    checked(unshared)?;
    // Without this the new mount would appear in the namespace that this one was copied from.
    let private = libc::MS_REC | libc::MS_PRIVATE;
    let (none, root, shm) = (c"none".as_ptr(), c"/".as_ptr(), c"/dev/shm".as_ptr());
    // SAFETY: both strings are static; a change of propagation ignores type and data.
    let changed = unsafe { libc::mount(none, root, ptr::null(), private, ptr::null()) };
    checked(changed)?;
    let tmpfs = c"tmpfs".as_ptr();
    // SAFETY: all strings are static but `options`, which the caller keeps alive.
    let mounted = unsafe { libc::mount(none, shm, tmpfs, 0, options.as_ptr().cast()) };
    checked(mounted)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
