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
    bed.opm(&["index", "add", "-b", "reg.example/none:1"]).fails(1, &["--generate"]);
    bed.opm(&["index", "add", "--generate", "-b", "x", "-c", "podman", "-p", "docker"])
        .fails(1, &["container-tool cannot be set alongside pull-tool or build-tool"]);
    for (tag, labels, words) in [
        ("none", vec![], format!("missing label {DATABASE_LABEL}")),
        ("fbc", vec![("operators.operatorframework.io.index.configs.v1", "/configs")], "file-based catalog".to_owned()),
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
