//! The words for waiting, and that the help says the same.

use super::{BARRIERS, WAIT_DEFAULT, WAITS, WAKES, barrier, wait, wake};
use crate::usage;
use annulus::{Barrier, Wait, Wake};

#[test]
fn each_word_that_is_offered_is_understood_and_no_other() {
    let words =
        |list: &'static str| list.split([',', ' ']).filter(|word| !matches!(*word, "" | "or"));
    let waits: Vec<_> = words(WAITS).map(wait).collect();
    assert_eq!(waits, [Wait::Spin, Wait::SpinThenPark, Wait::Park].map(Some));
    let wakes: Vec<_> = words(WAKES).map(wake).collect();
    assert_eq!(wakes, [Wake::Futex, Wake::PosixSem, Wake::SysvSem, Wake::Event].map(Some));
    let barriers: Vec<_> = words(BARRIERS).map(barrier).collect();
    assert_eq!(barriers, [Barrier::Fence, Barrier::Membarrier].map(Some));
    for word in ["", "Spin", "spin ", "spin-then-park", "none", "semaphore"] {
        assert_eq!((wait(word), wake(word), barrier(word)), (None, None, None), "{word}");
    }
}

#[test]
fn the_help_of_send_names_the_default() {
    assert!(usage::SEND.contains(&format!(" {WAIT_DEFAULT} unless given")), "{}", usage::SEND);
}
