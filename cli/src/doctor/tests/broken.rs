//! Files that are not there, cannot be read, or hold what makes no sense: told, and no panic.

use super::super::finding::Level;
use super::super::{Root, look};
use super::{HEALTHY, Machine};
use annulus_testkit::ScratchDir;

/// Files whose absence is as good as their content, or which only mark that something is there.
const OPTIONAL: [&str; 5] = [
    "/proc/self/fd/0",
    "/sys/devices/system/node/online",
    "/sys/fs/cgroup/cgroup.controllers",
    "/sys/kernel/mm/transparent_hugepage",
    "/proc/self/cgroup",
];

/// Text of which anything is a value: what does not stand there is not so.
const FREE_TEXT: [&str; 5] =
    ["/proc/self/cgroup", "/proc/mounts", "/proc/swaps", "/proc/cpuinfo", "scaling_driver"];

#[test]
fn a_file_that_is_not_there_is_told_as_such() {
    let machine = Machine::healthy();
    for (path, text) in HEALTHY {
        let optional = OPTIONAL.iter().any(|start| path.starts_with(start));
        if optional || path.contains("/cpufreq/") || path.contains("/mqueue/") {
            continue;
        }
        if path.contains("msg") || path.ends_with("/sem") {
            continue;
        }
        machine.remove(path);
        let findings = machine.findings();
        machine.write(path, text.as_bytes());
        let told = findings.iter().find(|finding| finding.found.contains(path));
        let told = told.unwrap_or_else(|| panic!("{path} is not told: {findings:#?}"));
        assert_eq!(told.level, Level::Note, "{told:?}");
        assert!(told.found.starts_with("cannot be read: "), "{told:?}");
        assert!(told.found.contains("No such file"), "{told:?}");
    }
}

#[test]
fn what_makes_no_sense_is_told_with_what_stands_there() {
    let garbage: [&[u8]; 8] = [
        b"",
        b"x",
        b"-5",
        b"3-1",
        b"0-99999999999999999999",
        b"0-4000000000",
        b"\xff\xfe\x00\x01[",
        &[b'9'; 100_000],
    ];
    let machine = Machine::healthy();
    for (path, text) in HEALTHY {
        if FREE_TEXT.iter().any(|end| path.ends_with(end)) || OPTIONAL[..3].contains(&path) {
            continue;
        }
        for bytes in garbage {
            // No list at all is an empty one, and no line of huge pages is none.
            if path.ends_with("/isolated") && bytes.is_empty() || path.ends_with("/meminfo") {
                continue;
            }
            if (path.ends_with("_list") || path.ends_with("/online")) && bytes.is_empty() {
                continue;
            }
            let word = path.ends_with("clocksource") && bytes.len() < 40;
            machine.write(path, bytes);
            let findings = machine.findings();
            let told = findings.iter().find(|finding| finding.found.contains(path));
            match told {
                Some(told) => {
                    assert_eq!(told.level, Level::Note, "{told:?}");
                    assert!(told.found.contains("makes no sense there"), "{told:?}");
                    assert!(told.found.len() < 250, "{told:?}");
                }
                None => assert!(is_number(bytes) || word, "{path} with {bytes:?}: {findings:#?}"),
            }
        }
        machine.write(path, text.as_bytes());
    }
}

/// A number that some of the files may well hold.
fn is_number(bytes: &[u8]) -> bool {
    bytes.len() < 20 && bytes.iter().all(u8::is_ascii_digit)
}

#[test]
fn garbage_in_any_file_is_no_panic() {
    let machine = Machine::healthy();
    for (path, text) in HEALTHY {
        for cut in 0..text.len().min(40) {
            machine.write(path, &text.as_bytes()[..cut]);
            machine.findings();
        }
        for byte in [0, b'\n', b',', b'-', b':', b' ', b'[', b']', b'/', b'.', 0xFF] {
            machine.write(path, &[byte; 50]);
            machine.findings();
        }
        machine.write(path, text.as_bytes());
    }
    for quota in ["", "max", "1", "1 0", "18446744073709551615 1", "-1 5", "a b c"] {
        let machine = Machine::healthy().with("/sys/fs/cgroup/cpu.max", quota.as_bytes());
        machine.assert_only("core quota", Level::Note, "makes no sense");
    }
    let v1 = |quota: &str, period: &str| {
        Machine::healthy()
            .with("/proc/self/cgroup", b"3:cpu:/\n")
            .with("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota.as_bytes())
            .with("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period.as_bytes())
    };
    for (quota, period) in [("100", "0"), ("-2", "1"), ("x", "1"), ("9223372036854775807", "1")] {
        v1(quota, period).assert_only("core quota", Level::Note, "makes no sense");
    }
}

#[test]
fn a_group_outside_of_what_is_seen_is_looked_for_at_the_top_only() {
    let long = format!("0::{}\n", "/a".repeat(10_000));
    for group in ["0::/../../etc\n", "0::/..\n", "0::\n", "0::/gone/away\n", &long] {
        let machine = Machine::healthy()
            .with("/proc/self/cgroup", group.as_bytes())
            .with("/sys/fs/cgroup/cpu.max", b"50000 100000");
        let findings = machine.findings();
        let quota = findings.iter().find(|finding| finding.name == "core quota").unwrap();
        assert_eq!(quota.level, Level::Warn, "{quota:?}");
    }
}

#[test]
fn a_machine_without_any_files_or_answers_is_told_line_by_line() {
    let empty = ScratchDir::new();
    let why = || "Function not implemented".to_owned();
    let machine = Machine::healthy().answering(|host| {
        host.cores = Err(why());
        host.membarrier = Err(why());
        host.memlock = Err(why());
        host.nofile = Err(why());
        host.shm = Err(why());
    });
    let findings = look(&Root::at(empty.path()), &machine.host);
    assert!(findings.len() > 15, "{findings:#?}");
    let fails: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.level == Level::Fail)
        .map(|finding| finding.name)
        .collect();
    assert_eq!(fails, ["/proc", "room for rings"]);
    for finding in findings.iter().filter(|finding| finding.level == Level::Note) {
        assert!(
            ["cannot be read: ", "refused: ", "not in this "]
                .iter()
                .any(|part| finding.found.starts_with(part)),
            "{finding:?}"
        );
    }
}

#[test]
fn a_folder_where_a_file_should_be_is_told() {
    let path = "/sys/devices/system/cpu/online";
    let machine = Machine::healthy().without(path).with(&format!("{path}/x"), b"");
    machine.assert_only("cores", Level::Note, "Is a directory");
}
