//! CRDs as a program of fixed types passes them on.

use serde_json::json;

use crate::typed::{CRD, METADATA, round_trip};

#[test]
fn unknown_fields_go_and_fixed_ones_come() {
    let status = json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": null, "storedVersions": null});
    let names = json!({"kind": "", "plural": ""});
    let schema = json!({
        "type": "object", "x-unknown": 1, "default": {"x": [1, null]}, "nullable": false, "enum": [null, 1], "maximum": 10,
        "properties": {"a": null, "b": {"items": [{"type": "string"}, null]}, "c": {"additionalProperties": false}},
        "x-kubernetes-preserve-unknown-fields": false, "required": [], "dependencies": {"a": ["b"]}, "not": null,
    });
    let passed = json!({
        "type": "object", "default": {"x": [1, null]}, "enum": [null, 1], "maximum": 10,
        "properties": {"a": {}, "b": {"items": [{"type": "string"}, {}]}, "c": {"additionalProperties": false}},
        "x-kubernetes-preserve-unknown-fields": false, "dependencies": {"a": ["b"]},
    });
    for (given, expected) in [
        (json!(null), json!({"metadata": {}, "spec": {"group": "", "names": names, "scope": ""}, "status": status})),
        (
            json!({"spec": {"versions": [], "scope": "Cluster", "Group": "g"}, "status": {"storedVersions": ["v1"], "conditions": []}}),
            json!({
                "metadata": {}, "spec": {"group": "g", "names": names, "scope": "Cluster"},
                "status": {"acceptedNames": names, "conditions": [], "storedVersions": ["v1"]},
            }),
        ),
        (
            json!({"kind": "X", "spec": {"versions": [{
                "name": "v1", "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {"x": 1}},
                "additionalPrinterColumns": [{"name": "n", "type": "t", "jsonPath": ".a", "priority": 0}],
            }], "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}}}}),
            json!({"kind": "X", "metadata": {}, "spec": {"group": "", "names": names, "scope": "", "versions": [{
                "name": "v1", "served": false, "storage": false,
                "schema": {"openAPIV3Schema": passed}, "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "n", "type": "t", "JSONPath": ".a"}],
            }], "conversion": {"strategy": "Webhook"}}, "status": status}),
        ),
    ] {
        assert_eq!(round_trip(given, &CRD).unwrap(), expected);
    }
}

#[test]
fn types_are_held_to() {
    for (given, expected) in [
        (json!([]), "the whole of it must be an object, not a list"),
        (json!({"spec": {"versions": {}}}), "spec.versions must be a list, not an object"),
        (json!({"spec": {"versions": [{"served": "yes"}]}}), "spec.versions[0].served must be a boolean, not a string"),
        (
            json!({"spec": {"validation": {"openAPIV3Schema": {"properties": {"a": {"minLength": 1.5}}}}}}),
            "spec.validation.openAPIV3Schema.properties.a.minLength must be a whole number, not a number",
        ),
        (
            json!({"spec": {"validation": {"openAPIV3Schema": {"items": "x"}}}}),
            "spec.validation.openAPIV3Schema.items must be an object or a list, not a string",
        ),
    ] {
        assert_eq!(round_trip(given, &CRD).unwrap_err().to_string(), expected);
    }
}

#[test]
fn metadata_keep_what_was_given() {
    let given = json!({
        "name": "a", "labels": {}, "annotations": {"b": null}, "creationTimestamp": null, "generation": 0, "finalizers": ["f"],
        "ownerReferences": [{"name": "o", "controller": false}], "clusterName": "gone",
    });
    let expected = json!({
        "name": "a", "annotations": {"b": ""}, "finalizers": ["f"],
        "ownerReferences": [{"apiVersion": "", "kind": "", "name": "o", "uid": "", "controller": false}],
    });
    assert_eq!(round_trip(given, &METADATA).unwrap(), expected);
}
