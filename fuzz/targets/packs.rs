//! Packs: damaged ones are refused or answer with errors. Checksums are made to fit, or nothing would get past them.
//!
//! The input is a pack without what can be made of the rest: the first 120 bytes of its header, the data, the index.
#![no_main]

mod asking;
mod place;

use libfuzzer_sys::fuzz_target;
use opm_catalog::pack::Pack;

const FIELDS: usize = 120;
const HEADER: usize = 4096;
const BLOCK: usize = 4096;

/// A whole pack with right checksums and lengths; see `docs/pack.md`.
fn sealed(input: &[u8]) -> Option<Vec<u8>> {
    let (fields, rest) = input.split_at_checked(FIELDS)?;
    let claimed = u64::from_le_bytes(fields[48..56].try_into().ok()?);
    let (data, index) = rest.split_at(usize::try_from(claimed).unwrap_or(usize::MAX).min(rest.len()));
    let sums: Vec<u8> = data.chunks(BLOCK).flat_map(|block| crc32fast::hash(block).to_le_bytes()).collect();
    let mut pack = fields.to_vec();
    pack[..8].copy_from_slice(b"opm-pack");
    for (at, length) in [(48, data.len()), (64, sums.len()), (72, index.len())] {
        pack[at..at + 8].copy_from_slice(&(length as u64).to_le_bytes());
    }
    for (at, part) in [(80, &sums[..]), (84, index)] {
        pack[at..at + 4].copy_from_slice(&crc32fast::hash(part).to_le_bytes());
    }
    pack.resize(HEADER - 4, 0);
    pack.extend(crc32fast::hash(&pack).to_le_bytes());
    pack.extend([data, &sums, index].concat());
    Some(pack)
}

fuzz_target!(|data: &[u8]| {
    let place = place::Place::new();
    for pack in [Some(data.to_vec()), sealed(data)].into_iter().flatten() {
        match Pack::open(place.write("opm.pack", &pack)) {
            Ok(pack) => asking::ask(&pack),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
