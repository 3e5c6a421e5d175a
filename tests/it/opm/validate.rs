use std::fs;

use crate::bed::{Bed, sample_database};

const INVALID: &str = "schema: olm.package\nname: p\n---\nschema: olm.bundle\nname: b\n";

#[test]
fn a_valid_catalog_passes_as_directory_and_as_file() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    fs::create_dir(bed.path("c")).unwrap();
    fs::write(bed.path("c/catalog.json"), bed.opm(&["render", "x.db"]).ok().stdout).unwrap();
    for (args, expected) in [
        (&["c"][..], ""),
        (&["c/catalog.json"], ""),
        (&["c", "-o", "json"], "{\n  \"passed\": true\n}\n"),
        (&["c", "-o", "yaml"], "passed: true\n\n"),
    ] {
        let run = bed.opm(&[&["validate"], args].concat()).ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (expected, ""), "{args:?}");
    }
}

#[test]
fn all_findings_are_reported() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), INVALID).unwrap();
    let findings = [
        "package name must be set for bundle \"b\" (c.yaml, line 4)",
        "default channel must be set (c.yaml, line 1)",
        "package must contain at least one channel (c.yaml, line 1)",
    ];
    let run = bed.opm(&["validate", "c.yaml"]).fails(1, &["Error: invalid index:"]);
    for finding in findings {
        assert!(run.stderr.contains(finding), "{}", run.stderr);
    }
    assert_eq!(run.stdout, "");

    let run = bed.opm(&["validate", "c.yaml", "-o", "json"]).fails(1, &["c.yaml is not a valid catalog"]);
    let begin = "{\n  \"passed\": false,\n  \"error\": {\n    \"message\": \"invalid index:\\n";
    assert!(run.stdout.starts_with(begin), "{}", run.stdout);
    assert_eq!(run.stdout.matches("\"code\": ").count(), 3, "{}", run.stdout);
    let run = bed.opm(&["validate", "c.yaml", "-o", "yaml"]).fails(1, &["c.yaml is not a valid catalog"]);
    assert!(run.stdout.ends_with("passed: false\n\n"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_read_is_a_finding_too() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), "schema: [<\n").unwrap();
    bed.opm(&["validate", "c.yaml"]).fails(1, &["cannot parse c.yaml: line "]);
    let json = bed.opm(&["validate", "c.yaml", "-o", "json"]).fails(1, &[]).stdout;
    let begin = "{\n  \"passed\": false,\n  \"error\": {\n    \"message\": \"cannot parse c.yaml: line ";
    assert!(json.starts_with(begin), "{json}");
    let finding = "  \"findings\": [\n    {\n      \"code\": \"syntax\",\n      \"message\": \"";
    let place = "\"package\": null,\n      \"channel\": null,\n      \"bundle\": null,\n      \"file\": \"c.yaml\",\n      \"line\": 2\n    }\n  ]\n}\n";
    assert!(json.contains(finding) && json.ends_with(place), "{json}");
    let yaml = bed.opm(&["validate", "c.yaml", "-o", "yaml"]).fails(1, &[]).stdout;
    assert!(yaml.starts_with("error:\n  message: ") && yaml.contains("\n- bundle: null\n"), "{yaml}");
    assert!(yaml.ends_with("\npassed: false\n\n"), "{yaml}");
    bed.opm(&["validate", "none"]).fails(1, &["stat none: "]);
}

#[test]
fn everything_that_cannot_be_read_is_found_at_once() {
    let bed = Bed::new();
    fs::create_dir(bed.path("c")).unwrap();
    let write = |name: &str, text: &str| fs::write(bed.path("c").join(name), text).unwrap();
    write("a.json", "{\"name\":\"x\"}\n{\"schema\":\"olm.package\",\"name\":\"p\"}\n{\"name\":\"y\"}\n");
    write("b.yaml", "schema: x\n---\nschema: [<\n---\nname: z\n");
    write("c.yaml", INVALID);
    let words = [
        "c/a.json, line 1: object '{\"name\":\"x\"}' is missing root schema field\n",
        "c/a.json, line 3: object '{\"name\":\"y\"}' is missing root schema field\n",
        "cannot parse c/b.yaml: line ",
    ];
    for command in ["validate", "render", "list"] {
        let args: &[&str] = if command == "list" { &["alpha", "list", "packages", "c"] } else { &[command, "c"] };
        let run = bed.opm(args).fails(1, &words);
        assert_eq!((run.stdout.as_str(), run.stderr.lines().count()), ("", 3), "{}", run.stderr);
    }
    let json = bed.opm(&["validate", "c", "-o", "json"]).fails(1, &[]).stdout;
    assert_eq!((json.matches("\"code\": \"document\"").count(), json.matches("\"code\": \"syntax\"").count()), (2, 1));
}
