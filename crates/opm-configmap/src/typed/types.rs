//! The fields of `CustomResourceDefinition` (`apiextensions.k8s.io/v1beta1`) and of the metadata of all objects, with what is
//! written of each: facts of the Kubernetes API.

use super::Type::{Any, Flag, Float, Integer, List, Map, SchemaOrFlag, SchemaOrList, SchemaOrNames, Struct, Text};
use super::Written::{Always, Filled, Given};
use super::{Field, Type, Written};

const fn field(name: &'static str, of: &'static Type, written: Written) -> Field {
    Field { name, of, written }
}

static TEXTS: Type = List(&Text);
static SCHEMAS: Type = List(&SCHEMA);
static NAMED_SCHEMAS: Type = Map(&SCHEMA);

/// The metadata of an object (`meta/v1`).
pub(crate) static METADATA: Type = Struct(&[
    field("name", &Text, Filled),
    field("generateName", &Text, Filled),
    field("namespace", &Text, Filled),
    field("selfLink", &Text, Filled),
    field("uid", &Text, Filled),
    field("resourceVersion", &Text, Filled),
    field("generation", &Integer, Filled),
    field("creationTimestamp", &Text, Given),
    field("deletionTimestamp", &Text, Given),
    field("deletionGracePeriodSeconds", &Integer, Given),
    field("labels", &Map(&Text), Filled),
    field("annotations", &Map(&Text), Filled),
    field("ownerReferences", &List(&OWNER), Filled),
    field("finalizers", &TEXTS, Filled),
    field("managedFields", &List(&Any), Filled),
]);

static OWNER: Type = Struct(&[
    field("apiVersion", &Text, Always),
    field("kind", &Text, Always),
    field("name", &Text, Always),
    field("uid", &Text, Always),
    field("controller", &Flag, Given),
    field("blockOwnerDeletion", &Flag, Given),
]);

/// A CRD.
pub(crate) static CRD: Type = Struct(&[
    field("kind", &Text, Filled),
    field("apiVersion", &Text, Filled),
    field("metadata", &METADATA, Always),
    field("spec", &SPEC, Always),
    field("status", &STATUS, Always),
]);

static SPEC: Type = Struct(&[
    field("group", &Text, Always),
    field("version", &Text, Filled),
    field("names", &NAMES, Always),
    field("scope", &Text, Always),
    field("validation", &VALIDATION, Given),
    field("subresources", &SUBRESOURCES, Given),
    field("versions", &List(&VERSION), Filled),
    field("additionalPrinterColumns", &List(&COLUMN), Filled),
    field("conversion", &CONVERSION, Given),
    field("preserveUnknownFields", &Flag, Given),
    field("selectableFields", &List(&SELECTABLE), Filled),
]);

static STATUS: Type = Struct(&[
    field("conditions", &List(&CONDITION), Always),
    field("acceptedNames", &NAMES, Always),
    field("storedVersions", &TEXTS, Always),
    field("observedGeneration", &Integer, Filled),
]);

static CONDITION: Type = Struct(&[
    field("type", &Text, Always),
    field("status", &Text, Always),
    field("lastTransitionTime", &Text, Given),
    field("reason", &Text, Filled),
    field("message", &Text, Filled),
    field("observedGeneration", &Integer, Filled),
]);

static NAMES: Type = Struct(&[
    field("plural", &Text, Always),
    field("singular", &Text, Filled),
    field("shortNames", &TEXTS, Filled),
    field("kind", &Text, Always),
    field("listKind", &Text, Filled),
    field("categories", &TEXTS, Filled),
]);

static VERSION: Type = Struct(&[
    field("name", &Text, Always),
    field("served", &Flag, Always),
    field("storage", &Flag, Always),
    field("deprecated", &Flag, Filled),
    field("deprecationWarning", &Text, Given),
    field("schema", &VALIDATION, Given),
    field("subresources", &SUBRESOURCES, Given),
    field("additionalPrinterColumns", &List(&COLUMN), Filled),
    field("selectableFields", &List(&SELECTABLE), Filled),
]);

static VALIDATION: Type = Struct(&[field("openAPIV3Schema", &SCHEMA, Given)]);

static SUBRESOURCES: Type = Struct(&[field("status", &Struct(&[]), Given), field("scale", &SCALE, Given)]);

static SCALE: Type = Struct(&[
    field("specReplicasPath", &Text, Always),
    field("statusReplicasPath", &Text, Always),
    field("labelSelectorPath", &Text, Given),
]);

static COLUMN: Type = Struct(&[
    field("name", &Text, Always),
    field("type", &Text, Always),
    field("format", &Text, Filled),
    field("description", &Text, Filled),
    field("priority", &Integer, Filled),
    field("JSONPath", &Text, Always),
]);

static SELECTABLE: Type = Struct(&[field("jsonPath", &Text, Always)]);

static CONVERSION: Type = Struct(&[
    field("strategy", &Text, Always),
    field("webhookClientConfig", &WEBHOOK, Given),
    field("conversionReviewVersions", &TEXTS, Filled),
]);

static WEBHOOK: Type =
    Struct(&[field("url", &Text, Given), field("service", &SERVICE, Given), field("caBundle", &Text, Filled)]);

static SERVICE: Type = Struct(&[
    field("namespace", &Text, Always),
    field("name", &Text, Always),
    field("path", &Text, Given),
    field("port", &Integer, Given),
]);

/// A JSON schema as CRDs have it.
pub(super) static SCHEMA: Type = Struct(&[
    field("id", &Text, Filled),
    field("$schema", &Text, Filled),
    field("$ref", &Text, Given),
    field("description", &Text, Filled),
    field("type", &Text, Filled),
    field("format", &Text, Filled),
    field("title", &Text, Filled),
    field("default", &Any, Given),
    field("maximum", &Float, Given),
    field("exclusiveMaximum", &Flag, Filled),
    field("minimum", &Float, Given),
    field("exclusiveMinimum", &Flag, Filled),
    field("maxLength", &Integer, Given),
    field("minLength", &Integer, Given),
    field("pattern", &Text, Filled),
    field("maxItems", &Integer, Given),
    field("minItems", &Integer, Given),
    field("uniqueItems", &Flag, Filled),
    field("multipleOf", &Float, Given),
    field("enum", &List(&Any), Filled),
    field("maxProperties", &Integer, Given),
    field("minProperties", &Integer, Given),
    field("required", &TEXTS, Filled),
    field("items", &SchemaOrList, Given),
    field("allOf", &SCHEMAS, Filled),
    field("oneOf", &SCHEMAS, Filled),
    field("anyOf", &SCHEMAS, Filled),
    field("not", &SCHEMA, Given),
    field("properties", &NAMED_SCHEMAS, Filled),
    field("additionalProperties", &SchemaOrFlag, Given),
    field("patternProperties", &NAMED_SCHEMAS, Filled),
    field("dependencies", &Map(&SchemaOrNames), Filled),
    field("additionalItems", &SchemaOrFlag, Given),
    field("definitions", &NAMED_SCHEMAS, Filled),
    field("externalDocs", &DOCS, Given),
    field("example", &Any, Given),
    field("nullable", &Flag, Filled),
    field("x-kubernetes-preserve-unknown-fields", &Flag, Given),
    field("x-kubernetes-embedded-resource", &Flag, Filled),
    field("x-kubernetes-int-or-string", &Flag, Filled),
    field("x-kubernetes-list-map-keys", &TEXTS, Filled),
    field("x-kubernetes-list-type", &Text, Given),
    field("x-kubernetes-map-type", &Text, Given),
    field("x-kubernetes-validations", &List(&RULE), Filled),
]);

static DOCS: Type = Struct(&[field("description", &Text, Filled), field("url", &Text, Filled)]);

static RULE: Type = Struct(&[
    field("rule", &Text, Always),
    field("message", &Text, Filled),
    field("messageExpression", &Text, Filled),
    field("reason", &Text, Given),
    field("fieldPath", &Text, Filled),
    field("optionalOldSelf", &Flag, Given),
]);
