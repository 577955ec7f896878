//! `annulus gc`: takes the names of all rings away that nobody holds.

use crate::args::Args;
use crate::exit::{self, Failure, Status};
use crate::{print, rm, usage};
use annulus::segment::{Listed, Removal, RemoveError, list, remove};
use lexopt::prelude::{Long, Short};

/// Runs the command.
pub(crate) fn run(mut args: Args) -> Result<Status, Failure> {
    if let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return usage::show(usage::GC),
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    print::check()?;
    // SAFETY: cannot fail and touches no memory.
    let me = unsafe { libc::geteuid() };
    let mut status = Status::Done;
    // Root could remove what others have; that is for `rm`, by name.
    let ours = |listed: &Listed| listed.uid == me && listed.bytes >= rm::MAGIC_BYTES;
    for listed in list().map_err(Failure::List)?.into_iter().filter(ours) {
        let address = format!("shm:{}", listed.name);
        match remove(&listed.name, Removal::Unheld) {
            Ok(()) => print::all(&format!("removed {address}, {} bytes\n", listed.bytes))?,
            Err(error) if is_not_ours_to_remove(error) => {}
            Err(error) => {
                let failure = Failure::Remove { address, error };
                exit::note(&failure);
                status = if status == Status::Done { failure.status() } else { status };
            }
        }
    }
    Ok(status)
}

/// Reasons that are in order: it is in use, no ring, somebody else's, or gone already.
fn is_not_ours_to_remove(error: RemoveError) -> bool {
    matches!(
        error,
        RemoveError::Held { .. }
            | RemoveError::NotAnnulus
            | RemoveError::Denied
            | RemoveError::NotFound
            | RemoveError::Replaced
    )
}
