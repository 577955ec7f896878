//! What forked processes promise: they end as they say, or are killed, and leave nobody behind.

use annulus_testkit::{Forked, eventually, is_alive, shared};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a process may take to come or go on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn page() -> &'static AtomicU64 {
    // SAFETY: a zero is a valid counter.
    unsafe { shared() }.expect("a page")
}

#[test]
fn a_life_ends_with_what_it_returns() {
    let mut returns = Forked::start(|| 7).unwrap();
    assert_eq!(libc::WEXITSTATUS(returns.wait().unwrap()), 7);
    assert_eq!(returns.ended().unwrap(), Some(0), "told once");

    let mut panics = Forked::start(|| {
        std::panic::set_hook(Box::new(|_| {}));
        panic!("on purpose")
    })
    .unwrap();
    assert_eq!(libc::WEXITSTATUS(panics.wait().unwrap()), 101);
}

#[test]
fn one_that_is_dropped_is_gone() {
    let pid = page();
    let forked = Forked::start(|| {
        pid.store(std::process::id().into(), Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(60));
        0
    })
    .unwrap();
    eventually(SOON, || pid.load(Ordering::Relaxed) != 0);
    assert!(is_alive(pid.load(Ordering::Relaxed) as u32));
    drop(forked);
    assert!(!is_alive(pid.load(Ordering::Relaxed) as u32));
}

#[test]
fn one_whose_maker_is_killed_goes_with_it() {
    let pid = page();
    let mut maker = Forked::start(|| {
        let _forked = Forked::start(|| {
            pid.store(std::process::id().into(), Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(60));
            0
        });
        std::thread::sleep(Duration::from_secs(60));
        0
    })
    .unwrap();
    eventually(SOON, || pid.load(Ordering::Relaxed) != 0);
    maker.kill().unwrap();
    eventually(SOON, || !is_alive(pid.load(Ordering::Relaxed) as u32));
}
