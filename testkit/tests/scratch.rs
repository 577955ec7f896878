//! Scratch names are unique, visible while they live, and gone afterwards.

mod common;

use annulus_testkit::{Scratch, ScratchDir, this_test};
use common::LONG;
use std::collections::HashSet;
use std::panic::catch_unwind;
use std::sync::Barrier;
use std::{fs, process, thread};

#[test]
fn names_of_many_threads_never_meet() {
    let start = Barrier::new(8);
    let make = || {
        start.wait();
        (0..5000).map(|_| Scratch::new().name().to_owned()).collect::<Vec<_>>()
    };
    let names: HashSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(names.len(), 40_000);
}

#[test]
fn a_name_says_whose_it_is_and_what_for() {
    let ring = Scratch::labelled("full.ring");
    assert!(ring.name().starts_with(&format!("test-{}-", process::id())));
    assert!(ring.name().ends_with("-full.ring"));
    assert_eq!(ring.path().to_str().unwrap(), format!("/dev/shm/annulus.{ring}"));
}

#[test]
fn a_panic_removes_what_it_unwinds_over() {
    let ring = Scratch::new();
    let dir = ScratchDir::new();
    let (ring_path, dir_path) = (ring.path().to_owned(), dir.path().to_owned());
    let panicked = catch_unwind(move || {
        fs::write(ring.path(), "left").unwrap();
        fs::write(dir.file("left"), "left").unwrap();
        assert!(!ring.path().exists(), "a panic on purpose");
    });
    assert!(panicked.is_err());
    assert!(!ring_path.exists() && !dir_path.exists());
}

#[test]
fn a_forked_copy_removes_nothing() {
    let test = this_test!();
    test.role("parent", |_| {
        let ring = Scratch::new();
        fs::write(ring.path(), "kept").unwrap();
        let path = ring.path().to_owned();
        // SAFETY: the child runs one drop, which allocates nothing it could wait for.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(ring);
            // SAFETY: ends this process, without running anything of the parent's.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: the child is ours and not reaped; `status` is writable.
        let reaped = unsafe { libc::waitpid(child, &mut status, 0) };
        assert_eq!((reaped, status), (child, 0));
        assert!(path.exists());
        drop(ring);
        assert!(!path.exists());
    });

    test.spawn("parent", &[]).wait_within(LONG).assert_success();
}
