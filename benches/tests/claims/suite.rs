//! Which cases run, in which order, and how rounds are put together.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use annulus_benches::case::{Against, Case, Measured, Round, Unit, Variant};
use annulus_benches::fault::Fault;
use annulus_benches::suite::{self, Pace};

use crate::small_stage;

type Calls = Rc<RefCell<Vec<String>>>;

/// A variant that gives these rates, one a round, and notes that it was called.
fn given(calls: &Calls, name: &'static str, rates: &'static [f64]) -> Variant {
    let (calls, round) = (calls.clone(), RefCell::new(0));
    Variant::new(name, move |_| {
        calls.borrow_mut().push(name.to_owned());
        let rate = rates[*round.borrow()];
        *round.borrow_mut() += 1;
        Ok(Round { measured: Measured::Rate(rate), pids: [1, 2] })
    })
}

fn case(name: &str, against: Option<Against>, variants: Vec<Variant>) -> Case {
    let unit = Unit::MessagesPerSecond;
    Case { name: name.to_owned(), unit, ring_bytes: None, cell: None, against, variants }
}

const PACE: Pace = Pace { rounds: 3, budget: Duration::from_secs(60) };

#[test]
fn cases_take_turns_and_the_best_variant_counts() {
    let calls = Calls::default();
    let against = Some(Against { limit: "limit/x", weight: 2.0 });
    let cases = [
        case("limit/x", None, vec![given(&calls, "l", &[100.0, 1_000.0, 100.0])]),
        case(
            "ours",
            against,
            vec![given(&calls, "a", &[1.0, 2.0, 3.0]), given(&calls, "b", &[40.0, 400.0, 1.0])],
        ),
    ];
    let outcomes = suite::run(&cases, &small_stage(None), PACE, |_, _, _| {}).unwrap();
    assert_eq!(*calls.borrow(), ["l", "a", "b", "l", "a", "b", "l", "a", "b"]);
    assert_eq!(outcomes[1].wait, "b");
    assert_eq!(outcomes[1].figure.value(), 40.0);
    // 80 by 100, 800 by 1000, 2 by 100: within each round, then the median.
    assert_eq!(outcomes[1].ratio, Some(0.8));
    assert_eq!(outcomes[1].rounds, 3);
    assert_eq!(outcomes[0].ratio, None);
}

#[test]
fn a_spent_budget_ends_the_run_with_the_rounds_it_has() {
    let calls = Calls::default();
    let cases = [case("x", None, vec![given(&calls, "x", &[1.0, 2.0, 3.0])])];
    let pace = Pace { rounds: 3, budget: Duration::ZERO };
    let outcomes = suite::run(&cases, &small_stage(None), pace, |_, _, _| {}).unwrap();
    assert_eq!(outcomes[0].rounds, 1);
}

#[test]
fn a_fault_ends_the_run_and_names_the_case() {
    let cases = [case("x", None, vec![Variant::new("spin", |_| Err(Fault::Void))])];
    let result = suite::run(&cases, &small_stage(None), PACE, |_, _, _| {});
    assert_eq!(result, Err(("x (spin)".to_owned(), Fault::Void)));
}

#[test]
fn a_chosen_case_brings_its_limit() {
    let against = Some(Against { limit: "limit/x", weight: 1.0 });
    let all = || {
        vec![
            case("limit/x", None, vec![]),
            case("limit/y", None, vec![]),
            case("ours/8", against, vec![]),
            case("theirs/8", against, vec![]),
        ]
    };
    let names = |prefix: &str| -> Vec<String> {
        suite::select(all(), prefix).unwrap().into_iter().map(|case| case.name).collect()
    };
    assert_eq!(names("ours"), ["limit/x", "ours/8"]);
    assert_eq!(names(""), ["limit/x", "limit/y", "ours/8", "theirs/8"]);
    assert!(matches!(suite::select(all(), "nothing"), Err(Fault::NoSuchCase)));
}
