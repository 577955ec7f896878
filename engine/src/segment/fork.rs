//! What a fork leaves a child of: nothing.
//!
//! A child shares its parent's mappings, and its copies of the descriptors share the parent's
//! locks. Left alone, both would write as the same producer, and the parent's death would not be
//! seen while the child lives. So at each `fork`:
//!
//! * before it, the registry's mutex is taken, and after it given back on both sides;
//! * in the child, every mapping is severed with the cause `Forked`, the copies of the life and
//!   probe descriptors are closed, and the generation rises, so that inherited handles neither
//!   unlock nor close anything when they are dropped.
//!
//! The handlers are registered when the library is loaded, and not at the first join: `fork` runs
//! those that there are when it begins, so a child that another thread makes meanwhile would have
//! the registry's mutex taken by nobody, and copies of descriptors that are not closed.
//!
//! The child may then attach anew. `vfork` and `posix_spawn` run no such handlers and need none:
//! their child goes on to `exec`, which closes the descriptors. A raw `clone` without `exec` is
//! the gap: its child counts as the parent's life until it ends.

use super::registry::{self, Registry};
use super::table;
use crate::error::Severed;
use core::cell::UnsafeCell;
use std::io;
use std::sync::MutexGuard;

/// The registry's guard, from before a fork until after it.
struct Held(UnsafeCell<Option<MutexGuard<'static, Registry>>>);

// SAFETY: only the thread that has the registry's mutex touches the cell: it fills it when it has
// got the mutex and empties it before it gives it up, and in the child it is the only thread.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

/// Called by the loader, before there is anybody who could fork. Sound as an entry of that section:
/// each is called once, as a C function, with arguments that one without parameters does not see;
/// and neither a mutex nor pthread_atfork(3) needs anything of Rust's that `main` would set up.
#[cfg(not(miri))]
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

#[cfg(not(miri))]
extern "C" fn at_load() {
    // Else the first join tries again, and says why it cannot.
    let _ = watch(&mut registry::lock());
}

/// Has the handlers called from now on, if they are not yet.
pub(super) fn watch(registry: &mut Registry) -> io::Result<()> {
    if registry.forks_are_watched {
        return Ok(());
    }
    // SAFETY: the three are functions of this library, which is not unloaded while they are
    // registered (the C library removes them with the object that they are in).
    let status = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    registry.forks_are_watched = true;
    Ok(())
}

extern "C" fn prepare() {
    let guard = registry::lock();
    // SAFETY: we have the mutex, so nobody else touches the cell.
    unsafe { *HELD.0.get() = Some(guard) };
}

extern "C" fn parent() {
    drop(take());
}

extern "C" fn child() {
    table::sever_all(Severed::Forked);
    if let Some(mut registry) = take() {
        registry.forget_parent();
    }
}

fn take() -> Option<MutexGuard<'static, Registry>> {
    // SAFETY: this thread filled the cell in `prepare` and has had the mutex since.
    unsafe { (*HELD.0.get()).take() }
}
