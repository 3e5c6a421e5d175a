//! Programs that keep credentials: `docker-credential-NAME get`, by docker's credential helper protocol.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::Credential;

/// Long enough for a person to unlock a key ring.
const PATIENCE: Duration = Duration::from_mins(1);

/// No credential is larger.
const LARGEST: u64 = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks a helper for a server's credential. `None` when it knows none; the error says why it could not be asked.
pub(super) async fn get(name: &str, server: &str, path: Option<&OsStr>) -> Result<Option<Credential>, String> {
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err("its name is not a program's".to_owned());
    }
    let program = find(&format!("docker-credential-{name}"), path).ok_or("it is not on the PATH")?;
    let run = tokio::time::timeout(PATIENCE, run(program, server)).await;
    let Some(output) = run.map_err(|_| "it did not answer in time")?? else { return Ok(None) };
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|error| format!("its answer is malformed: {error}"))?;
    let origin = format!("docker-credential-{name}");
    Ok(match answer.username.as_str() {
        _ if answer.secret.is_empty() => None,
        "<token>" => Some(Credential {
            username: String::new(),
            password: String::new(),
            identity_token: Some(answer.secret),
            origin,
        }),
        _ => Some(Credential { username: answer.username, password: answer.secret, identity_token: None, origin }),
    })
}

fn find(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let names = if cfg!(windows) { vec![format!("{program}.exe")] } else { vec![program.to_owned()] };
    std::env::split_paths(path?)
        .filter(|dir| dir.is_absolute())
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)).collect::<Vec<_>>())
        .find(|file| file.is_file())
}

async fn run(program: PathBuf, server: &str) -> Result<Option<Vec<u8>>, String> {
    let failed = |error: std::io::Error| format!("it cannot be run: {error}");
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that needs no input may have closed it already.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LARGEST).read_to_end(&mut output).await.map_err(failed)?;
    }
    let status = child.wait().await.map_err(failed)?;
    // By the protocol a helper that knows no credential says so on stdout and fails.
    if !status.success() {
        let said = String::from_utf8_lossy(&output);
        return if said.contains("not found") { Ok(None) } else { Err(format!("it failed with {status}")) };
    }
    Ok(Some(output))
}
