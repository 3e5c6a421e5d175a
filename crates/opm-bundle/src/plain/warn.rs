//! What is worth knowing though the conversion succeeds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Certificates;
use super::facts::Facts;
use super::read::Source;
use super::tree::{items, kind, name, text};

/// Warnings, each once.
#[derive(Default)]
pub(super) struct Warnings(Vec<String>);

impl Warnings {
    pub(super) fn add(&mut self, warning: String) {
        if !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    pub(super) fn into_list(self) -> Vec<String> {
        self.0
    }
}

/// What the bundle relies on that nothing will see to.
pub(super) fn unmet(
    source: &Source,
    facts: &Facts<'_>,
    install: &str,
    certificates: Option<&Certificates<'_>>,
    warnings: &mut Warnings,
) {
    let needs: Vec<String> = facts
        .required
        .iter()
        .map(|crd| format!("CustomResourceDefinition {crd}"))
        .chain(source.dependencies.iter().cloned())
        .collect();
    if !needs.is_empty() {
        warnings.add(format!("the operator needs what these manifests do not install: {}", needs.join(", ")));
    }
    if !facts.webhooks.is_empty() && matches!(certificates, Some(Certificates::None)) {
        warnings.add("the webhooks get no certificates and no CA bundles: provide them yourself".to_owned());
    }
    let rules = facts
        .permissions
        .iter()
        .chain(&facts.cluster_permissions)
        .flat_map(|p| p.rules.iter().flat_map(|rules| rules.iter()));
    let mut granted = rules.flat_map(|rule| items(rule, "/resources"));
    if granted.any(|resource| resource.as_str().is_some_and(|r| r.starts_with("operatorconditions"))) {
        warnings.add(
            "the operator uses OperatorCondition, which only the Operator Lifecycle Manager makes: it finds none"
                .to_owned(),
        );
    }
    accounts(source, facts, install, warnings);
}

fn accounts(source: &Source, facts: &Facts<'_>, install: &str, warnings: &mut Warnings) {
    let bundled = source.others.iter().map(|item| &item.value).filter(|value| kind(value) == "ServiceAccount");
    let known: BTreeSet<&str> = facts.accounts().into_iter().chain(bundled.map(name)).collect();
    for deployment in &facts.deployments {
        let account = deployment.field("template").map_or("", |t| text(t, "/spec/serviceAccountName"));
        if !["", "default"].contains(&account) && !known.contains(account) {
            warnings.add(format!(
                "deployment {} runs as ServiceAccount {account}, which the bundle does not provide",
                deployment.name
            ));
        }
    }
    for item in source.others.iter().filter(|item| ["RoleBinding", "ClusterRoleBinding"].contains(&kind(&item.value))) {
        for subject in items(&item.value, "/subjects") {
            let (account, namespace) = (text(subject, "/name"), text(subject, "/namespace"));
            let is_account = subject.get("kind").and_then(Value::as_str) == Some("ServiceAccount");
            if is_account && known.contains(account) && namespace != install {
                warnings.add(format!(
                    "{}: {} {} is for ServiceAccount {account} in namespace {namespace:?}, but the bundle's is in {install}",
                    item.file,
                    kind(&item.value),
                    name(&item.value)
                ));
            }
        }
    }
}
