//! What the API server in this process answers, in the shapes of a real one.

use serde_json::{Value, json};

use super::state::{Action, State, Verb};

/// An answer that is ready.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn ok(object: &Value) -> Self {
        Self { status: 200, body: object.to_string() }
    }

    pub(super) fn failure(code: u16, reason: &str, message: &str) -> Self {
        Self { status: code, body: status(code, reason, message).to_string() }
    }

    fn not_found(name: &str) -> Self {
        Self::failure(404, "NotFound", &format!("configmaps \"{name}\" not found"))
    }
}

/// A `Status` that tells of a failure.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

/// What answers a request; `None` closes the connection.
pub(super) fn get_or_update(state: &mut State, verb: Verb, path: &str, body: &[u8]) -> Option<Answer> {
    match state.fault(verb) {
        Some(Action::HangUp) => return None,
        Some(Action::Refuse(code, reason, message)) => return Some(Answer::failure(code, reason, &message)),
        Some(Action::Babble) => return Some(Answer { status: 200, body: "<html>a proxy's page</html>".to_owned() }),
        Some(Action::Flood) => return Some(Answer { status: 200, body: " ".repeat(40 << 20) }),
        Some(Action::Overtake) => {
            let mut object = state.objects[path].clone();
            object["metadata"]["labels"]["overtaken"] = json!("yes");
            state.change(path, Some(object));
        }
        Some(Action::FailEvent(..)) | None => {}
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(object) = state.objects.get(path) else { return Some(Answer::not_found(name)) };
    if verb == Verb::Get {
        return Some(Answer::ok(object));
    }
    let Ok(new) = serde_json::from_slice::<Value>(body) else {
        return Some(Answer::failure(400, "BadRequest", "the object provided is unrecognized"));
    };
    let version = &new["metadata"]["resourceVersion"];
    if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
        let message = format!(
            "Operation cannot be fulfilled on configmaps \"{name}\": the object has been modified; \
            please apply your changes to the latest version and try again"
        );
        return Some(Answer::failure(409, "Conflict", &message));
    }
    let size: usize = ["data", "binaryData"]
        .iter()
        .filter_map(|part| new[part].as_object())
        .flat_map(|part| part.values().filter_map(Value::as_str).map(str::len))
        .sum();
    if size > 1 << 20 {
        let message = format!("ConfigMap \"{name}\" is invalid: []: Too long: must have at most 1048576 bytes");
        return Some(Answer::failure(422, "Invalid", &message));
    }
    state.change(path, Some(new)).map(|object| Answer::ok(&object))
}
