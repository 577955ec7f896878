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
    use annulus::ring::Role;
    use annulus::{Barrier, Wait, Wake};
    use annulus_kill::handover::{self, Handover, Through};
    use annulus_kill::many::repair::Repair as OfMany;
    use annulus_kill::matrix::{self, Extent, Tally};
    use annulus_kill::repair::{self, Repair};
    use annulus_kill::{Operation, Way, barriers, chaos, many, parked, spsc};
    use lexopt::prelude::*;
    use std::fmt::Display;
    use std::process::ExitCode;
    use std::time::Duration;

    const USAGE: &str = include_str!("usage.txt");

    enum Asked {
        Matrix { extent: Extent, operations: Vec<Operation> },
        Many { extent: Extent, operations: Vec<many::Operation> },
        Chaos { seconds: u64, seed: u64, way: Way },
        ManyChaos { seconds: u64, seed: u64, way: Way, single: Option<Role> },
        Handover(Handover),
        Repair { kills: usize },
        Barriers,
    }

    /// The share of kills that have to land inside an operation, in percent.
    const INSIDE_MIN: u64 = 30;

    pub(super) fn main() -> ExitCode {
        let asked = match parse() {
            Ok(Some(asked)) => asked,
            Ok(None) => {
                print!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                eprint!("annulus-kill: {error}\n{USAGE}");
                return ExitCode::from(2);
            }
        };
        let done = match asked {
            Asked::Matrix { extent, operations } => {
                matrix::run(&operations, extent, report).map(|tally| sum_up(&tally))
            }
            Asked::Many { extent, operations } => {
                many::run(&operations, extent, report).map(|tally| sum_up(&tally))
            }
            Asked::Chaos { seconds, seed, way } => {
                eprintln!("seed {seed}");
                let span = Duration::from_secs(seconds);
                chaos::run(span, seed, way, report_chaos).map(|tally| sum_up_chaos(way, &tally))
            }
            Asked::ManyChaos { seconds, seed, way, single } => {
                eprintln!("seed {seed}");
                let report = |tally: &many::chaos::Tally| eprintln!("{tally}");
                many::chaos::run(Duration::from_secs(seconds), seed, way, single, report)
                    .map(|tally| sum_up_many_chaos(way, &tally))
            }
            Asked::Handover(asked) => {
                eprintln!("seed {}", asked.seed);
                let report = |handed| eprintln!("{handed} handed over");
                handover::run(asked, report).map(|tally| sum_up_handover(asked, &tally))
            }
            Asked::Repair { kills } => measure_repairs(kills),
            Asked::Barriers => count_barriers(),
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
        let (mut count, mut sleeper) = (100_000, Role::Consumer);
        let (mut one_cpu, mut unregistered) = (false, false);
        let (mut through, mut single) = (Through::Call, None);
        let (mut wait, mut barrier, mut wake) = (None, Barrier::Membarrier, Wake::Futex);
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            let command = names.first().map(String::as_str);
            let [is_chaos, is_many_chaos, is_handover, is_repair, is_barriers] =
                ["chaos", "many-chaos", "handover", "repair", "barriers"]
                    .map(|name| command == Some(name));
            let is_any_chaos = is_chaos || is_many_chaos;
            let is_matrix = !(is_any_chaos || is_handover || is_repair || is_barriers);
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("points") if is_matrix => extent.points = parser.value()?.parse()?,
                Long("states") if is_matrix => extent.states = parser.value()?.parse()?,
                Long("seconds") if is_any_chaos => seconds = parser.value()?.parse()?,
                Long("seed") if is_any_chaos || is_handover => seed = parser.value()?.parse()?,
                Long("wait") if is_any_chaos || is_handover => {
                    let waits = [Wait::Spin, Wait::SpinThenPark, Wait::Park];
                    wait = Some(one_of(&waits[usize::from(is_handover)..], &mut parser)?);
                }
                Long("barrier") if is_any_chaos || is_handover => {
                    barrier = one_of(&[Barrier::Fence, Barrier::Membarrier], &mut parser)?;
                }
                Long("wake") if is_chaos || is_handover => {
                    let safe = [Wake::Futex, Wake::PosixSem, Wake::SysvSem];
                    let all = [&safe[..], &[Wake::Event]].concat();
                    wake = one_of(if is_chaos { &safe } else { &all }, &mut parser)?;
                }
                Long("single") if is_many_chaos => {
                    single = match parser.value()?.to_str() {
                        Some("producer") => Some(Role::Producer),
                        Some("consumer") => Some(Role::Consumer),
                        _ => return Err("--single takes producer or consumer".into()),
                    };
                }
                Long("count") if is_handover => count = parser.value()?.parse()?,
                Long("full") if is_handover => sleeper = Role::Producer,
                Long("one-cpu") if is_handover => one_cpu = true,
                Long("unregistered") if is_handover => unregistered = true,
                Long("through") if is_handover => {
                    let places = [Through::Call, Through::Descriptor, Through::Any];
                    through = one_of(&places, &mut parser)?;
                }
                Long("kills") if is_repair => kills = parser.value()?.parse()?,
                Value(name) if is_matrix => names.push(name.string()?),
                other => return Err(other.unexpected()),
            }
        }
        // Only there do wakes have to be lost without the barrier.
        let may_lose =
            barrier == Barrier::Membarrier && wait.unwrap_or(Wait::Park) == Wait::Park && !one_cpu;
        match names.first().map(String::as_str) {
            Some(name @ ("chaos" | "many-chaos")) => {
                let way = Way { wait: wait.unwrap_or(Wait::Spin), barrier, wake };
                return Ok(Some(match name {
                    "chaos" => Asked::Chaos { seconds, seed, way },
                    _ => Asked::ManyChaos { seconds, seed, way, single },
                }));
            }
            Some("handover") if unregistered && !may_lose => {
                let only = "--unregistered is for sides that park by membarrier, on two processors";
                return Err(only.into());
            }
            Some("handover") if count > 0 => {
                let way = Way { wait: wait.unwrap_or(Wait::Park), barrier, wake };
                let asked = Handover { count, sleeper, way, through, one_cpu, unregistered, seed };
                return Ok(Some(Asked::Handover(asked)));
            }
            Some("handover") => return Err("--count takes a number above 0".into()),
            Some("many") => {
                let operations = wanted(many::OPERATIONS, |one| one.name, &names[1..])?;
                return Ok(Some(Asked::Many { extent, operations }));
            }
            Some("barriers") => return Ok(Some(Asked::Barriers)),
            Some("repair") if kills > 0 => return Ok(Some(Asked::Repair { kills })),
            Some("repair") => return Err("--kills takes a number above 0".into()),
            _ => {}
        }
        let all = spsc::OPERATIONS.into_iter().chain(parked::OPERATIONS);
        let operations = wanted(all, |one| one.name, &names)?;
        Ok(Some(Asked::Matrix { extent, operations }))
    }

    /// Those whose names begin as one of `names`, or all if none is asked for.
    fn wanted<T>(
        all: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> &str,
        names: &[String],
    ) -> Result<Vec<T>, lexopt::Error> {
        let is_wanted = |one: &T| {
            names.is_empty() || names.iter().any(|wanted| name(one).starts_with(wanted.as_str()))
        };
        let operations: Vec<T> = all.into_iter().filter(is_wanted).collect();
        if operations.is_empty() {
            return Err(format!("no operation begins with {}", names.join(" or ")).into());
        }
        Ok(operations)
    }

    /// The next value, which is the name of one of `choices`.
    fn one_of<T: Copy + Display>(
        choices: &[T],
        parser: &mut lexopt::Parser,
    ) -> Result<T, lexopt::Error> {
        let value = parser.value()?.string()?;
        let found = choices.iter().find(|choice| choice.to_string() == value);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(T::to_string).collect();
            format!("{value} is not {}", names.join(" or ")).into()
        })
    }

    fn measure_repairs(kills: usize) -> Result<ExitCode, Box<dyn std::error::Error>> {
        println!(
            "{:<32} {:>10} {:>10} {:>10}",
            "microseconds from SIGKILL to", "median", "p99", "max"
        );
        let of_two = Repair::ALL.map(|one| (one.name(), repair::measure(one, kills)));
        let of_many = OfMany::ALL.map(|one| (one.name(), many::repair::measure(one, kills)));
        for (name, spans) in of_two.into_iter().chain(of_many) {
            let spans = spans?;
            let micros = |part: f64| {
                let index = ((spans.len() as f64 * part) as usize).min(spans.len() - 1);
                spans[index].as_nanos() as f64 / 1_000.0
            };
            let [median, p99, max] = [0.5, 0.99, 1.0].map(micros);
            println!("{name:<32} {median:>10.0} {p99:>10.0} {max:>10.0}");
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
        if tally.alone > 0 {
            println!(
                "{} sleepers left alone: back after {} ms at most, or by their deadline",
                tally.alone,
                tally.longest_alone.as_millis(),
            );
        }
        let count = |kind: &str| {
            tally.faults.iter().filter(|(_, fault)| fault.to_string().starts_with(kind)).count()
        };
        if tally.stops > 0 {
            println!("{} times stopped, and let go on beside others", tally.stops);
        }
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

    fn count_barriers() -> Result<ExitCode, Box<dyn std::error::Error>> {
        let mut is_as_said = true;
        for (wait, barrier, may_have_some) in [
            (Wait::Spin, Barrier::Fence, false),
            (Wait::Park, Barrier::Membarrier, false),
            (Wait::Park, Barrier::Fence, true),
        ] {
            for (what, executed) in [
                ("16 sent", barriers::sending(wait, barrier)?),
                ("16 received", barriers::receiving(wait, barrier)?),
            ] {
                let barriers::Executed { instructions, barriers, calls } = executed;
                let form =
                    if wait == Wait::Spin { String::new() } else { format!(" by {barrier}") };
                println!(
                    "{wait}{form}, {what}: {instructions} instructions, {barriers} barriers, \
                     {calls} system calls"
                );
                is_as_said &= calls == 0 && may_have_some == (barriers > 0);
            }
        }
        for (what, executed) in [
            ("16 sent", barriers::sending_of_many()?),
            ("16 received", barriers::receiving_of_many()?),
        ] {
            let barriers::Executed { instructions, barriers, calls } = executed;
            println!(
                "of many, {what}: {instructions} instructions, {barriers} of them locked, \
                 {calls} system calls"
            );
            is_as_said &= calls == 0 && barriers == barriers::MESSAGES;
        }
        if is_as_said {
            return Ok(ExitCode::SUCCESS);
        }
        println!("there are barriers or calls where there must be none, or none where there must");
        Ok(ExitCode::FAILURE)
    }

    fn report_chaos(tally: &chaos::Tally) {
        let chaos::Tally { kills, messages, repeated, .. } = tally;
        eprintln!("{kills} kills, {messages} messages, {repeated} came again");
    }

    fn sum_up_chaos(way: Way, tally: &chaos::Tally) -> ExitCode {
        for fault in &tally.faults {
            println!("{fault}");
        }
        let chaos::Tally { kills, inside, stops, leaves, messages, repeated, deaths_seen, .. } =
            tally;
        println!(
            "chaos, {way}: {kills} kills, {inside} of them ({} %) inside an operation, \
             {stops} stops, \
             {leaves} left in good order; {messages} messages, {repeated} came again, \
             {deaths_seen} deaths told: {} faults",
            tally.inside_percent(),
            tally.faults.len(),
        );
        judge_chaos(&tally.faults, tally.inside_percent(), *messages)
    }

    fn sum_up_many_chaos(way: Way, tally: &many::chaos::Tally) -> ExitCode {
        for fault in &tally.faults {
            println!("{fault}");
        }
        println!("chaos of many, {way}: {tally}");
        judge_chaos(&tally.faults, tally.inside_percent(), tally.messages)
    }

    fn judge_chaos(faults: &[String], inside_percent: u64, messages: u64) -> ExitCode {
        if inside_percent < INSIDE_MIN {
            println!("too few kills inside an operation: {INSIDE_MIN} % are needed");
            return ExitCode::FAILURE;
        }
        if faults.is_empty() && messages > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn sum_up_handover(asked: Handover, tally: &handover::Tally) -> ExitCode {
        for fault in &tally.faults {
            println!("{fault}");
        }
        let handover::Tally { handed, lain, rung, backstop, slow, span, faults } = tally;
        let place = match asked.sleeper {
            Role::Producer => "full",
            Role::Consumer => "empty",
        };
        println!(
            "handover, {}, {place}, {}{}: {handed} hand-overs, {lain} slept, {rung} rung, \
             backstop {backstop}, {slow} slow, {:.1} s: {} faults",
            asked.way,
            asked.through,
            match (asked.one_cpu, asked.unregistered) {
                (true, _) => ", one processor",
                (_, true) => ", unregistered",
                _ => "",
            },
            span.as_secs_f64(),
            faults.len(),
        );
        if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
