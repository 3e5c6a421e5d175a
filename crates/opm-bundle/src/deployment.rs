//! The deployments of a CSV's install strategy: that they have the types which Kubernetes gives them, and their images.
//!
//! A cluster decodes `spec.install.spec` strictly, so that an environment variable with the value `8080` instead of
//! `"8080"` makes an operator that cannot be installed. [`images`] finds such slips before the bundle is stored.

use serde_json::{Map, Value};

use crate::BundleError;
use crate::object::Fields;

/// The types of the fields of `spec.install.spec`, following the Kubernetes API (`apps/v1`, `core/v1`, `rbac/v1`).
///
/// A line is a type and its fields. `s` is a string, `i` a whole number, `b` a boolean, `q` a quantity, `x` a whole number
/// or a string; `[T` is a list of T and `{T` a map from names to T. Fields that are not listed are not looked at.
const SHAPES: &str = "
Strategy deployments:[StrategyDeployment permissions:[Permission clusterPermissions:[Permission
Permission serviceAccountName:s rules:[Rule
Rule verbs:[s apiGroups:[s resources:[s resourceNames:[s nonResourceURLs:[s
StrategyDeployment name:s label:{s spec:Deployment
Deployment replicas:i selector:Selector template:Template strategy:Rollout minReadySeconds:i revisionHistoryLimit:i paused:b progressDeadlineSeconds:i
Rollout type:s rollingUpdate:Rolling
Rolling maxUnavailable:x maxSurge:x
Selector matchLabels:{s matchExpressions:[Requirement
Requirement key:s operator:s values:[s
Template metadata:Meta spec:Pod
Meta name:s generateName:s namespace:s labels:{s annotations:{s finalizers:[s
Pod volumes:[Volume initContainers:[Container containers:[Container ephemeralContainers:[Container restartPolicy:s terminationGracePeriodSeconds:i activeDeadlineSeconds:i dnsPolicy:s nodeSelector:{s serviceAccountName:s serviceAccount:s automountServiceAccountToken:b nodeName:s hostNetwork:b hostPID:b hostIPC:b shareProcessNamespace:b securityContext:PodSecurity imagePullSecrets:[Named hostname:s subdomain:s affinity:Affinity schedulerName:s tolerations:[Toleration hostAliases:[HostAlias priorityClassName:s priority:i dnsConfig:DnsConfig readinessGates:[Gate runtimeClassName:s enableServiceLinks:b preemptionPolicy:s overhead:{q topologySpreadConstraints:[Spread setHostnameAsFQDN:b os:Named hostUsers:b
Gate conditionType:s
Named name:s
HostAlias ip:s hostnames:[s
DnsConfig nameservers:[s searches:[s options:[NameValue
NameValue name:s value:s
Toleration key:s operator:s value:s effect:s tolerationSeconds:i
Spread maxSkew:i topologyKey:s whenUnsatisfiable:s labelSelector:Selector minDomains:i nodeAffinityPolicy:s nodeTaintsPolicy:s matchLabelKeys:[s
Affinity nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAffinity
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution:NodeSelector preferredDuringSchedulingIgnoredDuringExecution:[PreferredNode
NodeSelector nodeSelectorTerms:[NodeTerm
NodeTerm matchExpressions:[Requirement matchFields:[Requirement
PreferredNode weight:i preference:NodeTerm
PodAffinity requiredDuringSchedulingIgnoredDuringExecution:[PodTerm preferredDuringSchedulingIgnoredDuringExecution:[PreferredPod
PodTerm labelSelector:Selector namespaces:[s topologyKey:s namespaceSelector:Selector matchLabelKeys:[s mismatchLabelKeys:[s
PreferredPod weight:i podAffinityTerm:PodTerm
PodSecurity seLinuxOptions:SeLinux runAsUser:i runAsGroup:i runAsNonRoot:b supplementalGroups:[i fsGroup:i sysctls:[NameValue fsGroupChangePolicy:s seccompProfile:Profile appArmorProfile:Profile
SeLinux user:s role:s type:s level:s
Profile type:s localhostProfile:s
Container name:s image:s command:[s args:[s workingDir:s ports:[Port envFrom:[EnvFrom env:[Env resources:Resources restartPolicy:s volumeMounts:[Mount volumeDevices:[Device livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle:Lifecycle terminationMessagePath:s terminationMessagePolicy:s imagePullPolicy:s securityContext:Security stdin:b stdinOnce:b tty:b
Port name:s hostPort:i containerPort:i protocol:s hostIP:s
EnvFrom prefix:s configMapRef:Ref secretRef:Ref
Ref name:s optional:b
Env name:s value:s valueFrom:EnvSource
EnvSource fieldRef:FieldRef resourceFieldRef:ResourceRef configMapKeyRef:KeyRef secretKeyRef:KeyRef
FieldRef apiVersion:s fieldPath:s
ResourceRef containerName:s resource:s divisor:q
KeyRef name:s key:s optional:b
Resources limits:{q requests:{q claims:[Named
Mount name:s readOnly:b recursiveReadOnly:s mountPath:s subPath:s mountPropagation:s subPathExpr:s
Device name:s devicePath:s
Probe exec:Exec httpGet:HttpGet tcpSocket:Tcp grpc:Grpc initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i terminationGracePeriodSeconds:i
Exec command:[s
HttpGet path:s port:x host:s scheme:s httpHeaders:[NameValue
Tcp port:x host:s
Grpc port:i service:s
Lifecycle postStart:Handler preStop:Handler
Handler exec:Exec httpGet:HttpGet tcpSocket:Tcp
Security capabilities:Capabilities privileged:b seLinuxOptions:SeLinux runAsUser:i runAsGroup:i runAsNonRoot:b readOnlyRootFilesystem:b allowPrivilegeEscalation:b procMount:s seccompProfile:Profile appArmorProfile:Profile
Capabilities add:[s drop:[s
Volume name:s hostPath:HostPath emptyDir:EmptyDir secret:SecretVolume configMap:ConfigMapVolume downwardAPI:Downward projected:Projected persistentVolumeClaim:Claim nfs:Nfs csi:CsiVolume
HostPath path:s type:s
EmptyDir medium:s sizeLimit:q
SecretVolume secretName:s items:[KeyPath defaultMode:i optional:b
ConfigMapVolume name:s items:[KeyPath defaultMode:i optional:b
KeyPath key:s path:s mode:i
Downward items:[DownwardItem defaultMode:i
DownwardItem path:s fieldRef:FieldRef resourceFieldRef:ResourceRef mode:i
Projected sources:[Source defaultMode:i
Source secret:ConfigMapVolume configMap:ConfigMapVolume downwardAPI:Downward serviceAccountToken:Token
Token audience:s expirationSeconds:i path:s
Claim claimName:s readOnly:b
Nfs server:s path:s readOnly:b
CsiVolume driver:s readOnly:b fsType:s volumeAttributes:{s nodePublishSecretRef:Named
";

/// The images of the containers and init containers of all deployments, after their types were checked.
pub(crate) fn images(strategy: &Fields<'_>) -> Result<Vec<String>, BundleError> {
    if let Some(map) = strategy.value() {
        check_fields(strategy, strategy.path(), "Strategy", map)?;
    }
    let mut images = Vec::new();
    for deployment in strategy.objects("deployments")? {
        let pod = deployment.object("spec")?.object("template")?.object("spec")?;
        for list in ["containers", "initContainers"] {
            for container in pod.objects(list)? {
                images.push(container.string("image")?.to_owned());
            }
        }
    }
    Ok(images)
}

/// The fields that a type has, as pairs of name and type.
fn fields_of(shape: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let line = SHAPES.lines().find_map(|l| l.strip_prefix(shape).filter(|rest| rest.starts_with(' ')));
    line.unwrap_or_default().split_whitespace().filter_map(|f| f.split_once(':'))
}

fn check_fields(root: &Fields<'_>, path: &str, shape: &str, map: &Map<String, Value>) -> Result<(), BundleError> {
    for (name, field_shape) in fields_of(shape) {
        if let Some(value) = map.get(name) {
            check(root, &format!("{path}.{name}"), field_shape, value)?;
        }
    }
    Ok(())
}

fn check(root: &Fields<'_>, path: &str, shape: &str, value: &Value) -> Result<(), BundleError> {
    if value.is_null() {
        return Ok(());
    }
    let (fits, expected) = match (shape, value) {
        ("s", v) => (v.is_string(), "a string"),
        ("b", v) => (v.is_boolean(), "a boolean"),
        ("i", v) => (is_whole(v), "a whole number"),
        ("x", v) => (v.is_string() || is_whole(v), "a whole number or a string"),
        ("q", Value::String(s)) => (is_quantity(s), "a quantity"),
        ("q", v) => (v.is_number(), "a quantity"),
        (_, Value::Array(items)) if shape.starts_with('[') => {
            for (i, item) in items.iter().enumerate() {
                check(root, &format!("{path}[{i}]"), &shape[1..], item)?;
            }
            return Ok(());
        }
        (_, _) if shape.starts_with('[') => (false, "a list"),
        (_, Value::Object(map)) if shape.starts_with('{') => {
            for (key, item) in map {
                check(root, &format!("{path}.{key}"), &shape[1..], item)?;
            }
            return Ok(());
        }
        (_, Value::Object(map)) => return check_fields(root, path, shape, map),
        (_, _) => (false, "an object"),
    };
    if fits {
        return Ok(());
    }
    Err(BundleError::Field {
        kind: root.subject().0.to_owned(),
        name: root.subject().1.to_owned(),
        field: path.to_owned(),
        expected,
        found: opm_document::describe(value),
    })
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() < 9e15)
}

/// Whether the text is a Kubernetes quantity: a decimal number with a suffix of size or an exponent.
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let exponent = || {
        let digits = suffix.strip_prefix(['e', 'E']).map(|d| d.strip_prefix(['+', '-']).unwrap_or(d));
        digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|c| c.is_ascii_digit()))
    };
    number.bytes().any(|c| c.is_ascii_digit())
        && number.bytes().filter(|c| *c == b'.').count() <= 1
        && (["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].contains(&suffix)
            || exponent())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{Csv, Object};
    use serde_json::json;

    fn images_of(containers: &Value) -> Result<Vec<String>, String> {
        let csv = Object::from_value(json!({
            "kind": "ClusterServiceVersion", "metadata": {"name": "o.v1"},
            "spec": {
                "install": {"strategy": "deployment", "spec": {"deployments": [{"name": "d", "spec": {"template": {"spec": {
                    "containers": containers, "initContainers": [{"image": "init:1"}]}}}}]}},
                "relatedImages": [{"name": "r", "image": ""}, {"image": "main:1"}],
            }
        }))
        .unwrap();
        Csv::new(&csv).unwrap().images().map_err(|e| e.to_string())
    }

    #[test]
    fn images_of_all_containers_then_related_ones() {
        let of = images_of(
            &json!([{"image": "main:1", "env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}}}]),
        );
        assert_eq!(of.unwrap(), ["main:1", "init:1", ""]);
    }

    #[test]
    fn slips_of_type_are_named_by_path() {
        let prefix = "ClusterServiceVersion o.v1: field spec.install.spec.deployments[0].spec.template.spec.containers";
        for (containers, expected) in [
            (json!([{"env": [{"name": "A", "value": 1}]}]), "[0].env[0].value must be a string, not a number"),
            (json!([{}, {"args": "x"}]), "[1].args must be a list, not a string"),
            (
                json!([{"ports": [{"containerPort": "80"}]}]),
                "[0].ports[0].containerPort must be a whole number, not a string",
            ),
            (
                json!([{"resources": {"limits": {"cpu": "x"}}}]),
                "[0].resources.limits.cpu must be a quantity, not a string",
            ),
            (json!([{"tty": "yes"}]), "[0].tty must be a boolean, not a string"),
            (json!({}), " must be a list, not an object"),
        ] {
            assert_eq!(images_of(&containers).unwrap_err(), format!("{prefix}{expected}"));
        }
    }

    #[test]
    fn every_type_that_is_named_exists() {
        for line in SHAPES.lines().filter(|l| !l.is_empty()) {
            for (name, shape) in line.split_whitespace().filter_map(|f| f.split_once(':')) {
                let shape = shape.trim_start_matches(['[', '{']);
                assert!(
                    ["s", "i", "b", "q", "x"].contains(&shape) || fields_of(shape).next().is_some(),
                    "{name}:{shape}"
                );
            }
        }
    }

    #[test]
    fn quantities() {
        for good in ["1", "100m", "1.5Gi", "1e3", "-2", "+.5", "1E-2", "1E"] {
            assert!(is_quantity(good), "{good}");
        }
        for bad in ["", "x", "1x", "1.2.3", "m", "1 Gi", "1e"] {
            assert!(!is_quantity(bad), "{bad}");
        }
    }
}
