//! Log lines on their way to stderr.
//!
//! A busy server tells of thousands of calls a second. Such lines are collected and written together, a tenth of a second later at
//! the most; everything else is written at once, and in order. Nobody waits for a reader of the log but those who have
//! something more important to say: when it is full, lines about calls are lost, and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The events that may wait.
const PATIENT: &str = "opm_api::calls";
/// How long they wait, and how much of them is collected before it is written anyway, in bytes.
const DELAY: Duration = Duration::from_millis(100);
const ENOUGH: usize = 32 * 1024;
/// How much of them is kept for a reader that takes none, in bytes.
const FULL: usize = 1024 * 1024;

struct Lines {
    waiting: Mutex<Waiting>,
    more: Condvar,
    /// Held by whoever writes, so that lines stay in order.
    writing: Mutex<()>,
    writer: Once,
}

struct Waiting {
    text: Vec<u8>,
    lost: u64,
}

static LINES: Lines = Lines {
    waiting: Mutex::new(Waiting { text: Vec::new(), lost: 0 }),
    more: Condvar::new(),
    writing: Mutex::new(()),
    writer: Once::new(),
};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what waits.
pub(crate) fn flush() {
    let _order = locked(&LINES.writing);
    let (mut text, lost) = {
        let mut waiting = locked(&LINES.waiting);
        (mem::take(&mut waiting.text), mem::take(&mut waiting.lost))
    };
    if lost > 0 {
        text.extend_from_slice(format!("{lost} lines about calls are lost, as nobody took them\n").as_bytes());
    }
    // That nobody reads it is no reason to end.
    let _unread = io::stderr().lock().write_all(&text);
}

fn write_now_and_then() {
    loop {
        {
            let mut waiting = locked(&LINES.waiting);
            while waiting.text.is_empty() {
                waiting = LINES.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        }
        thread::sleep(DELAY);
        flush();
    }
}

/// Where log lines go.
pub(crate) struct Stderr;

/// Where one log line goes.
pub(crate) struct Line {
    may_wait: bool,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { may_wait: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { may_wait: meta.target() == PATIENT }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = locked(&LINES.waiting);
        if self.may_wait {
            if waiting.text.len() + line.len() > FULL {
                waiting.lost += 1;
                return Ok(line.len());
            }
            let was_empty = waiting.text.is_empty();
            waiting.text.extend_from_slice(line);
            let is_enough = waiting.text.len() > ENOUGH;
            drop(waiting);
            if was_empty {
                LINES.writer.call_once(|| {
                    // Without it, lines wait for the next one that does not.
                    let _started = thread::Builder::new().name("log".to_owned()).spawn(write_now_and_then);
                });
                LINES.more.notify_one();
            // Only if nobody else is about it.
            } else if is_enough && LINES.writing.try_lock().is_ok() {
                flush();
            }
        } else {
            waiting.text.extend_from_slice(line);
            drop(waiting);
            flush();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
