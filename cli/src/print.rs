//! Text to standard output, from the commands that have something to tell.

use crate::exit::Failure;
use std::io::{self, ErrorKind, Write};

/// Prints `text`. A reader that has left early is no failure.
pub(crate) fn all(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(()),
    }
}
