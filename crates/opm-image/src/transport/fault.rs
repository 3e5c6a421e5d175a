//! What failures mean, in words for the person who has to act.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use reqwest::Response;
use rustls::CertificateError;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::retry::retry_after;
use super::tls;
use crate::error::ErrorKind;

/// Of an error's body, so much is read.
const LARGEST: usize = 16 << 10;
/// And shown.
const SHOWN: usize = 300;

/// Host and port of an address.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A request that got no answer, or whose answer broke off.
pub(super) fn of_request(error: &reqwest::Error, url: &Url) -> ErrorKind {
    let host = host_of(url);
    if let Some(tls) = find::<rustls::Error>(error) {
        return ErrorKind::Tls { host, why: tls_words(tls) };
    }
    if error.is_timeout() {
        return ErrorKind::Timeout { host };
    }
    let deepest = deepest(error);
    if error.is_connect() {
        let texts = chain(error);
        let why = if find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            "connection refused".to_owned()
        } else if texts.iter().any(|text| text.contains("dns error")) {
            format!("the host name cannot be resolved ({deepest})")
        } else {
            deepest
        };
        return ErrorKind::Connect { host, why };
    }
    if error.is_builder() {
        return ErrorKind::Protocol(format!("cannot ask {url}: {deepest}"));
    }
    ErrorKind::Cut { host, why: deepest }
}

fn tls_words(error: &rustls::Error) -> String {
    const SKIP: &str = "use --skip-tls-verify to connect all the same";
    match error {
        rustls::Error::InvalidMessage(_) => {
            "server gave HTTP response to HTTPS client; use --use-http if the registry is meant to speak plain HTTP"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("its certificate has expired; {SKIP}")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("its certificate is not valid yet; {SKIP}")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is for another host; {SKIP}")
            }
            CertificateError::UnknownIssuer if tls::is_without_roots() => format!(
                "its certificate is signed by an unknown authority, and this system trusts none; name a file of authorities with \
                --ca-file or $SSL_CERT_FILE, or {SKIP}"
            ),
            CertificateError::UnknownIssuer => format!(
                "its certificate is signed by an unknown authority; name that authority's certificate with --ca-file, or {SKIP}"
            ),
            other => format!(
                "its certificate is not acceptable ({other}); name the certificate of its authority with --ca-file, or {SKIP}"
            ),
        },
        other => other.to_string(),
    }
}

/// The first error of a type on the way to the cause, also inside I/O errors.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    texts
}

fn deepest(error: &dyn Error) -> String {
    chain(error).pop().unwrap_or_default()
}

/// What a registry says about a failure (distribution specification 1.1, "Error codes"; other services have other words).
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    errors: Vec<WireError>,
    /// What token services say.
    #[serde(default)]
    details: Value,
    /// What app-registries say, at the top or within `error`.
    #[serde(default)]
    message: Value,
    #[serde(default)]
    error: Value,
}

impl Wire {
    /// The code, and the words of whoever said it.
    fn words(self) -> (String, Option<String>) {
        let Some(first) = self.errors.into_iter().next() else {
            let all = [Some(&self.details), Some(&self.message), self.error.get("message")];
            return (String::new(), all.into_iter().flatten().find_map(Value::as_str).map(str::to_owned));
        };
        (first.code, first.message)
    }
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// Reads as much of an error's body as is worth showing.
pub(super) async fn said(mut response: Response) -> Said {
    let mut body = Vec::new();
    // An error is told even when its words do not arrive.
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
    match serde_json::from_slice::<Wire>(&body) {
        Ok(wire) => {
            let (code, message) = wire.words();
            let message = message.unwrap_or_else(|| code.clone());
            Said { code, message: shorten(&message) }
        }
        Err(_) => Said { code: String::new(), message: shorten(&String::from_utf8_lossy(&body)) },
    }
}

/// One line without anything that a terminal would obey. Pages of markup are not worth showing.
fn shorten(text: &str) -> String {
    let text = text.trim();
    if text.starts_with('<') {
        return String::new();
    }
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(SHOWN).collect()
}

/// An answer that is no success. `missing` says what a 404 means here.
pub(super) async fn of_response(response: Response, missing: &str) -> ErrorKind {
    of_coded_response(response, missing).await.0
}

/// The same, with the registry's code, which may be empty.
pub(super) async fn of_coded_response(response: Response, missing: &str) -> (ErrorKind, String) {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    let said = said(response).await;
    let with_words = |text: String| if said.message.is_empty() { text } else { format!("{text}: {}", said.message) };
    let kind = match status {
        _ if too_many(&said) => ErrorKind::Throttled { message: with_words(status_words(status)), wait },
        StatusCode::NOT_FOUND if said.code == "NAME_UNKNOWN" => {
            ErrorKind::NotFound("the registry has no such repository".to_owned())
        }
        StatusCode::NOT_FOUND => ErrorKind::NotFound(missing.to_owned()),
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized(said.message),
        StatusCode::FORBIDDEN => ErrorKind::Denied(said.message),
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled { message: with_words(status_words(status)), wait },
        status if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() => {
            ErrorKind::Server { message: with_words(status_words(status)), wait }
        }
        status => ErrorKind::Http(with_words(status_words(status))),
    };
    (kind, said.code)
}

/// Some registries say it in words alone, under another status.
fn too_many(said: &Said) -> bool {
    const WORDS: &str = "toomanyrequests";
    let begins = |text: &str| text.get(..WORDS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(WORDS));
    begins(&said.code) || begins(&said.message)
}

fn status_words(status: StatusCode) -> String {
    status.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn everybody_has_words_of_their_own() {
        for (body, code, message) in [
            (r#"{"errors":[{"code":"DENIED","message":"no"}],"message":"x"}"#, "DENIED", Some("no")),
            (r#"{"errors":[{"code":"DENIED"}]}"#, "DENIED", None),
            (r#"{"details":"no","error":"invalid"}"#, "", Some("no")),
            (r#"{"code":404,"message":"no","details":{"a":1}}"#, "", Some("no")),
            (r#"{"error":{"code":"package-not-found","message":"no","details":{}}}"#, "", Some("no")),
            ("{}", "", None),
        ] {
            let words = serde_json::from_str::<Wire>(body).map(Wire::words).unwrap();
            assert_eq!(words, (code.to_owned(), message.map(str::to_owned)), "{body}");
        }
    }

    #[test]
    fn words_of_registries_are_made_harmless() {
        assert_eq!(shorten("  one\r\n\u{1b}[31mtwo\t three "), "one [31mtwo three");
        assert_eq!(shorten("<html><body>no</body></html>"), "");
        assert_eq!(shorten(&"x".repeat(1000)).len(), SHOWN);
    }
}
