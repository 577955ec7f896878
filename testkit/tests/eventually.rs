//! `eventually` is patient, and no longer than asked.

use annulus_testkit::eventually;
use std::time::Duration;

#[test]
fn eventually_looks_again_and_gives_up_in_time() {
    let mut looks = 0;
    eventually(Duration::from_secs(20), || {
        looks += 1;
        looks == 3
    });
    let never = || eventually(Duration::from_millis(20), || false);
    assert!(std::panic::catch_unwind(never).is_err());
}
