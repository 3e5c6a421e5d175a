//! Made-up operators and databases for tests.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::time::Duration;

use rusqlite::Connection;

thread_local! {
    static PATIENCE: Cell<Duration> = const { Cell::new(Duration::from_secs(30)) };
    static MAX_PAGES: Cell<Option<u32>> = const { Cell::new(None) };
}

/// How long connections of this thread wait for locks.
pub(crate) fn patience() -> Duration {
    PATIENCE.get()
}

/// Makes connections of this thread wait no longer for locks.
pub(crate) fn without_patience() {
    PATIENCE.set(Duration::ZERO);
}

/// Lets databases that this thread opens for writing grow to so many pages only, as on a full disk.
pub(crate) fn disk_of(pages: Option<u32>) {
    MAX_PAGES.set(pages);
}

/// What is done to every connection for writing.
pub(crate) fn opened(conn: &Connection) -> rusqlite::Result<()> {
    if let Some(pages) = MAX_PAGES.get() {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}
