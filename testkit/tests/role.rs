//! Roles: one test, several processes, and no way to pass without having played.

mod common;

use annulus_testkit::{Exit, Test, this_test};
use common::LONG;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;

mod inner {
    use super::{LONG, Test, process, this_test};

    #[test]
    fn a_role_is_another_process_with_its_arguments() {
        let test = this_test!();
        test.role("echo", |args| println!("{} {args:?}", process::id()));
        let run = |args| played(&test, args);
        run(&[]);
        run(&["one"]);
        run(&["a b", "", "=,\"\n"]);
    }

    fn played(test: &Test, args: &[&str]) {
        let mut child = test.spawn("echo", args);
        let output = child.wait_within(LONG).assert_success();
        assert_eq!(output.stdout(), format!("{} {args:?}\n", child.id()));
        assert_ne!(child.id(), process::id());
    }
}

#[test]
fn a_role_may_start_another_and_be_started_from_a_closure() {
    let around = || this_test!();
    let test = around();
    test.role("inner", |args| println!("inner {}", args[0]));
    test.role("outer", |_| {
        let output = test.spawn("inner", &["7"]).wait_within(LONG).assert_success();
        print!("outer {}", output.stdout());
    });
    let output = test.spawn("outer", &[]).wait_within(LONG).assert_success();
    assert_eq!(output.stdout(), "outer inner 7\n");
}

#[test]
fn a_panic_in_a_role_is_an_exit_of_101_and_its_message_is_kept() {
    let test = this_test!();
    test.role("fails", |_| panic!("on purpose"));
    let output = test.spawn("fails", &[]).wait_within(LONG).assert_exit(Exit::Code(101));
    assert!(output.stderr().contains("on purpose"));
}

#[test]
fn a_role_that_never_began_is_no_success() {
    let nowhere = {
        fn no_test_of_this_name() {}
        Test::around(no_test_of_this_name)
    };
    let waited = AssertUnwindSafe(|| nowhere.spawn("any", &[]).wait_within(LONG));
    let panic = catch_unwind(waited).unwrap_err();
    assert!(panic.downcast::<String>().unwrap().contains("the role never began"));
}

#[test]
fn a_role_that_the_test_does_not_have_ends_at_once() {
    let test = this_test!();
    test.role("spelt", |_| ());
    let output = test.spawn("misspelt", &[]).wait_within(LONG).assert_exit(Exit::Code(101));
    assert!(output.stderr().contains("the test has no such role"));
}
