//! Black-box tests: the binaries, run as a person or a script runs them. Each command's tests are at the command's address.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::type_complexity,
    reason = "tests"
)]

mod bed;
mod configmap_server;
mod equivalence;
mod golden;
mod help;
mod hostile;
mod hostile_catalogs;
mod initializer;
mod killed;
mod local_images;
mod manners;
mod mirroring;
mod opm;
mod pages;
mod registry_server;
mod rows;
mod share;
mod stores;
mod tidy;
mod web;
