//! The checked-in code is what the `.proto` files say.

use std::path::Path;

use prost::Message as _;

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/generated");
const FILES: [&str; 2] = ["registry.proto", "grpc/health/v1/health.proto"];

/// Fails when somebody changed a `.proto` file and nothing else. To refresh: `UPDATE_GENERATED=1 cargo test -p opm-api`.
#[test]
fn generated_code_is_fresh() {
    let mut compiler = protox::Compiler::new([PROTO]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(FILES).unwrap();
    let mut set = compiler.file_descriptor_set();

    let dir = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .btree_map(".")
        .emit_rerun_if_changed(false)
        .out_dir(dir.path())
        .compile_fds(set.clone())
        .unwrap();
    for file in &mut set.file {
        file.source_code_info = None;
    }
    std::fs::write(dir.path().join("descriptors.bin"), set.encode_to_vec()).unwrap();

    let update = std::env::var_os("UPDATE_GENERATED").is_some();
    for name in ["api.rs", "grpc.health.v1.rs", "descriptors.bin"] {
        let fresh = std::fs::read(dir.path().join(name)).unwrap();
        let checked_in = Path::new(GENERATED).join(name);
        if update {
            std::fs::write(&checked_in, &fresh).unwrap();
        }
        let old = std::fs::read(&checked_in).unwrap_or_default();
        assert!(old == fresh, "{name} is stale: run UPDATE_GENERATED=1 cargo test -p opm-api");
    }
}
