//! Everything goes wrong, and the mirror becomes complete all the same.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use opm_image::Digest;
use opm_image::testing::{Chance, FakeRegistry, Layer, Proxy, TestImage};
use serde_json::json;
use tempfile::TempDir;

use super::CONFIGS_LABEL;
use crate::bed::Bed;
use crate::web::{DockerRegistry, Registry, ask, push_image, push_manifest};

/// How often a run is killed.
const KILLS: u64 = 40;
/// How many requests are harmed, by each of the two proxies.
const HARMS: u64 = 30;
/// One of so many requests is harmed.
const ONE_IN: u64 = 80;
/// A run is killed after so many requests and pieces of bodies at most.
const LONGEST: u64 = 1400;

const SEED: u64 = 6;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What a repository of the source holds.
#[derive(Default)]
struct Expected {
    manifests: Vec<Digest>,
    blobs: Vec<Digest>,
}

/// A catalog and its images, in a registry that the catalog knows by another name.
struct Catalog {
    expected: BTreeMap<String, Expected>,
    /// The length of each blob.
    blobs: BTreeMap<Digest, u64>,
}

impl Catalog {
    fn push(registry: &Registry, name: &str, images: usize) -> Self {
        let mut chance = Chance::new(SEED);
        let mut noise = |least: usize, most: u64| {
            let length = least + usize::try_from(chance.below(most)).unwrap();
            Layer::raw(chance.bytes(length))
        };
        let shared: Vec<Layer> = (0..12).map(|_| noise(40_000, 40_000)).collect();
        let mut catalog = Self { expected: BTreeMap::new(), blobs: BTreeMap::new() };
        let mut text = "schema: olm.package\nname: p\n".to_owned();
        for number in 0..images {
            let repository = format!("ops/image-{number}");
            let mut make = |platform: &str| {
                let own = (0..8).map(|_| noise(2_000, 30_000));
                let image = TestImage::new((0..3).map(|n| shared[(number + 5 * n) % 12].clone()).chain(own));
                image.platform(platform)
            };
            let parts = if number % 10 == 0 { vec!["linux/amd64", "linux/arm64"] } else { vec!["linux/amd64"] };
            let parts: Vec<TestImage> = parts.into_iter().map(&mut make).collect();
            let digests: Vec<Digest> = parts.iter().map(|part| catalog.image(registry, &repository, part)).collect();
            let mut digest = digests[0].clone();
            if parts.len() > 1 {
                let entries: Vec<_> = parts.iter().map(TestImage::entry).collect();
                let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
                digest = push_manifest(registry.host(), &repository, "v1", INDEX, list.as_bytes());
                catalog.expected.get_mut(&repository).unwrap().manifests.push(digest.clone());
            }
            text.push_str(&format!(
                "---\nschema: olm.bundle\nname: p.v{number}\npackage: p\nimage: {name}/{repository}@{digest}\n"
            ));
        }
        let files = [("configs/catalog.yaml", text.as_str())];
        catalog.image(registry, "ns/index", &TestImage::new([Layer::gzip(files)]).label(CONFIGS_LABEL, "/configs"));
        catalog
    }

    fn image(&mut self, registry: &Registry, repository: &str, image: &TestImage) -> Digest {
        let digest = push_image(registry.host(), repository, "v1", image);
        let expected = self.expected.entry(repository.to_owned()).or_default();
        expected.manifests.push(digest.clone());
        for blob in image.blobs() {
            expected.blobs.push(Digest::of(&blob));
            self.blobs.insert(Digest::of(&blob), blob.len() as u64);
        }
        digest
    }

    /// Asserts that all is below a path of a registry, byte for byte.
    fn assert_is_at(&self, registry: &Registry, path: &str) {
        for (repository, expected) in &self.expected {
            let all = [("manifests", &expected.manifests), ("blobs", &expected.blobs)];
            for (kind, digest) in all.iter().flat_map(|(kind, all)| all.iter().map(move |digest| (kind, digest))) {
                let target = format!("/v2/{path}/{}/{kind}/{digest}", repository.replace('/', "-"));
                let found = ask(registry.host(), "GET", &target, "*/*", &[]);
                assert_eq!((found.status, &Digest::of(&found.body)), (200, digest), "{target}");
            }
        }
    }
}

/// Mirrors into one place after the other while everything goes wrong.
struct Storm {
    bed: Bed,
    /// Who is killed cannot clean up.
    left: TempDir,
    from: Proxy,
    to: Proxy,
}

impl Storm {
    /// A run into the place of this number.
    fn run(&self, place: u64) -> Child {
        let index = format!("{}/ns/index:v1", self.from.host());
        let destination = format!("{}/m{place}", self.to.host());
        let manifests = format!("manifests-{place}");
        let args =
            ["index", "mirror", "--use-http", "--no-cache", &index, &destination, "--to-manifests", manifests.as_str()];
        let mut command = self.bed.command("opm", &args);
        let log = fs::File::create(self.bed.path("log")).unwrap();
        command.env("TMPDIR", self.left.path()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.bed.path("log")).unwrap()
    }

    fn ticks(&self) -> u64 {
        self.from.ticks() + self.to.ticks()
    }

    /// A run that is killed after so many ticks, unless it ends before; its exit code in that case.
    fn killed_run(&self, place: u64, ticks: u64) -> Option<i32> {
        let end = self.ticks() + ticks;
        let (mut run, begun) = (self.run(place), Instant::now());
        while self.ticks() < end {
            if let Some(status) = run.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if begun.elapsed() > Duration::from_secs(30) {
                run.kill().unwrap();
                panic!("it hangs: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        None
    }
}

/// Kills and harms, until there were enough of both. Every byte of a blob that was sent counts, also of uploads that were cut off.
///
/// A fault costs a blob at most, however much there is to send: the catalog is so large that a hundred blobs of average size stay
/// near the bound, and the faults that hit an upload far below it.
fn check(from: &Registry, to: &Registry, images: usize) {
    let left = tempfile::tempdir().unwrap();
    let (source, destination) = (Proxy::start(from.host(), SEED), Proxy::start(to.host(), SEED + 1));
    let catalog = Catalog::push(from, source.host(), images);
    let storm = Storm { bed: Bed::new(), left, from: source, to: destination };
    storm.from.harm(ONE_IN, HARMS);
    storm.to.harm(ONE_IN, HARMS);
    let (mut chance, mut kills, mut place) = (Chance::new(SEED), 0, 0);
    let (mut harms, mut bytes) = (0, 0);
    while kills < KILLS || harms < 2 * HARMS {
        let ticks = if kills < KILLS { chance.below(LONGEST) } else { u64::MAX / 2 };
        match storm.killed_run(place, ticks) {
            None => kills += 1,
            // Nothing is left to be done here.
            Some(0) => place += 1,
            Some(1 | 3) => assert!(!storm.log().contains("panicked"), "{}", storm.log()),
            Some(code) => panic!("it ended with {code}: {}", storm.log()),
        }
        let traffic = [storm.from.take_traffic(), storm.to.take_traffic()];
        harms += traffic.iter().flat_map(|traffic| traffic.harmed.values()).sum::<u64>();
        bytes += traffic[1].sent_bytes();
    }
    storm.from.harm(0, 0);
    storm.to.harm(0, 0);
    for place in 0..=place {
        assert!(storm.run(place).wait().unwrap().success(), "{}", storm.log());
    }
    bytes += storm.to.take_traffic().sent_bytes();
    let unique = catalog.blobs.values().sum::<u64>() * (place + 1);
    let twice = bytes - unique;
    for place in 0..=place {
        catalog.assert_is_at(to, &format!("m{place}"));
        assert!(storm.run(place).wait().unwrap().success(), "{}", storm.log());
    }
    assert_eq!(storm.to.take_traffic().writes(), 0, "of a mirror that is complete");
    assert!(twice * 50 <= unique, "to send {unique} bytes, {twice} more were sent, which is more than 2 %");
}

#[test]
fn a_hundred_faults_cost_no_image() {
    check(&Registry::Fake(FakeRegistry::start()), &Registry::Fake(FakeRegistry::start()), 80);
}

/// The same with the program that most registries are. Where it is not installed there is nothing to try; `tools/interop` sees to
/// it that it is.
#[test]
fn a_hundred_faults_cost_no_image_with_real_registries() {
    if let (Some(from), Some(to)) = (DockerRegistry::start(), DockerRegistry::start()) {
        check(&Registry::Real(from), &Registry::Real(to), 40);
    }
}
