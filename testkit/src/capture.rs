//! What a child writes, read by a thread for each stream, so that the child never waits for us.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(crate) struct Capture {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct Text {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Streams that somebody can still write to.
    open: usize,
}

impl Capture {
    /// Reads both streams to their ends in the background.
    pub(crate) fn of(
        stdout: Option<impl Read + Send + 'static>,
        stderr: Option<impl Read + Send + 'static>,
    ) -> Arc<Capture> {
        let capture = Arc::new(Capture::default());
        if let Some(stdout) = stdout {
            capture.read(stdout, |text| &mut text.stdout);
        }
        if let Some(stderr) = stderr {
            capture.read(stderr, |text| &mut text.stderr);
        }
        capture
    }

    /// What has come so far.
    pub(crate) fn text(&self) -> MutexGuard<'_, Text> {
        self.text.lock().expect("no reader panics")
    }

    /// Waits until `done` says so, all writers have closed, or the time is up; then gives the text.
    pub(crate) fn wait(
        &self,
        end: Instant,
        mut done: impl FnMut(&Text) -> bool,
    ) -> MutexGuard<'_, Text> {
        let mut text = self.text();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if done(&text) || text.open == 0 || left == Duration::ZERO {
                return text;
            }
            text = self.changed.wait_timeout(text, left).expect("no reader panics").0;
        }
    }

    fn read(
        self: &Arc<Self>,
        mut stream: impl Read + Send + 'static,
        place: fn(&mut Text) -> &mut Vec<u8>,
    ) {
        self.text().open += 1;
        let capture = Arc::clone(self);
        thread::spawn(move || {
            let mut chunk = [0; 64 << 10];
            // Ends at the end of file; an error of a pipe would be one, too.
            while let Ok(len @ 1..) = stream.read(&mut chunk) {
                place(&mut capture.text()).extend_from_slice(&chunk[..len]);
                capture.changed.notify_all();
            }
            capture.text().open -= 1;
            capture.changed.notify_all();
        });
    }
}

impl Text {
    /// Whether all that will ever come is here.
    pub(crate) fn complete(&self) -> bool {
        self.open == 0
    }
}
