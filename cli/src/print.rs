//! Text to standard output, from the commands that have something to tell.

use crate::exit::Failure;
use crate::standard::Standard;
use std::io::{self, ErrorKind, Write};

/// Whether there is a standard output, asked before something is done that is to be told of.
pub(crate) fn check() -> Result<(), Failure> {
    Standard::Output.check().map_err(|_| Failure::Mute)
}

/// Prints `text`. A reader that has left early is no failure.
pub(crate) fn all(text: &str) -> Result<(), Failure> {
    check()?;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(()),
    }
}
