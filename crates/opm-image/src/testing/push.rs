//! How the registry takes what is pushed to it. It is as strict as real ones: what a manifest names must be there.

use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, Response};
use serde_json::Value;

use super::registry::{Asked, Quirk, State, error};
use crate::digest::Digest;

type Answer = http::Result<Response<Vec<u8>>>;

impl State {
    /// Requests below `blobs/uploads/`.
    pub(super) fn upload(&mut self, repository: &str, id: &str, asked: &Asked<'_>) -> Answer {
        match *asked.method {
            Method::POST if id.is_empty() => self.begin(repository, asked),
            Method::PATCH => self.piece(repository, id, asked),
            Method::GET => self.how_far(repository, id),
            Method::PUT => self.end(repository, id, asked),
            _ => error(405, "UNSUPPORTED", "the operation is unsupported"),
        }
    }

    fn begin(&mut self, repository: &str, asked: &Asked<'_>) -> Answer {
        if let (Some(digest), Some(from)) = (asked.query("mount"), asked.query("from"))
            && !self.quirks.contains(&Quirk::NoMounts)
            && let Some(bytes) = self.blobs.get(&(from, digest)).cloned()
        {
            self.put_blob(repository, bytes);
            return Response::builder().status(201).body(Vec::new());
        }
        self.begun += 1;
        let id = self.begun.to_string();
        self.uploads.insert(id.clone(), Vec::new());
        let at = self.location(repository, &id);
        Response::builder().status(202).header(LOCATION, at).body(Vec::new())
    }

    /// With a query that must come back.
    fn location(&self, repository: &str, id: &str) -> String {
        if self.quirks.contains(&Quirk::UploadsElsewhere) {
            let port = self.base.rsplit(':').next().unwrap_or_default();
            return format!("http://localhost:{port}/elsewhere/{repository}/{id}?_state=a%2Fb");
        }
        format!("/v2/{repository}/blobs/uploads/{id}?_state=a%2Fb")
    }

    fn piece(&mut self, repository: &str, id: &str, asked: &Asked<'_>) -> Answer {
        let at = self.location(repository, id);
        let Some(upload) = self.uploads.get_mut(id) else { return error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown") };
        let expected = format!("{}-{}", upload.len(), (upload.len() + asked.body.len()).saturating_sub(1));
        if asked.content_range.as_ref() != Some(&expected) || !asked.path.contains("_state=a%2Fb") {
            return error(416, "RANGE", "range not satisfiable");
        }
        upload.extend_from_slice(asked.body);
        Response::builder().status(202).header(LOCATION, at).body(Vec::new())
    }

    fn how_far(&mut self, repository: &str, id: &str) -> Answer {
        let at = self.location(repository, id);
        let Some(upload) = self.uploads.get(id) else { return error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown") };
        let range = format!("0-{}", upload.len().saturating_sub(1));
        Response::builder().status(204).header(LOCATION, at).header("range", range).body(Vec::new())
    }

    fn end(&mut self, repository: &str, id: &str, asked: &Asked<'_>) -> Answer {
        if !asked.body.is_empty() && self.quirks.contains(&Quirk::NoWholeBlobs) {
            return error(413, "SIZE", "too much at once");
        }
        let Some(mut upload) = self.uploads.remove(id) else {
            return error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
        };
        upload.extend_from_slice(asked.body);
        if asked.query("digest").as_deref() != Some(Digest::of(&upload).as_str())
            || !asked.path.contains("_state=a%2Fb")
        {
            return error(400, "DIGEST_INVALID", "wrong digest");
        }
        self.put_blob(repository, upload);
        Response::builder().status(201).body(Vec::new())
    }

    pub(super) fn take_manifest(&mut self, repository: &str, object: &str, asked: &Asked<'_>) -> Answer {
        let media_type = asked.content_type.clone().unwrap_or_default();
        if self.quirks.contains(&Quirk::NoOci) && media_type.contains(".oci.") {
            return error(400, "MANIFEST_INVALID", "manifest invalid");
        }
        let Ok(manifest) = serde_json::from_slice::<Value>(asked.body) else {
            return error(400, "MANIFEST_INVALID", "manifest invalid");
        };
        if manifest["mediaType"] != media_type.as_str()
            || (object.contains(':') && object != Digest::of(asked.body).as_str())
        {
            return error(400, "MANIFEST_INVALID", "manifest invalid");
        }
        let list = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let key =
            |described: &Value| (repository.to_owned(), described["digest"].as_str().unwrap_or_default().to_owned());
        let layers = list("layers").into_iter().filter(|layer| layer.get("urls").is_none());
        let mut blobs = layers.chain(manifest.get("config").cloned());
        let lacks = blobs.any(|blob| !self.blobs.contains_key(&key(&blob)))
            || list("manifests").iter().any(|child| !self.manifests.contains_key(&key(child)));
        if lacks {
            return error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
        }
        let digest = self.put_manifest(repository, object, &media_type, asked.body);
        Response::builder()
            .status(201)
            .header(CONTENT_TYPE, "text/plain")
            .header("docker-content-digest", digest.as_str())
            .body(Vec::new())
    }
}
