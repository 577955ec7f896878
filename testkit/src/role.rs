//! Two processes in one test: the test binary runs itself once more, for the same test, as a role.
//!
//! ```ignore
//! #[test]
//! fn a_message_crosses() {
//!     let test = this_test!();
//!     test.role("reader", |args| { /* the child: open args[0], read, assert */ });
//!
//!     let ring = Scratch::new();
//!     let mut reader = test.spawn("reader", &[ring.name()]);
//!     /* the parent: write */
//!     reader.wait_within(Duration::from_secs(10)).assert_success();
//! }
//! ```
//!
//! `role` returns at once in the parent. In the child it runs its closure and ends the process: 0,
//! or 101 after a panic. It works under the default harness: the child is
//! `<this binary> --exact <path of the test>`, and the environment says which role is meant.

use crate::Child;
use std::any::type_name;
use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};

/// `<path of the test> <role>`
const ROLE: &str = "ANNULUS_TEST_ROLE";
/// The arguments, with a unit separator between them.
const ARGS: &str = "ANNULUS_TEST_ROLE_ARGS";
const SEPARATOR: char = '\u{1f}';
/// What stands between the chatter of libtest and the output of the role.
const MARKER: &[u8] = b"\n-- the role begins --\n";

/// Whether this process is a role and its closure runs.
static INSIDE: AtomicBool = AtomicBool::new(false);

/// The test that stands around the macro, as a [`Test`].
#[macro_export]
macro_rules! this_test {
    () => {{
        fn here() {}
        $crate::Test::around(here)
    }};
}

/// A test that can be run by other processes in its roles. Made by [`this_test!`].
#[derive(Clone, Debug)]
pub struct Test {
    path: String,
}

impl Test {
    #[doc(hidden)]
    pub fn around<F>(_here: F) -> Test {
        // "crate::module::test::here", perhaps with "{{closure}}" parts: Rust does not promise it,
        // but a wrong path names no test, and then `wait_within` says that the role never began.
        let name = type_name::<F>().trim_end_matches("::here");
        let name = name.split("::{{closure}}").next().unwrap_or(name);
        let path = name.split_once("::").map_or(name, |(_crate, path)| path);
        Test { path: path.to_owned() }
    }

    /// In a process started for this role: runs `play` and ends the process. Else: nothing.
    ///
    /// Stands before anything else in the test, since all above it is run by both.
    pub fn role(&self, name: &str, play: impl FnOnce(&[String])) {
        if std::env::var(ROLE).is_ok_and(|role| role == self.cue(name)) {
            let args = std::env::var(ARGS).expect("a role has arguments");
            let args: Vec<String> = match args.as_str() {
                "" => Vec::new(),
                list => list.split(SEPARATOR).map(str::to_owned).collect(),
            };
            INSIDE.store(true, Ordering::Relaxed);
            stdout().write_all(MARKER).expect("the parent reads");
            let failed = catch_unwind(AssertUnwindSafe(|| play(&args))).is_err();
            process::exit(if failed { 101 } else { 0 });
        }
    }

    /// Starts a process for this role, with its arguments.
    #[track_caller]
    pub fn spawn(&self, name: &str, args: &[&str]) -> Child {
        Child::spawn(&mut self.command(name, args))
    }

    /// The command of [`Test::spawn`], to be changed before it is started.
    #[track_caller]
    pub fn command(&self, name: &str, args: &[&str]) -> Command {
        // Else a misspelt role would run the test, which would start the role, and so on.
        let stray = std::env::var(ROLE).ok().filter(|_| !INSIDE.load(Ordering::Relaxed));
        assert_eq!(stray, None, "the test has no such role");
        assert!(!args.iter().any(|arg| arg.contains(SEPARATOR)), "not in an argument: U+001F");
        // One empty argument would be read as none.
        assert!(args != [""], "a single empty argument cannot be passed");
        let mut command = Command::new(std::env::current_exe().expect("a binary has a path"));
        command.args(["--exact", &self.path, "--include-ignored", "--nocapture"]);
        command.env(ROLE, self.cue(name)).env(ARGS, args.join(&SEPARATOR.to_string()));
        command
    }

    fn cue(&self, name: &str) -> String {
        format!("{} {name}", self.path)
    }
}

/// Whether the command was made by [`Test::command`].
pub(crate) fn is_role(command: &Command) -> bool {
    command.get_envs().any(|(key, value)| key == ROLE && value.is_some())
}

/// Whether the role's closure was reached.
pub(crate) fn began(stdout: &[u8]) -> bool {
    marker_end(stdout).is_some()
}

/// What the role itself wrote: nothing before it began.
pub(crate) fn own_output(stdout: &[u8], role: bool) -> &[u8] {
    match (role, marker_end(stdout)) {
        (false, _) => stdout,
        (true, Some(end)) => &stdout[end..],
        (true, None) => &[],
    }
}

fn marker_end(stdout: &[u8]) -> Option<usize> {
    stdout.windows(MARKER.len()).position(|part| part == MARKER).map(|at| at + MARKER.len())
}
