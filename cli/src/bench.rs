//! `annulus bench`: the cases of the bench library, with its table or its JSON.

use crate::args::Args;
use crate::exit::{Failure, Status};
use crate::{print, usage};
use annulus_benches::case::Stage;
use annulus_benches::machine::Machine;
use annulus_benches::report;
use annulus_benches::suite::{self, Pace};
use lexopt::prelude::{Long, Short, Value};
use std::io::{self, IsTerminal, Write};

#[derive(Default)]
struct Asked {
    quick: bool,
    json: bool,
    prefix: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some(asked) = parse(args)? else { return usage::show(usage::BENCH) };
    print::check()?;
    let prefix = asked.prefix.unwrap_or_default();
    let failed = |fault| Failure::Bench { case: format!("bench '{prefix}'"), fault };
    let cases = suite::select(suite::standard(), &prefix).map_err(failed)?;
    let machine = Machine::look().map_err(failed)?;
    let mut stage = Stage::new(Some(machine.cores));
    let mut pace = Pace::FULL;
    if asked.quick {
        pace = Pace::QUICK;
        stage.shorten = Pace::QUICK_SHORTEN;
    }
    let outcomes = suite::run(&cases, &stage, pace, progress)
        .map_err(|(case, fault)| Failure::Bench { case, fault })?;
    print::all(&if asked.json {
        report::json_lines(&machine, &outcomes)
    } else {
        report::table(&machine, &outcomes)
    })?;
    Ok(Status::Done)
}

fn parse(mut args: Args) -> Result<Option<Asked>, Failure> {
    let mut asked = Asked::default();
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("quick") => asked.quick = true,
            Long("json") => asked.json = true,
            Value(word) if asked.prefix.is_none() => {
                asked.prefix = Some(word.to_string_lossy().into_owned());
            }
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    Ok(Some(asked))
}

/// For somebody who watches a terminal.
fn progress(round: usize, of: usize, seconds: f64) {
    if io::stderr().is_terminal() {
        let end = if round == of { '\n' } else { '\r' };
        let _ = write!(io::stderr(), "round {round} of {of}, {seconds:.0} s{end}");
    }
}
