//! Registries as anybody sees them: over HTTP, without any code of ours.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opm_image::Digest;
use opm_image::testing::{FakeRegistry, TestImage};
use tempfile::TempDir;

/// What manifests may be; registries translate them otherwise.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                        application/vnd.docker.distribution.manifest.v2+json, */*";

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// One request over a connection of its own.
pub(crate) fn ask(host: &str, method: &str, target: &str, media_type: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    // Of this version, answers end with their connections.
    let head = format!(
        "{method} {target} HTTP/1.0\r\nHost: {host}\r\nAccept: {ACCEPTED}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all.split_off(end + 4) }
}

/// Pushes a blob.
pub(crate) fn push_blob(host: &str, repository: &str, bytes: &[u8]) {
    let begun = ask(host, "POST", &format!("/v2/{repository}/blobs/uploads/"), "application/octet-stream", &[]);
    let at = begun.header("location").unwrap();
    let at = at.strip_prefix(&format!("http://{host}")).unwrap_or(at);
    let and = if at.contains('?') { '&' } else { '?' };
    let at = format!("{at}{and}digest={}", Digest::of(bytes));
    assert_eq!(ask(host, "PUT", &at, "application/octet-stream", bytes).status, 201);
}

/// Pushes a manifest under a tag; what it names must be there.
pub(crate) fn push_manifest(host: &str, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
    let pushed = ask(host, "PUT", &format!("/v2/{repository}/manifests/{tag}"), media_type, bytes);
    assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
    Digest::of(bytes)
}

/// Pushes an image under a tag.
pub(crate) fn push_image(host: &str, repository: &str, tag: &str, image: &TestImage) -> Digest {
    for blob in image.blobs() {
        push_blob(host, repository, &blob);
    }
    let (bytes, media_type) = image.manifest();
    push_manifest(host, repository, tag, media_type, &bytes)
}

/// A registry of either kind.
pub(crate) enum Registry {
    Fake(FakeRegistry),
    Real(DockerRegistry),
}

impl Registry {
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Fake(registry) => registry.host(),
            Self::Real(registry) => &registry.host,
        }
    }
}

/// The program `docker-registry`, which keeps everything in memory.
pub(crate) struct DockerRegistry {
    host: String,
    process: Child,
    dir: TempDir,
}

impl DockerRegistry {
    /// Starts one; `None` where the program is not installed, which is an error where `OPM_TEST_REQUIRES` names it.
    pub(crate) fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let config = "version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: \"127.0.0.1:0\"}\n";
        std::fs::write(path("config.yaml"), config).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path("config.yaml")).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let required = std::env::var("OPM_TEST_REQUIRES").is_ok_and(|name| name == "docker-registry");
                assert!(!required, "docker-registry is not installed");
                return None;
            }
            spawned => spawned.unwrap(),
        };
        let mut registry = Self { host: String::new(), process, dir };
        let begun = Instant::now();
        while registry.host.is_empty() {
            let log = std::fs::read_to_string(registry.dir.path().join("log")).unwrap();
            let found = log.split("listening on ").nth(1).and_then(|rest| rest.split([',', '"', ' ', '\n']).next());
            match found.filter(|host| host.starts_with("127.0.0.1:")) {
                Some(host) => host.clone_into(&mut registry.host),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "docker-registry does not start: {log}");
        }
        Some(registry)
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
