use crate::bed::Bed;

#[test]
fn one_line_or_json() {
    let bed = Bed::new();
    let text = bed.opm(&["version"]).ok().stdout;
    assert!(text.starts_with("Version: version.Version{OpmVersion:\"") && text.ends_with("}\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&bed.opm(&["version", "-o", "json"]).ok().stdout).unwrap();
    assert_eq!(json["opmVersion"], env!("CARGO_PKG_VERSION"));
    bed.opm(&["version", "-o", "xml"]).fails(2, &["possible values: text, json"]);
}
