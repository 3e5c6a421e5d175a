//! Every question, and what it answers.

use opm_model::{BundleKey, ChannelEntry, Cursor, Gvk, Query, Stop};

use super::{CATALOG, Fixture, Pack, encoded};

fn pack() -> Pack {
    Fixture::new(&[("catalog.yaml", CATALOG)]).pack()
}

fn key<'a>(package: &'a str, channel: &'a str, csv_name: &'a str) -> BundleKey<'a> {
    BundleKey { package, channel, csv_name }
}

/// An answer as one text: the error's where there is one.
fn shown<T>(answer: Result<T, opm_model::QueryError>, show: impl Fn(T) -> String) -> String {
    answer.map_or_else(|error| error.to_string(), show)
}

fn edges(entries: Vec<ChannelEntry>) -> String {
    let show = |e: ChannelEntry| format!("{}/{}/{}>{}", e.package, e.channel, e.bundle, e.replaces);
    entries.into_iter().map(show).collect::<Vec<_>>().join(" ")
}

/// The name, the package and the channel of an encoded bundle.
fn place(reply: opm_model::Reply<opm_model::Bundle>) -> String {
    let text = String::from_utf8(encoded(reply)).unwrap();
    let parts: Vec<&str> = text[1..].split('\u{1}').take(3).collect();
    format!("{}/{}/{}", parts[1], parts[2], parts[0])
}

#[test]
fn packages() {
    let (pack, stop) = (pack(), Stop::new());
    assert_eq!(pack.list_packages(&stop).unwrap(), ["p", "q"]);
    assert!(pack.has_graph_in_memory());
    for (name, wanted) in [
        ("p", "p b Some(\"old package\") a=p.v1 Some(\"old channel\") b=p.v2 None"),
        ("q", "q a None a=q.v1 None"),
        ("x", "package \"x\" not found"),
        ("", "package \"\" not found"),
        ("p.v1", "package \"p.v1\" not found"),
    ] {
        let answer = shown(pack.package(name, &stop), |p| {
            let channels = p.channels.iter().map(|c| format!(" {}={} {:?}", c.name, c.csv_name, c.deprecation));
            format!("{} {} {:?}{}", p.name, p.default_channel, p.deprecation, channels.collect::<String>())
        });
        assert_eq!(answer, wanted);
    }
}

#[test]
fn bundles() {
    let (pack, stop) = (pack(), Stop::new());
    for (package, channel, name, wanted) in [
        ("p", "b", "p.v2", "p/b/p.v2"),
        ("p", "a", "p.v1", "p/a/p.v1"),
        ("x", "b", "p.v2", "package \"x\" not found"),
        ("p", "x", "p.v2", "package \"p\", channel \"x\" not found"),
        ("p", "a", "p.v2", "package \"p\", channel \"a\", bundle \"p.v2\" not found"),
        ("q", "b", "q.v1", "package \"q\", channel \"b\" not found"),
    ] {
        assert_eq!(shown(pack.bundle(&key(package, channel, name), &stop), place), wanted);
    }
    for (package, channel, wanted) in [
        ("p", "b", "p/b/p.v2"),
        ("q", "a", "q/a/q.v1"),
        ("x", "b", "package \"x\" not found"),
        ("p", "x", "package \"p\", channel \"x\" not found"),
    ] {
        assert_eq!(shown(pack.channel_head(package, channel, &stop), place), wanted);
    }
}

#[test]
fn replacements() {
    let (pack, stop) = (pack(), Stop::new());
    for (name, wanted) in [
        ("p.v0", "p/a/p.v1>p.v0 p/b/p.v2>p.v1"),
        ("p.v1", "p/b/p.v2>p.v1 q/a/q.v1> q/a/q.v1>"),
        ("", "p/b/p.v1> q/a/q.v1>"),
        ("p.v2", "no channel entries found that replace p.v2"),
        ("x", "no channel entries found that replace x"),
    ] {
        assert_eq!(shown(pack.entries_that_replace(name, &stop), edges), wanted, "{name}");
    }
    for (package, channel, name, wanted) in [
        ("p", "b", "p.v1", "p/b/p.v2"),
        ("p", "b", "p.v0", "p/b/p.v2"),
        ("p", "a", "p.v0", "p/a/p.v1"),
        ("p", "b", "", "p/b/p.v1"),
        ("q", "a", "p.v1", "q/a/q.v1"),
        ("p", "a", "p.v1", "no entry found for package \"p\", channel \"a\""),
        ("p", "a", "x", "no entry found for package \"p\", channel \"a\""),
        ("p", "x", "p.v1", "package \"p\", channel \"x\" not found"),
        ("x", "a", "p.v1", "package x not found"),
    ] {
        assert_eq!(shown(pack.bundle_that_replaces(&key(package, channel, name), &stop), place), wanted);
    }
}

#[test]
fn providers() {
    let (pack, stop) = (pack(), Stop::new());
    let k = Gvk { plural: "ks".into(), ..Gvk::new("g", "v1", "K") };
    let l = Gvk::new("g", "v2", "L");
    let (x, swapped) = (Gvk::new("x", "v1", "K"), Gvk::new("v1", "g", "K"));
    let none = |gvk: &Gvk| {
        let Gvk { group, version, kind, .. } = gvk;
        format!("no channel entries found that provide group:{group:?} version:{version:?} kind:{kind:?}")
    };
    for (api, all, latest, default) in [
        (
            &k,
            "p/a/p.v1>p.v0 p/b/p.v1> p/b/p.v2>p.v1 p/b/p.v2>p.v0 q/a/q.v1> q/a/q.v1>p.v1 q/a/q.v1>p.v1",
            "p/a/p.v1>p.v0 p/b/p.v2>p.v1 q/a/q.v1>",
            "p/b/p.v2",
        ),
        (&l, "p/b/p.v2>p.v1 p/b/p.v2>p.v0", "p/b/p.v2>p.v1", "p/b/p.v2"),
        (&x, &none(&x), &none(&x), &none(&x)),
        (&swapped, &none(&swapped), &none(&swapped), &none(&swapped)),
    ] {
        assert_eq!(shown(pack.entries_that_provide(api, &stop), edges), all);
        assert_eq!(shown(pack.latest_entries_that_provide(api, &stop), edges), latest);
        assert_eq!(shown(pack.default_bundle_that_provides(api, &stop), place), default);
    }
}

#[test]
fn providers_that_are_no_default_or_no_head() {
    let stop = Stop::new();
    // The API that only the head of a channel provides which is not the default.
    let catalog = CATALOG.replace("defaultChannel: b", "defaultChannel: a");
    let pack = Fixture::new(&[("catalog.yaml", &catalog)]).pack();
    let l = Gvk::new("g", "v2", "L");
    assert_eq!(
        shown(pack.default_bundle_that_provides(&l, &stop), place),
        "no entry found that provides group:\"g\" version:\"v2\" kind:\"L\""
    );
    // The API that only a bundle below the head provides.
    let below = CATALOG.replacen(
        "kind: K, version: v1}}\n- {type: olm.bundle.object",
        "kind: Z, version: v1}}\n- {type: olm.bundle.object",
        1,
    );
    let below = below.replace("- {name: p.v1, replaces: p.v0}", "- {name: p.v1}\n- {name: p.v2, replaces: p.v1}");
    let pack = Fixture::new(&[("catalog.yaml", &below)]).pack();
    let z = Gvk::new("g", "v1", "Z");
    assert_eq!(shown(pack.entries_that_provide(&z, &stop), edges), "p/a/p.v1> p/b/p.v1>");
    let none = "no channel entries found that provide group:\"g\" version:\"v1\" kind:\"Z\"";
    assert_eq!(shown(pack.latest_entries_that_provide(&z, &stop), edges), none);
    assert_eq!(shown(pack.default_bundle_that_provides(&z, &stop), place), none);
}

#[test]
fn any_cursor_has_an_answer() {
    let pack = pack();
    let (all, _) = super::list(&pack).unwrap();
    for at in [0, 1, all.len() / 2, all.len() - 1, all.len(), all.len() + 1, usize::MAX] {
        let page = pack.list_bundles(Cursor(at as u64), &Stop::new()).unwrap();
        assert_eq!(encoded(page.items), all.get(at..).unwrap_or_default());
        assert_eq!(page.next, None);
        let page = pack.list_blobs("custom.one", "p", Cursor(at as u64), &Stop::new()).unwrap();
        assert!(encoded(page.items).len() < 200);
    }
}

#[test]
fn who_is_gone_gets_no_answer() {
    let (pack, stop) = (pack(), Stop::new());
    stop.ask();
    let error = pack.list_bundles(Cursor::default(), &stop).unwrap_err();
    assert!(matches!(error, opm_model::QueryError::Stopped), "{error}");
    let error = pack.bundle(&key("p", "b", "p.v2"), &stop).unwrap_err();
    assert!(matches!(error, opm_model::QueryError::Stopped), "{error}");
}

#[test]
fn a_catalog_of_nothing_has_no_answers() {
    let (pack, stop) = (Fixture::new(&[]).pack(), Stop::new());
    assert_eq!(pack.list_packages(&stop).unwrap(), Vec::<String>::new());
    assert_eq!(super::list(&pack).unwrap().0, b"");
    assert_eq!(shown(pack.entries_that_replace("", &stop), edges), "no channel entries found that replace ");
    assert!(pack.entries_that_provide(&Gvk::new("", "", ""), &stop).is_err());
}
