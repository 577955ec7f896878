//! The checker: breadth first, so that the trace of a breach is as short as can be.
//!
//! A state is remembered by 64 bits of hash, and by which step of which state led to it: traces are
//! made by walking again. With ten million states the chance that two share a hash, so that one is
//! not looked at, is below 1 in 300,000.
//!
//! Progress: the graph is walked backwards from all states in which the work is done, over those
//! steps that survivors can make by themselves. A state that is not met is one from which they are
//! stuck. States that a bounded search did not come to expand count as good.

use crate::properties::Property;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// Something that makes steps.
pub trait Machine {
    /// Its states.
    type State: Clone;

    /// Where it begins.
    fn first(&self) -> Self::State;

    /// The hash by which a state is remembered.
    fn fingerprint(&self, state: &Self::State) -> u64;

    /// All steps from a state, always in the same order.
    fn successors(&self, state: &Self::State, out: &mut Vec<Successor<Self::State>>);

    /// Whether those who survive have nothing more to do.
    fn is_done(&self, state: &Self::State) -> bool;

    /// A line of a trace: the step, and the state after it.
    fn describe(&self, note: Note, state: &Self::State) -> String;
}

/// Who made a step, and what it did.
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// The participant's number.
    pub who: u8,
    /// What it did.
    pub what: &'static str,
}

/// A state that one step leads to.
#[derive(Debug)]
pub struct Successor<S> {
    /// The state.
    pub state: S,
    /// The step.
    pub note: Note,
    /// Whether nobody may count on this step: misfortunes, whims.
    pub fault: bool,
    /// What the step breaks.
    pub breach: Option<Property>,
}

/// A breach, and the shortest way to it.
#[derive(Debug)]
pub struct Breach {
    /// What is broken.
    pub property: Property,
    /// A line for each step.
    pub trace: Vec<String>,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} is broken, after {} steps:", self.property, self.trace.len())?;
        self.trace.iter().try_for_each(|line| writeln!(formatter, "  {line}"))
    }
}

/// What a search has found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many states were met.
    pub states: usize,
    /// How many steps were made.
    pub steps: usize,
    /// How far from the first state the farthest is.
    pub depth: usize,
    /// Whether all states were met.
    pub complete: bool,
    /// All that was ever done.
    pub deeds: Vec<&'static str>,
    /// The first breach.
    pub breach: Option<Breach>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.complete { "all" } else { "not all" };
        let Report { states, steps, depth, .. } = self;
        write!(formatter, "{states} states ({whole}), {steps} steps, depth {depth}")
    }
}

/// How far to search, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The most states to meet.
    pub limit: usize,
    /// Whether to prove progress, too: costs 8 bytes for each step.
    pub progress: bool,
    /// Only this breach counts; others are walked over.
    pub only: Option<Property>,
}

/// Fingerprints are hashed already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints");
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The state from which a state was first met, and by which of its steps.
#[derive(Clone, Copy)]
struct Origin {
    from: u32,
    step: u16,
    depth: u16,
}

impl Search {
    /// All states, if there are no more than `limit`; safety and progress.
    pub fn whole(limit: usize) -> Search {
        Search { limit, progress: true, only: None }
    }

    /// A breach of this property among the first `limit` states.
    pub fn of(property: Property, limit: usize) -> Search {
        Search { limit, progress: property == Property::Progress, only: Some(property) }
    }

    /// Runs it.
    pub fn run<M: Machine>(&self, machine: &M) -> Report {
        let first = machine.first();
        let mut met: HashMap<u64, u32, BuildHasherDefault<AsIs>> = HashMap::default();
        met.insert(machine.fingerprint(&first), 0);
        let mut origins = vec![Origin { from: 0, step: 0, depth: 0 }];
        let mut done = vec![machine.is_done(&first)];
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let mut frontier = VecDeque::from([first]);
        let mut report = Report::default();
        let mut successors = Vec::new();
        let mut expanded = 0;
        report.complete = true;
        while let Some(state) = frontier.pop_front() {
            if origins.len() >= self.limit {
                report.complete = false;
                break;
            }
            let from = expanded;
            expanded += 1;
            let depth = origins[from as usize].depth + 1;
            machine.successors(&state, &mut successors);
            report.steps += successors.len();
            for (step, next) in successors.drain(..).enumerate() {
                let origin = Origin { from, step: step as u16, depth };
                if !report.deeds.contains(&next.note.what) {
                    report.deeds.push(next.note.what);
                }
                if let Some(property) = next.breach
                    && self.only.is_none_or(|only| only == property)
                {
                    let trace = trace(machine, &origins, origin);
                    report.breach = Some(Breach { property, trace });
                    report.states = origins.len();
                    report.depth = usize::from(depth);
                    return report;
                }
                let fresh = origins.len() as u32;
                let id = *met.entry(machine.fingerprint(&next.state)).or_insert(fresh);
                if id == fresh {
                    origins.push(origin);
                    done.push(machine.is_done(&next.state));
                    frontier.push_back(next.state);
                }
                if self.progress && !next.fault && id != from {
                    edges.push((id, from));
                }
            }
        }
        report.states = origins.len();
        report.depth = usize::from(origins.last().expect("the first is there").depth);
        if self.progress {
            drop(met);
            done[expanded as usize..].fill(true);
            if let Some(stuck) = stuck(done, edges) {
                let trace = trace(machine, &origins, origins[stuck]);
                report.breach = Some(Breach { property: Property::Progress, trace });
            }
        }
        report
    }
}

/// The first state from which no way leads to a good one. Edges are (to, from).
fn stuck(mut good: Vec<bool>, edges: Vec<(u32, u32)>) -> Option<usize> {
    // Where the ways into each state begin, and those ways sorted by it.
    let mut starts = vec![0_u32; good.len() + 1];
    for (to, _) in &edges {
        starts[*to as usize + 1] += 1;
    }
    for state in 0..good.len() {
        starts[state + 1] += starts[state];
    }
    let mut places = starts.clone();
    let mut sources = vec![0_u32; edges.len()];
    for (to, from) in edges {
        let place = &mut places[to as usize];
        sources[*place as usize] = from;
        *place += 1;
    }
    let mut reached: Vec<u32> =
        (0..good.len() as u32).filter(|state| good[*state as usize]).collect();
    while let Some(state) = reached.pop() {
        let ways = starts[state as usize] as usize..starts[state as usize + 1] as usize;
        for from in &sources[ways] {
            if !std::mem::replace(&mut good[*from as usize], true) {
                reached.push(*from);
            }
        }
    }
    good.iter().position(|good| !good)
}

/// The steps that lead to the state of this origin, the last step included.
fn trace<M: Machine>(machine: &M, origins: &[Origin], last: Origin) -> Vec<String> {
    let mut steps = Vec::new();
    let mut origin = last;
    while origin.depth > 0 {
        steps.push(origin.step);
        origin = origins[origin.from as usize];
    }
    let mut state = machine.first();
    let mut lines = Vec::new();
    for step in steps.into_iter().rev() {
        let mut successors = Vec::new();
        machine.successors(&state, &mut successors);
        let next = successors.swap_remove(usize::from(step));
        lines.push(machine.describe(next.note, &next.state));
        state = next.state;
    }
    lines
}
