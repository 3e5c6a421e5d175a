//! Which namespaces an operator watches: install modes.

use std::collections::BTreeSet;

use super::ConvertError;

const ALL: &str = "AllNamespaces";
const OWN: &str = "OwnNamespace";
const SINGLE: &str = "SingleNamespace";
const MULTI: &str = "MultiNamespace";

/// The namespaces to watch: those that are asked for, each once, or what the install modes say. An empty name stands for all.
pub(super) fn effective(asked: &[String], install: &str, modes: &BTreeSet<&str>) -> Result<Vec<String>, ConvertError> {
    let list = crate::once(asked.to_vec());
    let supported = modes.iter().copied().collect::<Vec<_>>().join(", ");
    let fail = |what: &str| {
        let shown: Vec<&str> = list.iter().take(20).map(String::as_str).collect();
        let more = if list.len() > 20 { ", …" } else { "" };
        Err(ConvertError::Targets(format!(
            "invalid target namespaces [{}{more}]: {what}; supported install modes: [{supported}]",
            shown.join(", ")
        )))
    };
    let has = |mode: &str| modes.contains(mode);
    if list.is_empty() {
        return match () {
            () if has(ALL) => Ok(vec![String::new()]),
            () if has(OWN) => Ok(vec![install.to_owned()]),
            () if has(MULTI) => fail("targetNamespaces must be specified: at least one target namespace is required"),
            () if has(SINGLE) => fail(
                "targetNamespaces must be specified: exactly one target namespace is required, which must differ from the install namespace",
            ),
            () => fail("the operator supports no install mode"),
        };
    }
    if let Some(name) = list.iter().find(|name| !name.is_empty() && !is_label(name)) {
        return fail(&format!("{name:?} is not the name of a namespace (a DNS-1123 label)"));
    }
    match list.as_slice() {
        [one] if one.is_empty() => {
            if has(ALL) {
                Ok(list)
            } else {
                fail("cannot target all namespaces")
            }
        }
        [one] if one == install => {
            if has(OWN) {
                Ok(list)
            } else {
                fail("cannot target own namespace")
            }
        }
        [_] => {
            if has(SINGLE) {
                Ok(list)
            } else {
                fail("cannot target a single other namespace")
            }
        }
        _ if list.iter().any(|name| name == install) && !has(OWN) => fail("cannot target own namespace"),
        _ if list.iter().any(String::is_empty) => fail("all namespaces (\"\") cannot be combined with others"),
        _ if !has(MULTI) => fail("cannot target multiple namespaces"),
        _ => Ok(list),
    }
}

/// Whether a name is a DNS-1123 label: up to 63 lower-case letters, digits and dashes, none of these at an end.
pub(super) fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_label_text(name)
}

fn is_label_text(name: &str) -> bool {
    let is_end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(is_end)
        && bytes.last().is_some_and(is_end)
        && bytes.iter().all(|byte| is_end(byte) || *byte == b'-')
}

/// What keeps a name from being a DNS-1123 subdomain.
pub(super) fn subdomain_faults(name: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if name.len() > 253 {
        faults.push("must be no more than 253 characters");
    }
    if !name.split('.').all(is_label_text) {
        faults.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        );
    }
    faults
}
