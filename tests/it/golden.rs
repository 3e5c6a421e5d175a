//! Whole results on the sample operators, kept in `tests/data/golden`. After a wanted change: `INSTA_UPDATE=always cargo test`.

use std::fmt::Write as _;

use futures_util::StreamExt;
use opm_api::Client;

use crate::bed::{Bed, bundles, data, dump};
use crate::registry_server::{Server, block_on};

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(data("golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn databases() {
    let bed = Bed::new();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    check("initializer", &dump(&bed.path("x.db")));
    for (mode, added) in [
        (
            "replaces",
            &["tea/0.1.0", "tea/0.2.0", "tea/0.3.0", "tea/1.0.0", "kettle/1.0.0", "kettle/1.0.1", "teahouse/2.0.0"][..],
        ),
        ("semver", &["tea/1.0.0", "tea/0.1.0", "tea/0.3.0", "teahouse/2.1.0", "teahouse/2.0.0"]),
        ("semver-skippatch", &["kettle/1.1.0", "kettle/1.0.1", "kettle/1.0.0", "tea/0.2.0", "tea/0.1.0"]),
    ] {
        let database = format!("{mode}.db");
        bed.opm(&["registry", "add", "-d", &database, "--mode", mode, "-b", &bundles(added)]).ok();
        check(&format!("registry-add-{mode}"), &dump(&bed.path(&database)));
        // The same in any order, at once or one by one.
        let mut reversed = added.to_vec();
        reversed.reverse();
        bed.opm(&["registry", "add", "-d", "other.db", "--mode", mode, "-b", &bundles(&reversed)]).ok();
        assert_eq!(dump(&bed.path("other.db")), dump(&bed.path(&database)), "{mode}");
        std::fs::remove_file(bed.path("other.db")).unwrap();
    }
}

#[test]
fn list_bundles() {
    let bed = Bed::new();
    bed.run("initializer", &["-m", &data("manifests"), "-o", "x.db"]).ok();
    let server = Server::start(&bed, "registry-server", &["-d", "x.db"]);
    let mut text = String::new();
    block_on(async {
        let client = Client::connect(&server.address).await.unwrap();
        let mut bundles = client.list_bundles().await.unwrap();
        while let Some(bundle) = bundles.next().await {
            let mut bundle = bundle.unwrap();
            // The content is that of the files in `tests/data`; its length is enough here.
            bundle.csv_json = format!("{} bytes", bundle.csv_json.len());
            for object in &mut bundle.objects {
                *object = format!("{} bytes", object.len());
            }
            writeln!(text, "{bundle:#?}").unwrap();
        }
    });
    assert_eq!(server.end("TERM"), 0);
    check("list-bundles", &text);
}
