//! Service accounts, roles and their bindings.

use opm_document::json;
use serde_json::{Value, json};
use sha2::{Digest, Sha224};

use super::facts::{Facts, Permission, RULE_KEYS};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The service accounts that the CSV asks for.
pub(super) fn accounts(facts: &Facts<'_>, install: &str) -> Vec<Value> {
    let account = |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": install}});
    facts.accounts().into_iter().map(account).collect()
}

/// Roles and bindings for the namespaces that are watched; an empty name stands for all.
pub(super) fn roles(facts: &Facts<'_>, install: &str, targets: &[String], also_in_install: bool) -> Vec<Value> {
    let named = |permission| Named { name: name(facts.name, &permission), permission, install };
    let mut objects = Vec::new();
    let mut cluster: Vec<_> = facts.cluster_permissions.iter().cloned().map(named).collect();
    if targets == [""] {
        cluster.extend(facts.permissions.iter().map(promoted).map(named));
    } else {
        let permissions: Vec<_> = facts.permissions.iter().cloned().map(named).collect();
        let more = (also_in_install && !targets.iter().any(|name| name == install)).then_some(install);
        for namespace in targets.iter().map(String::as_str).chain(more) {
            objects.extend(permissions.iter().flat_map(|permission| permission.pair(Some(namespace))));
        }
    }
    objects.extend(cluster.iter().flat_map(|permission| permission.pair(None)));
    objects
}

/// The permission for the whole cluster, where the operator has to see the namespaces too.
fn promoted<'a>(permission: &Permission<'a>) -> Permission<'a> {
    let mut rules = permission.rules.clone().unwrap_or_default();
    rules.to_mut().push(json!({"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["namespaces"]}));
    Permission { account: permission.account, rules: Some(rules) }
}

/// A permission with the name of the roles that grant it.
struct Named<'a> {
    name: String,
    permission: Permission<'a>,
    install: &'a str,
}

impl Named<'_> {
    /// The role in a namespace, or without one that of the cluster, and its binding.
    fn pair(&self, namespace: Option<&str>) -> [Value; 2] {
        let name = self.name.as_str();
        let (role, metadata) = match namespace {
            Some(namespace) => ("Role", json!({"name": name, "namespace": namespace})),
            None => ("ClusterRole", json!({"name": name})),
        };
        let version = format!("{GROUP}/v1");
        [
            json!({
                "apiVersion": version,
                "kind": role,
                "metadata": metadata,
                "rules": self.permission.rules.as_deref().unwrap_or_default(),
            }),
            json!({
                "apiVersion": version,
                "kind": format!("{role}Binding"),
                "metadata": metadata,
                "roleRef": {"apiGroup": GROUP, "kind": role, "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": self.permission.account(), "namespace": self.install}],
            }),
        ]
    }
}

/// The name of a role: of the CSV, the account, and what the permission says.
fn name(csv: &str, permission: &Permission<'_>) -> String {
    let mut base = format!("{csv}-{}", permission.account());
    let hash = base36(&Sha224::digest(text(permission) + "\n"));
    if base.len() + hash.len() > 63 {
        // The hash has 44 characters at most.
        base.truncate(base.floor_char_boundary(63 - hash.len() - 1));
    }
    format!("{base}-{hash}")
}

/// The text that names are made from.
fn text(permission: &Permission<'_>) -> String {
    let rule = |rule: &Value| {
        let known = RULE_KEYS.iter().filter_map(|key| match rule.get(key).unwrap_or(&Value::Null) {
            Value::Array(items) if *key == "verbs" || !items.is_empty() => {
                let items: Vec<Value> =
                    items.iter().map(|item| if item.is_null() { json!("") } else { item.clone() }).collect();
                Some(format!("\"{key}\":{}", json::to_string(&Value::Array(items))))
            }
            _ => (*key == "verbs").then(|| "\"verbs\":null".to_owned()),
        });
        format!("{{{}}}", known.collect::<Vec<_>>().join(","))
    };
    let rules = match &permission.rules {
        None => "null".to_owned(),
        Some(rules) => format!("[{}]", rules.iter().map(rule).collect::<Vec<_>>().join(",")),
    };
    format!("{{\"serviceAccountName\":{},\"rules\":{rules}}}", json::to_string(&json!(permission.account)))
}

/// A big-endian number in base 36, without leading zeros.
pub(super) fn base36(bytes: &[u8]) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::new();
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0;
        for byte in &mut number {
            let part = rest * 256 + u32::from(*byte);
            // Both fit: the part is below 36 * 256.
            *byte = (part / 36).to_le_bytes()[0];
            rest = part % 36;
        }
        digits.extend(char::from_digit(rest, 36));
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_reference() {
        let get = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        let of = |account, rules: Option<Vec<Value>>| Permission { account, rules: rules.map(Into::into) };
        let url = json!({"verbs": ["get"], "nonResourceURLs": ["/metrics?a<b&c"], "unknown": [1]});
        for (permission, hash) in [
            (of("sa-1", Some(vec![get.clone()])), "1p99mxwf9l192i94eswzfztv1p7wat5fv98hxupv5pmx"),
            (promoted(&of("sa-1", Some(vec![get]))), "k81qpjqxlycfigqmd6o1xxf28702vqi3cnv0bkau68k"),
            (of("", None), "13nr4ju4s7dcvb397jw50p5sf63zsmvshg28rk87pxom"),
            (of("sa-1", Some(Vec::new())), "n2n2wcju3mmcipnqrxyx0lm1hxwfqgfvjuacrnzkzs0"),
            (of("", Some(vec![url])), "2iqoy3zfetg2l5cs0bh2litp2iruwnbebmzc2w5nq63c"),
        ] {
            assert_eq!(base36(&Sha224::digest(text(&permission) + "\n")), hash, "{}", text(&permission));
        }
        let longest = name("aaaaaaaaaaaa", &of("", Some(Vec::new())));
        assert_eq!(longest, "aaaaaaaaaaaa-default-zyt4cis79f30vvme3ag97low4k97tlgem68ayw1vzeg");
    }
}
