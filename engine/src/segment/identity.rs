//! Who a process is, and whether it may still live: by what the kernel says under `/proc`.
//!
//! A pid alone may be somebody else's by now; with the time at which the kernel started the process
//! it is not, within one pid namespace. Of a process in another namespace nothing can be said.

use crate::sync::Identity;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Our own.
pub(super) fn own() -> Identity {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Identity {
        pid: std::process::id().into(),
        started: stat("self").map_or(0, |(_, started)| started),
        namespace: namespace(),
        now_ns: since.as_nanos() as u64,
    }
}

/// Whether that process may still be there. `false` for one in another pid namespace, of which
/// nothing can be said: then its lock has the word.
pub(super) fn may_live(who: &Identity) -> bool {
    if who.pid == 0 || who.namespace == 0 || who.namespace != namespace() {
        return false;
    }
    match stat(&who.pid.to_string()) {
        // A zombie runs no more, and neither does one that the kernel calls dead.
        Some((state, started)) => started == who.started && !matches!(state, 'Z' | 'X'),
        None => false,
    }
}

/// The inode of our pid namespace; 0 if the kernel does not say.
fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino())
}

/// The state of a process, and when it began.
fn stat(pid: &str) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything. Its state is the third field, its start the 22nd.
    let mut fields = stat.rsplit(") ").next()?.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

// The kernel is asked, which Miri has not.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn we_live_and_one_who_began_at_another_time_or_elsewhere_does_not() {
        let own = own();
        assert!(own.started > 0 && own.namespace > 0, "{own:?}");
        assert!(may_live(&own));
        assert!(!may_live(&Identity { started: own.started + 1, ..own }));
        assert!(!may_live(&Identity { namespace: own.namespace + 1, ..own }));
        assert!(!may_live(&Identity { pid: 0, ..own }));
    }

    #[test]
    fn a_process_that_has_ended_and_was_not_reaped_does_not_live() {
        let mut child = std::process::Command::new("true").spawn().expect("there is a true");
        let pid = child.id();
        let who = || {
            let started = stat(&pid.to_string()).map(|(_, started)| started);
            Identity { pid: pid.into(), started: started.unwrap_or(0), ..own() }
        };
        let begun = std::time::Instant::now();
        while may_live(&who()) {
            assert!(begun.elapsed().as_secs() < 30, "it ends at once");
            std::thread::yield_now();
        }
        child.wait().expect("it can be reaped");
        assert!(!may_live(&who()));
    }
}
