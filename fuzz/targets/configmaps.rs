//! Catalogs and bundles in ConfigMaps: nothing panics, whatever the texts are.
//!
//! Each part of an input is a key of `data`; one that begins with `gzip ` is compressed and goes to `binaryData`, one that begins with
//! `binary ` goes there as it is.
#![no_main]

mod pieces;

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use opm_configmap::{CONTENT_ENCODING, Catalog, Content, GZIP_BASE64, bundle};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("memory takes all");
    STANDARD.encode(gzip.finish().expect("memory takes all")).into_bytes()
}

fuzz_target!(|data: &[u8]| {
    let mut content = Content::default();
    for (name, bytes) in pieces::pieces(data) {
        match name.split_once(' ') {
            Some(("gzip", key)) => drop(content.binary_data.insert(key.to_owned(), packed(bytes))),
            Some(("binary", key)) => drop(content.binary_data.insert(key.to_owned(), bytes.to_vec())),
            _ => drop(content.data.insert(name, String::from_utf8_lossy(bytes).into_owned())),
        }
    }
    let (catalog, faults) = Catalog::read(&content);
    assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
    assert!(catalog.packages.iter().all(|package| !package.package.is_empty()));
    let _plain = bundle(&content).is_ok();
    content.annotations.insert(CONTENT_ENCODING.to_owned(), GZIP_BASE64.to_owned());
    let _packed = bundle(&content).is_ok();
});
