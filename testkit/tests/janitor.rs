//! What is left behind when a test process is killed: nothing.

mod common;

use annulus_testkit::{Child, Exit, Scratch, ScratchDir, eventually, this_test};
use common::{LONG, janitor_of, left_by, runs};
use std::array::from_fn;
use std::path::Path;
use std::process::{self, Command};
use std::{fs, thread};

/// Plays a test process with a file in shared memory, a directory and a child; never returns.
fn stay(child: &mut Command) {
    let (ring, dir, other) = (Scratch::labelled("ring"), ScratchDir::new(), Scratch::new());
    fs::write(ring.path(), "left").unwrap();
    fs::write(other.path(), "left").unwrap();
    fs::write(dir.file("file"), "left").unwrap();
    let child = Child::spawn(child);
    println!("dir {}\nchild {}", dir.path().display(), child.id());
    loop {
        thread::park();
    }
}

#[test]
fn a_test_process_killed_with_sigkill_leaves_no_file_and_no_child() {
    let test = this_test!();
    test.role("victim", |_| stay(Command::new("sleep").arg("1000")));

    let mut victim = test.spawn("victim", &[]);
    let (dir, child) = (victim.line(LONG, "dir "), victim.line(LONG, "child "));
    assert_eq!(left_by(victim.id()).len(), 2);
    assert!(Path::new(&dir).join("file").exists() && runs(&child));

    victim.kill();
    eventually(LONG, || left_by(victim.id()).is_empty());
    eventually(LONG, || !Path::new(&dir).exists());
    eventually(LONG, || !runs(&child));
    eventually(LONG, || janitor_of(victim.id()).is_none());
}

#[test]
fn the_janitor_ends_children_that_the_kernel_would_spare() {
    let test = this_test!();
    test.role("deaf", |_| {
        // SAFETY: with this option prctl takes one integer and no pointer.
        let refused = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
        assert_eq!(refused, 0);
        let mut grandchild = Command::new("sleep").arg("1000").spawn().unwrap();
        fs::write(std::env::var("PIDS").unwrap(), format!("{}\n", grandchild.id())).unwrap();
        grandchild.wait().unwrap();
    });
    test.role("victim", |_| stay(&mut test.command("deaf", &[])));

    let dir = ScratchDir::new();
    let pids = dir.file("pids");
    let mut victim = Child::spawn(test.command("victim", &[]).env("PIDS", &pids));
    let child = victim.line(LONG, "child ");
    let grandchild = || fs::read_to_string(&pids).unwrap_or_default();
    eventually(LONG, || grandchild().ends_with('\n'));
    let grandchild = grandchild().trim().to_owned();
    assert!(runs(&child) && runs(&grandchild));

    victim.kill();
    eventually(LONG, || !runs(&child));
    eventually(LONG, || !runs(&grandchild));
    eventually(LONG, || left_by(victim.id()).is_empty());
}

#[test]
fn the_kernel_ends_the_children_of_one_whose_janitor_is_dead() {
    let test = this_test!();
    test.role("victim", |_| stay(Command::new("sleep").arg("1000")));

    let mut victim = test.spawn("victim", &[]);
    let (dir, child) = (victim.line(LONG, "dir "), victim.line(LONG, "child "));
    let janitor = janitor_of(victim.id()).unwrap();
    // SAFETY: takes no pointer; the janitor was just seen alive.
    unsafe { libc::kill(janitor.parse().unwrap(), libc::SIGKILL) };
    eventually(LONG, || !runs(&janitor));
    victim.kill();
    eventually(LONG, || !runs(&child));

    assert_eq!(left_by(victim.id()).len(), 2, "else there was another janitor");
    for name in left_by(victim.id()) {
        fs::remove_file(Path::new("/dev/shm").join(name)).unwrap();
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_janitor_has_a_session_of_its_own() {
    let test = this_test!();
    test.role("victim", |_| stay(Command::new("sleep").arg("1000")));

    let mut victim = test.spawn("victim", &[]);
    victim.line(LONG, "child ");
    let janitor = janitor_of(victim.id()).unwrap();
    let session = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned()
    };
    assert_eq!(session(&janitor), janitor);
    assert_ne!(session(&janitor), session(&victim.id().to_string()));
}

#[test]
fn a_forked_child_that_lives_on_does_not_hold_up_the_janitor() {
    let test = this_test!();
    test.role("victim", |_| {
        let ring = Scratch::new();
        fs::write(ring.path(), "left").unwrap();
        // SAFETY: the child makes system calls only.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: takes no pointer. A group of its own: else it would die with the victim's.
            unsafe { libc::setpgid(0, 0) };
            // The parent waits for the pipe's end at most as long as this.
            // SAFETY: takes no pointer.
            unsafe { libc::close(1) };
            // SAFETY: takes no pointer.
            unsafe { libc::close(2) };
            // SAFETY: takes no pointer. Bounded, in case the test fails.
            unsafe { libc::sleep(30) };
            // SAFETY: ends this process, without running anything of the parent's.
            unsafe { libc::_exit(0) };
        }
        println!("forked {child}");
        loop {
            thread::park();
        }
    });

    let mut victim = test.spawn("victim", &[]);
    let forked = victim.line(LONG, "forked ");
    assert_eq!(left_by(victim.id()).len(), 1);
    eventually(LONG, || fs::read_link(format!("/proc/{forked}/fd/2")).is_err());
    victim.kill();
    eventually(LONG, || left_by(victim.id()).is_empty());
    assert!(runs(&forked), "else the test has shown nothing");
    // SAFETY: takes no pointer; the process was just seen alive.
    unsafe { libc::kill(forked.parse().unwrap(), libc::SIGKILL) };
}

#[test]
fn the_janitor_goes_with_a_process_that_ends_by_itself() {
    let test = this_test!();
    test.role("leaves", |_| {
        let ring = Scratch::new();
        fs::write(ring.path(), "left").unwrap();
        println!("janitor {}", janitor_of(process::id()).unwrap());
        process::exit(7);
    });

    let mut child = test.spawn("leaves", &[]);
    let janitor = child.line(LONG, "janitor ");
    assert_eq!(child.wait_within(LONG).exit, Exit::Code(7));
    eventually(LONG, || !runs(&janitor) && left_by(child.id()).is_empty());
}

#[test]
fn the_janitor_holds_the_pipe_and_nothing_else() {
    let test = this_test!();
    test.role("runner", |_| {
        // A descriptor that survives exec, as a careless runner hands down.
        // SAFETY: takes no pointer.
        let stray = unsafe { libc::dup(2) };
        let _ring = Scratch::new();
        println!("stray {stray}");
        loop {
            thread::park();
        }
    });

    let mut runner = test.spawn("runner", &[]);
    let stray = runner.line(LONG, "stray ");
    let fd = |pid: &str, n: &str| fs::read_link(format!("/proc/{pid}/fd/{n}")).ok();
    let janitor = janitor_of(runner.id()).unwrap();
    assert!(fd(&runner.id().to_string(), &stray).is_some(), "the runner has it");
    // It is a shell, which holds what it was handed until it has begun.
    eventually(LONG, || {
        let held = fs::read_dir(format!("/proc/{janitor}/fd")).unwrap();
        let mut held: Vec<_> = held.map(|e| e.unwrap().file_name()).collect();
        held.sort();
        held == ["0", "1", "2"]
    });
    assert!(fd(&janitor, "0").unwrap().to_string_lossy().starts_with("pipe:"));
    assert_eq!(fd(&janitor, "1").unwrap(), Path::new("/dev/null"));
    assert_eq!(fd(&janitor, "2").unwrap(), Path::new("/dev/null"));
}

#[test]
fn a_child_taken_off_the_list_is_not_killed_as_its_id_may_be_anothers() {
    let sleepers: [Child; 3] = from_fn(|_| Child::spawn(Command::new("sleep").arg("1000")));
    let [first, second, third] = sleepers.each_ref().map(Child::id);
    let dir = ScratchDir::new();
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("../src/janitor.sh"), "a-janitor", "0"]).arg(dir.path());
    let mut janitor = Child::spawn_fed(&mut command);
    for line in [
        format!("born {first}\nborn {second}\nborn {third}\n"),
        format!("gone {second}\nborn {second}\ngone {first}\ngone {second}\n"),
    ] {
        janitor.feed(line.as_bytes()).unwrap();
    }
    janitor.close_stdin();
    janitor.wait_within(LONG);
    let [mut first, mut second, mut third] = sleepers;
    assert_eq!(third.wait_within(LONG).exit, Exit::Signal(libc::SIGKILL));
    assert!(first.is_running() && second.is_running());
}
