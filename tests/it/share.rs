//! Man pages and completions, which every binary writes of itself.

use std::fs;

use crate::bed::Bed;

#[test]
fn every_binary_writes_its_pages_and_completions() {
    let bed = Bed::new();
    for name in ["configmap-server", "initializer", "opm", "registry-server"] {
        assert_eq!(bed.run(name, &["--write-share", "share"]).ok().stdout, "");
        for (script, word) in [
            (format!("bash-completion/completions/{name}"), "-o default"),
            (format!("zsh/site-functions/_{name}"), "#compdef"),
            (format!("fish/vendor_completions.d/{name}.fish"), "complete -c"),
        ] {
            let text = fs::read_to_string(bed.path("share").join(&script)).unwrap();
            assert!(
                text.contains(&format!("{word} {name}\n")) || text.contains(&format!("{word} {name} ")),
                "{script}: {text}"
            );
        }
        let page = fs::read_to_string(bed.path("share/man/man1").join(format!("{name}.1"))).unwrap();
        let title = format!(".TH {name} 1  \"{name} {}\" \"Operator catalogs\"", env!("CARGO_PKG_VERSION"));
        assert!(page.contains(&title), "{title}: {page}");
    }
    let page = |name: &str| fs::read_to_string(bed.path("share/man/man1").join(format!("{name}.1"))).unwrap();
    let add = page("opm-index-add");
    for words in [
        ".SH EXAMPLES",
        "opm index add",
        "\\-\\-from\\-index",
        ".SH \"IMAGE REGISTRIES\"",
        "\\-\\-use\\-http",
        "Log at level debug",
    ] {
        assert!(add.contains(words), "no {words} in {add}");
    }
    assert!(page("opm-alpha").contains("opm\\-alpha\\-bundle(1)"));
    assert!(!page("opm").contains("write\\-share") && !bed.path("share/man/man1/opm-help.1").exists());
}

#[test]
fn what_cannot_be_written_is_named() {
    let bed = Bed::new();
    fs::write(bed.path("file"), "").unwrap();
    bed.run("initializer", &["--write-share", "file"]).fails(1, &["Error: cannot create file/"]);
    bed.run("initializer", &["--write-share"]).fails(2, &["--write-share"]);
    bed.opm(&["--write-share", "a", "b"]).fails(2, &["--write-share"]);
    assert_eq!(bed.files(), ["file"]);
}
