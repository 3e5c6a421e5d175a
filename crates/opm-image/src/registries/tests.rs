#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::*;

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The settings of one file.
fn load(text: &str) -> Result<Registries, String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("registries.conf");
    write(&path, text);
    let environment = Environment { containers_registries_conf: Some(path.clone()), ..Environment::default() };
    Registries::load(&environment).map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

/// Where to look, insecure places with a `!`.
fn places(registries: &Registries, image: &str) -> Result<Vec<String>, String> {
    let image = registries.full(&image.parse().unwrap()).map_err(|error| error.to_string())?;
    let places = registries.places(&image).map_err(|error| error.to_string())?;
    Ok(places.iter().map(|place| format!("{}{}", if place.insecure { "!" } else { "" }, place.reference)).collect())
}

#[test]
fn the_longest_prefix_says_where_to_look() {
    let registries = load(
        r#"
        credential-helpers = ["containers-auth.json"]
        [[registry]]
        location = "quay.io"
        [[registry.mirror]]
        location = "m1.local:5000/quay/"
        [[registry.mirror]]
        location = "m2.local"
        insecure = true

        [[registry]]
        prefix = "quay.io/team"
        location = "inside.local/elsewhere"
        insecure = true

        [[registry]]
        prefix = ""
        location = "quay.io/by-digest"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "m3.local/x"

        [[registry]]
        location = "quay.io/mixed"
        [[registry.mirror]]
        location = "digests.local/x"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "tags.local/x"
        pull-from-mirror = "tag-only"
        [[registry.mirror]]
        location = "all.local/x"
        pull-from-mirror = "all"

        [[registry]]
        prefix = "quay.io/one/image:v1"
        location = "one.local/image:v2"

        [[registry]]
        prefix = "*.example.com"
        [[registry.mirror]]
        location = "m.local"

        [[registry]]
        prefix = "*.deep.example.com"
        location = "flat.local"
        "#,
    )
    .unwrap();
    let sha = |name: &str| format!("{name}@{SHA}");
    let cases: Vec<(String, Vec<String>)> = [
        ("other.io/x:1", vec!["other.io/x:1"]),
        ("quay.io/a/b:1", vec!["m1.local:5000/quay/a/b:1", "!m2.local/a/b:1", "quay.io/a/b:1"]),
        ("quay.io/team/x:1", vec!["!inside.local/elsewhere/x:1"]),
        ("quay.io/teams/x:1", vec!["m1.local:5000/quay/teams/x:1", "!m2.local/teams/x:1", "quay.io/teams/x:1"]),
        ("quay.io/by-digest/x:1", vec!["quay.io/by-digest/x:1"]),
        ("quay.io/mixed/x:1", vec!["tags.local/x/x:1", "all.local/x/x:1", "quay.io/mixed/x:1"]),
        ("quay.io/one/image:v1", vec!["one.local/image:v2"]),
        ("a.example.com:5000/x:1", vec!["m.local:5000/x:1", "a.example.com:5000/x:1"]),
        ("a.deep.example.com/x:1", vec!["flat.local/x:1"]),
    ]
    .into_iter()
    .map(|(image, places)| (image.to_owned(), places.into_iter().map(str::to_owned).collect()))
    .chain([
        (sha("quay.io/by-digest/x"), vec![sha("m3.local/x/x"), sha("quay.io/by-digest/x")]),
        (sha("quay.io/by-digest/x:1"), vec![sha("m3.local/x/x:1"), sha("quay.io/by-digest/x:1")]),
        (sha("quay.io/mixed/x"), vec![sha("digests.local/x/x"), sha("all.local/x/x"), sha("quay.io/mixed/x")]),
    ])
    .collect();
    for (image, expected) in cases {
        assert_eq!(places(&registries, &image).unwrap(), expected, "{image}");
    }
}

#[test]
fn what_is_blocked_names_its_file() {
    let registries = load(
        r#"
        [[registry]]
        location = "bad.io"
        blocked = true
        [[registry]]
        location = "bad.io/good"
        [[registry]]
        prefix = "a.io"
        location = "bad.io"
        [[registry]]
        location = "b.io"
        [[registry.mirror]]
        location = "bad.io"
        "#,
    )
    .unwrap();
    for image in ["bad.io/x:1", "a.io/x:1"] {
        let error = places(&registries, image).unwrap_err();
        assert!(
            error.starts_with("the registry `bad.io` is blocked in /") && error.ends_with("registries.conf"),
            "{error}"
        );
    }
    assert_eq!(places(&registries, "bad.io/good/x:1").unwrap(), ["bad.io/good/x:1"]);
    assert_eq!(places(&registries, "b.io/x:1").unwrap(), ["b.io/x:1"]);
}

#[test]
fn short_names_have_aliases_or_one_registry() {
    let aliases = "[aliases]\n\"etcd\" = \"quay.io/coreos/etcd\"\n\"a/b\" = \"docker.io/busybox\"\n";
    let with = |search: &str| {
        load(&format!("unqualified-search-registries = [{search}]\nshort-name-mode=\"enforcing\"\n{aliases}"))
    };
    for search in ["", r#""one.io""#, r#""one.io", "two.io""#] {
        let registries = with(search).unwrap();
        assert_eq!(places(&registries, "etcd:1").unwrap(), ["quay.io/coreos/etcd:1"]);
        assert_eq!(places(&registries, &format!("a/b@{SHA}")).unwrap(), [format!("docker.io/library/busybox@{SHA}")]);
        let unknown = if search == r#""one.io""# { "one.io/other:1" } else { "docker.io/library/other:1" };
        assert_eq!(places(&registries, "other:1").unwrap(), [unknown]);
        // A name with a registry is not short.
        assert_eq!(places(&registries, "docker.io/etcd:1").unwrap(), ["docker.io/library/etcd:1"]);
    }
}

#[test]
fn later_files_lay_over_earlier_ones() {
    let home = tempfile::tempdir().unwrap();
    let system = home.path().join("etc");
    let user = home.path().join(".config/containers");
    let at = |dir: &Path, name: &str, text: &str| write(&dir.join(name), text);
    let environment = Environment {
        home: Some(home.path().to_owned()),
        system_config_dir: Some(system.clone()),
        ..Environment::default()
    };
    let look = |image: &str| places(&Registries::load(&environment).unwrap(), image).unwrap().concat();
    assert_eq!(look("x:1"), "docker.io/library/x:1");
    let rule = |prefix: &str, location: &str| format!("[[registry]]\nprefix=\"{prefix}\"\nlocation=\"{location}\"\n");
    let alias = |full: &str| format!("[aliases]\nx=\"{full}\"\n");
    at(&system, "registries.conf", &(rule("a.io", "main.io") + &rule("b.io", "main.io") + &alias("main.io/x")));
    at(&system, "registries.conf.d/20.conf", &(rule("b.io", "twenty.io") + &alias("twenty.io/x")));
    at(&system, "registries.conf.d/10.conf", &(rule("b.io", "ten.io") + &rule("c.io", "ten.io")));
    at(&system, "registries.conf.d/30.txt", "no such format");
    assert_eq!(
        ["a.io/x:1", "b.io/x:1", "c.io/x:1", "x:1"].map(look),
        ["main.io/x:1", "twenty.io/x:1", "ten.io/x:1", "twenty.io/x:1"]
    );
    // The user's drop-ins come last, and can take an alias away.
    at(&user, "registries.conf.d/00.conf", &(rule("a.io", "user.io") + &alias("")));
    assert_eq!(["a.io/x:1", "b.io/x:1", "x:1"].map(look), ["user.io/x:1", "twenty.io/x:1", "docker.io/library/x:1"]);
    // The user's own file stands instead of the machine's.
    at(&user, "registries.conf", &rule("b.io", "own.io"));
    assert_eq!(["a.io/x:1", "b.io/x:1", "c.io/x:1"].map(look), ["user.io/x:1", "own.io/x:1", "c.io/x:1"]);
    // And the one that is named, instead of all.
    let only = Environment { containers_registries_conf: Some(system.join("registries.conf")), ..environment.clone() };
    assert_eq!(places(&Registries::load(&only).unwrap(), "b.io/x:1").unwrap(), ["main.io/x:1"]);
    let none = Environment { containers_registries_conf: Some(system.join("absent.conf")), ..environment.clone() };
    let error = Registries::load(&none).unwrap_err().to_string();
    assert!(error.contains("absent.conf: No such file"), "{error}");
}

#[test]
fn faults_are_named_with_their_line() {
    let cases = [
        ("\n\nx = ", "FILE, line 3: "),
        ("\n[[registry]]\nlocation = 5\n", "FILE, line 3: invalid type"),
        ("[registries.search]\nregistries = [\"a.io\"]\n", "FILE, line 1: this is version 1 of the format"),
        ("\nshort-name-mode = \"strict\"\n", "FILE, line 2: short-name-mode is `strict`; expected enforcing"),
        ("[[registry]]\ninsecure = true\n", "FILE: a [[registry]] has neither prefix nor location"),
        ("\n[[registry]]\nprefix = \"a.io\"\n", "FILE, line 3: the [[registry]] for `a.io` has no location"),
        ("[[registry]]\nlocation = \"https://a.io\"\n", "FILE, line 2: write `https://a.io` without `https://`"),
        ("[[registry]]\nlocation = \"mirror\"\n", "FILE, line 2: `mirror` does not begin with a registry"),
        ("unqualified-search-registries = [\n\"mirror\"]\n", "FILE, line 2: `mirror` does not begin with a registry"),
        (
            "[[registry]]\nlocation=\"a.io\"\n[[registry.mirror]]\ninsecure=true\n",
            "FILE, line 3: missing field `location`",
        ),
        (
            "[[registry]]\nlocation=\"a.io\"\n[[registry.mirror]]\nlocation=\"b.io\"\npull-from-mirror = \"never\"\n",
            "FILE, line 5: pull-from-mirror is `never`; expected all, digest-only or tag-only",
        ),
        (
            "[[registry]]\nlocation=\"a.io\"\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation=\"b.io\"\npull-from-mirror=\"all\"\n",
            "FILE, line 6: pull-from-mirror and mirror-by-digest-only cannot both be set",
        ),
        (
            "[[registry]]\nlocation=\"a.io\"\n[[registry]]\nlocation=\"a.io\"\ninsecure=true\n",
            "FILE, line 4: there are two [[registry]] for `a.io` that contradict each other",
        ),
        ("[aliases]\n\"a.io/x\" = \"b.io/x\"\n", "FILE, line 2: `a.io/x` names a registry"),
        ("[aliases]\nx = \"b.io/x:1\"\n", "FILE, line 2: the alias `x` must be without tag and digest"),
        ("[aliases]\nx = \"y\"\n", "FILE, line 2: the alias `x` stands for `y`, which is not REGISTRY/REPOSITORY"),
    ];
    for (text, expected) in cases {
        let error = load(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}\n{error}\n{expected}");
    }
}
