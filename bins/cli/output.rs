//! Data on stdout, everything else on stderr.

use std::io::{self, Write};

use anyhow::Context as _;

/// Nobody reads stdout any more; the rest of the output is not wanted.
#[derive(Debug)]
pub struct Piped;

impl std::fmt::Display for Piped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the reader of the output has closed it")
    }
}

impl std::error::Error for Piped {}

/// Writes data to stdout. Fails with [`Piped`] where nobody reads it any more.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Piped.into()),
        result => result.context("cannot write to stdout"),
    }
}

/// Tells of findings that a permissive run went on with.
pub fn warn(findings: &[anyhow::Error]) {
    for line in findings.iter().flat_map(opm_action::report) {
        tracing::warn!("{line}");
    }
}

/// Writes lines to stderr; that nobody reads them is no reason to end.
pub(crate) fn eprint(text: &str) {
    let _unread = io::stderr().lock().write_all(text.as_bytes());
}
