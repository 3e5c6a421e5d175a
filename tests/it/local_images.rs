//! Images that podman or docker has, as bundles and indexes: stub tools hand out archives.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use crate::bed::{Bed, data};

struct Store {
    prefix: &'static str,
    tool: &'static str,
    /// How an archive of what this tool writes is made, and how the tool is asked for it.
    archive: &'static str,
    asked: &'static str,
}

const STORES: &[Store] = &[
    Store {
        prefix: "containers-storage:",
        tool: "podman",
        archive: "oci-archive",
        asked: "podman save --format oci-archive --output FILE ",
    },
    Store { prefix: "docker-daemon:", tool: "docker", archive: "docker-archive", asked: "docker save --output FILE " },
];

/// Makes an archive of a bundle and one of an index with it.
fn archives(bed: &Bed, kind: &str) {
    let manifests = data("bundles/tea/0.1.0/manifests");
    let build = ["bundle", "build", "-p", "tea", "-c", "stable", "-u", "made", "-t", "tea:1", "--overwrite"];
    bed.opm(&[&build[..], &["-d", &manifests, "--output", &format!("{kind}:bundle.tar:tea:1")]].concat()).ok();
    let bundle = data("bundles/tea/0.1.0");
    let add = ["index", "add", "-i", "scratch", "-b", &bundle];
    bed.opm(&[&add[..], &["--output", &format!("{kind}:index.tar:index:1")]].concat()).ok();
}

/// Runs with a PATH of nothing but a tool, which writes down how it is called and then does this.
fn with_tool(bed: &Bed, tool: Option<&str>, deed: &str, args: &[&str]) -> Output {
    let _old = std::fs::remove_dir_all(bed.path("bin"));
    std::fs::create_dir(bed.path("bin")).unwrap();
    std::fs::write(bed.path("asked"), "").unwrap();
    if let Some(tool) = tool {
        let path = bed.path(&format!("bin/{tool}"));
        let script = format!(
            "#!/bin/sh\nsaid=\"${{0##*/}}\"\nfor word; do\n    case $word in /*) file=$word word=FILE ;; esac\n    said=\"$said $word\"\ndone\necho \"$said\" >> {}\n{deed}\n",
            bed.path("asked").display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = bed.command("opm", args).env("PATH", bed.path("bin")).output().unwrap();
    bed.assert_tidy();
    output
}

#[test]
fn they_are_had_through_their_tool() {
    for Store { prefix, tool, archive, asked } in STORES {
        let bed = Bed::new();
        archives(&bed, archive);
        let bundle = format!("/bin/cp {} \"$file\"", bed.path("bundle.tar").display());
        let index = format!("/bin/cp {} \"$file\"", bed.path("index.tar").display());
        let name = |name: &str| format!("{prefix}{name}");
        let catalog = "\"tea.v0.1.0\"";
        for (deed, args, named, printed) in [
            (&bundle, vec!["render", "NAME"], "localhost:5000/ns/tea", catalog),
            (&index, vec!["render", "NAME"], "index:1", catalog),
            (&bundle, vec!["bundle", "unpack", "NAME", "-o", "unpacked"], "sha256:abc", ""),
            (&bundle, vec!["bundle", "validate", "-b", "none", "-t", "NAME"], "tea@sha256:abc", ""),
            // A tool that pulls cannot pull what another has, or what is in no registry.
            (&bundle, vec!["registry", "add", "-d", "new.db", "-c", "docker", "-b", "NAME"], "0123456789ab", ""),
            (&bundle, vec!["index", "add", "--generate", "-p", "podman", "-b", "NAME"], "ns/tea:1", ""),
            (&index, vec!["index", "rm", "--generate", "-o", "tea", "-f", "NAME"], "ns/index:1", ""),
            (&index, vec!["index", "export", "-i", "NAME"], "ns/index:1", ""),
        ] {
            let reference = name(named);
            let args: Vec<&str> =
                args.iter().map(|word| if *word == "NAME" { reference.as_str() } else { word }).collect();
            let output = with_tool(&bed, Some(tool), deed, &args);
            assert!(output.status.success(), "{args:?}: {output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains(printed), "{args:?}: {output:?}");
            let whole = if named == "localhost:5000/ns/tea" { "localhost:5000/ns/tea:latest" } else { named };
            assert_eq!(std::fs::read_to_string(bed.path("asked")).unwrap(), format!("{asked}{whole}\n"), "{args:?}");
        }
        assert!(bed.path("unpacked/manifests/pots.crd.yaml").is_file());
        assert!(bed.path("downloaded/tea/package.yaml").is_file());
    }
}

#[test]
fn what_keeps_them_away_is_told_before_any_work() {
    for Store { prefix, tool, .. } in STORES {
        let bed = Bed::new();
        let refused = |tool: Option<&str>, deed: &str, args: &[&str], words: &str| {
            let output = with_tool(&bed, tool, deed, args);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(words), "{words:?} is not in {said}");
            assert_eq!(bed.files(), ["asked", "bin"]);
        };
        let reference = format!("{prefix}tea:1");
        let missing = format!("{reference}: {tool} is not installed, or not on the PATH");
        for args in [
            vec!["render", "reg.invalid/x:1", &reference],
            vec!["registry", "add", "-d", "new.db", "-b", "reg.invalid/x:1", "-b", &reference],
            vec!["index", "add", "--generate", "-f", "reg.invalid/x:1", "-b", &reference],
            vec!["index", "prune", "--generate", "-c", "none", "-p", "tea", "-f", &reference],
            vec!["bundle", "validate", "-b", "none", "-t", &reference],
        ] {
            refused(None, "", &args, &missing);
        }
        for (name, words) in [("", "a name must follow the colon"), ("--help", "does not begin with -")] {
            refused(Some(tool), "exit 1", &["render", &format!("{prefix}{name}")], words);
            assert_eq!(std::fs::read_to_string(bed.path("asked")).unwrap(), "");
        }
        let failed = format!("`{tool} save tea:1` failed (exit status: 125): no such image");
        refused(Some(tool), "echo no such image >&2; exit 125", &["render", &reference], &failed);
        refused(Some(tool), ": > \"$file\"", &["render", &reference], &reference);
    }
}
