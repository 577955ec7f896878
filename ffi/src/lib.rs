//! libannulus: the engine's calls under C names. The contract of each stands in
//! `include/annulus.h`, which is written by hand.
//!
//! Why each `unsafe(no_mangle)` is sound: the prefix `annulus_` is ours, so no other library in a
//! process defines a call of the same name.

use std::ffi::{CStr, c_char};

/// The text that C gets, with its zero byte.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no zero byte"),
    };

// The library and the engine in it are of one version.
const _: () = {
    let (ours, engines) = (VERSION.to_bytes(), engine::VERSION.as_bytes());
    assert!(ours.len() == engines.len());
    let mut at = 0;
    while at < ours.len() {
        assert!(ours[at] == engines[at]);
        at += 1;
    }
};

/// The version of the library, as static text with a zero byte at its end.
#[unsafe(no_mangle)]
pub extern "C" fn annulus_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the layout of shared memory.
#[unsafe(no_mangle)]
pub extern "C" fn annulus_abi_version() -> u32 {
    engine::layout::ABI_VERSION
}
