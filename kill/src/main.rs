//! `annulus-kill`: see the library.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    eprintln!("annulus-kill: it steps x86-64 processes on Linux only");
    std::process::exit(1);
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    command::main()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod command {
    use annulus_kill::matrix::{self, Extent, Tally};
    use annulus_kill::repair::{self, Repair};
    use annulus_kill::{Operation, STARTS, chaos, spsc};
    use lexopt::prelude::*;
    use std::process::ExitCode;
    use std::time::Duration;

    const USAGE: &str = "\
usage: annulus-kill [--points N] [--states N] [OPERATION...]
       annulus-kill chaos [--seconds N] [--seed N]
       annulus-kill repair [--kills N]

Kills a process at every instruction of each operation of the spsc ring, in each of five starts,
and a successor in its take-over from every distinct state that is left; then checks that nothing
is lost, doubled beyond the batch, or wedged. Takes some minutes.

  --points N   at most about N kills in one operation, spread over its instructions
  --states N   at most about N states for the double kill
  OPERATION    only those whose name begins so: send, claim, close, join, recv, peek, drain, batch

chaos runs a pair at full speed whose two processes are killed, stopped and restarted at random,
for 60 seconds or as long as asked; --seed makes the same choices again. A run in which less than
30 % of the kills landed inside an operation has failed, too.

repair kills 1,000 processes at work, or as many as asked, for each of five things that others
notice of it, and says how long they took: median, 99 %, and the longest.

Exit status: 0 nothing found, 1 a fault, 2 usage.";

    enum Asked {
        Matrix { extent: Extent, operations: Vec<Operation> },
        Chaos { seconds: u64, seed: u64 },
        Repair { kills: usize },
    }

    /// The share of kills that have to land inside an operation, in percent.
    const INSIDE_MIN: u64 = 30;

    pub(super) fn main() -> ExitCode {
        let asked = match parse() {
            Ok(Some(asked)) => asked,
            Ok(None) => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                eprintln!("annulus-kill: {error}\n{USAGE}");
                return ExitCode::from(2);
            }
        };
        let done = match asked {
            Asked::Matrix { extent, operations } => {
                matrix::run(&operations, &STARTS, extent, report).map(|tally| sum_up(&tally))
            }
            Asked::Chaos { seconds, seed } => {
                eprintln!("seed {seed}");
                let span = Duration::from_secs(seconds);
                chaos::run(span, seed, report_chaos).map(|tally| sum_up_chaos(&tally))
            }
            Asked::Repair { kills } => measure_repairs(kills),
        };
        done.unwrap_or_else(|error| {
            eprintln!("annulus-kill: {error}");
            ExitCode::FAILURE
        })
    }

    fn parse() -> Result<Option<Asked>, lexopt::Error> {
        let mut extent = Extent { points: u64::MAX, states: usize::MAX };
        let mut names: Vec<String> = Vec::new();
        let (mut seconds, mut seed, mut kills) = (60, u64::from(std::process::id()), 1_000);
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            let command = names.first().map(String::as_str);
            let is_matrix = !matches!(command, Some("chaos" | "repair"));
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("points") if is_matrix => extent.points = parser.value()?.parse()?,
                Long("states") if is_matrix => extent.states = parser.value()?.parse()?,
                Long("seconds") if command == Some("chaos") => seconds = parser.value()?.parse()?,
                Long("seed") if command == Some("chaos") => seed = parser.value()?.parse()?,
                Long("kills") if command == Some("repair") => kills = parser.value()?.parse()?,
                Value(name) if is_matrix => names.push(name.string()?),
                other => return Err(other.unexpected()),
            }
        }
        match names.first().map(String::as_str) {
            Some("chaos") => return Ok(Some(Asked::Chaos { seconds, seed })),
            Some("repair") if kills > 0 => return Ok(Some(Asked::Repair { kills })),
            Some("repair") => return Err("--kills takes a number above 0".into()),
            _ => {}
        }
        let wanted = |operation: &Operation| {
            names.is_empty() || names.iter().any(|name| operation.name.starts_with(name.as_str()))
        };
        let operations: Vec<_> = spsc::OPERATIONS.into_iter().filter(wanted).collect();
        if operations.is_empty() {
            return Err(format!("no operation begins with {}", names.join(" or ")).into());
        }
        Ok(Some(Asked::Matrix { extent, operations }))
    }

    fn measure_repairs(kills: usize) -> Result<ExitCode, Box<dyn std::error::Error>> {
        println!(
            "{:<32} {:>10} {:>10} {:>10}",
            "microseconds from SIGKILL to", "median", "p99", "max"
        );
        for repair in Repair::ALL {
            let spans = repair::measure(repair, kills)?;
            let micros = |part: f64| {
                let index = ((spans.len() as f64 * part) as usize).min(spans.len() - 1);
                spans[index].as_nanos() as f64 / 1_000.0
            };
            let [median, p99, max] = [0.5, 0.99, 1.0].map(micros);
            println!("{:<32} {median:>10.0} {p99:>10.0} {max:>10.0}", repair.name());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn report(place: &str, tally: &Tally) {
        let Tally { kills, states, double_kills, faults, .. } = tally;
        let faults = faults.len();
        eprintln!(
            "{place}: {kills} kills, {states} states, {double_kills} double, {faults} faults"
        );
    }

    fn sum_up(tally: &Tally) -> ExitCode {
        for (place, fault) in tally.faults.iter().take(20) {
            println!("{place}: {fault}");
        }
        let count = |kind: &str| {
            tally.faults.iter().filter(|(_, fault)| fault.to_string().starts_with(kind)).count()
        };
        println!(
            "{} operations, {} kill points, {} distinct states, {} double kills: \
             {} lost, {} doubled, {} wedged",
            tally.operations,
            tally.kills,
            tally.states,
            tally.double_kills,
            count("LOST"),
            count("DOUBLED"),
            count("WEDGED"),
        );
        if tally.faults.is_empty() && tally.kills > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn report_chaos(tally: &chaos::Tally) {
        let chaos::Tally { kills, messages, repeated, .. } = tally;
        eprintln!("{kills} kills, {messages} messages, {repeated} came again");
    }

    fn sum_up_chaos(tally: &chaos::Tally) -> ExitCode {
        for fault in &tally.faults {
            println!("{fault}");
        }
        let chaos::Tally { kills, inside, stops, leaves, messages, repeated, deaths_seen, .. } =
            tally;
        println!(
            "chaos: {kills} kills, {inside} of them ({} %) inside an operation, {stops} stops, \
             {leaves} left in good order; {messages} messages, {repeated} came again, \
             {deaths_seen} deaths told: {} faults",
            tally.inside_percent(),
            tally.faults.len(),
        );
        if tally.inside_percent() < INSIDE_MIN {
            println!("too few kills inside an operation: {INSIDE_MIN} % are needed");
            return ExitCode::FAILURE;
        }
        if tally.faults.is_empty() && *messages > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
