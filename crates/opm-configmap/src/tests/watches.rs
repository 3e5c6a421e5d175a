//! What is told of changes, through all that can happen to a watch.

use super::clusters::{connect, holding};
use crate::testing::{Action, Bed, FakeCluster, Verb};
use crate::{ClusterError, Place, Watch};

async fn watch(bed: &Bed, place: &Place) -> Watch {
    let cluster = connect(&bed.kubeconfig(), None).await;
    let version = cluster.get(place).await.unwrap().version;
    cluster.watch(place, version)
}

/// The next text of the ConfigMap; nothing where it was deleted.
async fn next(watch: &mut Watch) -> Option<String> {
    match tokio::time::timeout(std::time::Duration::from_secs(20), watch.next()).await.unwrap() {
        Ok(found) => Some(found.content.data["key"].clone()),
        Err(ClusterError::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn changes_deletions_and_new_ones_are_told() {
    for bed in Bed::all() {
        let place = bed.place("watch");
        bed.put(&place, &holding("0"));
        bed.put(&bed.place("other"), &holding("other"));
        let mut watch = watch(&bed, &place).await;
        bed.put(&place, &holding("1"));
        assert_eq!(next(&mut watch).await.as_deref(), Some("1"));
        bed.put(&bed.place("other"), &holding("still other"));
        bed.delete(&bed.place("other"));
        bed.put(&place, &holding("2"));
        bed.put(&place, &holding("3"));
        let mut last = String::new();
        while last != "3" {
            last = next(&mut watch).await.unwrap();
        }
        bed.delete(&place);
        assert_eq!(next(&mut watch).await, None);
        bed.put(&place, &holding("4"));
        assert_eq!(next(&mut watch).await.as_deref(), Some("4"));
        bed.delete(&place);
    }
}

/// A watch of the cluster in this process, with a ConfigMap that holds `0`.
async fn faked() -> (Bed, Place, Watch) {
    let bed = Bed::Fake(FakeCluster::start(), tempfile::tempdir().unwrap());
    let place = bed.place("watch");
    bed.put(&place, &holding("0"));
    let watch = watch(&bed, &place).await;
    (bed, place, watch)
}

fn fake(bed: &Bed) -> &FakeCluster {
    match bed {
        Bed::Fake(cluster, _) => cluster,
        Bed::Real(_) => panic!("not a fake"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_there_is_no_watch() {
    type Harm = fn(&FakeCluster);
    let harms: [(&str, Harm); 6] = [
        ("ended", |cluster| cluster.end_watches()),
        ("forgotten", |cluster| {
            cluster.end_watches();
            cluster.forget();
        }),
        ("down", |cluster| {
            cluster.down();
            cluster.wait_for_turned_away(3);
            cluster.up();
        }),
        ("refused", |cluster| {
            cluster.fail(Verb::Watch, 3, Action::Refuse(500, "InternalError", "no".to_owned()));
            cluster.fail(Verb::Get, 3, Action::HangUp);
            cluster.end_watches();
        }),
        ("gone", |cluster| {
            cluster.fail(Verb::Watch, 2, Action::Refuse(410, "Expired", "too old".to_owned()));
            cluster.end_watches();
        }),
        ("failing", |cluster| {
            cluster.fail(Verb::Watch, 2, Action::FailEvent(410, "Expired", "too old".to_owned()));
            cluster.fail(Verb::Watch, 2, Action::FailEvent(500, "InternalError", "no leader".to_owned()));
            cluster.end_watches();
        }),
    ];
    for (name, harm) in harms {
        let (bed, place, mut watch) = faked().await;
        let bed = std::sync::Arc::new(bed);
        let outside = std::sync::Arc::clone(&bed);
        let changes = tokio::task::spawn_blocking({
            let place = place.clone();
            move || {
                fake(&outside).wait_for(Verb::Watch, 1);
                harm(fake(&outside));
                outside.put(&place, &holding("1"));
            }
        });
        assert_eq!(next(&mut watch).await.as_deref(), Some("1"), "{name}");
        changes.await.unwrap();
        bed.put(&place, &holding("2"));
        assert_eq!(next(&mut watch).await.as_deref(), Some("2"), "{name}");
    }
}

#[tokio::test]
async fn a_deletion_is_noticed_afterwards() {
    let (bed, place, mut watch) = faked().await;
    bed.delete(&place);
    fake(&bed).forget();
    assert_eq!(next(&mut watch).await, None);
    bed.put(&place, &holding("1"));
    assert_eq!(next(&mut watch).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn who_may_not_watch_looks_again() {
    let (bed, place, mut watch) = faked().await;
    fake(&bed).fail(Verb::Watch, 100, Action::Refuse(403, "Forbidden", "cannot watch".to_owned()));
    for text in ["1", "2"] {
        bed.put(&place, &holding(text));
        assert_eq!(next(&mut watch).await.as_deref(), Some(text));
    }
    assert_eq!(fake(&bed).seen().iter().filter(|verb| **verb == Verb::Watch).count(), 1);
}
