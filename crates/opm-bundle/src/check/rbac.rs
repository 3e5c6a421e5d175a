//! The optional rules for objects that touch a whole cluster: disruption budgets, priority classes and roles.

use opm_document::Value;

use super::Report;
use super::source::Source;

/// The security context constraints that OpenShift comes with.
const DEFAULT_SCCS: &[&str] = &[
    "privileged",
    "restricted",
    "anyuid",
    "hostaccess",
    "hostmount-anyuid",
    "hostnetwork",
    "node-exporter",
    "nonroot",
];

pub(super) fn check(source: &Source, report: &mut Report) {
    match source.text("/kind") {
        "PodDisruptionBudget" => {
            let is = |at: &str, values: &[&str]| {
                source.get(at).is_some_and(|value| {
                    values.contains(&value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str())
                })
            };
            if is("/spec/maxUnavailable", &["0", "0%"]) {
                report.error(source, "/spec/maxUnavailable", "spec.maxUnavailable of 0 keeps nodes from being drained");
            }
            if is("/spec/minAvailable", &["100%"]) {
                report.error(source, "/spec/minAvailable", "spec.minAvailable of 100% keeps nodes from being drained");
            }
        }
        "PriorityClass" if source.get("/globalDefault") == Some(&Value::Bool(true)) => {
            report.error(
                source,
                "/globalDefault",
                "globalDefault must not be true: every other pod of the cluster would get this priority",
            );
        }
        "Role" | "ClusterRole" => {
            for (at, rule) in source.items("/rules") {
                check_rule(source, &at, rule, report);
            }
        }
        _ => {}
    }
}

fn check_rule(source: &Source, at: &str, rule: &Value, report: &mut Report) {
    let has = |list: &str, any: &[&str]| {
        let items = rule.get(list).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).any(|item| any.contains(&item))
    };
    let grants =
        |group, resource, verbs| has("apiGroups", &[group]) && has("resources", &[resource]) && has("verbs", verbs);
    if grants("policy", "poddisruptionbudgets", &["*", "create", "update", "patch"]) {
        report.warning(
            source,
            at,
            "this rule lets the operator change poddisruptionbudgets, which can keep nodes from being drained",
        );
    }
    if grants("security.openshift.io", "securitycontextconstraints", &["*", "delete", "update", "patch"])
        && has("resourceNames", DEFAULT_SCCS)
    {
        report.error(
            source,
            at,
            "this rule lets the operator change securitycontextconstraints that OpenShift comes with",
        );
    }
}
