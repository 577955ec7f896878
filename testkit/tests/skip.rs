//! A skip is seen and counted, and ends the test.

mod common;

use annulus_testkit::{ScratchDir, skip, this_test};
use common::LONG;
use std::fs;

#[test]
fn a_skip_is_seen_counted_and_ends_the_test() {
    let test = this_test!();
    test.role("skips", |args| {
        skip!("no {} here", args[0]);
        #[expect(unreachable_code, reason = "that is the claim")]
        {
            unreachable!();
        }
    });

    let dir = ScratchDir::new();
    let list = dir.file("skips");
    for _ in 0..2 {
        let mut command = test.command("skips", &["luck"]);
        let mut child = annulus_testkit::Child::spawn(command.env("ANNULUS_SKIPS", &list));
        let output = child.wait_within(LONG).assert_success();
        let line = output.stderr().lines().find(|l| l.starts_with("SKIPPED: ")).unwrap().to_owned();
        assert!(line.contains("skip.rs:") && line.ends_with(": no luck here"), "{line}");
    }
    let counted = fs::read_to_string(&list).unwrap();
    assert_eq!(counted.lines().filter(|l| l.starts_with("SKIPPED: ")).count(), 2);
}
