//! Machines that are not this one: a tree of files for /proc and /sys, and answers of a kernel.

mod broken;
mod machines;
mod text;

use super::finding::{Finding, Level};
use super::host::{Host, Space};
use super::look;
use super::root::Root;
use annulus_testkit::ScratchDir;
use std::fs;

/// A machine with nothing to complain about: two real cores, all files there.
const HEALTHY: [(&str, &str); 27] = [
    ("/proc/self/fd/0", ""),
    ("/proc/self/cgroup", "0::/\n"),
    ("/proc/mounts", "proc /proc proc rw 0 0\ntmpfs /dev/shm tmpfs rw,nosuid 0 0\n"),
    ("/proc/swaps", "Filename Type Size Used Priority\n"),
    ("/proc/cpuinfo", "processor : 0\nflags : fpu tsc constant_tsc\n"),
    ("/proc/meminfo", "MemTotal: 8000000 kB\nHugePages_Total:       0\n"),
    ("/proc/sys/kernel/osrelease", "6.1.0-generic\n"),
    ("/proc/sys/kernel/sem", "32000\t1024000000\t500\t32000\n"),
    ("/proc/sys/kernel/msgmni", "32000\n"),
    ("/proc/sys/kernel/msgmnb", "16384\n"),
    ("/proc/sys/kernel/msgmax", "8192\n"),
    ("/proc/sys/fs/mqueue/queues_max", "256\n"),
    ("/proc/sys/fs/mqueue/msg_max", "10\n"),
    ("/proc/sys/fs/mqueue/msgsize_max", "8192\n"),
    ("/sys/devices/system/cpu/online", "0-1\n"),
    ("/sys/devices/system/cpu/isolated", "1\n"),
    ("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0\n"),
    ("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1\n"),
    ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
    ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
    ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n"),
    ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_driver", "acpi-cpufreq\n"),
    ("/sys/devices/system/node/online", "0\n"),
    ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
    (
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
        "always [within_size] advise never deny force\n",
    ),
    ("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
];

/// A machine that is made up.
struct Machine {
    dir: ScratchDir,
    host: Host,
}

impl Machine {
    fn healthy() -> Machine {
        let host = Host {
            cores: Ok(vec![0, 1]),
            membarrier: Ok(0x3FF),
            memlock: Ok(None),
            nofile: Ok(Some(1_024)),
            shm: Ok(Space { bytes: 4 << 30, free: 4 << 30, read_only: false }),
        };
        let machine = Machine { dir: ScratchDir::new(), host };
        HEALTHY.iter().fold(machine, |machine, (path, text)| machine.with(path, text.as_bytes()))
    }

    /// With this in a file.
    fn with(self, path: &str, bytes: &[u8]) -> Machine {
        self.write(path, bytes);
        self
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.dir.file(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }

    /// Without a file or folder.
    fn without(self, path: &str) -> Machine {
        self.remove(path);
        self
    }

    fn remove(&self, path: &str) {
        let place = self.dir.file(path.trim_start_matches('/'));
        if place.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) }.unwrap();
    }

    /// With other answers of the kernel.
    fn answering(mut self, change: impl FnOnce(&mut Host)) -> Machine {
        change(&mut self.host);
        self
    }

    fn findings(&self) -> Vec<Finding> {
        look(&Root::at(self.dir.path()), &self.host)
    }

    /// That `name` is found at `level` with `part`, and all else to be well.
    #[track_caller]
    fn assert_only(&self, name: &str, level: Level, part: &str) {
        for finding in self.findings() {
            if finding.name == name {
                assert_eq!(finding.level, level, "{finding:?}");
                assert!(finding.found.contains(part), "{part:?} is not told: {finding:?}");
                assert_eq!(finding.advice.is_none(), level == Level::Ok, "{finding:?}");
            } else {
                assert_eq!(finding.level, Level::Ok, "{finding:?}");
            }
        }
        assert!(self.findings().iter().any(|finding| finding.name == name), "no {name}");
    }
}
