//! Where a run takes place: what is recorded with its figures, and the two cores it uses.
//!
//! The list of usable cores must be asked for *before* anybody is pinned: a pinned process is
//! shown its own core only. So a [`Machine`] is made once, by the parent, which pins nothing but
//! its children.

use std::process::Command;

use core_affinity::CoreId;

use crate::fault::Fault;

/// Set this to what `commit` should say, where the run is not started inside the repository.
pub const COMMIT_VARIABLE: &str = "ANNULUS_BENCH_COMMIT";

/// The facts that are recorded with every figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The processor's name as the kernel tells it.
    pub cpu: String,
    /// How many cores this process may use.
    pub core_count: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The commit of the working directory, with `-dirty` if files differ from it.
    pub commit: String,
    /// The lead's core and the peer's.
    pub cores: [usize; 2],
}

impl Machine {
    /// Looks at the machine and chooses two cores: two that do not share one physical core, on
    /// one package, and not core 0 (which serves most interrupts) if there is a choice.
    pub fn look() -> Result<Machine, Fault> {
        let usable = usable_cores();
        let cores = choose(&usable).ok_or(Fault::OneCore { allowed: usable.len() })?;
        Ok(Machine::with(usable.len(), cores))
    }

    /// Looks at the machine, with the two cores that the user wants.
    pub fn look_with(cores: [usize; 2]) -> Result<Machine, Fault> {
        let usable = usable_cores();
        if usable.len() < 2 {
            return Err(Fault::OneCore { allowed: usable.len() });
        }
        let refused = cores.into_iter().find(|core| !usable.contains(core));
        if let Some(core) = refused.or((cores[0] == cores[1]).then_some(cores[0])) {
            return Err(Fault::CoreRefused { core });
        }
        Ok(Machine::with(usable.len(), cores))
    }

    fn with(core_count: usize, cores: [usize; 2]) -> Machine {
        Machine { cpu: cpu(), core_count, kernel: kernel(), commit: commit(), cores }
    }
}

/// Binds the calling thread to one core. False if the kernel refuses.
pub(crate) fn pin(core: usize) -> bool {
    core_affinity::set_for_current(CoreId { id: core })
}

fn usable_cores() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect()
}

/// The best pair by (different physical cores, one package, no core 0); the earliest among equals.
fn choose(usable: &[usize]) -> Option<[usize; 2]> {
    let topology: Vec<(String, String)> = usable
        .iter()
        .map(|&core| (fact(core, "thread_siblings_list"), fact(core, "physical_package_id")))
        .collect();
    let mut best = None;
    for i in 0..usable.len() {
        for j in i + 1..usable.len() {
            let apart = topology[i].0 != topology[j].0 || topology[i].0.is_empty();
            let near = topology[i].1 == topology[j].1;
            let merit = (apart, near, usable[i] != 0);
            if best.is_none_or(|(_, other)| merit > other) {
                best = Some(([usable[i], usable[j]], merit));
            }
        }
    }
    best.map(|(pair, _)| pair)
}

fn fact(core: usize, name: &str) -> String {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/{name}");
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn cpu() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let name = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    }
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn commit() -> String {
    if let Ok(told) = std::env::var(COMMIT_VARIABLE) {
        return told;
    }
    let Some(hash) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["--no-optional-locks", "status", "--porcelain"]) {
        Some(changes) if !changes.is_empty() => format!("{hash}-dirty"),
        _ => hash,
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
