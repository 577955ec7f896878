//! A whole segment file by the fuzzer's choice, or changes of a good one; attached to and used.
#![no_main]

use annulus_hostile::image;
use std::sync::LazyLock;

static GOOD: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| image::WAITS.map(|wait| image::good(256, wait).expect("a new segment")));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let image = match bytes.split_first() {
        Some((0, rest)) => rest.to_vec(),
        Some((which, changes)) => {
            image::changed(&GOOD[usize::from(*which) % image::WAITS.len()], changes)
        }
        None => Vec::new(),
    };
    image::run(&image).expect("a memory file can be made");
});
