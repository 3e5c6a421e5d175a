//! Which of the places an image may be read from.

use std::sync::{Arc, OnceLock};

use super::{Document, served_as};
use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::manifest;
use crate::progress::Progress;
use crate::reference::Reference;
use crate::transport::{Backoff, Call, Transport};
use crate::unpack::check_content;

/// Where an image in a registry is read from: the first place that has its manifest.
#[derive(Debug)]
pub(crate) struct Places {
    /// As the user wrote it.
    written: Reference,
    /// The same, a short name made full.
    wanted: Reference,
    all: Vec<Place>,
    chosen: OnceLock<usize>,
}

/// One place, and the way there.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) reference: Reference,
    pub(crate) transport: Arc<Transport>,
    /// Asked only when the place before, the same by a safer way, gave no answer.
    instead: bool,
}

impl Places {
    /// The places that the machine's settings allow for an image.
    pub(super) fn of(client: &Client, written: &Reference, wanted: Reference) -> Result<Self, ErrorKind> {
        let mut all = Vec::new();
        for place in client.registries()?.places(&wanted)? {
            for (at, transport) in client.ways(place.insecure)?.into_iter().enumerate() {
                all.push(Place { reference: place.reference.clone(), transport, instead: at > 0 });
            }
        }
        Ok(Self { written: written.clone(), wanted, all, chosen: OnceLock::new() })
    }

    /// The image as it was asked for, short names made full.
    pub(crate) fn wanted(&self) -> &Reference {
        &self.wanted
    }

    /// The place that has the image. Looks for it if that has not been done yet.
    pub(crate) async fn chosen(&self, client: &Client, progress: &dyn Progress) -> Result<&Place, ErrorKind> {
        if self.chosen.get().is_none() {
            self.manifest(client, progress).await?;
        }
        match self.chosen.get().and_then(|at| self.all.get(*at)) {
            Some(place) => Ok(place),
            None => Err(ErrorKind::Setup("no place to read from".to_owned())),
        }
    }

    /// Reads the image's manifest from the first place that has it. All places are asked once before any is asked again, so
    /// that one that is down does not keep the others waiting; those that refused for good are not.
    pub(super) async fn manifest(&self, client: &Client, progress: &dyn Progress) -> Result<Document, ErrorKind> {
        let mut backoff = Backoff::new(&client.options().retries);
        let mut failed: Vec<Option<ErrorKind>> = self.all.iter().map(|_| None).collect();
        loop {
            for (at, place) in self.all.iter().enumerate() {
                let is_settled = failed[at].as_ref().is_some_and(|error| !error.is_transient());
                let is_idle = place.instead && !failed[at - 1].as_ref().is_some_and(gave_no_answer);
                if is_settled || is_idle {
                    continue;
                }
                match place.manifest(client).await {
                    Ok(document) => {
                        if place.reference != self.wanted {
                            tracing::debug!(image = %self.wanted, place = %place.reference, "reading from another place");
                        }
                        let _ = self.chosen.set(at);
                        return Ok(document);
                    }
                    Err(error) => {
                        tracing::debug!(place = %place.reference, %error, "not to be read");
                        failed[at] = Some(error);
                    }
                }
            }
            let waited = match failed.iter().flatten().find(|error| error.is_transient()) {
                Some(error) => backoff.waited(error, progress).await,
                None => false,
            };
            if !waited {
                return Err(self.together(failed));
            }
        }
    }

    /// What all places said.
    fn together(&self, failed: Vec<Option<ErrorKind>>) -> ErrorKind {
        let mut said: Vec<(&Place, ErrorKind)> =
            self.all.iter().zip(failed).filter_map(|(place, error)| Some((place, error?))).collect();
        if let [(place, _)] = &said[..]
            && place.reference == self.written
            && let Some((_, error)) = said.pop()
        {
            return error;
        }
        let named = |place: &Place| {
            let how = if place.instead { " without encryption" } else { "" };
            format!("{}{how}", place.reference)
        };
        ErrorKind::Everywhere(said.into_iter().map(|(place, error)| (named(place), error)).collect())
    }
}

/// Whether nobody answered at all who speaks the protocol.
fn gave_no_answer(error: &ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::Connect { .. } | ErrorKind::Tls { .. } | ErrorKind::Timeout { .. } | ErrorKind::Cut { .. }
    )
}

impl Place {
    /// Reads and checks the manifest of this name, without patience.
    async fn manifest(&self, client: &Client) -> Result<Document, ErrorKind> {
        let reference = &self.reference;
        let missing = if reference.digest().is_some() {
            "the registry has no manifest with this digest"
        } else {
            "the registry has no such tag"
        };
        let mut call = Call::pull(reference, format!("manifests/{}", reference.object()), missing);
        call.accept = Some(manifest::ACCEPT);
        call.addressed_by_content = reference.digest().is_some();
        let limit = client.limits().manifest;
        let answer = self.transport.fetch_once(&call, limit, "the size of the manifest in bytes").await?;
        let announced = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok()?.parse().ok());
        let digest = match reference.digest().cloned().or(announced) {
            Some(expected) => {
                let found = expected.same_kind_of(&answer.body);
                let length = answer.body.len() as u64;
                check_content("the manifest", &expected, length, found, length)?;
                expected
            }
            None => Digest::of(&answer.body),
        };
        Ok(Document { digest, served_as: served_as(&answer), bytes: answer.body })
    }
}
