//! Packs that are not what was written.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use opm_model::{BundleKey, Gvk, Query, QueryError, Stop};
use proptest::prelude::*;

use super::super::Error;
use super::super::format::{HEADER, MAGIC};
use super::{CATALOG, Fixture, Pack, blobs, large, list};

/// Everything that can be asked of a catalog, asked.
fn everything(pack: &Pack) -> Result<Vec<Vec<u8>>, QueryError> {
    let stop = Stop::new();
    let mut answers = vec![list(pack)?.0, blobs(pack, "custom.one", "p")?.0, blobs(pack, "custom.two", "")?.0];
    for package in pack.list_packages(&stop)? {
        let found = pack.package(&package, &stop)?;
        for channel in &found.channels {
            let (package, channel) = (package.as_str(), channel.name.as_str());
            for csv_name in ["p.v1", "p.v2", "q.v1", "l.v1"] {
                let key = BundleKey { package, channel, csv_name };
                match pack.bundle(&key, &stop) {
                    Ok(bundle) => answers.push(super::encoded(bundle)),
                    Err(error) if error.to_string().ends_with("not found") => {}
                    Err(error) => return Err(error),
                }
            }
        }
        answers.push(format!("{found:?}").into_bytes());
    }
    for name in ["", "p.v0", "p.v1"] {
        answers.push(format!("{:?}", pack.entries_that_replace(name, &stop)).into_bytes());
    }
    answers.push(format!("{:?}", pack.entries_that_provide(&Gvk::new("g", "v1", "K"), &stop)).into_bytes());
    Ok(answers)
}

/// What becomes of the questions: the answers, or the error.
fn outcome(path: &std::path::Path) -> Result<Vec<Vec<u8>>, String> {
    let pack = Pack::open(path).map_err(|error| error.to_string())?;
    everything(&pack).map_err(|error| error.to_string())
}

#[test]
fn every_flipped_bit_is_found() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG), ("large.yaml", &large(300))]);
    fixture.build().unwrap();
    let path = fixture.target();
    let whole = outcome(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for (at, byte) in bytes.iter().enumerate() {
        // The padding of the header is all alike.
        if (300..HEADER - 8).contains(&at) && at % 64 != 0 {
            continue;
        }
        file.write_all_at(&[byte ^ 1 << (at % 8)], at as u64).unwrap();
        match outcome(&path) {
            Ok(answers) => assert!(answers == whole, "the byte at {at} is flipped, and wrong answers are given"),
            Err(error) => {
                assert!(error.contains("damaged") || at < MAGIC.len() && error.contains("not a pack"), "{error}");
            }
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    assert_eq!(outcome(&path).unwrap(), whole);
}

#[test]
fn every_truncation_is_found() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    let length = fixture.build().unwrap().length;
    let path = fixture.target();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for has in (0..length).rev() {
        file.set_len(has).unwrap();
        let error = Pack::open(&path).unwrap_err();
        let Error::Truncated { has: said, wanted, .. } = &error else { panic!("{error}") };
        assert_eq!((*said, *wanted), (has, if has < HEADER as u64 { HEADER as u64 } else { length }));
        let place = fixture.cache();
        let text = format!(
            "{} is truncated: it has {has} of {wanted} bytes; rebuild it with `opm serve DIR --cache-dir {} --cache-only`",
            path.display(),
            place.display()
        );
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn what_is_no_pack_is_told_apart() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    fixture.build().unwrap();
    let path = fixture.target();
    let sound = fs::read(&path).unwrap();
    let newer = {
        let mut bytes = sound.clone();
        bytes[8] = 2;
        let sum = crc32fast::hash(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&sum.to_le_bytes());
        bytes
    };
    let longer = [&sound[..], b"x"].concat();
    for (bytes, wanted) in [
        (&b"schema: olm.package\n"[..], "is not a pack; remove it, or name another directory"),
        (&[0; 2 * HEADER], "is not a pack"),
        (&newer, "was written by a newer version: its format is 2, and the newest known here is 1; rebuild it with"),
        (&longer, "the end is damaged"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = Pack::open(&path).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains(path.to_str().unwrap()), "{error}");
    }
    let error = Pack::open(fixture.cache()).unwrap_err();
    assert!(matches!(error, Error::NotAPack(_)), "{error}");
    let error = Pack::open(fixture.cache().join("none")).unwrap_err();
    assert!(error.to_string().contains("none: No such file"), "{error}");
}

#[test]
fn a_replaced_pack_stays_and_a_truncated_one_is_an_error() {
    let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
    let old = fixture.pack();
    let before = everything(&old).unwrap();
    fixture.write("more.yaml", &large(300));
    let new = fixture.pack();
    assert_eq!(everything(&old).unwrap(), before);
    assert_eq!(new.list_packages(&Stop::new()).unwrap(), ["l", "p", "q"]);
    File::options().write(true).open(fixture.target()).unwrap().set_len(HEADER as u64).unwrap();
    let error = list(&new).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert_eq!(new.list_packages(&Stop::new()).unwrap(), ["l", "p", "q"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Tables that are sealed but say nonsense lead to errors, never out of bounds.
    #[test]
    fn nonsense_in_the_index_is_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        use std::sync::LazyLock;
        static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let fixture = Fixture::new(&[("catalog.yaml", CATALOG)]);
            fixture.build().unwrap();
            fs::read(fixture.target()).unwrap()
        });
        let mut bytes = SOUND.clone();
        let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let (sums, length) = (number(&bytes, 64), number(&bytes, 72));
        let start = usize::try_from(HEADER as u64 + number(&bytes, 48) + sums).unwrap();
        let index = start..start + usize::try_from(length).unwrap();
        for (at, byte) in changes {
            let at = index.start + at.index(index.len());
            bytes[at] = byte;
        }
        let sum = crc32fast::hash(&bytes[index]);
        bytes[84..88].copy_from_slice(&sum.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&sum.to_le_bytes());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let _ = outcome(file.path());
    }
}
