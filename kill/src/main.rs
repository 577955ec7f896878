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
    use annulus_kill::{Operation, STARTS, spsc};
    use lexopt::prelude::*;
    use std::process::ExitCode;

    const USAGE: &str = "\
usage: annulus-kill [--points N] [--states N] [OPERATION...]

Kills a process at every instruction of each operation of the spsc ring, in each of five starts,
and a successor in its take-over from every distinct state that is left; then checks that nothing
is lost, doubled beyond the batch, or wedged. Takes some minutes.

  --points N   at most about N kills in one operation, spread over its instructions
  --states N   at most about N states for the double kill
  OPERATION    only those whose name begins so: send, claim, close, join, recv, peek, drain, batch

Exit status: 0 nothing found, 1 a fault, 2 usage.";

    struct Asked {
        extent: Extent,
        operations: Vec<Operation>,
    }

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
        match matrix::run(&asked.operations, &STARTS, asked.extent, report) {
            Ok(tally) => sum_up(&tally),
            Err(error) => {
                eprintln!("annulus-kill: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn parse() -> Result<Option<Asked>, lexopt::Error> {
        let mut extent = Extent { points: u64::MAX, states: usize::MAX };
        let mut names: Vec<String> = Vec::new();
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("points") => extent.points = parser.value()?.parse()?,
                Long("states") => extent.states = parser.value()?.parse()?,
                Value(name) => names.push(name.string()?),
                other => return Err(other.unexpected()),
            }
        }
        let wanted = |operation: &Operation| {
            names.is_empty() || names.iter().any(|name| operation.name.starts_with(name.as_str()))
        };
        let operations: Vec<_> = spsc::OPERATIONS.into_iter().filter(wanted).collect();
        if operations.is_empty() {
            return Err(format!("no operation begins with {}", names.join(" or ")).into());
        }
        Ok(Some(Asked { extent, operations }))
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
}
