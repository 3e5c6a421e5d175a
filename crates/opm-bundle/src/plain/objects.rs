//! The CRDs and the other objects that come with a bundle.

use serde_json::{Value, json};

use super::ConvertError;
use super::read::Item;
use super::tree::{below, kind, members, name, text};
use super::warn::Warnings;

/// Where objects of a kind live.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Scope {
    Namespaced,
    Cluster,
}

impl Scope {
    /// The scope of the kinds that a bundle may hold beside its CSV; `None` for others.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "Service"
            | "ServiceAccount"
            | "Role"
            | "RoleBinding"
            | "PrometheusRule"
            | "ServiceMonitor"
            | "PodMonitor"
            | "Secret"
            | "ConfigMap"
            | "PodDisruptionBudget"
            | "NetworkPolicy"
            | "VerticalPodAutoscaler"
            | "ClusterServiceVersion" => Some(Self::Namespaced),
            "CustomResourceDefinition"
            | "ClusterRole"
            | "ClusterRoleBinding"
            | "PriorityClass"
            | "ConsoleYAMLSample"
            | "ConsoleQuickStart"
            | "ConsoleCLIDownload"
            | "ConsoleLink"
            | "ConsolePlugin" => Some(Self::Cluster),
            _ => None,
        }
    }
}

/// Takes away what only a server writes.
pub(super) fn clean(value: &mut Value) {
    let object = members(value);
    object.remove("status");
    if let Some(Value::Object(metadata)) = object.get_mut("metadata")
        && metadata.get("creationTimestamp").is_some_and(Value::is_null)
    {
        metadata.remove("creationTimestamp");
    }
}

/// Fits one of the other objects to the install namespace.
pub(super) fn settle(item: &mut Item, install: &str) -> Result<(), ConvertError> {
    let value = &mut item.value;
    clean(value);
    let scope = Scope::of(kind(value));
    let metadata = below(members(value), "metadata");
    if scope == Some(Scope::Namespaced) {
        metadata.insert("namespace".to_owned(), json!(install));
    } else {
        metadata.remove("namespace");
    }
    let is_rbac = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"].contains(&kind(value));
    let version = match text(value, "/apiVersion") {
        "" if is_rbac => "rbac.authorization.k8s.io/v1",
        "rbac.authorization.k8s.io/v1beta1" => "rbac.authorization.k8s.io/v1",
        "" if ["Service", "ConfigMap", "Secret", "ServiceAccount"].contains(&kind(value)) => "v1",
        "" => {
            let why = format!("{} {}: field apiVersion is missing", kind(value), name(value));
            return Err(ConvertError::file(&item.file, why));
        }
        _ => return Ok(()),
    };
    members(value).insert("apiVersion".to_owned(), json!(version));
    Ok(())
}

/// What there is to say about a CRD that no webhook of the CSV converts.
pub(super) fn check_crd(item: &Item, is_converted: bool, warnings: &mut Warnings) {
    let crd = name(&item.value);
    if text(&item.value, "/apiVersion") == "apiextensions.k8s.io/v1beta1" {
        warnings.add(format!(
            "{}: CustomResourceDefinition {crd} is of apiextensions.k8s.io/v1beta1, which Kubernetes 1.22 and later do not accept",
            item.file
        ));
    }
    if !is_converted && text(&item.value, "/spec/conversion/strategy") == "Webhook" {
        warnings.add(format!(
            "{}: CustomResourceDefinition {crd} is converted by a webhook that the ClusterServiceVersion does not define: conversion will not work",
            item.file
        ));
    }
}
