//! What a bound is, and that what is demanded is measured.

use super::*;

fn holds(bound: Bound, ratio: f64) -> bool {
    Verdict { demand: Demand::new("case", bound, 1.0, "limit"), ratio }.holds()
}

#[test]
fn a_bound_is_kept_up_to_itself_and_what_is_shown_only_is_never_missed() {
    assert!(holds(Bound::AtMost(1.1), 1.1) && !holds(Bound::AtMost(1.1), 1.11));
    assert!(holds(Bound::AtLeast(0.97), 0.97) && !holds(Bound::AtLeast(0.97), 0.96));
    assert!(holds(Bound::Free, 0.0) && holds(Bound::Free, 100.0));
}

#[test]
fn a_ratio_that_is_not_a_number_keeps_no_bound() {
    assert!(!holds(Bound::AtMost(1.1), f64::NAN) && !holds(Bound::AtLeast(0.97), f64::NAN));
}

#[test]
fn every_demand_has_its_cases_and_each_follows_its_limit() {
    let names: Vec<String> = demanded().into_iter().map(|case| case.name).collect();
    let place = |wanted: &str| {
        let found = names.iter().position(|name| name == wanted);
        found.unwrap_or_else(|| panic!("there is no case {wanted}"))
    };
    for demand in DEMANDS {
        // Right behind it, or behind another case of the same limit.
        let between = &names[place(demand.limit) + 1..place(demand.case)];
        let is_beside = |name: &String| {
            DEMANDS.iter().any(|other| other.case == name && other.limit == demand.limit)
        };
        assert!(between.iter().all(is_beside), "{} comes after {between:?}", demand.case);
    }
}

#[test]
fn a_verdict_says_what_was_wanted_and_whether_it_came() {
    let said = |bound, ratio| {
        let demand = Demand::new("ours", bound, 1.0, "bare");
        Verdict { demand, ratio }.to_string()
    };
    assert_eq!(said(Bound::AtMost(1.1), 1.0), "ours / bare = 1.000, wanted <= 1.1: holds");
    assert_eq!(said(Bound::AtLeast(0.97), 0.5), "ours / bare = 0.500, wanted >= 0.97: MISSED");
    assert_eq!(said(Bound::Free, 0.25), "ours / bare = 0.250, to compare");
}
