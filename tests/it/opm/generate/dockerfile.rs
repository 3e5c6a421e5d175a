use std::fs;

use crate::bed::Bed;

#[test]
fn writes_a_dockerfile_beside_the_catalog() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("deep/cat")).unwrap();
    let read = |path: &str| fs::read_to_string(bed.path(path)).unwrap();
    bed.opm(&["generate", "dockerfile", "deep/cat/", "-i", "scratch", "-b", "reg/b:1", "-l", "b=2,a=1", "-l", "b=3"])
        .ok();
    let text = read("deep/cat.Dockerfile");
    let begin = "FROM reg/b:1 as builder\n";
    assert!(text.contains(begin) && text.contains("ADD cat /configs\n") && text.contains("\nFROM scratch\n"), "{text}");
    assert!(text.ends_with("\n# Set other custom labels\nLABEL \"a\"=\"1\"\nLABEL \"b\"=\"3\"\n"), "{text}");

    // Where the path has no name, the directory has one.
    let output = bed.command("opm", &["generate", "dockerfile", "."]).current_dir(bed.path("deep")).output().unwrap();
    assert!(output.status.success());
    assert!(read("deep.Dockerfile").contains("ADD deep /configs\n"));
}

#[test]
fn the_former_flag_counts_for_both_images() {
    let bed = Bed::new();
    fs::create_dir(bed.path("c")).unwrap();
    let run = bed.opm(&["generate", "dockerfile", "c", "--binary-image", "reg/x:1"]).ok();
    assert!(run.stderr.contains("--binary-image has been deprecated"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(bed.path("c.Dockerfile")).unwrap().matches("FROM reg/x:1").count(), 2);
    bed.opm(&["generate", "dockerfile", "c", "--binary-image", "x", "--base-image", "y"]).fails(2, &["--base-image"]);
}

#[test]
fn faults_leave_no_file() {
    let bed = Bed::new();
    fs::create_dir(bed.path("c")).unwrap();
    fs::write(bed.path("file"), "").unwrap();
    for (args, words) in [
        (&["none"][..], "stat none: "),
        (&["file"], "provided root path \"file\" is not a directory"),
        (&["c", "-b", "scratch"], "invalid builder image: \"scratch\""),
        (&["c", "-i", ""], "base image is unset"),
        (&["c", "-l", "x"], "invalid label \"x\""),
    ] {
        bed.opm(&[&["generate", "dockerfile"], args].concat()).fails(1, &[words]);
    }
    assert_eq!(bed.files(), ["c", "file"]);
    fs::write(bed.path("c.Dockerfile"), "mine").unwrap();
    bed.opm(&["generate", "dockerfile", "c"]).fails(1, &["path \"c.Dockerfile\": file already exists"]);
    assert_eq!(fs::read_to_string(bed.path("c.Dockerfile")).unwrap(), "mine");
}
