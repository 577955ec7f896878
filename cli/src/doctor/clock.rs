//! The clock that deadlines and benches read.

use super::finding::Finding;
use super::host::Host;
use super::root::Root;

pub(super) fn look(root: &Root, _: &Host) -> Vec<Finding> {
    let name = "clocksource";
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let word = root.value(path, |text| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        (!text.is_empty() && text.len() < 40 && text.chars().all(is_word)).then(|| text.to_owned())
    });
    vec![match word {
        Ok(word) => match word.as_str() {
            // Those that the vDSO reads without entering the kernel.
            "tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page" => {
                Finding::ok(name, word)
            }
            "hpet" | "acpi_pm" | "jiffies" | "refined-jiffies" | "pit" | "xen" => Finding::warn(
                name,
                format!("{word}, which is read in the kernel, a microsecond each time"),
                "boot with clocksource=tsc tsc=reliable if this machine's counter is steady",
            ),
            _ => Finding::note(
                name,
                format!("{word}, which is not known here"),
                "see with 'annulus bench' what waits with a deadline cost",
            ),
        },
        Err(why) => Finding::unread(name, &why),
    }]
}
