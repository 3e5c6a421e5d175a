use crate::bed::{Bed, data, dump, lines};

#[test]
fn the_sample_manifests() {
    let bed = Bed::new();
    let run = bed.run("initializer", &["-m", &data("manifests"), "-o", "out.db"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let rows = dump(&bed.path("out.db"));
    assert_eq!(
        lines(&rows, &["package", "channel", "entry", "requires"]),
        "\
package kettle stable
package tea stable
package teahouse beta
channel kettle stable kettle.v1.1.0
channel tea alpha tea.v1.0.0
channel tea stable tea.v1.0.0
channel teahouse beta teahouse.v2.1.0
entry kettle stable kettle.v1.1.0 kettle.v1.0.1 0
entry kettle stable kettle.v1.0.1 kettle.v1.0.0 1
entry kettle stable kettle.v1.0.0 - 2
entry tea alpha tea.v1.0.0 tea.v0.3.0 0
entry tea alpha tea.v0.3.1 - 1
entry tea alpha tea.v1.0.0 tea.v0.3.1 1
entry tea alpha tea.v0.3.0 tea.v0.2.0 2
entry tea alpha tea.v0.2.0 tea.v0.1.0 3
entry tea alpha tea.v0.1.0 - 4
entry tea stable tea.v1.0.0 tea.v0.3.0 0
entry tea stable tea.v0.3.1 - 1
entry tea stable tea.v1.0.0 tea.v0.3.1 1
entry tea stable tea.v0.3.0 tea.v0.2.0 2
entry tea stable tea.v0.2.0 tea.v0.1.0 3
entry tea stable tea.v0.1.0 - 4
entry teahouse beta teahouse.v2.1.0 teahouse.v2.0.0 0
entry teahouse beta teahouse.v2.0.0 - 1
requires teahouse.v2.0.0 tea.example.com v1alpha1 Pot
requires teahouse.v2.1.0 tea.example.com v1alpha1 Pot
"
    );
    assert!(
        rows.contains(
            "property tea.v1.0.0 olm.gvk {\"group\":\"tea.example.com\",\"kind\":\"Pot\",\"version\":\"v1\"}\n"
        )
    );
    assert!(rows.ends_with("schema 13\n"));

    // Again into the same file: the same result, byte for byte.
    let first = std::fs::read(bed.path("out.db")).unwrap();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "out.db"]).ok();
    assert!(first == std::fs::read(bed.path("out.db")).unwrap());
    assert_eq!(bed.files(), ["out.db"]);
}

#[test]
fn findings_leave_the_output_as_it_was_unless_permissive() {
    let bed = Bed::new();
    let write = |path: &str, text: &[u8]| {
        let path = bed.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("m/good/good.yaml", b"kind: ClusterServiceVersion\nmetadata: {name: good.v1}\nspec: {version: 1.0.0}\n");
    write("m/good/package.yaml", b"packageName: good\nchannels: [{name: c, currentCSV: good.v1}]\n");
    write("m/number.yaml", b"kind: ClusterServiceVersion\nmetadata: {name: bad.v1}\nspec: {version: 1.0}\n");
    write("m/broken.yaml", b"a: [1\n");
    write("m/bomb.yaml", bomb().as_bytes());
    write("m/deep.json", format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes());
    write("m/latin.yaml", b"kind: Role\nname: \xe4\n");
    write("m/gone.yaml", b"packageName: gone\nchannels: [{name: c, currentCSV: gone.v1}]\n");
    write("m/long.yaml", format!("kind: Role\ntext: {}\n", "x".repeat(20 << 20)).as_bytes());
    write("m/notes.txt", b"\t: not yaml [");
    write("m/.hidden/broken.yaml", b"a: [1\n");
    write("out.db", b"");

    bed.run("initializer", &["-m", "m", "-o", "out.db"]).fails(
        1,
        &[
            "m/number.yaml: error adding operator bundle bad.v1//: ClusterServiceVersion bad.v1: field spec.version must be a string, not a number",
            "m/broken.yaml into package: line 2",
            "m/bomb.yaml into package: ",
            "m/deep.json into package: ",
            "m/latin.yaml into package: ",
            "m/gone.yaml: failed to add channel \"c\" in package \"gone\": FOREIGN KEY constraint failed: its head \"gone.v1\" is not in the catalog",
        ],
    );
    assert_eq!(std::fs::read(bed.path("out.db")).unwrap(), b"");
    assert_eq!(bed.files(), ["m", "out.db"]);

    let warned = bed.run("initializer", &["-m", "m", "-o", "out.db", "--permissive"]).ok().stderr;
    assert!(warned.contains("level=warning") && warned.contains("gone.v1"), "{warned}");
    assert_eq!(lines(&dump(&bed.path("out.db")), &["package"]), "package good c\n");
    bed.run("initializer", &["-m", "nowhere", "-o", "out.db"]).fails(1, &["nowhere"]);
    bed.run("initializer", &["-m", "out.db", "-o", "out2.db"]).fails(1, &["out.db is not a directory"]);
}

/// A document of some hundred bytes that says it has a billion items.
pub(crate) fn bomb() -> String {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        text += &format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 10].join(", "));
    }
    text
}
