//! A lane's process: started, stopped, killed, and started again.

use super::Tally;
use super::consumer::consume;
use super::ledger::{Ledger, Page};
use super::life::Life;
use super::producer::produce;
use annulus::ring::Role;
use annulus::{Attach, Segment};
use annulus_testkit::{Forked, Random};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A lane, and the process that lives in it, if one does. Dropped, it is killed.
pub(super) struct Member {
    pub(super) role: Role,
    pub(super) lane: usize,
    process: Option<Forked>,
    /// Since when it is stopped, and for how long it is to be.
    stopped: Option<(Instant, Duration)>,
    lives: u64,
}

impl Member {
    pub(super) fn new(role: Role, lane: usize) -> Member {
        Member { role, lane, process: None, stopped: None, lives: 0 }
    }

    pub(super) fn is_there(&self) -> bool {
        self.process.is_some()
    }

    /// Its process, if it was not reaped.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.as_ref()?.id()
    }

    /// Starts its next life, which attaches and joins like a stranger. Call it from a process of
    /// one thread.
    pub(super) fn start(
        &mut self,
        fd: &OwnedFd,
        ledger: &'static Ledger,
        seed: u64,
    ) -> io::Result<()> {
        self.lives += 1;
        let life = Life { role: self.role, lane: self.lane, number: self.lives };
        self.process = Some(Forked::start(|| live(fd, ledger, life, seed))?);
        Ok(())
    }

    /// Kills it, and waits until the kernel has taken everything back.
    pub(super) fn kill(&mut self, ledger: &Ledger, tally: &mut Tally) -> io::Result<()> {
        self.tend(ledger, tally)?;
        let page = self.page(ledger);
        let Some(mut process) = self.process.take() else { return Ok(()) };
        page.presence.is_doomed(self.lives);
        process.kill()?;
        self.stopped = None;
        tally.kills += 1;
        tally.inside += page.inside.swap(0, Ordering::SeqCst);
        page.presence.leaves();
        Ok(())
    }

    /// Stops it for so long; another step lets it go on.
    pub(super) fn stop(&mut self, span: Duration, tally: &mut Tally) -> io::Result<()> {
        let (Some(process), None) = (&self.process, self.stopped) else { return Ok(()) };
        process.signal(libc::SIGSTOP)?;
        self.stopped = Some((Instant::now(), span));
        tally.stops += 1;
        Ok(())
    }

    /// Lets it go on, if it is stopped.
    pub(super) fn go_on(&mut self, ledger: &Ledger) -> io::Result<()> {
        let (Some(process), Some((since, _))) = (&self.process, self.stopped.take()) else {
            return Ok(());
        };
        let span = since.elapsed().as_nanos() as u64;
        self.page(ledger).stopped_ns.fetch_add(span, Ordering::SeqCst);
        process.signal(libc::SIGCONT)
    }

    /// Lets it go on if it is time, and sees whether it has ended by itself.
    pub(super) fn tend(&mut self, ledger: &Ledger, tally: &mut Tally) -> io::Result<()> {
        if self.stopped.is_some_and(|(since, span)| since.elapsed() >= span) {
            self.go_on(ledger)?;
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        let Some(status) = process.ended()? else { return Ok(()) };
        match status {
            0 => tally.leaves += 1,
            libc::SIGKILL => tally.suicides += 1,
            _ => tally.faults.push(format!("WEDGED: a {:?} ended with status {status}", self.role)),
        }
        (self.process, self.stopped) = (None, None);
        self.page(ledger).inside.store(0, Ordering::SeqCst);
        self.page(ledger).presence.leaves();
        Ok(())
    }

    fn page<'l>(&self, ledger: &'l Ledger) -> &'l Page {
        ledger.page(self.role, self.lane)
    }
}

/// What it finds wrong stands in the ledger.
fn live(fd: &OwnedFd, ledger: &Ledger, life: Life, seed: u64) -> i32 {
    let attached = fd
        .as_fd()
        .try_clone_to_owned()
        .ok()
        .and_then(|fd| Segment::from_fd(fd, &Attach::default()).ok());
    let Some(segment) = attached else { return 1 };
    let lives = match life.role {
        Role::Producer => produce,
        Role::Consumer => consume,
    };
    if let Err(found) = lives(&segment, ledger, life, &mut Random::new(seed)) {
        ledger.page(life.role, life.lane).found(found);
    }
    0
}
