//! The rules of editing a catalog, however that is stored: in what order bundles are added, whose edges lead where they must not,
//! and in which words an edit is refused.

mod foreign;
mod order;
mod refusal;
mod seen;

pub use foreign::Wanted;
pub use order::by_package;
pub use refusal::Refusal;
pub use seen::Seen;

/// How the upgrade graph of a package comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// From what the CSVs of the new bundles say they replace and skip; of them and the head of a channel, the highest version
    /// heads it.
    #[default]
    Replaces,
    /// From the versions alone: each bundle replaces the next lower one.
    SemVer,
    /// Like [`Mode::SemVer`], but a bundle skips the lower patch versions of its own minor version.
    SkipPatch,
}
