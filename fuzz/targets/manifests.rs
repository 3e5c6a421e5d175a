//! What registries and layouts say of images: manifests, indexes and configurations never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opm_image::fuzzing;

const SERVED: [Option<&str>; 5] = [
    None,
    Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
    Some("application/vnd.oci.image.index.v1+json"),
    Some("application/vnd.docker.distribution.manifest.v2+json"),
    Some("text/html"),
];

fuzz_target!(|data: &[u8]| {
    for served_as in SERVED {
        if let Err(error) = fuzzing::manifest(data, served_as) {
            assert!(!error.to_string().is_empty());
        }
    }
    for media_type in ["application/vnd.oci.image.config.v1+json", "application/vnd.other"] {
        let _config = fuzzing::config(data, media_type).is_ok();
    }
});
