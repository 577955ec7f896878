//! `annulus`: sends, receives, looks at, cleans up and measures rings in shared memory.
//!
//! | room | what happens there |
//! |---|---|
//! | `send`, `recv`, `ls`, `inspect`, `rm`, `gc`, `bench`, `doctor` | a command each |
//! | `dead_letters` | the command `dead-letters` |
//! | `usage`, `args`, `address`, `units` | what the user said |
//! | `trial` | traffic that is made and checked by itself |
//! | `clock` | points in time as text |
//! | `meet` | creating or attaching, and waiting for the other side |
//! | `watch` | what others do to the segment's file meanwhile |
//! | `input`, `output`, `descriptor` | bytes in and out, without a copy where there need be none |
//! | `standard` | whether there is an input and an output at all |
//! | `limit`, `exit`, `print` | how long it may take, and how it ends; text |
//!
//! Here the command is chosen, and its end becomes an exit status. A signal ends a command as it
//! would any other: nothing in a ring depends on its participants leaving in good order.

mod address;
mod args;
mod bench;
mod clock;
mod dead_letters;
mod descriptor;
mod doctor;
mod exit;
mod gc;
mod input;
mod inspect;
mod limit;
mod ls;
mod meet;
mod output;
mod print;
mod recv;
mod rm;
mod send;
mod standard;
mod trial;
mod units;
mod usage;
mod waiting;
mod watch;

use args::Args;
use exit::{Failure, Status};
use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Parser::from_env()) {
        Ok(status) => status.into(),
        Err(failure) => {
            exit::note(&failure);
            failure.status().into()
        }
    }
}

fn run(mut parser: Parser) -> Result<Status, Failure> {
    annulus::segment::guard_truncation().map_err(Failure::Guard)?;
    let first = parser.next().map_err(unreadable)?;
    let word = match first {
        None => return Err(Failure::NoCommand),
        Some(Short('h') | Long("help")) => return usage::show(usage::ALL),
        Some(Short('V') | Long("version")) => return usage::show(&usage::version()),
        Some(Value(word)) => word,
        Some(other) => return Err(unreadable(other.unexpected())),
    };
    match word.to_str() {
        Some("send") => send::run(Args::new(parser, "send")),
        Some("recv") => recv::run(Args::new(parser, "recv")),
        Some("ls") => ls::run(Args::new(parser, "ls")),
        Some("inspect") => inspect::run(Args::new(parser, "inspect")),
        Some("dead-letters") => dead_letters::run(Args::new(parser, "dead-letters")),
        Some("rm") => rm::run(Args::new(parser, "rm")),
        Some("gc") => gc::run(Args::new(parser, "gc")),
        Some("bench") => bench::run(Args::new(parser, "bench")),
        Some("doctor") => doctor::run(Args::new(parser, "doctor")),
        Some("help") => usage::show(usage::ALL),
        _ => Err(Failure::UnknownCommand(word.to_string_lossy().into_owned())),
    }
}

fn unreadable(error: lexopt::Error) -> Failure {
    Failure::FirstArgument(error)
}
