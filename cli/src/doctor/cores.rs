//! Cores: how many there are to spin on, which share a physical one, and where their memory is.

use super::cpulist;
use super::finding::Finding;
use super::host::Host;
use super::root::{Root, Unread};

pub(super) fn look(root: &Root, host: &Host) -> Vec<Finding> {
    let mut findings = vec![usable(root, host)];
    findings.push(match &host.cores {
        Ok(cores) => siblings(root, cores),
        Err(why) => Finding::unasked("SMT siblings", "sched_getaffinity", why),
    });
    findings.push(isolated(root));
    findings.push(nodes(root));
    findings
}

fn usable(root: &Root, host: &Host) -> Finding {
    let name = "cores";
    let cores = match &host.cores {
        Ok(cores) => cores,
        Err(why) => return Finding::unasked(name, "sched_getaffinity", why),
    };
    let online = root.value("/sys/devices/system/cpu/online", cpulist::parse);
    let of = match &online {
        Ok(online) => format!(" of {}", online.len()),
        Err(_) => String::new(),
    };
    let found = format!("{}{of} may be used: {}", cores.len(), cpulist::show(cores));
    if cores.len() < 2 {
        return Finding::warn(
            name,
            format!("{found}; two sides that spin on one core take turns of milliseconds"),
            "allow this process two cores or more (taskset, the container's cpuset)",
        );
    }
    match online {
        Ok(_) => Finding::ok(name, found),
        Err(why) => Finding::unread(name, &why),
    }
}

fn siblings(root: &Root, cores: &[usize]) -> Finding {
    let name = "SMT siblings";
    let of = |core: &usize| {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        root.value(&path, cpulist::parse)
    };
    let groups: Result<Vec<Vec<usize>>, Unread> = cores.iter().map(of).collect();
    let mut groups = match groups {
        Ok(groups) => groups,
        Err(why) => return Finding::unread(name, &why),
    };
    groups.sort_unstable();
    groups.dedup();
    let shared: Vec<String> = groups
        .iter()
        .filter(|group| group.iter().filter(|core| cores.contains(core)).count() > 1)
        .map(|group| cpulist::show(group))
        .collect();
    if shared.is_empty() {
        return Finding::ok(name, "no two cores that may be used share a physical one");
    }
    // A machine may have hundreds.
    let more = if shared.len() > 4 { " and more" } else { "" };
    let pairs = shared[..shared.len().min(4)].join(" | ");
    if groups.len() == 1 {
        return Finding::warn(
            name,
            format!("all cores that may be used are one physical core: {pairs}"),
            "allow a second physical core: siblings that spin take each other's time",
        );
    }
    Finding::note(
        name,
        format!("these share a physical core: {pairs}{more}"),
        "pin the two sides to different ones (taskset -c)",
    )
}

fn isolated(root: &Root) -> Finding {
    let name = "isolated cores";
    match root.value("/sys/devices/system/cpu/isolated", cpulist::parse) {
        Ok(cores) if cores.is_empty() => Finding::note(
            name,
            "none: others may be scheduled on the cores of a ring",
            "boot with isolcpus= and nohz_full=, and pin there, if the longest waits matter",
        ),
        Ok(cores) => Finding::ok(name, cpulist::show(&cores)),
        Err(why) => Finding::unread(name, &why),
    }
}

fn nodes(root: &Root) -> Finding {
    let name = "NUMA nodes";
    match root.value("/sys/devices/system/node/online", cpulist::parse) {
        Ok(nodes) if nodes.len() > 1 => Finding::note(
            name,
            format!("{}: {}", nodes.len(), cpulist::show(&nodes)),
            "run both sides on one node (numactl -N 0 -m 0): a line between two costs twice",
        ),
        Ok(nodes) => Finding::ok(name, nodes.len().to_string()),
        // A kernel without NUMA.
        Err(why) if why.is_missing => Finding::ok(name, "1, as far as the kernel tells"),
        Err(why) => Finding::unread(name, &why),
    }
}
