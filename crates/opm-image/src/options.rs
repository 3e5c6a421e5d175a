//! What a caller may choose.

use std::path::PathBuf;
use std::time::Duration;

use crate::platform::Platform;

/// How a [`Client`](crate::Client) talks to registries and what it accepts from them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How connections are secured (`--use-http`, `--skip-tls-verify`).
    pub tls: Tls,
    /// A PEM file with certificates that are trusted besides the system's (`--ca-file`).
    pub ca_file: Option<PathBuf>,
    /// The only file to take credentials from (`--authfile`); it must exist. Without it the usual places are searched.
    pub auth_file: Option<PathBuf>,
    /// The only platform to take from a multi-platform image. Without it: Linux on this machine's architecture, else
    /// `linux/amd64`.
    pub platform: Option<Platform>,
    /// When to stop believing an image.
    pub limits: Limits,
    /// How often and how long to try.
    pub retries: Retries,
    /// Whether and where to keep what was pulled. Default: not at all.
    pub cache: Cache,
    /// How much to ask for at a time.
    pub pace: Pace,
}

/// How much registries are asked for at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The most requests to one host that wait for an answer. There are fewer after the host says that it is too much, and
    /// more again as it answers. Default 32.
    pub requests_per_host: usize,
    /// The most bytes of blobs a second, to and from all registries together. Default: as fast as they go.
    pub bytes_per_second: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { requests_per_host: 32, bytes_per_second: None }
    }
}

/// Whether what is pulled from registries is kept, so that it need not be fetched again.
///
/// Kept is what is named by its digest: manifests, configurations and layers, in `blobs/ALGORITHM/HEX` below one directory.
/// It is checked whenever it is read. Any number of processes may share a directory, and one that cannot be read or written
/// is as good as an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cache {
    /// Everything is fetched (`--no-cache`).
    #[default]
    Off,
    /// Everything is kept.
    On {
        /// The directory (`--cache-dir`). Without it: `$OPM_CACHE_DIR`, else `$XDG_CACHE_HOME/opm`, else `~/.cache/opm`.
        dir: Option<PathBuf>,
        /// How large it may be, in bytes. A client may go beyond that; when its last clone is dropped, what was not used for
        /// the longest time is removed.
        limit: u64,
    },
}

impl Cache {
    /// What [`Cache::On`] holds unless something else is wanted, in bytes: 2 GiB.
    pub const LIMIT: u64 = 2 << 30;

    /// A cache in `dir`, or where it usually is, of the usual size.
    pub fn on(dir: Option<PathBuf>) -> Self {
        Self::On { dir, limit: Self::LIMIT }
    }
}

/// How connections to registries are secured. There is no mode that falls back from HTTPS to HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// HTTPS with verified certificates, TLS 1.2 or newer.
    #[default]
    Verify,
    /// HTTPS with whatever certificate the registry shows.
    SkipVerify,
    /// HTTP only.
    PlainHttp,
}

/// Upper bounds against images that are broken or hostile. All sizes are in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Everything that the layers of one image, or one archive file, decompress to. Default 16 GiB.
    pub unpacked: u64,
    /// Archive entries of one image, all layers together; directories count as well that no entry names. Default 500,000.
    pub entries: u64,
    /// Those of the entries that are wanted, by [`Keep`](crate::Keep). Default 500,000.
    pub kept: u64,
    /// One manifest or index. Default 8 MiB.
    pub manifest: u64,
    /// One image configuration. Default 8 MiB.
    pub config: u64,
    /// One path inside an image, or the target of a link. Default 4096.
    pub path: usize,
    /// Indexes in indexes, the outermost included. Default 3.
    pub index_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 16 << 30,
            entries: 500_000,
            kept: 500_000,
            manifest: 8 << 20,
            config: 8 << 20,
            path: 4096,
            index_depth: 3,
        }
    }
}

/// How often and how long to try what may succeed later: refused and cut connections, timeouts, 408, 429 and 5xx.
#[derive(Debug, Clone)]
pub struct Retries {
    /// Attempts in all, the first included. Default 5.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles each time. Default 250 ms.
    pub first_wait: Duration,
    /// No wait is longer; a registry that asks for a longer one is given up. Default 60 s.
    pub longest_wait: Duration,
    /// To establish a connection. Default 30 s.
    pub connect_timeout: Duration,
    /// The longest silence within an answer. Default 60 s.
    pub idle_timeout: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(1),
        }
    }
}
