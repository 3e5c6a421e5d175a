//! What a bundle says it depends on.

use opm_document::Value;

use super::source::Source;
use super::{Report, cel, range};

/// How deep constraints may be nested.
const DEEPEST: usize = 32;

pub(super) fn check(source: &Source, at: &str, entry: &Value, report: &mut Report) {
    let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
    let at = &format!("{at}/value");
    match kind {
        "olm.gvk" => require(source, at, kind, &["group", "version", "kind"], report),
        "olm.package" => {
            require(source, at, kind, &["packageName", "version"], report);
            check_range(source, &format!("{at}/version"), report);
        }
        "olm.label" => require(source, at, kind, &["label"], report),
        "olm.constraint" => constraint(source, at, 0, report),
        other => report.error(source, at, format!("couldn't parse dependency of type {other}")),
    }
}

fn require(source: &Source, at: &str, kind: &str, fields: &[&str], report: &mut Report) {
    for name in fields {
        if source.text(&format!("{at}/{name}")).is_empty() {
            report.error(source, at, format!("couldn't parse dependency of type {kind}: it needs a {name}"));
        }
    }
}

fn check_range(source: &Source, at: &str, report: &mut Report) {
    let text = source.text(at);
    if !text.is_empty()
        && let Err(why) = range::check(text)
    {
        report.error(source, at, format!("Invalid semver format version {text:?}: {why}"));
    }
}

/// A constraint: a rule, a package, an API, or several constraints that must all, any or not hold.
fn constraint(source: &Source, at: &str, depth: usize, report: &mut Report) {
    if depth > DEEPEST {
        return report.error(source, at, "constraints are nested too deeply");
    }
    let mut is_empty = true;
    for (name, fields) in [("gvk", &["group", "version", "kind"][..]), ("package", &["packageName", "versionRange"])] {
        if source.get(&format!("{at}/{name}")).is_some() {
            is_empty = false;
            require(source, &format!("{at}/{name}"), "olm.constraint", fields, report);
        }
    }
    check_range(source, &format!("{at}/package/versionRange"), report);
    for name in ["all", "any", "not"] {
        for (at, _) in source.items(&format!("{at}/{name}/constraints")) {
            is_empty = false;
            constraint(source, &at, depth + 1, report);
        }
    }
    let rule_at = format!("{at}/cel/rule");
    let rule = source.text(&rule_at);
    if rule.is_empty() {
        if is_empty || source.get(&format!("{at}/cel")).is_some() {
            report.error(source, at, "The CEL expression is missing");
        }
    } else if let Err(why) = cel::check(rule) {
        report.error(source, &rule_at, format!("Invalid CEL expression: {why}"));
    }
}
