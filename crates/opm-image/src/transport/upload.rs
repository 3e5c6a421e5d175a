//! Pushing: blobs by one request each, or piece by piece where a registry insists, and manifests.

use std::path::Path;

use http::header::{LOCATION, RANGE};
use http::{Method, StatusCode};
use oci_distribution::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use reqwest::Response;
use url::Url;

use super::retry::Backoff;
use super::sent::Sent;
use super::{Call, Transport, fault};
use crate::build::Document;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::options::Tls;
use crate::progress::Progress;
use crate::reference::Reference;

/// What is sent at once to a registry that refuses whole blobs, unless it wants more. Tests have small blobs.
const PIECE: u64 = if cfg!(test) { 100_000 } else { 8 << 20 };

/// No registry's wish for larger pieces is heeded beyond this.
const LARGEST_PIECE: u64 = 1 << 30;

/// Where a registry expects a blob, and the least piece of it that it takes.
#[derive(Debug)]
pub(crate) struct Session {
    at: Url,
    piece: u64,
}

/// An upload under way, and the first byte that the registry does not have.
#[derive(Debug)]
struct Begun {
    session: Session,
    from: u64,
}

/// How a blob is sent.
enum Course {
    AtOnce,
    /// The registry does not take it whole.
    Pieces,
    /// It was cut off, and might be again.
    PiecesAfterCut,
    /// The registry takes no pieces.
    OnlyAtOnce,
}

/// What came of the wish that a registry takes a blob from another of its repositories.
#[derive(Debug)]
pub(crate) enum Mount {
    Taken,
    /// It expects the blob instead.
    Upload(Session),
    Refused,
}

impl<'a> Call<'a> {
    fn push(to: &'a Reference, method: Method, path: String, sent: Sent) -> Self {
        let scopes = vec![format!("repository:{}:pull,push", to.repository())];
        let missing = "the registry has no such repository, or lost the upload";
        Self { method, scopes, addressed_by_content: false, sent, ..Self::pull(to, path, missing) }
    }
}

impl Transport {
    /// Whether somebody answers who speaks the protocol, whatever the answer.
    pub(crate) async fn answers(&self, to: &Reference) -> bool {
        let call = Call::push(to, Method::HEAD, format!("manifests/{}", to.object()), Sent::Nothing);
        let gone = |error: &ErrorKind| {
            matches!(
                error,
                ErrorKind::Connect { .. } | ErrorKind::Tls { .. } | ErrorKind::Timeout { .. } | ErrorKind::Cut { .. }
            )
        };
        !matches!(self.exchange(&call).await, Err(error) if gone(&error))
    }

    /// Whether a repository has a blob. A registry that does not say is taken not to have it, unless it turns us away.
    pub(crate) async fn has_blob(
        &self,
        to: &Reference,
        digest: &Digest,
        progress: &dyn Progress,
    ) -> Result<bool, ErrorKind> {
        let mut call = Call::push(to, Method::HEAD, format!("blobs/{digest}"), Sent::Nothing);
        call.addressed_by_content = true;
        let mut backoff = Backoff::new(&self.retries);
        loop {
            match self.attempt(&call).await {
                Ok((response, _)) => return Ok(response.status() == StatusCode::OK),
                Err(error @ ErrorKind::Unauthorized(_)) => return Err(error),
                Err(error) if error.is_transient() => backoff.pause(error, progress).await?,
                Err(_) => return Ok(false),
            }
        }
    }

    /// The digest of what a tag or a digest leads to; `None` when there is nothing, or the registry does not say.
    pub(crate) async fn head_manifest(
        &self,
        to: &Reference,
        object: &str,
        progress: &dyn Progress,
    ) -> Result<Option<Digest>, ErrorKind> {
        let mut call = Call::push(to, Method::HEAD, format!("manifests/{object}"), Sent::Nothing);
        call.accept = Some(crate::manifest::ACCEPT);
        let mut backoff = Backoff::new(&self.retries);
        loop {
            match self.attempt(&call).await {
                Ok((response, _)) => {
                    let found = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
                    return Ok(found.and_then(|text| text.parse().ok()));
                }
                Err(error @ ErrorKind::Unauthorized(_)) => return Err(error),
                Err(error) if error.is_transient() => backoff.pause(error, progress).await?,
                Err(_) => return Ok(None),
            }
        }
    }

    /// Asks the registry to take a blob from another of its repositories.
    pub(crate) async fn mount(
        &self,
        to: &Reference,
        from: &Reference,
        digest: &Digest,
        progress: &dyn Progress,
    ) -> Mount {
        let path = format!("blobs/uploads/?mount={digest}&from={}", from.repository());
        let mut call = Call::push(to, Method::POST, path, Sent::Nothing);
        call.scopes.push(format!("repository:{}:pull", from.repository()));
        let mut backoff = Backoff::new(&self.retries);
        loop {
            match self.attempt(&call).await {
                Ok((response, _)) if response.status() == StatusCode::CREATED => return Mount::Taken,
                Ok((response, last)) => return self.session(&response, &last).map_or(Mount::Refused, Mount::Upload),
                // It is only a shortcut: what goes wrong for good is met again on the long way.
                Err(error) => {
                    if backoff.pause(error, progress).await.is_err() {
                        return Mount::Refused;
                    }
                }
            }
        }
    }

    /// Pushes a blob from a file: at once, or in pieces when the registry does not take it so, or when a large one was cut off
    /// on its way. Pieces that the registry has are not sent again.
    pub(crate) async fn upload(
        &self,
        to: &Reference,
        blob: (&Digest, u64),
        file: &Path,
        session: Option<Session>,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let mut backoff = Backoff::new(&self.retries);
        let mut course = Course::AtOnce;
        let mut begun = session.map(|session| Begun { session, from: 0 });
        let mut furthest = 0;
        loop {
            let attempt = async {
                let mut upload = match begun.take() {
                    Some(begun) => begun,
                    None => Begun { session: self.begin(to).await?, from: 0 },
                };
                if matches!(course, Course::AtOnce | Course::OnlyAtOnce) {
                    return self.at_once(to, blob, file, upload.session).await;
                }
                let sent = self.in_pieces(to, blob, file, &mut upload).await;
                if let Err(error) = &sent
                    && error.is_transient()
                {
                    begun = self.where_it_is(to, upload, blob.1).await;
                    let from = begun.as_ref().map_or(0, |begun| begun.from);
                    if from > furthest {
                        furthest = from;
                        backoff.reset();
                    }
                }
                sent.map(|()| true)
            };
            match (attempt.await, &course) {
                (Ok(true), _) => return Ok(()),
                (Ok(false), _) => course = Course::Pieces,
                // It was our idea, and not the registry's.
                (Err(error), Course::PiecesAfterCut) if !error.is_transient() => {
                    tracing::debug!(digest = %blob.0, %error, "sending it whole again");
                    course = Course::OnlyAtOnce;
                }
                (Err(error), _) => {
                    if error.is_transient() && blob.1 > PIECE && matches!(course, Course::AtOnce) {
                        course = Course::PiecesAfterCut;
                    }
                    let was_cut = !matches!(error, ErrorKind::Throttled { .. });
                    backoff.pause(error, progress).await?;
                    // It may have arrived, and only the answer was lost.
                    if was_cut && self.is_there(to, blob.0).await {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn is_there(&self, to: &Reference, digest: &Digest) -> bool {
        let call = Call::push(to, Method::HEAD, format!("blobs/{digest}"), Sent::Nothing);
        self.attempt(&call).await.is_ok_and(|(response, _)| response.status() == StatusCode::OK)
    }

    /// How far an upload came that was cut off, if the registry still knows it (distribution specification 1.1, "Pushing a blob
    /// in chunks").
    async fn where_it_is(&self, to: &Reference, upload: Begun, size: u64) -> Option<Begun> {
        let mut call = Call::push(to, Method::GET, String::new(), Sent::Nothing);
        let piece = upload.session.piece;
        call.at = Some(upload.session.at);
        let (response, last) = self.attempt(&call).await.ok()?;
        let range = response.headers().get(RANGE).and_then(|value| value.to_str().ok()).unwrap_or("0-0");
        let end: u64 = range.trim().trim_start_matches("bytes=").split_once('-')?.1.trim().parse().ok()?;
        // `0-0` is what registries say of nothing at all.
        let from = if end == 0 { 0 } else { end + 1 };
        let session = self.session(&response, &last).ok()?;
        (from <= size).then_some(Begun { session: Session { at: session.at, piece }, from })
    }

    /// Begins an upload whose content is not at hand yet. What fails for a passing reason is left to
    /// [`upload`](Self::upload).
    pub(crate) async fn session_ahead(&self, to: &Reference) -> Result<Option<Session>, ErrorKind> {
        match self.begin(to).await {
            Ok(session) => Ok(Some(session)),
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn begin(&self, to: &Reference) -> Result<Session, ErrorKind> {
        let call = Call::push(to, Method::POST, "blobs/uploads/".to_owned(), Sent::Nothing);
        let (response, last) = self.attempt(&call).await?;
        self.session(&response, &last)
    }

    /// Where an answer says that the upload goes on.
    fn session(&self, response: &Response, last: &Url) -> Result<Session, ErrorKind> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let at = header(LOCATION.as_str())
            .and_then(|text| last.join(text).ok())
            .filter(|at| matches!(at.scheme(), "http" | "https"))
            .ok_or_else(|| ErrorKind::Protocol("the registry does not say where to upload to".to_owned()))?;
        if at.scheme() == "http" && self.http.tls != Tls::PlainHttp {
            let host = fault::host_of(&at);
            return Err(ErrorKind::Protocol(format!(
                "the registry wants uploads sent to http://{host}, without encryption"
            )));
        }
        let piece = header("oci-chunk-min-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Session { at, piece: PIECE.max(piece).min(LARGEST_PIECE) })
    }

    /// One request with the whole blob; false when the registry does not take that.
    async fn at_once(
        &self,
        to: &Reference,
        (digest, size): (&Digest, u64),
        file: &Path,
        session: Session,
    ) -> Result<bool, ErrorKind> {
        let sent = Sent::File { path: file.to_owned(), from: 0, length: size, range: false };
        let mut call = Call::push(to, Method::PUT, String::new(), sent);
        call.at = Some(finished(session.at, digest));
        let (response, last) = self.exchange(&call).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(true);
        }
        let (kind, code) = self.refusal(&call, response, &last).await;
        let whole = matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::LENGTH_REQUIRED
                | StatusCode::PAYLOAD_TOO_LARGE
        );
        if whole && size > 0 && !matches!(code.as_str(), "DIGEST_INVALID" | "SIZE_INVALID") {
            tracing::debug!(%digest, %kind, "sending pieces instead");
            return Ok(false);
        }
        Err(lost(kind))
    }

    /// Several requests with a piece each, one after the other, and one that ends them. What the registry took is noted in
    /// `upload`.
    async fn in_pieces(
        &self,
        to: &Reference,
        (digest, size): (&Digest, u64),
        file: &Path,
        upload: &mut Begun,
    ) -> Result<(), ErrorKind> {
        while upload.from < size {
            let length = upload.session.piece.min(size - upload.from);
            let sent = Sent::File { path: file.to_owned(), from: upload.from, length, range: true };
            let mut call = Call::push(to, Method::PATCH, String::new(), sent);
            call.at = Some(upload.session.at.clone());
            let (response, last) = self.attempt(&call).await.map_err(lost)?;
            upload.session.at = self.session(&response, &last)?.at;
            upload.from += length;
        }
        let mut call = Call::push(to, Method::PUT, String::new(), Sent::Nothing);
        call.at = Some(finished(upload.session.at.clone(), digest));
        self.attempt(&call).await.map(|_| ()).map_err(lost)
    }

    /// Pushes a manifest under a tag or its own digest.
    pub(crate) async fn put_manifest(
        &self,
        to: &Reference,
        object: &str,
        document: &Document,
        progress: &dyn Progress,
    ) -> Result<(), ErrorKind> {
        let Document { bytes, media_type, digest } = document;
        let sent = Sent::Bytes { bytes: bytes.clone(), media_type: media_type.clone() };
        let mut call = Call::push(to, Method::PUT, format!("manifests/{object}"), sent);
        call.missing = "the registry lacks something that the manifest names";
        let oci = matches!(media_type.as_str(), OCI_IMAGE_MEDIA_TYPE | OCI_IMAGE_INDEX_MEDIA_TYPE);
        let mut backoff = Backoff::new(&self.retries);
        loop {
            let attempt = async {
                let (response, last) = self.exchange(&call).await?;
                let status = response.status();
                if !status.is_success() {
                    let (kind, code) = self.refusal(&call, response, &last).await;
                    let refused = matches!(code.as_str(), "MANIFEST_INVALID" | "UNSUPPORTED");
                    let refused = status == StatusCode::UNSUPPORTED_MEDIA_TYPE || (refused && status.is_client_error());
                    return Err(if oci && refused && !kind.is_transient() { no_oci(&kind) } else { kind });
                }
                let found = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
                match found.and_then(|text| text.parse().ok()) {
                    Some(found) if found != *digest => Err(ErrorKind::Digest {
                        what: "the manifest as the registry stored it",
                        expected: digest.clone(),
                        found,
                    }),
                    _ => Ok(()),
                }
            };
            match attempt.await {
                Ok(()) => return Ok(()),
                Err(error) => backoff.pause(error, progress).await?,
            }
        }
    }
}

fn no_oci(kind: &ErrorKind) -> ErrorKind {
    ErrorKind::Unsupported(format!(
        "the registry does not take manifests with OCI media types ({kind}); an image on a base with Docker media types has \
         those, too"
    ))
}

/// An upload that the registry does not know any more is begun anew.
fn lost(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::NotFound(_) => {
            ErrorKind::Server { message: "it does not know the upload any more".to_owned(), wait: None }
        }
        kind => kind,
    }
}

/// The address that ends an upload. What the registry wrote into its query stays as it is.
fn finished(mut at: Url, digest: &Digest) -> Url {
    at.query_pairs_mut().append_pair("digest", digest.as_str());
    at
}
