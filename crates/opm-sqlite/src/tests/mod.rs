//! Tests of whole edits and answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "methods of a type with a lifetime are not general enough"
)]

mod add;
mod add_by_version;
mod atomic;
mod catalog;
mod remove;
mod scale;
mod substitutes;
