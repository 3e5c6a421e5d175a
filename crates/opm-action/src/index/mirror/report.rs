//! What did not arrive, why, and who needs it.

use std::collections::BTreeSet;

use super::collect::Named;

/// An image that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) image: String,
    pub(super) why: String,
    pub(super) named: Named,
    /// Whether it is not where it should come from.
    pub(super) missing: bool,
}

impl Failure {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {}", self.image, self.why);
        let bundles: Vec<&str> =
            self.named.iter().map(|(_, bundle)| bundle.as_str()).filter(|bundle| !bundle.is_empty()).collect();
        if !bundles.is_empty() {
            text.extend([" (needed by ", &bundles.join(", "), ")"]);
        }
        text
    }
}

/// All that failed, and what that means for whom.
pub(super) fn report(failures: &[Failure], arrived: usize, hint: &str) -> String {
    let packages: BTreeSet<&str> = failures
        .iter()
        .flat_map(|failure| &failure.named)
        .map(|(package, _)| package.as_str())
        .filter(|package| !package.is_empty())
        .collect();
    let mut lines: Vec<String> = failures.iter().map(Failure::text).collect();
    lines.sort();
    lines.push(format!(
        "{} of {} images were not mirrored, and no manifest names them",
        failures.len(),
        failures.len() + arrived
    ));
    if !packages.is_empty() {
        lines.push(format!("incomplete packages: {}", packages.into_iter().collect::<Vec<_>>().join(", ")));
    }
    if !hint.is_empty() {
        lines.push(hint.to_owned());
    }
    lines.join("\n")
}
