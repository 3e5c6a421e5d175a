use std::process::Command;

use crate::bed::{Bed, binary, sample_database};
use crate::registry_server::Server;

#[test]
fn a_link_to_opm_is_the_probe() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    std::os::unix::fs::symlink(binary("opm"), bed.path("grpc_health_probe")).unwrap();
    let probe = |args: &[&str]| {
        let ended = Command::new(bed.path("grpc_health_probe")).args(args).output().unwrap();
        let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (ended.status.code(), said)
    };
    let server = Server::start(&bed, "opm", &["registry", "serve", "-d", "x.db"]);
    let address = server.address.replace("localhost", "");
    for args in [
        &["-addr", &address][..],
        &[&format!("-addr={address}"), "-service=api.Registry"],
        &[&format!("--addr={address}"), "-connect-timeout=1m0.5s", "-rpc-timeout", "5000ms", "-v"],
    ] {
        let (status, said) = probe(args);
        assert_eq!((status, said.as_str()), (Some(0), "status: SERVING\n"), "{args:?}");
    }
    assert_eq!(server.end("TERM"), 0);
    for (args, status, words) in [
        (&["-addr", &address][..], 2, "cannot connect"),
        (&["-addr", "a b"], 1, "host:port"),
        (&["-addr", ":1", "-rpc-timeout", "1 day"], 1, "not a duration"),
        (&["-adr", ":1"], 1, "--addr"),
        (&[], 1, "--addr"),
        (&["--help"], 0, "Exit status"),
    ] {
        let (ended, said) = probe(args);
        assert_eq!(ended, Some(status), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
