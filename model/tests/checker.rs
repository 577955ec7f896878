//! The search itself, at machines whose answers are known.

use annulus_model::{Machine, Note, Property, Ring, Rules, Search, Shape, State, Successor};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Two hands that each count up to `end`, by ones; the first may also fall into `pit`, by a fault
/// or by a step, where nothing goes on.
struct Counters {
    end: u8,
    pit: Option<u8>,
    pit_is_fault: bool,
    broken_at: Option<(u8, u8)>,
}

const PLAIN: Counters = Counters { end: 9, pit: None, pit_is_fault: false, broken_at: None };

impl Machine for Counters {
    type State = (u8, u8);

    fn first(&self) -> (u8, u8) {
        (0, 0)
    }

    fn fingerprint(&self, state: &(u8, u8)) -> u64 {
        u64::from(state.0) << 8 | u64::from(state.1)
    }

    fn successors(&self, state: &(u8, u8), out: &mut Vec<Successor<(u8, u8)>>) {
        let mut go = |state: (u8, u8), what, fault| {
            let broken = self.broken_at == Some(state);
            let breach = broken.then_some(Property::Order);
            out.push(Successor { state, note: Note { who: 0, what }, fault, breach });
        };
        if state.0 == u8::MAX {
            return;
        }
        if state.0 < self.end {
            go((state.0 + 1, state.1), "first", false);
        }
        if state.1 < self.end {
            go((state.0, state.1 + 1), "second", false);
        }
        if self.pit == Some(state.0) {
            go((u8::MAX, state.1), "falls", self.pit_is_fault);
        }
    }

    fn is_done(&self, state: &(u8, u8)) -> bool {
        *state == (self.end, self.end)
    }

    fn describe(&self, note: Note, state: &(u8, u8)) -> String {
        format!("{} {state:?}", note.what)
    }
}

#[test]
fn every_state_is_met_once() {
    let report = Search::whole(1_000).run(&PLAIN);
    assert!(report.breach.is_none() && report.complete);
    assert_eq!((report.states, report.steps, report.depth), (100, 180, 18));
    assert_eq!(report.deeds, ["first", "second"]);
}

#[test]
fn the_trace_is_a_shortest_one_and_leads_there() {
    let report = Search::whole(1_000).run(&Counters { broken_at: Some((2, 1)), ..PLAIN });
    let breach = report.breach.expect("it is broken");
    assert_eq!(breach.property, Property::Order);
    assert_eq!(breach.trace.len(), 3);
    assert_eq!(breach.trace[2].rsplit(' ').next(), Some("1)"));
}

#[test]
fn another_breach_than_the_one_looked_for_is_walked_over() {
    let machine = Counters { broken_at: Some((2, 1)), ..PLAIN };
    assert!(Search::of(Property::Stale, 1_000).run(&machine).breach.is_none());
}

#[test]
fn who_is_stuck_is_found_where_it_got_stuck() {
    for pit_is_fault in [false, true] {
        let report = Search::whole(1_000).run(&Counters { pit: Some(3), pit_is_fault, ..PLAIN });
        let breach = report.breach.expect("a pit is no end");
        assert_eq!(breach.property, Property::Progress);
        assert_eq!(breach.trace.len(), 4);
    }
}

#[test]
fn a_fault_is_no_way_out() {
    // The end can be reached through the fault alone.
    struct Only;
    impl Machine for Only {
        type State = u8;
        fn first(&self) -> u8 {
            0
        }
        fn fingerprint(&self, state: &u8) -> u64 {
            u64::from(*state)
        }
        fn successors(&self, state: &u8, out: &mut Vec<Successor<u8>>) {
            if *state == 0 {
                let note = Note { who: 0, what: "a fault" };
                out.push(Successor { state: 1, note, fault: true, breach: None });
            }
        }
        fn is_done(&self, state: &u8) -> bool {
            *state == 1
        }
        fn describe(&self, note: Note, _: &u8) -> String {
            note.what.into()
        }
    }
    let breach = Search::whole(10).run(&Only).breach.expect("nobody may count on a fault");
    assert_eq!((breach.property, breach.trace.len()), (Property::Progress, 0));
}

#[test]
fn a_search_that_is_cut_short_says_so_and_blames_nobody() {
    let report = Search::whole(50).run(&PLAIN);
    assert!(!report.complete && report.breach.is_none());
    assert!((50..60).contains(&report.states));
}

/// The ring with states told apart by every name.
struct Named(Ring);

impl Machine for Named {
    type State = State;

    fn first(&self) -> State {
        self.0.first()
    }

    fn fingerprint(&self, state: &State) -> u64 {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        hasher.finish()
    }

    fn successors(&self, state: &State, out: &mut Vec<Successor<State>>) {
        self.0.successors(state, out);
    }

    fn is_done(&self, state: &State) -> bool {
        self.0.is_done(state)
    }

    fn describe(&self, note: Note, state: &State) -> String {
        self.0.describe(note, state)
    }
}

#[test]
fn names_make_no_difference_but_in_number() {
    let shape = Shape { crashes: 1, restarts: 1, aborts: 1, ..Shape::of(2, 1, 1) };
    let ring = Ring { shape, rules: Rules::default() };
    let named = Search::whole(1_000_000).run(&Named(ring));
    let same = Search::whole(1_000_000).run(&ring);
    println!("named: {named}; without names: {same}");
    assert!(named.complete && same.complete);
    assert!(named.breach.is_none() && same.breach.is_none());
    assert_eq!(named.depth, same.depth);
    // Two producers: two orders; three indices: more than one naming of some states.
    assert!(named.states > 2 * same.states - same.states / 4);

    let rules = Rules { join_sweeps: false, ..Rules::default() };
    let broken = Ring { rules, ..ring };
    let named = Search::of(Property::Release, 1_000_000).run(&Named(broken));
    let same = Search::of(Property::Release, 1_000_000).run(&broken);
    let len = |report: annulus_model::Report| report.breach.expect("it is broken").trace.len();
    assert_eq!(len(named), len(same));
}
