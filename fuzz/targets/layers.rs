//! Layers of images: whatever they say, what is unpacked is inside its directory and safe to walk.
#![no_main]

mod place;

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use opm_image::{Keep, Limits, fuzzing};

/// Layers begin with this line, beside the first; tar files hold no such thing by chance.
const NEXT: &[u8] = b"\n=== layer\n";

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut layers = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        layers.push(&rest[..at]);
        rest = &rest[at + NEXT.len()..];
    }
    layers.push(rest);
    layers
}

fn check(root: &Path, at: &Path) {
    for entry in fs::read_dir(at).expect("a directory that was unpacked") {
        let path = entry.expect("an entry of it").path();
        assert!(!path.to_string_lossy().contains(".opm-image"), "{} is left", path.display());
        let meta = fs::symlink_metadata(&path).expect("what is there");
        if meta.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            assert!(target.is_relative(), "{} -> {}", path.display(), target.display());
            let leads = path.canonicalize().unwrap_or_else(|error| panic!("{} leads nowhere: {error}", path.display()));
            assert!(leads.starts_with(root), "{} leads to {}", path.display(), leads.display());
        } else if meta.is_dir() {
            check(root, &path);
        } else {
            assert!(meta.is_file(), "{}", path.display());
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let (keep, data) = match data.split_first() {
        Some((b'+', rest)) => (Keep::under(["manifests", "metadata", "a/b"]), rest),
        _ => (Keep::everything(), data),
    };
    let limits = Limits { unpacked: 1 << 20, entries: 200, kept: 100, path: 300, ..Limits::default() };
    let place = place::Place::new();
    let into = place.path().join("into");
    fs::create_dir(&into).expect("a directory");
    let unpacked = fuzzing::layers(&split(data), &into, &limits, &keep);
    let names: Vec<_> = fs::read_dir(place.path()).expect("a directory").flatten().map(|e| e.file_name()).collect();
    assert!(names.iter().all(|name| name == "into"), "{names:?}");
    if unpacked.is_ok() {
        check(&into.canonicalize().expect("a directory"), &into);
    }
});
