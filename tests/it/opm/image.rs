use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::bed::{Bed, binary};

/// What `opm` is called in its image, besides.
const NAMES: &[&str] = &["configmap-server", "grpc_health_probe", "initializer", "registry-server"];

/// An ELF file without an interpreter, and that is all it is.
fn lonely(bed: &Bed) {
    let mut elf = vec![0_u8; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    fs::write(bed.path("lonely"), elf).unwrap();
}

/// Everything in an image of one layer, by way of the system's `tar`: its configuration, and its files with their modes.
fn look_into(bed: &Bed, archive: &str) -> (serde_json::Value, String) {
    let tar = |args: &[&str]| {
        let output = Command::new("tar").args(args).current_dir(bed.path("")).output().unwrap();
        assert!(output.status.success(), "tar {args:?}: {output:?}");
        output.stdout
    };
    let manifest: serde_json::Value = serde_json::from_slice(&tar(&["-xOf", archive, "manifest.json"])).unwrap();
    let config = tar(&["-xOf", archive, manifest[0]["Config"].as_str().unwrap()]);
    fs::write(bed.path("layer.tar"), tar(&["-xOf", archive, manifest[0]["Layers"][0].as_str().unwrap()])).unwrap();
    let listing = String::from_utf8(tar(&["-tvf", "layer.tar"])).unwrap();
    (serde_json::from_slice(&config).unwrap(), listing)
}

#[test]
fn an_image_holds_one_program_under_all_its_names() {
    let bed = Bed::new();
    lonely(&bed);
    let build = |args: &[&str]| bed.opm(&[&["image", "--opm", "lonely"], args].concat()).ok().stdout;
    let labels = ["-l", "org.opencontainers.image.revision=abc", "-l", "a=b=c"];
    let first = build(&[&["--output", "docker-archive:image.tar", "-t", "r/opm:1"], &labels[..]].concat());
    assert!(first.starts_with("docker-archive:image.tar:r/opm:1 sha256:"), "{first}");
    let (image, listing) = look_into(&bed, "image.tar");
    let config = &image["config"];
    assert_eq!((&config["User"], &config["WorkingDir"]), (&"1001".into(), &"/tmp".into()));
    assert_eq!(config["Entrypoint"], serde_json::json!(["/bin/opm"]));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"50051/tcp": {}}));
    let label = |key: &str| config["Labels"][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(label("org.opencontainers.image.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("org.opencontainers.image.source"), env!("CARGO_PKG_REPOSITORY"));
    assert_eq!((label("org.opencontainers.image.revision"), label("a")), ("abc".to_owned(), "b=c".to_owned()));
    let mut expected = vec![("drwxr-xr-x", "bin/".to_owned()), ("-rwxr-xr-x", "bin/opm".to_owned())];
    expected.extend(NAMES.iter().map(|name| ("lrwxrwxrwx", format!("bin/{name} -> opm"))));
    expected.push(("drwxrwxrwt", "tmp/".to_owned()));
    expected.sort_by(|a, b| a.1.cmp(&b.1));
    let found = listing
        .lines()
        .map(|line| (&line[..10], line[line.find(" bin/").or(line.find(" tmp/")).unwrap() + 1..].to_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected);

    // The Dockerfile makes the same image.
    let dockerfile = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Dockerfile")).unwrap();
    for (key, value) in config["Labels"].as_object().unwrap().iter().filter(|(key, _)| key.starts_with("org.")) {
        let value = match key.rsplit('.').next().unwrap() {
            "version" => "$VERSION",
            "revision" => "$REVISION",
            _ => value.as_str().unwrap(),
        };
        assert!(dockerfile.contains(&format!("{key}=\"{value}\"")), "{key} {value}");
    }
    for words in [
        format!("ARG VERSION={}", env!("CARGO_PKG_VERSION")),
        format!("for name in {};", NAMES.join(" ")),
        format!("USER {}", config["User"].as_str().unwrap()),
        format!("WORKDIR {}", config["WorkingDir"].as_str().unwrap()),
        format!("ENTRYPOINT {}", config["Entrypoint"]),
    ] {
        assert!(dockerfile.contains(&words), "{words}");
    }

    let arm = build(&["--platform", "linux/arm64", "--output", "docker-archive:arm.tar"]);
    assert_ne!(arm.rsplit(' ').next(), first.rsplit(' ').next());
    assert_eq!(look_into(&bed, "arm.tar").0["architecture"], "arm64");
}

#[test]
fn what_would_not_start_is_not_put_into_an_image() {
    let bed = Bed::new();
    fs::write(bed.path("script"), "#!/bin/sh\n".repeat(20)).unwrap();
    let fails = |args: &[&str], words: &[&str]| {
        bed.opm(&[&["image"], args].concat()).fails(1, words);
    };
    fails(&["--output", "oci:out", "--opm", "script"], &["script", "ELF"]);
    fails(&["--output", "oci:out", "--opm", "none"], &["none"]);
    fails(&["--opm", binary("opm")], &["--push", "--output"]);
    fails(&["--opm", binary("opm"), "--push"], &["--tag"]);
    bed.opm(&["image", "--label", "=b"]).fails(2, &["KEY=VALUE"]);
    assert_eq!(bed.files(), ["script"]);
}

#[test]
fn a_link_to_opm_is_the_program_that_it_is_named_after() {
    let bed = Bed::new();
    for name in NAMES {
        symlink(binary("opm"), bed.path(name)).unwrap();
        let output = Command::new(bed.path(name)).arg("--version").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}
