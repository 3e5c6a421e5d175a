use std::time::Instant;

use crate::bed::Bed;

#[test]
fn ends_when_its_time_is_up() {
    let bed = Bed::new();
    crate::bed::sample_database(&bed, "x.db");
    let begin = Instant::now();
    let log =
        bed.opm(&["registry", "serve", "-d", "x.db", "-p", "0", "-t", "log", "--timeout-seconds", "1"]).ok().stderr;
    assert!(begin.elapsed().as_secs() >= 1);
    for words in ["Keeping server open for 1 seconds", "serving registry", "Timeout expired. Gracefully stopping."] {
        assert!(log.contains(words), "{words:?} is not in {log}");
    }
    bed.opm(&["registry", "serve", "--timeout-seconds", "70000"]).fails(2, &["0 to 65535"]);
}

#[test]
fn an_old_schema_is_served_from_a_copy_or_refused() {
    let bed = Bed::new();
    crate::rows::old_database(&bed.path("old.db"));
    let before = std::fs::read(bed.path("old.db")).unwrap();
    bed.opm(&["registry", "serve", "-d", "old.db", "-p", "0", "-t", "log", "--skip-migrate"])
        .fails(1, &["old.db: its schema version 5 is older than 13"]);
    let server = crate::registry_server::Server::start(&bed, "opm", &["registry", "serve", "-d", "old.db"]);
    crate::registry_server::block_on(async {
        let client = opm_api::Client::connect(&server.address).await.unwrap();
        assert_eq!(client.package("old").await.unwrap().channels[0].csv_name, "old.v2");
    });
    assert_eq!(server.end("TERM"), 0);
    assert!(before == std::fs::read(bed.path("old.db")).unwrap());
    bed.assert_tidy();
}
