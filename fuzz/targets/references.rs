//! Names of images, digests, platforms, versions and ranges: nothing panics, and what was read is written as what reads the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::path::PathBuf;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use opm_catalog::Range;
use opm_image::{Digest, Platform, Reference, Source};
use opm_model::Version;

fn survives<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T>
where
    T::Err: Display,
{
    let read = match text.parse::<T>() {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let written = read.to_string();
    match written.parse::<T>() {
        Ok(again) => assert_eq!(again.to_string(), written, "{text}"),
        Err(error) => panic!("{text} is read as {written}, which is not: {error}"),
    }
    Some(read)
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(reference) = survives::<Reference>(text) {
        // They become paths of URLs and of directories.
        assert!(reference.repository().split('/').all(|part| !matches!(part, "" | "." | "..")), "{reference}");
        assert!(!reference.registry().contains(['/', '@', '?', '#', ' ']), "{reference}");
    }
    if let Ok(Source::Tree { repository, object, .. }) = Source::tree(PathBuf::new(), text) {
        assert!(repository.split('/').all(|part| !matches!(part, "" | "." | "..")), "{repository}");
        assert!(!object.contains('/') && !object.starts_with('.'), "{object}");
    }
    let _source = text.parse::<Source>().map(|source| source.to_string());
    let _rest = (survives::<Digest>(text).is_some(), survives::<Platform>(text).is_some());
    let (range, version) = text.split_once('\n').unwrap_or((text, text));
    if let (Ok(range), Ok(version)) = (Range::parse(range), Version::parse(version)) {
        let _contains = range.contains(&version);
        assert!(version.cmp_precedence(&version).is_eq());
        let _order = version.cmp_with_build(&Version::zero()).is_ok();
    }
});
