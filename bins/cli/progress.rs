//! How pulls and builds are shown: as a line that changes on a terminal, as lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use opm_action::{Event, Progress};

use crate::output::eprint;

/// Shows the steps of pulls on stderr.
pub(crate) struct Shown {
    bar: Option<ProgressBar>,
    begun: AtomicU64,
    done: AtomicU64,
    bytes: AtomicU64,
}

impl Shown {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, begun: AtomicU64::new(0), done: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprint(&format!("{text}\n")),
        }
    }

    fn update(&self) {
        let Some(bar) = &self.bar else { return };
        let [begun, done, bytes] = [&self.begun, &self.done, &self.bytes].map(|n| n.load(Ordering::Relaxed));
        bar.set_message(format!("pulled {done} of {begun} images, {}", HumanBytes(bytes)));
        if begun == done {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Resolving { image } => {
                self.begun.fetch_add(1, Ordering::Relaxed);
                match &self.bar {
                    Some(bar) => bar.enable_steady_tick(Duration::from_millis(100)),
                    None => self.line(&format!("pulling {image}")),
                }
            }
            Event::Bytes(n) => {
                self.bytes.fetch_add(n, Ordering::Relaxed);
            }
            Event::Retrying { why, wait } => self.line(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64())),
            Event::Skipped { what: line } | Event::Step { line } => self.line(line),
            Event::Writing { output } => self.line(&format!("writing {output}")),
            Event::Pushing { digest, size } => self.line(&format!("pushing {digest}, {}", HumanBytes(size))),
            Event::Written { output, digest } => self.line(&format!("wrote {output} ({digest})")),
            Event::Done => {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        self.update();
    }
}
