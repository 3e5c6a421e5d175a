//! `olm.substitutesFor`.

use crate::AddOptions;
use crate::testing::{Db, REPLACES, text};

const ALPHA: AddOptions = AddOptions { alpha: true, ..REPLACES };
const BASE: &[&str] = &["0.14.0", "0.15.0 replaces=0.14.0", "0.22.2 replaces=0.15.0"];

#[test]
fn substitutes_take_the_place_of_what_they_stand_in_for() {
    for (steps, expected) in [
        (&["0.15.0+1 replaces=0.14.0 for=0.15.0"][..], "alpha*: 0.22.2 > 0.15.0+1[0.15.0] > 0.14.0"),
        (
            &["0.15.0+1 replaces=0.14.0 for=0.15.0", "0.15.0+2 replaces=0.14.0 for=0.15.0+1"],
            "alpha*: 0.22.2 > 0.15.0+2[0.15.0+1 0.15.0] > 0.14.0",
        ),
        // Siblings: both stand in for the same bundle (Q18).
        (
            &["0.15.0+1 replaces=0.14.0 for=0.15.0", "0.15.0+2 replaces=0.14.0 for=0.15.0"],
            "alpha*: 0.22.2 > 0.15.0+2[0.15.0+1 0.15.0] > 0.14.0",
        ),
        (
            &["0.15.0+2 replaces=0.14.0 for=0.15.0", "0.15.0+1 replaces=0.14.0 for=0.15.0"],
            "alpha*: 0.22.2 > 0.15.0+2[0.15.0 0.15.0+1] > 0.14.0",
        ),
        // What replaces a bundle that has a substitute replaces that.
        (
            &["0.22.2+1 replaces=0.15.0 for=0.22.2", "0.23.0 replaces=0.22.2"],
            "alpha*: 0.23.0 > 0.22.2+1[0.22.2] > 0.15.0 > 0.14.0",
        ),
        // What skips one skips its substitutes, too.
        (
            &["0.22.2+1 replaces=0.15.0 for=0.22.2", "0.23.0 replaces=0.15.0 skips=0.22.2"],
            "alpha*: 0.23.0[0.22.2 0.22.2+1] > 0.15.0 > 0.14.0",
        ),
    ] {
        let db = Db::of(BASE);
        for step in steps {
            db.add(ALPHA, &[step]).map_err(|e| format!("{steps:?}: {}", text(&e))).unwrap();
        }
        assert_eq!(db.graph(), expected, "{steps:?}");
    }
}

#[test]
fn what_cannot_be_ordered_is_refused() {
    for (steps, expected) in [
        (
            &["0.15.0+1 replaces=0.14.0 for=0.15.0", "0.15.0+1 name=demo.vtwin replaces=0.14.0 for=0.15.0"][..],
            "cannot determine latest substitution because of duplicate versions",
        ),
        (&["0.23.0 replaces=0.22.2 for=0.23.0"], "cyclic substitutesFor chain detected involving"),
        (
            &["0.15.0+1 replaces=0.14.0 for=0.15.0+2", "0.15.0+2 replaces=0.14.0 for=0.15.0+1"],
            "cyclic substitutesFor chain detected involving",
        ),
    ] {
        let db = Db::of(BASE);
        let (last, first) = steps.split_last().unwrap();
        for step in first {
            // A substitute for something that is not there yet may be pruned: store it past the check.
            if db.add(ALPHA, &[step]).is_err() {
                let bundle = crate::testing::bundle(step);
                db.edit(|edit| edit.insert_bundle(&bundle, true)).unwrap();
            }
        }
        let before = db.state();
        let bundle = crate::testing::bundle(last);
        let error = db.edit(|edit| edit.insert_bundle(&bundle, true)).expect_err(last);
        assert!(text(&error).contains(expected), "{steps:?}: {}", text(&error));
        assert_eq!(db.state(), before);
    }
}
