//! Archives of app-registries: nothing panics, limits hold, and no path is elsewhere.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use opm_appregistry::{Limits, decode};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { unpacked: 1 << 20, entries: 100, path: 100 };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data).expect("memory takes all");
    let gzip = gzip.finish().expect("memory takes all");
    for blob in [data, &gzip] {
        let Ok(files) = decode(blob, &limits) else { continue };
        for path in files.keys() {
            assert!(path.split('/').all(|name| !matches!(name, "" | "." | "..") && !name.contains('\\')), "{path}");
        }
    }
});
