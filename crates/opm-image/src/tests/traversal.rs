//! Whatever an archive says, nothing outside the target is touched.

use proptest::prelude::*;

use super::listing;
use crate::Limits;
use crate::testing::{Entry, archive};
use crate::unpack::{Keep, Kind, Spool, Stop, Work, finish};

fn path() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-c]",
        2 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
        1 => "\\.wh\\.[a-c]",
        1 => Just(".wh..wh..opq".to_owned()),
        1 => Just("\\..\\x".to_owned()),
    ];
    (any::<bool>(), prop::collection::vec(word, 1..5))
        .prop_map(|(absolute, words)| format!("{}{}", if absolute { "/" } else { "" }, words.join("/")))
}

fn entry() -> impl Strategy<Value = Entry> {
    (0..6, path(), path()).prop_map(|(kind, path, target)| match kind {
        0 | 1 => Entry::file(path, target),
        2 => Entry::dir(path),
        3 => Entry::symlink(path, target),
        4 => Entry::hard_link(path, target),
        _ => Entry::device(path),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leaves_the_root(layers in prop::collection::vec(prop::collection::vec(entry(), 0..12), 1..4), some in any::<bool>()) {
        let home = tempfile::tempdir().unwrap();
        let outside = home.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        let into = home.path().join("into");
        std::fs::create_dir(&into).unwrap();
        let keep = if some { Keep::under(["a", "b/c"]) } else { Keep::everything() };
        let spool = Spool::new(&into, None).unwrap();
        let mut work = Work::new(&spool, &Limits::default(), Stop::default());
        for layer in &layers {
            // What cannot be is refused, and the rest of that layer with it; what is there must still be harmless.
            let _ = work.apply(&mut &archive(layer)[..], Kind::Layer, &keep);
        }
        let (keep, _) = work.complete(&keep);
        finish(work, into.clone(), &keep).unwrap();
        drop(spool);
        prop_assert_eq!(listing(&outside).len(), 0);
        prop_assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
        let root = into.canonicalize().unwrap();
        for (path, kind) in listing(&into) {
            prop_assert!(!path.starts_with(".opm-image"), "{} is left", path);
            if kind.starts_with("-> ") && std::fs::symlink_metadata(into.join(&path)).unwrap().is_symlink() {
                let target = into.join(&path).canonicalize();
                prop_assert!(target.as_ref().is_ok_and(|target| target.starts_with(&root)), "{} {} {:?}", path, kind, target);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let home = tempfile::tempdir().unwrap();
        let spool = Spool::new(home.path(), None).unwrap();
        let mut work = Work::new(&spool, &Limits::default(), Stop::default());
        let _ = work.apply(&mut &bytes[..], Kind::Layer, &Keep::everything());
    }
}
