//! What operatorhub.io asks of a ClusterServiceVersion.

use opm_document::Value;

use super::source::Source;
use super::{Categories, Report};

const CAPABILITIES: &[&str] = &["Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights", "Auto Pilot"];
const MEDIA_TYPES: &[&str] = &["image/gif", "image/jpeg", "image/png", "image/svg+xml"];
const CATEGORIES: &[&str] = &[
    "AI/Machine Learning",
    "Application Runtime",
    "Big Data",
    "Cloud Provider",
    "Developer Tools",
    "Database",
    "Integration & Delivery",
    "Logging & Tracing",
    "Modernization & Migration",
    "Monitoring",
    "Networking",
    "Observability",
    "OpenShift Optional",
    "Security",
    "Storage",
    "Streaming & Messaging",
];

pub(super) fn check(source: &Source, categories: &Categories, report: &mut Report) {
    if source.text("/spec/provider/name").is_empty() {
        report.error(source, "/spec/provider", "spec.provider.name is missing");
    }
    for (at, entry) in source.items("/spec/maintainers") {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("name").is_empty() || text("email").is_empty() {
            report.error(source, &at, "a maintainer needs a name and an email");
        }
        if !text("email").is_empty() && !is_address(text("email")) {
            report.error(source, &at, format!("email {:?} of a maintainer is no mail address", text("email")));
        }
    }
    for (at, entry) in source.items("/spec/links") {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("name").is_empty() || text("url").is_empty() {
            report.error(source, &at, "a link needs a name and a url");
        }
        if !text("url").is_empty() && !is_url(text("url")) {
            report.error(source, &at, format!("url {:?} of a link is no URL", text("url")));
        }
    }
    let at = "/metadata/annotations/capabilities";
    if source.get(at).is_some() && !CAPABILITIES.contains(&source.text(at)) {
        let message = format!(
            "annotation capabilities: there is no level {:?}, but {}",
            source.text(at),
            CAPABILITIES.join(", ")
        );
        report.error(source, at, message);
    }
    let version = source.text("/spec/version");
    if ["", "0.0.0"].contains(&version) {
        report.error(source, "/spec/version", "spec.version is missing");
    }
    if source.text("/spec/minKubeVersion").is_empty() {
        let message =
            "spec.minKubeVersion is missing: without it the operator may be installed in any version of Kubernetes";
        report.warning(source, "/spec", message);
    }
    if source.text("/spec/description").trim().is_empty() && source.text("/metadata/annotations/description").is_empty()
    {
        report.warning(source, "/spec", "spec.description is missing");
    }
    check_icon(source, report);
    check_categories(source, categories, report);
}

fn check_icon(source: &Source, report: &mut Report) {
    let icons: Vec<_> = source.items("/spec/icon").collect();
    let Some((at, icon)) = icons.first() else {
        return report.warning(source, "/spec", "spec.icon is missing");
    };
    if icons.len() > 1 {
        report.error(source, "/spec/icon", "spec.icon must have one item");
    }
    let text = |field: &str| icon.get(field).and_then(Value::as_str).unwrap_or_default();
    let media_type = text("mediatype");
    if text("base64data").is_empty() || media_type.is_empty() {
        report.error(source, at, "an icon needs base64data and a mediatype");
    }
    if !media_type.is_empty() && !MEDIA_TYPES.contains(&media_type) {
        report.error(source, at, format!("mediatype {media_type:?} is none that an icon may have"));
    }
}

fn check_categories(source: &Source, categories: &Categories, report: &mut Report) {
    let at = "/metadata/annotations/categories";
    if source.get(at).is_none() {
        return;
    }
    for category in source.text(at).split(',').map(str::trim) {
        let (is_known, kind) = match categories {
            Categories::Standard => (CATEGORIES.contains(&category), "known category"),
            Categories::Custom(known) => (known.iter().any(|name| name == category), "category of the given file"),
        };
        if !is_known {
            report.error(source, at, format!("annotation categories: {category:?} is no {kind}"));
        }
    }
}

/// Whether a text is a mail address, alone or as `Name <address>`.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    let address = match text.split_once('<') {
        Some((_, rest)) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text,
    };
    let is_part = |part: &str| {
        let is_atom = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[],;:\\\"@".contains(c);
        !part.is_empty() && part.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
    };
    address.split_once('@').is_some_and(|(user, host)| is_part(user) && is_part(host))
}

/// Whether a text is an absolute URL or an absolute path.
fn is_url(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_control() || c == ' ');
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && rest.starts_with('/')
    });
    is_plain && (has_scheme || text.starts_with('/'))
}
