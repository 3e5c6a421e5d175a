#![allow(clippy::unwrap_used, reason = "tests")]

mod emitting;
mod paths;
mod reading;
