//! A ring, calls, and what somebody writes in between: all of it by the fuzzer's choice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    annulus_hostile::script::run(bytes);
});
