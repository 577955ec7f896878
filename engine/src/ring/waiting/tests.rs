//! How long a side looks before it sleeps.

use super::*;

const SPINS: Waiting = Waiting::Park { spins: true, barrier: Barrier::Fence, wake: Wake::Futex };
const PARKS: Waiting = Waiting::Park { spins: false, barrier: Barrier::Fence, wake: Wake::Futex };

#[test]
fn looking_in_vain_makes_it_shorter_and_success_as_long_as_before() {
    let mut budget = Budget::of(SPINS, || false);
    assert_eq!(budget.ns(), Budget::MOST_NS);
    for _ in 0..20 {
        budget.was_vain();
    }
    assert_eq!(budget.ns(), Budget::LEAST_NS);
    budget.was_enough();
    assert_eq!(budget.ns(), Budget::MOST_NS);
}

#[test]
fn who_parks_and_who_is_alone_does_not_look_and_who_spins_never_stops() {
    for (waiting, is_alone, ns) in
        [(PARKS, false, 0), (PARKS, true, 0), (SPINS, true, 0), (Waiting::Spin, true, u64::MAX)]
    {
        let mut budget = Budget::of(waiting, || is_alone);
        budget.was_vain();
        assert_eq!(budget.ns(), ns);
        budget.was_enough();
        assert_eq!(budget.ns(), ns);
    }
}
