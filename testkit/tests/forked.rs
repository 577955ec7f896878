//! What forked processes promise: they end as they say, or are killed, and leave nobody behind.

use annulus_testkit::{Forked, eventually, is_alive, is_asleep, shared};
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
fn one_that_sleeps_is_told_from_one_that_works_or_is_stopped() {
    let works = page();
    let mut forked = Forked::start(|| {
        std::thread::sleep(Duration::from_millis(20));
        works.store(1, Ordering::Relaxed);
        while works.load(Ordering::Relaxed) == 1 {}
        std::thread::sleep(Duration::from_secs(60));
        0
    })
    .unwrap();
    let pid = forked.id().expect("it lives");
    eventually(SOON, || works.load(Ordering::Relaxed) == 1);
    assert!(!is_asleep(pid), "it works");
    works.store(2, Ordering::Relaxed);
    eventually(SOON, || is_asleep(pid));
    forked.signal(libc::SIGSTOP).unwrap();
    eventually(SOON, || !is_asleep(pid));
    forked.kill().unwrap();
    assert_eq!(forked.id(), None);
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
