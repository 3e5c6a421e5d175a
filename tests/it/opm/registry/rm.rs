use crate::bed::{Bed, dump, lines, sample_database};

#[test]
fn removes_packages_or_nothing() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    bed.opm(&["registry", "rm", "-d", "x.db", "-o", "tea,coffee,cocoa"])
        .fails(1, &["no package found for packagename coffee", "no package found for packagename cocoa"]);
    assert!(before == std::fs::read(bed.path("x.db")).unwrap());

    let warned = bed.opm(&["registry", "rm", "-d", "x.db", "-o", "tea,coffee", "--permissive"]).ok().stderr;
    assert!(warned.contains("no package found for packagename coffee"), "{warned}");
    let rows = dump(&bed.path("x.db"));
    assert_eq!(lines(&rows, &["package"]), "package kettle stable\n");
    assert!(!rows.contains("tea"), "{rows}");
    assert_eq!(bed.files(), ["x.db"]);
}

#[test]
fn a_missing_database_is_not_left_behind() {
    let bed = Bed::new();
    bed.opm(&["registry", "rm", "-d", "none.db", "-o", "tea"]).fails(1, &["no package found for packagename tea"]);
    assert!(bed.files().is_empty());
}
