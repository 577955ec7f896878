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

/// Has the handlers called from now on. To be called once in a process and its children.
pub(super) fn watch() -> io::Result<()> {
    // SAFETY: the three are functions of this library, which is not unloaded while they are
    // registered (the C library removes them with the object that they are in).
    let status = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
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
