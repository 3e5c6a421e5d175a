//! Making, editing and serving a database.

pub mod add;
pub mod build;
pub mod deprecatetruncate;
pub mod images;
pub mod prune;
pub mod prune_stranded;
pub mod rm;
pub mod serve;

use anyhow::anyhow;
use opm_sqlite::StoreError;

/// Names in a list whose elements may be lists themselves, separated by commas; each once, none empty.
pub(crate) fn names(list: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in list.iter().flat_map(|element| element.split(',')).map(str::trim).filter(|n| !n.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Findings of a permissive edit, as errors.
pub(crate) fn warnings(findings: Vec<StoreError>) -> Vec<anyhow::Error> {
    findings.into_iter().map(|finding| anyhow!(finding)).collect()
}
