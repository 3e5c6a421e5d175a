use opm_image::testing::FakeRegistry;

use crate::bed::{Bed, dump, lines, push};

#[test]
fn marks_and_truncates() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let images: Vec<String> =
        ["tea/0.1.0", "tea/0.2.0", "tea/0.3.0", "tea/1.0.0"].iter().map(|b| push(&registry, b)).collect();
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &images.join(",")]).ok();

    let before = std::fs::read(bed.path("x.db")).unwrap();
    bed.opm(&["registry", "deprecatetruncate", "-d", "x.db", "-b", &images[3]])
        .fails(1, &["Bundle deprecation causing default channel removal", &images[3]]);
    bed.opm(&["registry", "deprecatetruncate", "-d", "x.db", "-b", "reg.example/none:1"])
        .fails(1, &["target bundlepaths for deprecation missing from registry: [reg.example/none:1]"]);
    assert!(before == std::fs::read(bed.path("x.db")).unwrap());

    bed.opm(&["registry", "deprecatetruncate", "-d", "x.db", "-b", &images[2]]).ok();
    let rows = dump(&bed.path("x.db"));
    assert_eq!(lines(&rows, &["deprecated"]), "deprecated tea.v0.3.0\n");
    assert!(rows.contains("property tea.v0.3.0 olm.deprecated {}\n"));
    assert!(!rows.contains("bundle tea.v0.2.0 ") && !rows.contains("bundle tea.v0.1.0 "), "{rows}");
    assert_eq!(lines(&rows, &["channel"]), "channel tea alpha tea.v1.0.0\nchannel tea stable tea.v1.0.0\n");

    bed.opm(&["registry", "deprecatetruncate", "-d", "x.db", "--allow-package-removal", "-b", &images[3]]).ok();
    assert_eq!(dump(&bed.path("x.db")), "schema 13\n");
}
