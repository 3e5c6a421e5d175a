//! What the API server in this process knows.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Content, Place};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Gets a ConfigMap.
    Get,
    /// Replaces one.
    Update,
    /// Watches one.
    Watch,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is answered with this status, reason and message.
    Refuse(u16, &'static str, String),
    /// It is answered with something that is no JSON.
    Babble,
    /// It is answered with more than anybody wants to read.
    Flood,
    /// The connection is closed.
    HangUp,
    /// Before an update is looked at, somebody else makes one.
    Overtake,
    /// A watch begins, and ends with an error event of this status, reason and message.
    FailEvent(u16, &'static str, String),
}

pub(super) struct Fault {
    pub(super) verb: Verb,
    pub(super) times: usize,
    pub(super) action: Action,
}

/// A change of an object.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) kind: &'static str,
    pub(super) path: String,
    pub(super) object: Value,
}

#[derive(Default)]
pub(super) struct State {
    /// Objects by the path of their resource.
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) version: u64,
    /// Changes before this version are forgotten.
    pub(super) oldest: u64,
    pub(super) changes: Vec<Change>,
    pub(super) faults: Vec<Fault>,
    pub(super) token: String,
    pub(super) is_down: bool,
    pub(super) turned_away: usize,
    /// How often all watches were ended.
    pub(super) ended: u64,
    pub(super) seen: Vec<Verb>,
}

/// The path of a ConfigMap.
pub(super) fn path(place: &Place) -> String {
    format!("/api/v1/namespaces/{}/configmaps/{}", place.namespace, place.name)
}

/// A ConfigMap that is new.
pub(super) fn object(place: &Place, content: &Content) -> Value {
    let binary = content.binary_data.iter().map(|(key, bytes)| (key.clone(), json!(STANDARD.encode(bytes))));
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": place.name,
            "namespace": place.namespace,
            "labels": {"kept": "yes"},
            "annotations": content.annotations,
        },
        "data": content.data,
        "binaryData": binary.collect::<serde_json::Map<_, _>>(),
    })
}

/// What an object holds.
pub(super) fn content(object: &Value) -> Content {
    let texts = |at: &str| -> BTreeMap<String, String> {
        object.pointer(at).map(|texts| serde_json::from_value(texts.clone()).unwrap()).unwrap_or_default()
    };
    let binary = texts("/binaryData").into_iter().map(|(key, text)| (key, STANDARD.decode(text).unwrap()));
    Content { annotations: texts("/metadata/annotations"), data: texts("/data"), binary_data: binary.collect() }
}

impl State {
    /// The fault that a request suffers, if any.
    pub(super) fn fault(&mut self, verb: Verb) -> Option<Action> {
        let fault = self.faults.iter_mut().find(|fault| fault.verb == verb && fault.times > 0)?;
        fault.times -= 1;
        Some(fault.action.clone())
    }

    /// Stores an object, or deletes it, and tells of that.
    pub(super) fn change(&mut self, path: &str, object: Option<Value>) -> Option<Value> {
        self.version += 1;
        let had = self.objects.remove(path);
        let (kind, mut object) = match (object, had) {
            (Some(object), None) => ("ADDED", object),
            (Some(object), Some(_)) => ("MODIFIED", object),
            (None, had) => ("DELETED", had?),
        };
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["metadata"]["uid"] = json!("b6a7a8c2-5a1c-4a43-8d3c-0d5a8c7a8f11");
        if kind != "DELETED" {
            self.objects.insert(path.to_owned(), object.clone());
        }
        let change = Change { version: self.version, kind, path: path.to_owned(), object: object.clone() };
        self.changes.push(change);
        Some(object)
    }
}
