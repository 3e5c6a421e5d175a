use crate::bed::{Bed, dump, lines, sample_database};

#[test]
fn keeps_what_is_named() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let warned = bed.opm(&["registry", "prune", "-d", "x.db", "-p", "kettle,coffee"]).ok().stderr;
    assert!(warned.contains("coffee"), "{warned}");
    assert_eq!(lines(&dump(&bed.path("x.db")), &["package"]), "package kettle stable\n");
    bed.opm(&["registry", "prune", "-d", "x.db", "-p", ""]).ok();
    assert_eq!(dump(&bed.path("x.db")), "schema 13\n");
}
