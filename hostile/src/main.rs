//! `annulus-hostile`: see the library.

use annulus_hostile::scribble::{self, Tally};
use lexopt::prelude::*;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: annulus-hostile scribble [--seconds N] [--seed N]

Runs a pair over one ring after the other while a third process scribbles over it at full speed,
for 60 seconds or as long as asked; the rings' sides spin, or sleep by either barrier, in turns.
Each of the pair's calls has to end by its deadline, with a result or a documented error; nobody
may crash. --seed makes the same choices again.

Exit status: 0 nothing found, 1 a fault, 2 usage.";

/// A run that found fewer has not looked, and one in which nobody slept.
const CORRUPTIONS_MIN: u64 = 100;
const SLEPT_MIN: u64 = 100;

fn main() -> ExitCode {
    let (seconds, seed) = match parse() {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("annulus-hostile: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    eprintln!("seed {seed}");
    match scribble::run(Duration::from_secs(seconds), seed, report) {
        Ok(tally) => sum_up(&tally),
        Err(error) => {
            eprintln!("annulus-hostile: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Option<(u64, u64)>, lexopt::Error> {
    let (mut command, mut seconds, mut seed) = (None, 60, u64::from(std::process::id()));
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Value(name) if name == "scribble" && command.is_none() => command = Some(name),
            other => return Err(other.unexpected()),
        }
    }
    match command {
        Some(_) => Ok(Some((seconds, seed))),
        None => Err("say what to do: scribble".into()),
    }
}

fn report(tally: &Tally) {
    let Tally { rings, calls, corruptions, faults, .. } = tally;
    eprintln!("{rings} rings, {calls} calls, {corruptions} corruptions, {} faults", faults.len());
}

fn sum_up(tally: &Tally) -> ExitCode {
    let Tally { rings, scribbles, calls, messages, corruptions, slept, latest, faults } = tally;
    faults.iter().for_each(|fault| println!("{fault}"));
    println!(
        "{rings} rings, {scribbles} scribbles, {calls} calls, {messages} receives, {corruptions} \
         corruptions told, {slept} calls slept, the latest {} ms after its deadline: {} faults",
        latest.as_millis(),
        faults.len(),
    );
    let has_looked = *corruptions >= CORRUPTIONS_MIN && *slept >= SLEPT_MIN;
    if !has_looked {
        println!("too few corruptions, or sleeps: nothing was shown");
    }
    if faults.is_empty() && has_looked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
