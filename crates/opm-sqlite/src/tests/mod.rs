//! Tests of whole edits and answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod add;
mod add_by_version;
mod atomic;
mod catalog;
mod remove;
mod scale;
mod substitutes;
