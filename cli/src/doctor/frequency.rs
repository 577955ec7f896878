//! How fast the cores run, and who decides.

use super::cpulist;
use super::finding::Finding;
use super::host::Host;
use super::root::Root;

const NAME: &str = "governor";

pub(super) fn look(root: &Root, host: &Host) -> Vec<Finding> {
    let cores = match &host.cores {
        Ok(cores) => cores,
        Err(why) => return vec![Finding::unasked(NAME, "sched_getaffinity", why)],
    };
    let (mut slow, mut varying, mut unread, mut missing) = (Vec::new(), Vec::new(), None, 0);
    for core in cores {
        let folder = format!("/sys/devices/system/cpu/cpu{core}/cpufreq");
        let driver = root.text(&format!("{folder}/scaling_driver")).unwrap_or_default();
        let varies_by_itself =
            driver.starts_with("intel_pstate") || driver.starts_with("amd-pstate");
        match root.value(&format!("{folder}/scaling_governor"), governor) {
            Ok("performance") => {}
            // These drivers' powersave goes up with the load.
            Ok("powersave") if !varies_by_itself => slow.push(*core),
            Ok(word) => varying.push((*core, word)),
            Err(why) if why.is_missing => missing += 1,
            Err(why) => unread = Some(why),
        }
    }
    let advice = "choose performance: cpupower frequency-set -g performance";
    let finding = if !slow.is_empty() {
        let found = format!("powersave, the lowest frequency, on {}", cpulist::show(&slow));
        Finding::warn(NAME, found, advice)
    } else if let Some((_, word)) = varying.first() {
        let cores: Vec<usize> = varying.iter().map(|(core, _)| *core).collect();
        let found =
            format!("{word} on {}: a core that was idle begins slowly", cpulist::show(&cores));
        Finding::note(NAME, found, advice)
    } else if let Some(why) = unread {
        Finding::unread(NAME, &why)
    } else if missing == cores.len() {
        Finding::ok(NAME, "none: the frequency is not the kernel's to choose")
    } else {
        Finding::ok(NAME, "performance")
    };
    vec![finding]
}

/// The governors that kernels have.
fn governor(text: &str) -> Option<&'static str> {
    let known = ["performance", "powersave", "ondemand", "conservative", "schedutil", "userspace"];
    known.into_iter().find(|word| *word == text)
}
