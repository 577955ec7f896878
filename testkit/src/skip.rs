//! A test that cannot run here says so, loudly, and is counted.
//!
//! libtest knows no skipping at run time: a test that returns early has passed. So the reason goes
//! to the real standard error, past the capture of libtest, and to the file that `ci/test` counts.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Leaves the test with a reason: `skip!("needs root")`, or with arguments as in `format!`.
#[macro_export]
macro_rules! skip {
    ($($why:tt)+) => {{
        $crate::skipped(&format!($($why)+), &format!("{}:{}", file!(), line!()));
        return;
    }};
}

/// What [`skip!`] does before it returns: prints a line that starts with `SKIPPED: `, and appends
/// it to the file that the environment names as ANNULUS_SKIPS.
pub fn skipped(why: &str, place: &str) {
    let line = format!("SKIPPED: {place}: {why}\n");
    // Not eprintln: libtest would keep that from sight.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("ANNULUS_SKIPS") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut f| f.write_all(line.as_bytes())).expect("a skip can be counted");
    }
}
