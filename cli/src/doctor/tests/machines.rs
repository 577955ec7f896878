//! What is found on which machine.

use super::super::finding::Level;
use super::super::host::Space;
use super::Machine;

const CPU: &str = "/sys/devices/system/cpu";

#[test]
fn a_healthy_machine_has_nothing_to_do() {
    Machine::healthy().assert_only("kernel", Level::Ok, "Linux 6.1.0-generic");
    Machine::healthy().assert_only("cores", Level::Ok, "2 of 2 may be used: 0-1");
}

#[test]
fn an_old_kernel_is_slower_or_will_fail_and_a_missing_proc_will_too() {
    for (release, level) in [
        ("2.6.32", Level::Fail),
        ("3.14.79", Level::Fail),
        ("3.15.0", Level::Warn),
        ("5.13.19", Level::Warn),
        ("5.14.0", Level::Ok),
        ("7.0", Level::Ok),
    ] {
        let machine = Machine::healthy().with("/proc/sys/kernel/osrelease", release.as_bytes());
        machine.assert_only("kernel", level, release);
    }
    Machine::healthy().without("/proc/self/fd").assert_only("/proc", Level::Fail, "/proc/self/fd");
}

#[test]
fn membarrier_may_be_old_or_refused() {
    for commands in [0, 1, 0x2, 0x8] {
        let machine = Machine::healthy().answering(|host| host.membarrier = Ok(commands));
        machine.assert_only("membarrier", Level::Note, &format!("{commands:#x}"));
    }
    let refused = "Operation not permitted";
    let machine = Machine::healthy().answering(|host| host.membarrier = Err(refused.to_owned()));
    machine.assert_only("membarrier", Level::Note, refused);
}

#[test]
fn a_virtual_machine_is_told_by_its_flag_and_not_by_words_like_it() {
    let machine = |flags: &str| {
        Machine::healthy().with("/proc/cpuinfo", format!("flags : {flags}\n").as_bytes())
    };
    machine("fpu hypervisor tsc").assert_only("machine", Level::Note, "virtual");
    machine("fpu hypervisors").assert_only("machine", Level::Ok, "no hypervisor");
    let arm = Machine::healthy().with("/proc/cpuinfo", b"Features : fp asimd\n");
    arm.assert_only("machine", Level::Ok, "tells of no hypervisor");
}

#[test]
fn shared_memory_may_be_tiny_full_read_only_or_not_there() {
    let room = |bytes, free, read_only| {
        Machine::healthy().answering(|host| host.shm = Ok(Space { bytes, free, read_only }))
    };
    room(64 << 20, 1 << 20, false).assert_only("room for rings", Level::Fail, "1MiB of 64MiB");
    room(64 << 20, (1 << 20) + 4096, false).assert_only("room for rings", Level::Warn, "of 64MiB");
    room(64 << 20, 64 << 20, false).assert_only("room for rings", Level::Ok, "64MiB of 64MiB");
    room(4 << 30, 4 << 30, true).assert_only("room for rings", Level::Fail, "read-only");
    let none = Machine::healthy().answering(|host| host.shm = Err("No such file".to_owned()));
    none.assert_only("room for rings", Level::Fail, "No such file");
}

#[test]
fn what_is_mounted_last_is_what_rings_get() {
    let mounts = |text: &str| Machine::healthy().with("/proc/mounts", text.as_bytes());
    let (tmpfs, disk) = ("tmpfs /dev/shm tmpfs rw 0 0\n", "/dev/vda /dev/shm ext4 rw 0 0\n");
    mounts(&format!("{disk}{tmpfs}")).assert_only("/dev/shm", Level::Ok, "tmpfs");
    mounts(&format!("{tmpfs}{disk}")).assert_only("/dev/shm", Level::Warn, "ext4");
    mounts("tmpfs /dev/shmem tmpfs rw 0 0\n").assert_only(
        "/dev/shm",
        Level::Warn,
        "no file system",
    );
}

#[test]
fn swap_and_several_nodes_are_told() {
    let machine = Machine::healthy().with("/proc/swaps", b"Filename Type\n/dev/sda2 partition\n");
    machine.assert_only("swap", Level::Note, "1 in use");
    let machine = Machine::healthy().with("/sys/devices/system/node/online", b"0-1,3");
    machine.assert_only("NUMA nodes", Level::Note, "3: 0-1,3");
    let machine = Machine::healthy().without("/sys/devices/system/node/online");
    machine.assert_only("NUMA nodes", Level::Ok, "1");
}

#[test]
fn limits_of_the_process_are_told_before_they_are_met() {
    for (limit, level) in [(7, Level::Fail), (8, Level::Warn), (255, Level::Warn), (256, Level::Ok)]
    {
        let machine = Machine::healthy().answering(|host| host.nofile = Ok(Some(limit)));
        machine.assert_only("open files", level, &format!("{limit} at most"));
    }
    let machine = Machine::healthy().answering(|host| host.memlock = Ok(Some(8 << 20)));
    machine.assert_only("locked memory", Level::Note, "8MiB at most");
}

#[test]
fn one_core_is_too_few() {
    let machine = Machine::healthy().answering(|host| host.cores = Ok(vec![1]));
    machine.assert_only("cores", Level::Warn, "1 of 2 may be used: 1");
}

#[test]
fn siblings_are_told_if_both_of_them_may_be_used() {
    let machine = |siblings: [&str; 4], usable: &[usize]| {
        let machine = Machine::healthy().answering(|host| host.cores = Ok(usable.to_vec()));
        siblings.iter().enumerate().fold(machine, |machine, (core, siblings)| {
            let machine = machine.with(
                &format!("{CPU}/cpu{core}/topology/thread_siblings_list"),
                siblings.as_bytes(),
            );
            machine.with(&format!("{CPU}/cpu{core}/cpufreq/scaling_governor"), b"performance")
        })
    };
    let pairs = ["0,2", "1,3", "0,2", "1,3"];
    machine(pairs, &[0, 1, 2, 3]).assert_only("SMT siblings", Level::Note, "0,2 | 1,3");
    machine(pairs, &[0, 1]).assert_only("SMT siblings", Level::Ok, "no two");
    machine(pairs, &[1, 3]).assert_only("SMT siblings", Level::Warn, "one physical core: 1,3");
    machine(["0-3"; 4], &[0, 1, 2, 3]).assert_only("SMT siblings", Level::Warn, "0-3");
}

#[test]
fn no_isolated_core_is_worth_a_note() {
    let machine = Machine::healthy().with("/sys/devices/system/cpu/isolated", b"\n");
    machine.assert_only("isolated cores", Level::Note, "none");
}

#[test]
fn a_governor_costs_latency_unless_it_is_performance() {
    let machine = |governor: &str, driver: &str| {
        let machine = Machine::healthy()
            .with(&format!("{CPU}/cpu1/cpufreq/scaling_governor"), governor.as_bytes());
        machine.with(&format!("{CPU}/cpu1/cpufreq/scaling_driver"), driver.as_bytes())
    };
    machine("powersave", "acpi-cpufreq").assert_only("governor", Level::Warn, "powersave");
    for (governor, driver) in
        [("powersave", "intel_pstate"), ("powersave", "amd-pstate-epp"), ("schedutil", "cppc")]
    {
        machine(governor, driver).assert_only("governor", Level::Note, &format!("{governor} on 1"));
    }
    let without = Machine::healthy()
        .without(&format!("{CPU}/cpu0/cpufreq"))
        .without(&format!("{CPU}/cpu1/cpufreq"));
    without.assert_only("governor", Level::Ok, "none");
}

#[test]
fn a_clock_that_is_read_in_the_kernel_costs_latency() {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    for (word, level) in [
        ("hpet", Level::Warn),
        ("acpi_pm", Level::Warn),
        ("kvm-clock", Level::Ok),
        ("sundial", Level::Note),
    ] {
        Machine::healthy().with(path, word.as_bytes()).assert_only("clocksource", level, word);
    }
}

#[test]
fn huge_pages_are_told_as_they_are_set() {
    let folder = "/sys/kernel/mm/transparent_hugepage";
    let machine = Machine::healthy().with(&format!("{folder}/enabled"), b"[always] madvise never");
    machine.assert_only("THP", Level::Note, "always");
    let machine =
        Machine::healthy().with(&format!("{folder}/shmem_enabled"), b"always advise [never]");
    machine.assert_only("THP of memfds", Level::Note, "never");
    Machine::healthy().without(folder).assert_only("THP", Level::Ok, "not in this kernel");
    let machine = Machine::healthy().with("/proc/meminfo", b"HugePages_Total:     512\n");
    machine.assert_only("huge pages", Level::Note, "512 reserved");
}

#[test]
fn a_quota_of_the_group_or_of_one_above_it_counts() {
    let v2 = |path: &str, text: &str| {
        Machine::healthy()
            .with("/proc/self/cgroup", b"0::/pod/box\n")
            .with(&format!("/sys/fs/cgroup/{path}"), text.as_bytes())
    };
    v2("pod/box/cpu.max", "max 100000").assert_only("core quota", Level::Ok, "none");
    v2("pod/box/cpu.max", "150000 100000").assert_only("core quota", Level::Warn, "1.50 cores");
    v2("pod/cpu.max", "50000 100000").assert_only("core quota", Level::Warn, "0.50 cores");
    v2("cpu.max", "400000 100000").assert_only("core quota", Level::Note, "4.00 cores");
    let both =
        v2("pod/cpu.max", "400000 100000").with("/sys/fs/cgroup/pod/box/cpu.max", b"100000 100000");
    both.assert_only("core quota", Level::Warn, "1.00 cores");

    let v1 = |quota: &str| {
        Machine::healthy()
            .with("/proc/self/cgroup", b"4:memory:/\n3:cpuacct,cpu:/docker/x\n0::/\n")
            .with("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", quota.as_bytes())
            .with("/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", b"100000")
    };
    v1("-1").assert_only("core quota", Level::Ok, "none");
    v1("75000").assert_only("core quota", Level::Warn, "0.75 cores");
}

#[test]
fn a_limit_of_memory_is_told_before_somebody_is_killed() {
    let v2 = |bytes: &str| Machine::healthy().with("/sys/fs/cgroup/memory.max", bytes.as_bytes());
    v2("max").assert_only("memory limit", Level::Ok, "none");
    v2("1048576").assert_only("memory limit", Level::Fail, "1MiB");
    v2("33554432").assert_only("memory limit", Level::Warn, "32MiB");
    v2("1073741824").assert_only("memory limit", Level::Ok, "1GiB");
    let v1 = |bytes: &str| {
        Machine::healthy()
            .with("/proc/self/cgroup", b"4:memory:/docker/x\n")
            .with("/sys/fs/cgroup/memory/memory.limit_in_bytes", bytes.as_bytes())
    };
    v1("9223372036854771712").assert_only("memory limit", Level::Ok, "none");
    v1("16777216").assert_only("memory limit", Level::Warn, "16MiB");
    let none = Machine::healthy().without("/proc/self/cgroup");
    none.assert_only("core quota", Level::Ok, "no control groups");
}

#[test]
fn queues_and_semaphores_that_are_useless_are_a_note_since_rings_use_none() {
    let machine = Machine::healthy().with("/proc/sys/fs/mqueue/queues_max", b"0");
    machine.assert_only("message queues", Level::Note, "0 of 10");
    let machine = Machine::healthy().without("/proc/sys/fs/mqueue");
    machine.assert_only("message queues", Level::Note, "not in this kernel");
    let machine = Machine::healthy().with("/proc/sys/kernel/msgmax", b"16");
    machine.assert_only("System V queues", Level::Note, "of 16 bytes");
    let machine = Machine::healthy().with("/proc/sys/kernel/sem", b"1 0 1 0");
    machine.assert_only("semaphores", Level::Note, "0 in 0 sets");
}
