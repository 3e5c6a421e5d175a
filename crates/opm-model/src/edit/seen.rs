use std::collections::BTreeSet;

use super::Refusal;

/// The names that a walk along a chain of substitutions has met.
#[derive(Debug)]
pub struct Seen(BTreeSet<String>);

impl Seen {
    /// A walk that begins at this bundle.
    pub fn from(name: &str) -> Self {
        Self(BTreeSet::from([name.to_owned()]))
    }

    /// Goes on to a bundle.
    ///
    /// # Errors
    /// When the walk has been there.
    pub fn visit(&mut self, name: &str) -> Result<(), Refusal> {
        if self.0.insert(name.to_owned()) { Ok(()) } else { Err(Refusal::SubstitutionCycle(name.to_owned())) }
    }
}
