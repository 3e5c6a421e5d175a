//! What the tests share: places of their own, runs of the binaries, looks into databases.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use opm_image::testing::{FakeRegistry, Layer, TestImage};
use rusqlite::Connection;
use tempfile::TempDir;

/// A working directory, a home and a directory for temporary files, all empty at first.
pub(crate) struct Bed {
    work: TempDir,
    home: TempDir,
    tmp: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts that the run succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Asserts that the run failed with this status, and that its errors hold all these words.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self.says(words)
    }

    /// Asserts that what it wrote to stderr holds all these words.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// The path of a binary.
pub(crate) fn binary(name: &str) -> &'static str {
    match name {
        "opm" => env!("CARGO_BIN_EXE_opm"),
        "initializer" => env!("CARGO_BIN_EXE_initializer"),
        "registry-server" => env!("CARGO_BIN_EXE_registry-server"),
        "configmap-server" => env!("CARGO_BIN_EXE_configmap-server"),
        other => panic!("there is no binary {other}"),
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        let dir = || tempfile::tempdir().unwrap();
        let bed = Self { work: dir(), home: dir(), tmp: dir() };
        let settings = bed.home.path().join(".config/containers");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
        bed
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub(crate) fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.of(Command::new(binary(name)));
        command.args(args);
        command
    }

    /// A command in the working directory that knows nothing of the places of whoever runs the tests.
    fn of(&self, mut command: Command) -> Command {
        command
            .current_dir(self.work.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.tmp.path())
            .env("CONTAINERS_REGISTRIES_CONF", "/dev/null")
            .stdin(Stdio::null());
        command
    }

    /// Runs a binary to its end, and asserts that it leaves no temporary files.
    #[track_caller]
    pub(crate) fn run(&self, name: &str, args: &[&str]) -> Ended {
        self.end(&mut self.command(name, args))
    }

    #[track_caller]
    fn end(&self, command: &mut Command) -> Ended {
        let output = command.output().unwrap();
        self.assert_tidy();
        Ended {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn opm(&self, args: &[&str]) -> Ended {
        self.run("opm", args)
    }

    /// Runs `opm` to its end with so many kilobytes of address space, and for a minute at most.
    #[track_caller]
    pub(crate) fn opm_within(&self, memory: u32, args: &[&str]) -> Ended {
        let mut shell = self.of(Command::new("sh"));
        shell.args(["-c", &format!("ulimit -v {memory} && exec timeout 60 \"$0\" \"$@\""), binary("opm")]).args(args);
        self.end(&mut shell)
    }

    /// Runs `opm` to its end as somebody to whom permissions mean something, as they do not to the superuser.
    #[track_caller]
    pub(crate) fn opm_as_somebody_else(&self, args: &[&str]) -> Ended {
        // The tests may be in a home that others cannot look into, so they get a copy.
        let copy = self.path("opm");
        let open = |path: &Path| std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        if !copy.exists() {
            // By another process: were it open for writing here, a child of another test would have it as well for a moment,
            // and it could not be run.
            assert!(Command::new("cp").arg(binary("opm")).arg(&copy).status().unwrap().success());
            open(&copy);
            open(self.work.path());
        }
        let mut command = Command::new(copy);
        command.args(args).current_dir(self.work.path()).env("HOME", "/nonexistent").env_remove("TMPDIR");
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65534).gid(65534);
        }
        self.end(&mut command)
    }

    /// Starts a binary; its errors go to the file `log` in the working directory.
    pub(crate) fn start(&self, name: &str, args: &[&str]) -> Child {
        let log = std::fs::File::create(self.path("log")).unwrap();
        self.command(name, args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Whether there are temporary files, beside directories of them that are still empty.
    pub(crate) fn temporary_files_are_there(&self) -> bool {
        has_files(self.tmp.path())
    }

    /// Asserts that there is something temporary, and that it is nobody else's business.
    #[track_caller]
    pub(crate) fn assert_private(&self) {
        let modes = std::fs::read_dir(self.tmp.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().mode() & 0o777);
        let modes: Vec<u32> = modes.collect();
        assert!(!modes.is_empty() && modes.iter().all(|mode| [0o600, 0o700].contains(mode)), "{modes:?}");
    }

    /// Asserts that there are no temporary files.
    #[track_caller]
    pub(crate) fn assert_tidy(&self) {
        let left = names(self.tmp.path());
        assert!(left.is_empty(), "temporary files are left: {left:?}");
    }

    /// The names in the working directory.
    pub(crate) fn files(&self) -> Vec<String> {
        names(self.work.path())
    }
}

/// Whether there is a file somewhere below a directory, which others may be removing.
fn has_files(dir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| !entry.path().is_dir() || has_files(&entry.path()))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A path below `tests/data`.
pub(crate) fn data(path: &str) -> String {
    format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The directories of these sample bundles, as a list separated by commas.
pub(crate) fn bundles(names: &[&str]) -> String {
    names.iter().map(|name| data(&format!("bundles/{name}"))).collect::<Vec<_>>().join(",")
}

/// Pushes a sample bundle as an image; returns its reference.
pub(crate) fn push(registry: &FakeRegistry, name: &str) -> String {
    let (package, version) = name.split_once('/').unwrap();
    let root = data(&format!("bundles/{name}"));
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for part in ["manifests", "metadata"] {
        for file in names(&Path::new(&root).join(part)) {
            files.push((format!("{part}/{file}"), std::fs::read(format!("{root}/{part}/{file}")).unwrap()));
        }
    }
    registry.push(&format!("samples/{package}"), version, &TestImage::new([Layer::gzip(files)]));
    format!("{}/samples/{package}:{version}", registry.host())
}

/// All rows of a database, without ids and large content, in a stable order.
pub(crate) fn dump(path: &Path) -> String {
    let conn = Connection::open(path).unwrap();
    let mut text = String::new();
    let queries = [
        "SELECT 'bundle', name, version, bundlepath, replaces, skips, skiprange, length(csv), length(bundle) FROM operatorbundle ORDER BY 2",
        "SELECT 'package', name, default_channel FROM package ORDER BY 2",
        "SELECT 'channel', package_name, name, head_operatorbundle_name FROM channel ORDER BY 2, 3",
        "SELECT 'entry', e.package_name, e.channel_name, e.operatorbundle_name, r.operatorbundle_name, e.depth FROM channel_entry e
            LEFT JOIN channel_entry r ON r.entry_id = e.replaces ORDER BY 2, 3, 6, 4, 5",
        "SELECT 'property', operatorbundle_name, type, CAST(value AS TEXT) FROM properties ORDER BY 2, 3, 4",
        "SELECT 'dependency', operatorbundle_name, type, CAST(value AS TEXT) FROM dependencies ORDER BY 2, 3, 4",
        "SELECT 'provides', operatorbundle_name, group_name, version, kind FROM api_provider ORDER BY 2, 3, 4, 5",
        "SELECT 'requires', operatorbundle_name, group_name, version, kind FROM api_requirer ORDER BY 2, 3, 4, 5",
        "SELECT 'image', operatorbundle_name, image FROM related_image ORDER BY 2, 3",
        "SELECT 'deprecated', operatorbundle_name FROM deprecated ORDER BY 2",
        "SELECT 'schema', version FROM schema_migrations",
    ];
    for query in queries {
        let mut statement = conn.prepare(query).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let value = match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Null => "-".to_owned(),
                    rusqlite::types::ValueRef::Integer(n) => n.to_string(),
                    other => String::from_utf8_lossy(other.as_bytes().unwrap()).into_owned(),
                };
                write!(text, "{}{value}", if column == 0 { "" } else { " " }).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// The lines of a dump that begin with one of these words.
pub(crate) fn lines(dump: &str, words: &[&str]) -> String {
    let chosen = |line: &&str| words.iter().any(|w| line.split(' ').next() == Some(w));
    dump.split_inclusive('\n').filter(chosen).collect()
}

/// A database of the sample operators, made by `opm registry add`.
pub(crate) fn sample_database(bed: &Bed, name: &str) {
    let all = bundles(&["tea/0.1.0", "tea/0.2.0", "tea/0.3.0", "tea/1.0.0", "kettle/1.0.0", "kettle/1.0.1"]);
    bed.opm(&["registry", "add", "-d", name, "-b", &all]).ok();
}
