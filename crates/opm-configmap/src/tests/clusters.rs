//! Getting and replacing, and what a cluster may say to it. What needs no faults is also tried on a real cluster.

use std::path::Path;
use std::time::Duration;

use crate::testing::{Action, Bed, FakeCluster, Verb};
use crate::{Access, Cluster, ClusterError, Content, Patience, Place};

/// Little patience.
pub(super) fn quick() -> Patience {
    let ms = Duration::from_millis;
    Patience { answer: Duration::from_secs(10), first: ms(5), longest: ms(20), poll: ms(20) }
}

pub(super) async fn connect(kubeconfig: &Path, context: Option<&str>) -> Cluster {
    let access = Access::by(Some(kubeconfig), None, context.map(str::to_owned));
    Cluster::connect(&access, quick()).await.unwrap()
}

pub(super) fn holding(text: &str) -> Content {
    let mut content = Content::default();
    content.data.insert("key".to_owned(), text.to_owned());
    content
}

struct Fake {
    cluster: FakeCluster,
    dir: tempfile::TempDir,
    place: Place,
}

impl Fake {
    fn start() -> Self {
        let place = Place { namespace: "ns".to_owned(), name: "map".to_owned() };
        let fake = Self { cluster: FakeCluster::start(), dir: tempfile::tempdir().unwrap(), place };
        fake.cluster.put(&fake.place, &holding("first"));
        fake
    }

    async fn connect(&self, context: Option<&str>) -> Cluster {
        connect(&self.cluster.kubeconfig(self.dir.path()), context).await
    }
}

#[tokio::test]
async fn config_maps_are_got_and_replaced() {
    for bed in Bed::all() {
        let place = bed.place("edit");
        let mut content = holding("first");
        content.binary_data.insert("bytes".to_owned(), vec![0, 255]);
        content.annotations.insert("a".to_owned(), "1".to_owned());
        bed.put(&place, &content);
        let cluster = connect(&bed.kubeconfig(), None).await;
        let found = cluster.get(&place).await.unwrap();
        assert_eq!(found.content, content);
        cluster
            .edit(&place, |content| {
                content.data.insert("key".to_owned(), "second".to_owned());
                content.binary_data.clear();
            })
            .await
            .unwrap();
        let after = cluster.get(&place).await.unwrap();
        assert_ne!(after.version, found.version);
        content.data.insert("key".to_owned(), "second".to_owned());
        content.binary_data.clear();
        assert_eq!((&after.content, &bed.get(&place)), (&content, &content));
        if let Bed::Fake(fake, _) = &bed {
            assert_eq!(fake.object(&place)["metadata"]["labels"]["kept"], "yes");
        }
        let large = "x".repeat((1 << 20) + 1);
        let error = cluster.edit(&place, |content| *content = holding(&large)).await.unwrap_err();
        assert!(matches!(error, ClusterError::TooLarge { .. }), "{error}");
        bed.delete(&place);
        for edited in [cluster.get(&place).await.err(), cluster.edit(&place, |_| {}).await.err()] {
            let error = edited.unwrap().to_string();
            assert!(error.starts_with(&format!("configmaps {:?} not found", place.name)), "{error}");
        }
        let nowhere = Place { namespace: "opm-test-nowhere".to_owned(), ..place };
        let error = cluster.get(&nowhere).await.unwrap_err().to_string();
        assert!(error.contains("in namespace \"opm-test-nowhere\": check both names"), "{error}");
    }
}

#[tokio::test]
async fn of_two_writers_none_is_lost() {
    for bed in Bed::all() {
        let place = bed.place("two");
        bed.put(&place, &holding(""));
        let cluster = connect(&bed.kubeconfig(), None).await;
        let write = async |letter: char| {
            for _ in 0..5 {
                cluster.edit(&place, |content| content.data.get_mut("key").unwrap().push(letter)).await.unwrap();
            }
        };
        tokio::join!(write('a'), write('b'));
        let text = &bed.get(&place).data["key"];
        assert_eq!((text.matches('a').count(), text.matches('b').count()), (5, 5), "{text}");
        bed.delete(&place);
    }
}

#[tokio::test]
async fn a_writer_that_is_always_overtaken_gives_up() {
    let fake = Fake::start();
    let cluster = fake.connect(None).await;
    fake.cluster.fail(Verb::Update, 3, Action::Overtake);
    cluster.edit(&fake.place, |content| *content = holding("mine")).await.unwrap();
    assert_eq!(fake.cluster.get(&fake.place), holding("mine"));
    assert_eq!(fake.cluster.object(&fake.place)["metadata"]["labels"]["overtaken"], "yes");
    fake.cluster.fail(Verb::Update, 100, Action::Overtake);
    let error = cluster.edit(&fake.place, |content| *content = holding("more")).await.unwrap_err().to_string();
    assert!(error.contains("changed by somebody else each of the 10 times"), "{error}");
    assert_eq!(fake.cluster.get(&fake.place), holding("mine"));
}

#[tokio::test]
async fn every_context_leads_somewhere() {
    let fake = Fake::start();
    for (context, words) in [
        (None, ""),
        (Some("good"), ""),
        (Some("program"), ""),
        (Some("stranger"), "does not accept the credentials (Unauthorized): a token may have expired"),
        (Some("distrustful"), "no secure connection: its certificate is signed by an unknown authority"),
    ] {
        let found = fake.connect(context).await.get(&fake.place).await;
        match found {
            Ok(found) => assert_eq!((found.content, words), (holding("first"), "")),
            Err(error) => assert!(!words.is_empty() && error.to_string().contains(words), "{context:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_kubeconfig_is_said() {
    let fake = Fake::start();
    let good = fake.cluster.kubeconfig(fake.dir.path());
    let write = |name: &str, text: &str| {
        let path = fake.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let text = std::fs::read_to_string(&good).unwrap();
    let context = |name: &str| Some(name.to_owned());
    for (file, context, words) in [
        (fake.dir.path().join("none"), None, "none: it cannot be read"),
        (good.clone(), context("other"), "it has no context other"),
        (write("a", &text.replace("\"current-context\":\"good\"", "\"x\":1")), None, "it has no current-context"),
        (write("b", "a: ["), None, "b: failed to parse kubeconfig"),
        (write("c", &text.replace("ca.pem", "no.pem")), None, "no.pem"),
        (write("d", &text.replace("\"name\":\"here\"", "\"name\":\"there\"")), None, "it has no cluster here"),
        (write("e", &text.replace("\"echo\"", "\"no-such-program\"")), context("program"), "no-such-program"),
    ] {
        let access = Access::by(Some(&file), None, context);
        let error = match Cluster::connect(&access, quick()).await {
            Ok(cluster) => cluster.get(&fake.place).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn a_file_comes_before_the_variable_and_that_before_the_pod() {
    let files = |files: &[&str]| Access::Kubeconfig { files: files.iter().map(Into::into).collect(), context: None };
    for (file, variable, expected) in [
        (None, None, Access::InCluster),
        (Some(""), Some(""), Access::InCluster),
        (Some("a"), Some("b"), files(&["a"])),
        (None, Some("b::c"), files(&["b", "c"])),
    ] {
        assert_eq!(Access::by(file.map(Path::new), variable.map(AsRef::as_ref), None), expected);
    }
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let fake = Fake::start();
    let cluster = fake.connect(None).await;
    let place = &fake.place;
    let denied = "configmaps \"map\" is forbidden: User \"system:anonymous\" cannot get resource \"configmaps\"";
    for (verb, action, words) in [
        (
            Verb::Get,
            Action::Refuse(403, "Forbidden", denied.to_owned()),
            "needs a Role with the verb get for ConfigMap ns/map",
        ),
        (Verb::Update, Action::Refuse(403, "Forbidden", denied.to_owned()), "needs a Role with the verb update"),
        (Verb::Get, Action::Refuse(401, "Unauthorized", "Unauthorized".to_owned()), "get a new one"),
        (Verb::Update, Action::Refuse(413, "RequestEntityTooLarge", "limit is 3145728".to_owned()), "--gzip"),
        (
            Verb::Get,
            Action::Refuse(500, "InternalError", "etcdserver: request timed out".to_owned()),
            "says 500: etcdserver",
        ),
        (Verb::Get, Action::Babble, "its answer cannot be read"),
        (Verb::Get, Action::Flood, "its answer cannot be read: it is longer than 33554432 bytes"),
        (Verb::Get, Action::HangUp, "cannot be reached"),
    ] {
        fake.cluster.fail(verb, 3, action);
        let error = cluster.edit(place, |content| *content = holding("never")).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        fake.cluster.mend();
    }
    assert_eq!(fake.cluster.get(place), holding("first"));
    let nameless = Place { name: String::new(), ..place.clone() };
    let error = cluster.get(&nameless).await.unwrap_err().to_string();
    assert!(error.contains("check both names"), "{error}");
    fake.cluster.expire_token();
    let error = cluster.get(place).await.unwrap_err().to_string();
    assert!(error.contains("a token may have expired"), "{error}");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_named() {
    let fake = Fake::start();
    let kubeconfig = fake.cluster.kubeconfig(fake.dir.path());
    let (address, place) = (fake.cluster.address().to_owned(), fake.place.clone());
    let Fake { cluster, dir, .. } = fake;
    drop(cluster);
    let error = connect(&kubeconfig, None).await.get(&place).await.unwrap_err().to_string();
    assert_eq!(error, format!("cluster https://{address} cannot be reached: connection refused"));
    // Who listens, but does not answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let text = text.replace(&address, &silent.local_addr().unwrap().to_string());
    let access = Access::by(
        Some(&{
            let path = dir.path().join("silent");
            std::fs::write(&path, text).unwrap();
            path
        }),
        None,
        None,
    );
    let patience = Patience { answer: Duration::from_millis(50), ..quick() };
    let error = Cluster::connect(&access, patience).await.unwrap().get(&place).await.unwrap_err();
    assert!(matches!(error, ClusterError::Timeout { .. }), "{error}");
}
