//! Caches that the reference writes, in both forms: damaged ones are refused or answer with errors.
//!
//! The parts of an input are files of the JSON form, or records of the other: `key KEY`, `gone KEY` for one that is deleted, and `raw` for
//! bytes that are no record.
#![no_main]

mod asking;
mod pieces;
mod place;

use libfuzzer_sys::fuzz_target;
use opm_catalog::pack::{Cache, Foreign, open_foreign};

/// A log of the key-value store, its checksums right.
fn segment(pieces: &[(String, &[u8])]) -> Vec<u8> {
    let mut log = b"pogreb\x0e\xfd\x02\0\0\0".to_vec();
    log.resize(512, 0);
    for (name, content) in pieces {
        let (kind, key) = name.split_once(' ').unwrap_or((name, ""));
        let is_gone = kind == "gone";
        if kind == "raw" {
            log.extend_from_slice(content);
            continue;
        }
        let content = if is_gone { &[][..] } else { *content };
        let key = &key.as_bytes()[..key.len().min(usize::from(u16::MAX))];
        let mut record = (key.len() as u16).to_le_bytes().to_vec();
        record.extend((content.len() as u32 | u32::from(is_gone) << 31).to_le_bytes());
        record.extend_from_slice(key);
        record.extend_from_slice(content);
        record.extend(crc32fast::hash(&record).to_le_bytes());
        log.extend(record);
    }
    log
}

fuzz_target!(|data: &[u8]| {
    let place = place::Place::new();
    let pieces = pieces::pieces(data);
    let form = if pieces.iter().any(|(name, _)| name == "packages.json") {
        for (name, content) in &pieces {
            // What files are called is not what is tried here.
            let leaf =
                ["metas/custom/p/", "metas/custom/"].iter().find_map(|above| name.strip_prefix(above)).unwrap_or(name);
            if leaf.ends_with(".json") && leaf.len() < 100 && !leaf.contains(['/', '\0']) {
                place.write(&format!("cache/{name}"), content);
            }
        }
        place.write("digest", b"0123456789abcdef");
        Foreign::Json
    } else {
        place.write("pogreb.v1/db/00000-1.psg", &segment(&pieces));
        place.write("pogreb.v1/digest", b"0123456789abcdef");
        Foreign::Pogreb
    };
    let found = Cache::of(place.path()).expect("a cache");
    assert_eq!(found.foreign, Some(form));
    match open_foreign(place.path(), form) {
        Ok(cache) => {
            let _told = (cache.counts(), cache.recorded_digest());
            let _digest = cache.computed_digest(place.path(), &opm_model::Stop::new());
            asking::ask(&*cache);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
