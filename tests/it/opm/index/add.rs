use opm_image::testing::{FakeRegistry, Layer, TestImage};

use super::{DATABASE_LABEL, push_index};
use crate::bed::{Bed, bundles, dump, lines, push};

const DOCKERFILE: &str = r#"FROM quay.io/operator-framework/opm:latest
LABEL operators.operatorframework.io.index.database.v1=/database/index.db
ADD database/index.db /database/index.db
EXPOSE 50051
ENTRYPOINT ["/bin/opm"]
CMD ["registry", "serve", "--database", "/database/index.db"]
"#;

#[test]
fn a_new_index_and_the_next_one() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    bed.opm(&["index", "add", "--use-http", "--generate", "-b", &image]).ok();
    assert_eq!(bed.files(), ["database", "index.Dockerfile"]);
    assert_eq!(std::fs::read_to_string(bed.path("index.Dockerfile")).unwrap(), DOCKERFILE);
    assert_eq!(lines(&dump(&bed.path("database/index.db")), &["channel"]), "channel tea alpha tea.v0.1.0\n");

    let index = push_index(&bed, &registry);
    let args = [
        "index",
        "add",
        "--use-http",
        "--generate",
        "-f",
        &index,
        "-i",
        "reg.example/opm:1",
        "-d",
        "my.Dockerfile",
        "-b",
    ];
    let add = |bundle: &str| bed.opm(&[&args[..], &[bundle]].concat());
    add(&bundles(&["teahouse/2.0.0"])).ok();
    let text = std::fs::read_to_string(bed.path("my.Dockerfile")).unwrap();
    assert!(text.starts_with("FROM reg.example/opm:1\n"), "{text}");
    assert_eq!(
        lines(&dump(&bed.path("database/index.db")), &["package"]),
        "package kettle stable\npackage tea stable\npackage teahouse beta\n"
    );

    let before = std::fs::read(bed.path("database/index.db")).unwrap();
    add(&bundles(&["tea/1.0.0"])).fails(3, &["Bundle already added that provides package and csv"]);
    assert!(before == std::fs::read(bed.path("database/index.db")).unwrap());
    assert_eq!(bed.files(), ["database", "index.Dockerfile", "my.Dockerfile"]);
}

#[test]
fn what_cannot_be_done_fails_before_any_work() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    bed.opm(&["index", "add", "--generate", "-b", "x", "-c", "podman", "-p", "docker"])
        .fails(1, &["container-tool cannot be set alongside pull-tool or build-tool"]);
    for (tag, labels, words) in [
        ("none", vec![], format!("missing label {DATABASE_LABEL}")),
        (
            "fbc",
            vec![("operators.operatorframework.io.index.configs.v1", "/configs")],
            "no catalog at /configs".to_owned(),
        ),
        ("out", vec![(DATABASE_LABEL, "/../../etc/passwd")], "leads out of the image".to_owned()),
        ("gone", vec![(DATABASE_LABEL, "/database/gone.db")], "there is no database at /database/gone.db".to_owned()),
        ("text", vec![(DATABASE_LABEL, "/text")], "file is not a database".to_owned()),
    ] {
        let image = TestImage::new([Layer::plain([("text", "no database, but text")])]);
        let image = labels.into_iter().fold(image, |image, (key, value)| image.label(key, value));
        registry.push("index", tag, &image);
        let index = format!("{}/index:{tag}", registry.host());
        bed.opm(&["index", "add", "--use-http", "--generate", "-f", &index, "-b", ""]).fails(1, &[&words]);
        assert!(bed.files().is_empty(), "{tag}: {:?}", bed.files());
    }
}

/// Runs with tools that only write down how they are called, and where.
fn with_tools(bed: &Bed, tools: &[&str], args: &[&str]) -> (Option<i32>, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let _old = std::fs::remove_dir_all(bed.path("bin"));
    std::fs::create_dir(bed.path("bin")).unwrap();
    let called = bed.path("called");
    for tool in tools {
        let path = bed.path(&format!("bin/{tool}"));
        let script = format!(
            "#!/bin/sh\n{{ echo \"${{0##*/}} $*\"; while read -r line; do echo \"$line\"; done < index.Dockerfile; }} > {}\n[ -s database/index.db ]\n",
            called.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _old = std::fs::remove_file(&called);
    let ended = bed.command("opm", args).env("PATH", bed.path("bin")).output().unwrap();
    bed.assert_tidy();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn tools_build_what_they_always_built() {
    let bed = Bed::new();
    let tea = bundles(&["tea/0.1.0"]);
    let all = &["docker", "podman", "buildah"][..];
    for (tools, args, line) in [
        (all, &["-c", "docker"][..], "docker build -f index.Dockerfile -t operator-registry-index:latest ."),
        (all, &["-u", "podman", "-t", "r/x:1"], "podman build --format docker -f index.Dockerfile -t r/x:1 ."),
        (all, &["-u", "buildah", "-t", "r/x:1"], "buildah bud --format=docker -f index.Dockerfile -t r/x:1 ."),
        (all, &[], "podman build --format docker -f index.Dockerfile -t operator-registry-index:latest ."),
        (&["docker"], &[], "docker build -f index.Dockerfile -t operator-registry-index:latest ."),
    ] {
        // Where a tool builds, it also pulls; a directory needs neither.
        let pull = if args.contains(&"-c") { vec![] } else { vec!["-b", tea.as_str()] };
        let args = [&["index", "add"][..], args, &pull, if pull.is_empty() { &["-b", ""] } else { &[] }].concat();
        assert_eq!(with_tools(&bed, tools, &args).0, Some(0), "{args:?}");
        assert_eq!(std::fs::read_to_string(bed.path("called")).unwrap(), format!("{line}\n{DOCKERFILE}"));
    }
    for (tools, args, words) in [
        (&[][..], &[][..], "neither podman nor docker is on the PATH: build without a tool, with --push or --output"),
        (&["docker"], &["-u", "podman"], "podman is not installed"),
        (all, &["-u", "docker", "--push"], "built without docker"),
        (all, &["-u", "none"], "--output"),
        (all, &["--push"], "--tag"),
        (all, &["--output", "quay.io/x:1"], "is no output"),
        (all, &["-t", ""], "no name of an image"),
        (all, &["--output", "oci:out"], "--binary-image"),
    ] {
        let args = [&["index", "add", "-b", "reg.example/none:1"], args].concat();
        let (status, said) = with_tools(&bed, tools, &args);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert_eq!(bed.files(), ["bin"]);
    }
}

#[test]
fn an_image_is_built_without_a_tool_and_always_the_same() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let base = TestImage::new([Layer::plain([("bin/opm", "an opm")])]).label("kept", "yes");
    registry.push("opm", "1", &base);
    let base = format!("{}/opm:1", registry.host());
    let two = bundles(&["tea/0.1.0", "tea/0.2.0"]);
    let build = |umask: &str, out: &str, rest: &[&str]| {
        let line = format!("umask {umask}; exec \"$0\" \"$@\"");
        let command = bed.command("opm", &[]);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line, crate::bed::binary("opm"), "index", "add", "--use-http", "--output", out]).args(rest);
        shell.current_dir(command.get_current_dir().unwrap());
        shell.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        // No tool can be found.
        let ended = shell.env("PATH", "/usr/bin:/bin").env("LC_ALL", "tr_TR.UTF-8").output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        bed.assert_tidy();
        String::from_utf8(ended.stdout).unwrap().split_once(' ').unwrap().1.to_owned()
    };
    let first = build("022", "oci:one:r/x:1", &["-i", &base, "-b", &two]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(build("077", "oci:two", &["-i", &base, "-b", &two]), first);
    assert_eq!(build("000", "oci-archive:three", &["-i", &base, "-b", &two]), first);
    assert_eq!(bed.files(), ["one", "three", "two"]);
    // It is an index like any other, and has what its base had.
    let next =
        build("022", "oci:one:r/x:2", &["-i", "oci:one:r/x:1", "-f", "oci:one:r/x:1", "-b", &bundles(&["tea/0.3.0"])]);
    assert_ne!(next, first);
    let old = bed.opm(&["render", "oci:one:r/x:1"]).ok().stdout;
    let new = bed.opm(&["render", "oci:one:r/x:2"]).ok().stdout;
    assert!(old.contains("tea.v0.2.0") && !old.contains("tea.v0.3.0") && new.contains("tea.v0.3.0"));
    let blobs = std::fs::read_dir(bed.path("one/blobs/sha256")).unwrap();
    let texts: String =
        blobs.map(|b| String::from_utf8_lossy(&std::fs::read(b.unwrap().path()).unwrap()).into_owned()).collect();
    for words in
        ["\"kept\":\"yes\"", &format!("\"{DATABASE_LABEL}\":\"/database/index.db\""), "50051/tcp", "[\"/bin/opm\"]"]
    {
        assert!(texts.contains(words), "{words}");
    }
}

/// All files below a directory, with their content.
fn all_files(dir: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut all = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.append(&mut all_files(&path));
        } else {
            all.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    // More than a file may have, and nothing that can be compressed.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let noise: Vec<u8> = noise.take(1 << 19).flatten().collect();
    registry.push("opm", "1", &TestImage::new([Layer::gzip([("bin/opm", noise)])]));
    let base = format!("{}/opm:1", registry.host());
    let tea = bundles(&["tea/0.1.0"]);
    for place in ["oci:layout:1", "oci-archive:oci.tar:1", "docker-archive:docker.tar:r/x:1"] {
        bed.opm(&["index", "add", "-i", "scratch", "-b", &tea, "--output", place]).ok();
        let before = all_files(&bed.path(""));
        let args = ["index", "add", "--use-http", "-i", &base, "-b", &tea, "--output", place];
        let line = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
        let command = bed.command("opm", &[]);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", line, crate::bed::binary("opm")]).args(args).current_dir(bed.path(""));
        shell.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let ended = shell.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(1) && said.contains("File too large"), "{place}: {ended:?}");
        assert!(all_files(&bed.path("")) == before, "{place}: {:?}", all_files(&bed.path("")).keys());
        bed.assert_tidy();
    }
}

#[test]
fn a_cache_that_is_read_only_is_used_as_far_as_it_goes() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    let cache = bed.path("cache");
    let set_mode = |mode: u32| {
        let status = std::process::Command::new("chmod").args(["-R", &format!("{mode:o}")]).arg(&cache).status();
        assert!(status.unwrap().success());
    };
    std::fs::create_dir(&cache).unwrap();
    let cache_dir = cache.to_string_lossy().into_owned();
    let args = |name: &str| -> Vec<String> {
        let words = ["registry", "add", "--use-http", "--cache-dir", &cache_dir, "-d", name, "-b", &image];
        words.iter().map(|word| (*word).to_owned()).collect()
    };
    let run = |name: &str| {
        let args = args(name);
        registry.take_seen();
        bed.opm_as_somebody_else(&args.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        registry.take_seen().iter().filter(|seen| seen.path.contains("/blobs/")).count()
    };
    std::fs::create_dir(bed.path("out")).unwrap();
    std::fs::set_permissions(bed.path("out"), std::fs::Permissions::from_mode(0o777)).unwrap();
    // Nothing can be kept: everything is fetched, each time.
    set_mode(0o555);
    assert_eq!((run("out/1.db"), run("out/2.db")), (2, 2));
    assert!(all_files(&cache).is_empty());
    // Kept by another: nothing is fetched.
    set_mode(0o755);
    let filled = args("out/3.db");
    bed.opm(&filled.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    set_mode(0o555);
    let before = all_files(&cache);
    assert_eq!((before.len() > 1, run("out/4.db")), (true, 0));
    assert!(all_files(&cache) == before);
    set_mode(0o755);
}

#[test]
fn an_image_is_pushed_or_the_tag_stays() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let tag = format!("{}/ns/index:1", registry.host());
    let add = |bundle: &str, from: &[&str]| {
        let tea = bundles(&[bundle]);
        let args = ["index", "add", "--use-http", "--push", "-t", &tag, "-i", "scratch", "-b", &tea];
        bed.opm(&[&args[..], from].concat())
    };
    let said = add("tea/0.1.0", &[]).ok().stdout;
    assert!(said.starts_with(&tag) && said.contains(" sha256:"), "{said}");
    let before = bed.opm(&["render", "--use-http", &tag]).ok().stdout;
    assert!(before.contains("tea.v0.1.0"));
    registry.fail("/uploads", 100, opm_image::testing::Action::Status(403, Vec::new(), String::new()));
    add("tea/0.2.0", &["-f", &tag]).fails(1, &["access denied"]);
    assert_eq!(bed.opm(&["render", "--use-http", &tag]).ok().stdout, before);
    bed.assert_tidy();
}
