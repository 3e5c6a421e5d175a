use std::fs;

use crate::bed::Bed;

const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>";

#[test]
fn prints_the_blob_of_a_package() {
    let bed = Bed::new();
    fs::write(bed.path("icon"), ICON).unwrap();
    fs::write(bed.path("text"), "Two\nlines\n").unwrap();
    let bare = "{\n    \"schema\": \"olm.package\",\n    \"name\": \"tea\",\n    \"defaultChannel\": \"\"\n}\n";
    let full = "---
defaultChannel: stable
description: |
  Two
  lines
icon:
  base64data: PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjwvc3ZnPg==
  mediatype: image/svg+xml
name: tea
schema: olm.package
";
    assert_eq!(bed.opm(&["init", "tea"]).ok().stdout, bare);
    let args = ["init", "tea", "-c", "stable", "-i", "icon", "-d", "text", "-o", "yaml"];
    assert_eq!(bed.opm(&args).ok().stdout, full);
}

#[test]
fn files_that_do_not_fit_are_named() {
    let bed = Bed::new();
    fs::write(bed.path("text"), "no image").unwrap();
    bed.opm(&["init", "tea", "-i", "text"]).fails(1, &["icon file text: ", "not an image"]);
    bed.opm(&["init", "tea", "-i", "none"]).fails(1, &["cannot read icon file none"]);
    bed.opm(&["init", "tea", "-d", "none"]).fails(1, &["cannot read description file none"]);
    let run = bed.opm(&["init", ""]).ok();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("has no package, and is left out"), "{}", run.stderr);
}
