//! Wrong words, wrong files, wrong users, no room: one sentence each, and nothing left behind.

use crate::tools::{LONG, annulus, assert_refused, noise, run, run_fed, sent};
use annulus_testkit::{Child, Scratch, ScratchDir, skip, small_shm, small_shm_refused};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;

/// That both sides refuse the ring alike.
#[track_caller]
fn both_refuse(address: &str, status: i32, parts: &[&str]) {
    assert_refused(run_fed(&["send", address], b""), status, parts);
    assert_refused(run(&["recv", address]), status, parts);
}

#[test]
fn a_command_line_that_makes_no_sense_is_status_2_with_a_word_on_what_would() {
    for (args, part) in [
        (&[][..], "see 'annulus --help'"),
        (&["sned"], "no command 'sned'"),
        (&["--colour"], "no option --colour"),
        (&["send"], "an address is missing"),
        (&["recv", "--raw"], "an address is missing"),
        (&["rm"], "an address is missing"),
        (&["send", "--chunky", "x"], "no option --chunky, see 'annulus send --help'"),
        (&["send", "x", "--chunk"], "the value of --chunk is missing"),
        (&["send", "--chunk", "big", "x"], "--chunk 'big' is not understood: a size is"),
        (&["send", "--chunk", "0", "x"], "--chunk is 0"),
        (&["send", "--deadline", "10", "x"], "--deadline '10' is not understood: a time is"),
        (&["recv", "--wait-for", "soon", "x"], "--wait-for 'soon'"),
        (&["recv", "--count", "0", "x"], "--count is 0"),
        (&["recv", "--count", "-1", "x"], "--count '-1' is not understood: a number"),
        (&["recv", "--raw", "--meta", "x"], "--raw and --meta exclude each other"),
        (&["recv", "--raw=yes", "x"], "--raw takes no value, 'yes' was given"),
        (&["recv", "x", "y"], "no place for 'y'"),
        (&["ls", "x"], "no place for 'x'"),
        (&["gc", "--all"], "no option --all"),
        (&["bench", "--fast"], "no option --fast"),
        (&["bench", "no/such/case"], "no/such/case"),
        (&["rm", "file:x"], "only rings in shared memory"),
    ] {
        assert_refused(run(args), 2, &[part]);
    }
}

#[test]
fn a_bad_address_is_status_2_and_makes_nothing() {
    for (address, part) in [
        ("", "it is empty"),
        ("shm:", "name is empty"),
        ("a/b", "'/'"),
        ("shm:a b", "' '"),
        ("shm:ä", "'ä'"),
        ("..", "`..`"),
        ("tcp:host", "no scheme 'tcp:'"),
        ("x?capacity=0", "the nearest is 64"),
        ("x?capacity=3", "the nearest is 64"),
        ("x?capacity=1TiB", "to 1GiB and the nearest is 1GiB"),
        ("x?capacity=99999999999999999999", "the nearest is 1GiB"),
        ("x?capacity=60000", "the nearest is 64KiB"),
        ("x?capacity=64KB", "a size is a number"),
        ("x?capacity=4KiB&capacity=4KiB", "'capacity' is given twice"),
        ("x?colour=red", "no option 'colour'"),
        ("x?keep", "'keep' has no value"),
    ] {
        both_refuse(address, 2, &[part, "is no address"]);
        assert_refused(run(&["rm", address]), 2, &[part]);
    }
    let long = "n".repeat(201);
    both_refuse(&long, 2, &["201 characters", "1 to 200"]);
    assert!(!fs::exists("/dev/shm/annulus.x").unwrap());
}

#[test]
fn what_is_no_ring_is_refused_and_not_touched() {
    let ring = Scratch::new();
    let text = "a text that somebody keeps in shared memory\n".repeat(300);
    fs::write(ring.path(), &text).unwrap();
    fs::set_permissions(ring.path(), fs::Permissions::from_mode(0o600)).unwrap();
    both_refuse(ring.name(), 6, &[ring.name(), "does not begin as a segment does"]);
    assert_refused(run(&["rm", ring.name()]), 6, &[ring.name(), "by hand"]);
    assert_eq!(fs::read_to_string(ring.path()).unwrap(), text);

    fs::remove_file(ring.path()).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", ring.path()).unwrap();
    both_refuse(ring.name(), 6, &["link"]);
}

#[test]
fn a_ring_that_others_may_open_is_refused() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    fs::set_permissions(ring.path(), fs::Permissions::from_mode(0o644)).unwrap();
    both_refuse(ring.name(), 6, &["mode 0644"]);
}

#[test]
fn a_ring_of_another_version_is_refused_by_its_number() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    let at = std::mem::offset_of!(annulus::layout::Header, abi_version) as u64;
    let patch = |version: u32| {
        let file = File::options().write(true).open(ring.path()).unwrap();
        file.write_all_at(&version.to_ne_bytes(), at).unwrap();
    };
    patch(4_711);
    both_refuse(ring.name(), 6, &["ABI version 4711", "version 8"]);
    patch(annulus::layout::ABI_VERSION);
    assert_eq!(run(&["recv", ring.name()]).assert_success().stdout(), "one\n");
}

#[test]
fn a_damaged_header_is_corruption() {
    let ring = Scratch::new();
    sent(&ring, b"one\n");
    let at = std::mem::offset_of!(annulus::layout::Header, capacity) as u64;
    let file = File::options().write(true).open(ring.path()).unwrap();
    file.write_all_at(&12_345_u64.to_ne_bytes(), at).unwrap();
    both_refuse(ring.name(), 5, &["header is damaged", "capacity", "0x3039"]);
    file.set_len(3).unwrap();
    both_refuse(ring.name(), 5, &["only 3 bytes"]);
}

#[test]
fn a_ring_scribbled_over_is_corruption_and_no_crash() {
    let ring = Scratch::new();
    sent(&ring, b"one\ntwo\n");
    let file = File::options().write(true).open(ring.path()).unwrap();
    file.write_all_at(&[0xff; 256], annulus::layout::HEAD as u64).unwrap();
    both_refuse(
        ring.name(),
        5,
        &["corrupted", &format!("remove it with 'annulus rm {}'", ring.name())],
    );
}

#[test]
fn another_users_ring_is_refused_unless_any_owner_will_do() {
    if nobody(&["--version"]).is_none() {
        skip!("needs root and setpriv(1)");
    }
    let ring = Scratch::new();
    let mut command = nobody(&["send", ring.name()]).unwrap();
    Child::spawn(&mut command).wait_within(LONG).assert_success();
    // root may do anything, and is refused all the same.
    both_refuse(ring.name(), 6, &["belongs to user 65534", "?owner=any", "root"]);
    let any = format!("{}?owner=any", ring.name());
    run(&["recv", &any]).assert_success();

    let ours = Scratch::new();
    sent(&ours, b"one\n");
    let mut command = nobody(&["recv", &format!("{}?owner=any", ours.name())]).unwrap();
    let output = Child::spawn(&mut command).wait_within(LONG);
    assert_refused(output, 6, &["refuses access"]);
}

/// The command as another user; `None` where this test may not do that.
pub(crate) fn nobody(args: &[&str]) -> Option<Command> {
    let binary = env!("CARGO_BIN_EXE_annulus");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let mut trial = Command::new("setpriv");
    trial.args(command.get_args()).args([binary, "--version"]);
    let allowed = Child::try_spawn(&mut trial)
        .is_ok_and(|mut child| child.wait_within(LONG).exit == annulus_testkit::Exit::Code(0));
    command.arg(binary).args(args);
    allowed.then_some(command)
}

#[test]
fn full_shared_memory_is_said_with_the_need_and_leaves_nothing() {
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }
    let script = "\"$0\" send 'x?capacity=1MiB' </dev/null; echo $?; ls -A /dev/shm";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_annulus")]);
    let output = Child::spawn(small_shm(&mut command, 256 << 10)).wait_within(LONG);
    assert_eq!(output.stdout(), "1\n");
    let output = annulus_testkit::Output { stdout: Vec::new(), ..output };
    assert_refused(output, 0, &["no room for a segment of 1052672 bytes", "smaller ring"]);
}

#[test]
fn a_path_that_leads_nowhere_is_refused() {
    let dir = ScratchDir::new();
    let address = format!("file:{}/no/such/folder", dir.path().display());
    let output = run_fed(&["send", &address], b"");
    assert_refused(output, 1, &["folder", "make it first"]);
    let text = dir.file("text");
    fs::write(&text, noise(9_000, 1)).unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o600)).unwrap();
    let address = format!("file:{}", text.display());
    assert_refused(run(&["recv", &address]), 6, &["does not begin as a segment does"]);
    let mut command = annulus(&["recv", "--wait-for", "10ms"]);
    command.arg(format!("file:{}", dir.file("nothing").display()));
    assert_refused(Child::spawn(&mut command).wait_within(LONG), 4, &["nothing to receive"]);
}
