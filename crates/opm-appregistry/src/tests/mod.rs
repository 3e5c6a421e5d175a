#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod archives;
mod asking;
mod words;
