//! How pulls, builds and mirrors are shown.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use opm_action::{Event, Progress};
use serde_json::json;

use crate::output::eprint;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// A line for each step
    Plain,
    /// A line that changes, and lines for what is done
    Tty,
    /// A JSON object for each step
    Json,
    /// Nothing but what fails and is tried again
    None,
}

/// Shows the steps of pulls on stderr.
pub struct Shown {
    how: ProgressArg,
    bar: Option<ProgressBar>,
    begun: AtomicU64,
    done: AtomicU64,
    bytes: AtomicU64,
}

impl Shown {
    /// Shows progress as a terminal likes it, and nothing where there is none.
    pub fn on_terminals() -> Self {
        Self::new(if std::io::stderr().is_terminal() { ProgressArg::Tty } else { ProgressArg::None })
    }

    /// Shows progress in a certain way.
    pub fn new(how: ProgressArg) -> Self {
        let bar = (how == ProgressArg::Tty).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { how, bar, begun: AtomicU64::new(0), done: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// A line that is shown in any case.
    fn warn(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprint(&format!("{text}\n")),
        }
    }

    /// A line about a step.
    fn line(&self, text: &str) {
        match self.how {
            ProgressArg::Plain | ProgressArg::Tty => self.warn(text),
            ProgressArg::Json => {}
            ProgressArg::None => tracing::info!("{text}"),
        }
    }

    fn update(&self) {
        let Some(bar) = &self.bar else { return };
        let [begun, done, bytes] = [&self.begun, &self.done, &self.bytes].map(|n| n.load(Ordering::Relaxed));
        bar.set_message(format!("{done} of {begun} images, {}", HumanBytes(bytes)));
        if begun == done {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }

    fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    }
}

/// A step as a JSON object; nothing for bytes, of which there are too many.
fn object(event: &Event<'_>) -> Option<serde_json::Value> {
    Some(match event {
        Event::Resolving { image } => json!({"step": "resolving", "image": image}),
        Event::Layer { digest, size } => json!({"step": "layer", "digest": digest.as_str(), "size": size}),
        Event::Retrying { why, wait } => json!({"step": "retrying", "why": why, "wait": wait.as_secs_f64()}),
        Event::Skipped { what } => json!({"step": "skipped", "what": what}),
        Event::Step { line } => json!({"step": "other", "what": line}),
        Event::Writing { output } => json!({"step": "writing", "output": output}),
        Event::Pushing { digest, size } => json!({"step": "pushing", "digest": digest.as_str(), "size": size}),
        Event::Written { output, digest } => {
            json!({"step": "written", "output": output, "digest": digest.as_str()})
        }
        _ => return None,
    })
}

impl Progress for Shown {
    fn event(&self, event: Event<'_>) {
        if self.how == ProgressArg::Json {
            if let Some(object) = object(&event) {
                eprint(&format!("{object}\n"));
            }
            return;
        }
        match event {
            Event::Resolving { image } => {
                self.begin();
                if self.bar.is_none() {
                    self.line(&format!("pulling {image}"));
                }
            }
            Event::Bytes(n) => {
                self.bytes.fetch_add(n, Ordering::Relaxed);
            }
            Event::Retrying { why, wait } => self.warn(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64())),
            Event::Skipped { what: line } | Event::Step { line } => self.warn(line),
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
