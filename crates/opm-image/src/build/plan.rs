//! What to build.

use super::{Change, Contents};
use crate::source::Source;

/// An image to be: its base, the files of one more layer, and what becomes of the configuration.
///
/// For which platforms is said by [`Options::platform`](crate::Options::platform). With one, only the base's image for it is
/// built upon, or an image for it is made from scratch. Without one, every image of the base is, and from scratch one is made
/// for [`Platform::host`](crate::Platform::host).
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// `None` builds from scratch.
    pub base: Option<Source>,
    /// The files of the new layer.
    pub contents: Contents,
    /// Of the configuration.
    pub change: Change,
}
