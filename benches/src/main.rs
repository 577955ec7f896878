//! `annulus-benches`: ours, the rivals and the limits side by side, in one run.
//!
//! ```text
//! annulus-benches compare [--rounds N] [--quick] [--json] [--variants] [--cores A,B] [PREFIX]
//! annulus-benches ratios [--rounds N] [--cores A,B]
//! annulus-benches list
//! ```
//! PREFIX (or several, divided by commas) chooses cases by the beginning of their names; the limits
//! they are compared with come along. `ratios` measures those that must hold, and fails if one does
//! not. Exit status: 0 done, 1 error, 2 usage.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use annulus_benches::case::{Case, Stage, Unit};
use annulus_benches::fault::Fault;
use annulus_benches::machine::Machine;
use annulus_benches::ratios::{self, Verdict};
use annulus_benches::report;
use annulus_benches::suite::{self, Outcome, Pace};
use lexopt::prelude::{Long, Short, Value, ValueExt};

const USAGE: &str = "usage: annulus-benches compare [--rounds N] [--quick] [--json] [--variants] \
                     [--cores A,B] [PREFIX]\n       annulus-benches ratios \
                     [--rounds N] [--cores A,B]\n       annulus-benches list";

/// What was asked for.
#[derive(Default)]
struct Asked {
    command: Option<Command>,
    rounds: Option<usize>,
    quick: bool,
    json: bool,
    variants: bool,
    cores: Option<[usize; 2]>,
    prefix: Option<String>,
}

#[derive(Clone, Copy)]
enum Command {
    Compare,
    Ratios,
    List,
    Help,
}

fn main() -> ExitCode {
    let asked = match parse() {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("annulus-benches: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match asked.command {
        Some(Command::Compare) => end(compare(&asked).map(|()| true)),
        Some(Command::Ratios) => end(ratios(&asked)),
        Some(Command::List) => {
            let names = cases().into_iter().map(|case| case.name + "\n");
            print_out(&names.collect::<String>());
            ExitCode::SUCCESS
        }
        Some(Command::Help) => {
            print_out(&format!("{USAGE}\n"));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The status of a command that did, or did not do, what it should.
fn end(done: Result<bool, (String, Fault)>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err((name, fault)) => {
            eprintln!("annulus-benches: {name}: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Asked, lexopt::Error> {
    let mut asked = Asked::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => asked.command = Some(Command::Help),
            Long("rounds") => asked.rounds = Some(arguments.value()?.parse()?),
            Long("quick") => asked.quick = true,
            Long("json") => asked.json = true,
            Long("variants") => asked.variants = true,
            Long("cores") => asked.cores = Some(arguments.value()?.parse_with(two_cores)?),
            Value(word) if asked.command.is_none() => {
                asked.command = Some(word.parse_with(command)?);
            }
            Value(word) if asked.prefix.is_none() => asked.prefix = Some(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(asked)
}

fn command(word: &str) -> Result<Command, &'static str> {
    match word {
        "compare" => Ok(Command::Compare),
        "ratios" => Ok(Command::Ratios),
        "list" => Ok(Command::List),
        _ => Err("the subcommands are `compare`, `ratios` and `list`"),
    }
}

fn two_cores(word: &str) -> Result<[usize; 2], &'static str> {
    let parse = |core: &str| core.parse().ok();
    let pair = word.split_once(',').and_then(|(a, b)| Some([parse(a)?, parse(b)?]));
    pair.ok_or("name two cores, such as 2,3")
}

fn cases() -> Vec<Case> {
    #[allow(unused_mut, reason = "nothing is added without the rivals")]
    let mut cases = suite::standard();
    #[cfg(feature = "rivals")]
    cases.extend(annulus_benches::rivals::cases());
    cases
}

fn compare(asked: &Asked) -> Result<(), (String, Fault)> {
    let machine = machine(asked)?;
    let chosen = suite::select(cases(), asked.prefix.as_deref().unwrap_or_default())
        .map_err(|fault| ("compare".to_owned(), fault))?;
    let mut stage = Stage::new(Some(machine.cores));
    let mut pace = Pace::FULL;
    if asked.quick {
        pace = Pace::QUICK;
        stage.shorten = Pace::QUICK_SHORTEN;
    }
    pace.rounds = asked.rounds.unwrap_or(pace.rounds);
    let watched = std::io::stderr().is_terminal();
    let outcomes = suite::run(&chosen, &stage, pace, |round, of, seconds| {
        if watched {
            let end = if round == of { '\n' } else { '\r' };
            eprint!("round {round} of {of}, {seconds:.0} s{end}");
        }
    })?;
    if asked.json {
        print_out(&report::json_lines(&machine, &outcomes));
    } else {
        print_out(&report::table(&machine, &outcomes));
        if asked.variants {
            print_out(&report::variants(&outcomes));
        }
    }
    note_overtaken(&outcomes);
    Ok(())
}

/// Measures the ratios that must hold; whether they do.
fn ratios(asked: &Asked) -> Result<bool, (String, Fault)> {
    let machine = machine(asked)?;
    let stage = Stage::new(Some(machine.cores));
    let verdicts = ratios::measure(&stage, asked.rounds.unwrap_or(7))?;
    for verdict in &verdicts {
        print_out(&format!("{verdict}\n"));
    }
    Ok(verdicts.iter().all(Verdict::holds))
}

fn machine(asked: &Asked) -> Result<Machine, (String, Fault)> {
    let machine = match asked.cores {
        Some(cores) => Machine::look_with(cores),
        None => Machine::look(),
    };
    machine.map_err(|fault| ("the machine".to_owned(), fault))
}

/// A round trip faster than the limit says that the limit was disturbed, or its cadence unlucky.
fn note_overtaken(outcomes: &[Outcome]) {
    let overtaken = |outcome: &&Outcome| {
        outcome.unit == Unit::Nanoseconds && outcome.ratio.is_some_and(|ratio| ratio < 0.97)
    };
    for outcome in outcomes.iter().filter(overtaken) {
        eprintln!("note: {} is below its limit: repeat the run", outcome.name);
    }
}

/// Prints; a reader that has left early is no error.
fn print_out(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
