use crate::bed::{Bed, dump, lines, sample_database};

#[test]
fn removes_what_no_channel_lists() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let before = dump(&bed.path("x.db"));
    rusqlite::Connection::open(bed.path("x.db"))
        .unwrap()
        .execute_batch("INSERT INTO operatorbundle (name, csv) VALUES ('lost.v1', '{}'); INSERT INTO related_image VALUES ('i', 'lost.v1')")
        .unwrap();
    bed.opm(&["registry", "prune-stranded", "-d", "x.db"]).ok();
    assert_eq!(dump(&bed.path("x.db")), before);
    assert_eq!(lines(&before, &["deprecated"]), "");
}
