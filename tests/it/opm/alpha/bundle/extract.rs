use std::fs;

use opm_configmap::testing::{Action, Bed as Cluster, FakeCluster, Verb};
use opm_configmap::{Content, bundle};

use crate::bed::{Bed, data};

const OLD: &str = "what was there";

/// What the ConfigMap holds before.
fn old() -> Content {
    let mut content = Content::default();
    for map in [&mut content.data, &mut content.annotations] {
        map.insert("old".to_owned(), OLD.to_owned());
    }
    content
}

#[test]
fn a_bundle_is_stored_and_read_again() {
    for cluster in Cluster::all() {
        for gzip in [false, true] {
            let bed = Bed::new();
            let place = cluster.place("extract");
            cluster.put(&place, &old());
            let (root, kubeconfig) = (data("bundles/teahouse/2.1.0"), cluster.kubeconfig().display().to_string());
            let args = [
                "alpha",
                "bundle",
                "extract",
                "-m",
                &root,
                "-c",
                &place.name,
                "-n",
                &place.namespace,
                "-k",
                &kubeconfig,
            ];
            let args = if gzip { [&args[..], &["-z"]].concat() } else { args.to_vec() };
            let output =
                bed.command("opm", &args).env("CONTAINER_IMAGE", "reg.example/teahouse:2.1.0").output().unwrap();
            assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
            let stored = cluster.get(&place);
            let keys: Vec<_> = if gzip { stored.binary_data.keys().collect() } else { stored.data.keys().collect() };
            assert_eq!(keys, ["dependencies.yaml", "guests.crd.yaml", "teahouse.clusterserviceversion.yaml"]);
            assert_eq!(stored.data.is_empty(), gzip);
            assert_eq!(stored.annotations.len(), if gzip { 8 } else { 7 });
            assert_eq!(stored.annotations["operators.operatorframework.io.bundle.package.v1"], "teahouse");
            assert_eq!(stored.annotations["olm.sourceImage"], "reg.example/teahouse:2.1.0");
            let bundle = bundle(&stored).unwrap();
            assert_eq!((bundle.csv_name.as_str(), bundle.objects.len()), ("teahouse.v2.1.0", 2));
            let text = fs::read_to_string(format!("{root}/manifests/guests.crd.yaml")).unwrap();
            assert_eq!(bundle.objects[0], text);
            cluster.delete(&place);
            assert!(bed.files().is_empty());
        }
    }
}

#[test]
fn whatever_is_wrong_is_said_and_changes_nothing() {
    let bed = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeCluster::start();
    let cluster = Cluster::Fake(fake, dir);
    let Cluster::Fake(fake, _) = &cluster else { unreachable!() };
    let place = cluster.place("wrong");
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let root = data("bundles/tea/1.0.0");
    let run = |root: &str, more: &[&str], words: &[&str]| {
        let args = ["bundle", "extract", "-m", root, "-c", &place.name, "-n", &place.namespace, "-k", &kubeconfig];
        let words = [&["Error: error loading manifests from directory: "], words].concat();
        bed.opm(&[&args[..], more].concat()).fails(1, &words);
    };
    run(&root, &[], &["configmaps", "not found", "check both names"]);
    cluster.put(&place, &old());
    run(&root, &["-l", "1000"], &["bundle files exceeded 1000 bytes limit: manifests/"]);
    run("none", &[], &["none/manifests is not a directory"]);
    let large = "x".repeat((1 << 20) + 1);
    for part in ["large/manifests", "large/metadata", "odd/manifests/sub", "odd/metadata"] {
        fs::create_dir_all(bed.path(part)).unwrap();
    }
    fs::write(bed.path("large/manifests/x.yaml"), large).unwrap();
    run("large", &[], &["bundle files exceeded 1048576 bytes limit"]);
    run("large", &["-l", "9999999"], &["too large for the cluster", "--gzip"]);
    run("odd", &[], &["manifests/sub: it is a directory"]);
    run(&root, &["--context", "distrustful"], &["signed by an unknown authority"]);
    run(&root, &["--context", "stranger"], &["a token may have expired"]);
    fake.fail(Verb::Update, 1, Action::Refuse(403, "Forbidden", "configmaps \"x\" is forbidden".to_owned()));
    run(&root, &[], &["configmaps \"x\" is forbidden", "the verb update"]);
    fake.fail(Verb::Update, 20, Action::Overtake);
    run(&root, &[], &["changed by somebody else"]);
    fake.mend();
    assert_eq!(cluster.get(&place), old());
    fake.down();
    run(&root, &[], &["cannot be reached"]);
    bed.opm(&["alpha", "bundle", "extract", "-m", &root, "-c", "x"]).fails(1, &["Cannot load config for REST client"]);
    bed.opm(&["alpha", "bundle", "extract"]).fails(2, &["--configmapname"]);
    assert_eq!(bed.files(), ["large", "odd"]);
}

#[test]
fn the_variable_goes_before_the_flag_and_other_writers_are_waited_out() {
    let bed = Bed::new();
    let cluster = Cluster::Fake(FakeCluster::start(), tempfile::tempdir().unwrap());
    let Cluster::Fake(fake, _) = &cluster else { unreachable!() };
    let place = cluster.place("variable");
    cluster.put(&place, &old());
    fake.fail(Verb::Update, 2, Action::Overtake);
    let root = data("bundles/tea/0.1.0");
    let args = ["alpha", "bundle", "extract", "-m", &root, "-c", &place.name, "-n", &place.namespace, "-k", "none"];
    let output = bed.command("opm", &args).env("KUBECONFIG", cluster.kubeconfig()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fake.object(&place)["metadata"]["labels"]["overtaken"], "yes");
    assert_eq!(cluster.get(&place).data.len(), 2);
    bed.opm(&args).fails(1, &["kubeconfig none", "No such file"]);
}
