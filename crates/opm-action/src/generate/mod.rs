//! Generating what goes with a catalog.

pub mod dockerfile;
