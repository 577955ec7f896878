//! What a control group allows: time on the cores, and memory.
//!
//! ```text
//!   /proc/self/cgroup   0::/a/b           version 2: /sys/fs/cgroup/a/b/cpu.max, memory.max
//!                       4:cpu,cpuacct:/a  version 1: /sys/fs/cgroup/cpu/a/cpu.cfs_quota_us, ...
//! ```
//! Each group above counts as well. A container often sees only its own part of the tree, so a
//! group that is not there is no fault.

use super::finding::Finding;
use super::host::Host;
use super::root::{Root, Unread};
use crate::units::Bytes;

/// Groups above one another that are looked at.
const DEPTH_MAX: usize = 64;

/// A path that is longer is nobody's group.
const PATH_MAX: usize = 3_000;

/// Less memory than this is soon used up: a ring's pages count.
const SCARCE: u64 = 64 << 20;
/// With less not even a ring of the default capacity fits beside a process.
const LEAST: u64 = 4 << 20;
/// What version 1 writes for no limit is the greatest number of pages.
const NO_LIMIT: u64 = 1 << 60;

/// Time on the cores in hundredths of a core, and memory in bytes; `None` is no limit.
type Found = Result<Option<u64>, Unread>;

pub(super) fn look(root: &Root, _: &Host) -> Vec<Finding> {
    match root.text("/proc/self/cgroup") {
        Ok(groups) => vec![time(quota(root, &groups)), memory(most_memory(root, &groups))],
        // A kernel without groups.
        Err(why) if why.is_missing && root.has("/proc/self") => {
            let none = |name| Finding::ok(name, "no control groups");
            vec![none("core quota"), none("memory limit")]
        }
        Err(why) => {
            vec![Finding::unread("core quota", &why), Finding::unread("memory limit", &why)]
        }
    }
}

fn time(quota: Found) -> Finding {
    let name = "core quota";
    match quota {
        Ok(None) => Finding::ok(name, "none"),
        Ok(Some(hundredths)) => {
            let cores = hundredths as f64 / 100.0;
            let found = format!("{cores:.2} cores: who has used them up is stopped for a while");
            if hundredths < 200 {
                let advice = "allow two cores or more, or none at all: two sides that spin use two";
                return Finding::warn(name, found, advice);
            }
            let advice = "bind the container to whole cores (a cpuset) if the longest waits matter";
            Finding::note(name, found, advice)
        }
        Err(why) => Finding::unread(name, &why),
    }
}

fn memory(limit: Found) -> Finding {
    let name = "memory limit";
    let advice = "allow more memory: a ring's pages count as this container's";
    match limit {
        Ok(None) => Finding::ok(name, "none"),
        Ok(Some(bytes)) if bytes < LEAST => {
            let found = format!("{}, and making a ring ends in being killed", Bytes(bytes));
            Finding::fail(name, found, advice)
        }
        Ok(Some(bytes)) if bytes < SCARCE => Finding::warn(name, Bytes(bytes).to_string(), advice),
        Ok(Some(bytes)) => Finding::ok(name, Bytes(bytes).to_string()),
        Err(why) => Finding::unread(name, &why),
    }
}

fn quota(root: &Root, groups: &str) -> Found {
    let newer = least(root, &unified(root, groups), |root, folder| {
        root.value(&format!("{folder}/cpu.max"), |text| {
            let (quota, period) = text.split_once(' ')?;
            let period: u64 = period.parse().ok()?;
            match quota {
                "max" => Some(None),
                quota => {
                    Some(Some(quota.parse::<u64>().ok()?.checked_mul(100)? / nonzero(period)?))
                }
            }
        })
    })?;
    let older = least(root, &legacy(groups, "cpu"), |root, folder| {
        let quota = root.value(&format!("{folder}/cpu.cfs_quota_us"), |text| {
            text.parse::<i64>().ok().filter(|quota| *quota >= -1)
        })?;
        let Ok(quota) = u64::try_from(quota) else { return Ok(None) };
        let hundredths = |text: &str| quota.checked_mul(100)?.checked_div(text.parse().ok()?);
        root.value(&format!("{folder}/cpu.cfs_period_us"), hundredths).map(Some)
    })?;
    Ok([newer, older].into_iter().flatten().min())
}

fn most_memory(root: &Root, groups: &str) -> Found {
    let newer = least(root, &unified(root, groups), |root, folder| {
        root.value(&format!("{folder}/memory.max"), |text| match text {
            "max" => Some(None),
            bytes => bytes.parse().ok().map(Some),
        })
    })?;
    let older = least(root, &legacy(groups, "memory"), |root, folder| {
        let bytes = root.number(&format!("{folder}/memory.limit_in_bytes"))?;
        Ok((bytes < NO_LIMIT).then_some(bytes))
    })?;
    Ok([newer, older].into_iter().flatten().min())
}

/// The least of what `read` finds in the folders; where nothing is, there is no limit.
fn least(root: &Root, folders: &[String], read: impl Fn(&Root, &str) -> Found) -> Found {
    let mut least = None;
    for folder in folders {
        match read(root, folder) {
            Ok(found) => least = [least, found].into_iter().flatten().min(),
            Err(why) if why.is_missing => {}
            Err(why) => return Err(why),
        }
    }
    Ok(least)
}

/// The folders of this process's group of version 2, from the innermost out.
fn unified(root: &Root, groups: &str) -> Vec<String> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    // Beside version 1 it has a place of its own.
    let both = "/sys/fs/cgroup/unified";
    let base = if root.has(both) { both } else { "/sys/fs/cgroup" };
    path.map_or(Vec::new(), |path| outwards(base, path))
}

/// The same of version 1 with this controller.
fn legacy(groups: &str, controller: &str) -> Vec<String> {
    let path = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|word| word == controller).then_some(path)
    });
    path.map_or(Vec::new(), |path| outwards(&format!("/sys/fs/cgroup/{controller}"), path))
}

fn outwards(base: &str, path: &str) -> Vec<String> {
    // A group of another container is shown as `/../name`: it is not below the base.
    let is_outside = path.split('/').any(|part| part == "..");
    let path = if is_outside || path.len() > PATH_MAX { "/" } else { path };
    let mut rest = path.trim_end_matches('/');
    let mut folders = Vec::new();
    while !rest.is_empty() && folders.len() < DEPTH_MAX {
        folders.push(format!("{base}{rest}"));
        rest = rest.rsplit_once('/').map_or("", |(above, _)| above);
    }
    folders.push(base.to_owned());
    folders
}

fn nonzero(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}
