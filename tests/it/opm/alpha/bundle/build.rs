use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bed::{Bed, Ended};

/// Runs a build with tools that only write down how they are called.
fn build(bed: &Bed, tools: &[&str], args: &[&str]) -> Ended {
    let _old = fs::remove_dir_all(bed.path("bin"));
    fs::create_dir_all(bed.path("bin")).unwrap();
    for tool in tools {
        let path = bed.path(&format!("bin/{tool}"));
        fs::write(&path, "#!/bin/sh\necho \"${0##*/} $*\" > called\n[ \"$FAIL\" = \"\" ]\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = bed.command("opm", &[&["alpha", "bundle", "build", "-d", "m", "-p", "tea"], args].concat());
    let output = command.env("PATH", bed.path("bin")).output().unwrap();
    bed.assert_tidy();
    Ended {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn bed() -> Bed {
    let bed = Bed::new();
    fs::create_dir(bed.path("m")).unwrap();
    fs::write(bed.path("m/csv.yaml"), "kind: ClusterServiceVersion\n").unwrap();
    bed
}

#[test]
fn tools_are_called_as_they_always_were() {
    let bed = bed();
    let all = &["docker", "podman", "buildah"][..];
    for (tools, args, called) in [
        (all, &["-b", "docker"][..], "docker build -f bundle.Dockerfile -t r/x:1 .\n"),
        (all, &["-b", "podman"], "podman build -f bundle.Dockerfile -t r/x:1 .\n"),
        (all, &["-b", "buildah"], "buildah bud --format=docker -f bundle.Dockerfile -t r/x:1 .\n"),
        (all, &[], "podman build -f bundle.Dockerfile -t r/x:1 .\n"),
        (&["docker"], &[], "docker build -f bundle.Dockerfile -t r/x:1 .\n"),
    ] {
        build(&bed, tools, &[&["-c", "a", "-t", "r/x:1"], args].concat()).ok();
        assert_eq!(fs::read_to_string(bed.path("called")).unwrap(), called);
    }
}

#[test]
fn what_cannot_work_is_told_before_any_work() {
    let bed = bed();
    let options = &["-c", "a", "-t", "r/x:1"][..];
    build(&bed, &[], options).fails(1, &["neither podman nor docker is on the PATH"]);
    build(&bed, &[], &[options, &["-b", "buildah"]].concat()).fails(1, &["buildah is not installed"]);
    build(&bed, &["docker"], &[options, &["-b", "kaniko"]].concat()).fails(2, &["docker, podman, buildah"]);
    build(&bed, &["docker"], &["-c", "a", "-t", "--x"]).fails(2, &["--tag"]);
    assert_eq!(bed.files(), ["bin", "m"]);
}

#[test]
fn what_is_there_is_compared_before_it_is_used() {
    let bed = bed();
    build(&bed, &["docker"], &["-c", "a", "-t", "x"]).ok();
    let annotations = bed.path("metadata/annotations.yaml");
    let run = build(&bed, &["docker"], &["-c", "a", "-t", "x", "--base-image", "y"]).ok();
    assert!(run.stderr.contains("bundle.Dockerfile in the working directory is used as it is"), "{}", run.stderr);
    build(&bed, &["docker"], &["-c", "b", "-t", "x"]).fails(1, &["to have value \"b\" instead of \"a\""]);
    assert!(fs::read_to_string(&annotations).unwrap().contains("channels.v1: a\n"));
    build(&bed, &["docker"], &["-c", "b", "-t", "x", "--overwrite"]).ok();
    assert!(fs::read_to_string(&annotations).unwrap().contains("channels.v1: b\n"));
}

#[test]
fn an_image_is_built_without_a_tool() {
    let bed = Bed::new();
    let manifests = crate::bed::data("bundles/tea/0.1.0/manifests");
    let args = ["bundle", "build", "-d", &manifests, "-p", "tea", "-c", "a,b", "-t", "r/tea:1", "-u", "made"];
    let build = |output: &str| bed.opm(&[&args[..], &["--output", output]].concat());
    let one = build("oci:one").ok().stdout;
    let two = build("oci-archive:two").ok().stdout;
    assert_eq!(one.split_once(' ').unwrap().1, two.split_once(' ').unwrap().1);
    assert_eq!(bed.files(), ["made", "one", "two"]);
    for image in ["oci:one", "oci-archive:two"] {
        bed.opm(&["bundle", "validate", image]).ok();
        let rendered = bed.opm(&["render", image]).ok().stdout;
        assert!(rendered.contains("tea.v0.1.0"), "{rendered}");
    }
    build("podman").fails(1, &["is no output"]);
}
