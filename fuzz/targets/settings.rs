//! What decides whom to ask, and in whose name: credentials files, `registries.conf`, `policy.json`, the demands of registries.
#![no_main]

mod place;

use libfuzzer_sys::fuzz_target;
use opm_image::{Reference, Source, fuzzing};

const IMAGES: [&str; 3] = [
    "quay.io/ns/name:v1",
    "name:v1",
    "h.io:5000/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

fuzz_target!(|data: &[u8]| {
    let _realm = fuzzing::challenge(data);
    let place = place::Place::new();
    place.write("registries.conf", data);
    place.write("policy.json", data);
    for image in IMAGES {
        let reference: Reference = image.parse().expect("a reference");
        for is_legacy in [false, true] {
            let _secret = fuzzing::credential(data, is_legacy, reference.registry(), reference.repository());
        }
        if let Ok(places) = fuzzing::places(place.path(), &reference) {
            assert!(!places.is_empty(), "{image} is nowhere");
        }
        let _admitted = fuzzing::admits(place.path(), &Source::Registry(reference)).is_ok();
    }
});
