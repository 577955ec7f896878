//! Huge pages: a ring of a MiB has 257 small ones, each a miss when it is first used.

use super::finding::Finding;
use super::host::Host;
use super::root::{Root, chosen};

const FOLDER: &str = "/sys/kernel/mm/transparent_hugepage";

pub(super) fn look(root: &Root, _: &Host) -> Vec<Finding> {
    vec![anonymous(root), shared(root), reserved(root)]
}

fn anonymous(root: &Root) -> Finding {
    let name = "THP";
    match root.value(&format!("{FOLDER}/enabled"), chosen) {
        Ok(word) if word == "always" => Finding::note(
            name,
            "always: the kernel may stop a process to make huge pages for its heap",
            "choose madvise: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Ok(word) => Finding::ok(name, word),
        Err(why) if why.is_missing => Finding::ok(name, "not in this kernel"),
        Err(why) => Finding::unread(name, &why),
    }
}

fn shared(root: &Root) -> Finding {
    let name = "THP of memfds";
    match root.value(&format!("{FOLDER}/shmem_enabled"), chosen) {
        Ok(word) if ["always", "force", "within_size"].contains(&word.as_str()) => {
            Finding::ok(name, word)
        }
        Ok(word) => Finding::note(
            name,
            format!("{word}: rings have pages of 4 KiB"),
            "choose within_size in shmem_enabled, and mount /dev/shm with huge=within_size, if \
             rings have many MiB",
        ),
        Err(why) if why.is_missing => Finding::ok(name, "not in this kernel"),
        Err(why) => Finding::unread(name, &why),
    }
}

fn reserved(root: &Root) -> Finding {
    let name = "huge pages";
    let total = root.value("/proc/meminfo", |text| {
        let line = text.lines().find_map(|line| line.strip_prefix("HugePages_Total:"));
        line.map_or(Some(0), |count| count.trim().parse::<u64>().ok())
    });
    match total {
        Ok(0) => Finding::ok(name, "none reserved, and none needed"),
        Ok(count) => Finding::note(
            name,
            format!("{count} reserved, which rings do not use"),
            "give them back (sysctl vm.nr_hugepages=0) if nobody else wants them",
        ),
        Err(why) => Finding::unread(name, &why),
    }
}
