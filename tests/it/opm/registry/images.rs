use opm_image::testing::{FakeRegistry, Layer, TestImage};

use crate::bed::Bed;

#[test]
fn a_line_for_each_image() {
    let (bed, registry) = (Bed::new(), FakeRegistry::start());
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = format!(
        "schema: olm.bundle\nname: b.v1\npackage: p\nimage: quay.io/coreos/etcd@{digest}\nrelatedImages:\n- image: quay.io/x.y/z:1\n"
    );
    let label = "operators.operatorframework.io.index.configs.v1";
    registry.push(
        "ns/index",
        "v1",
        &TestImage::new([Layer::gzip([("configs/c.yaml", text)])]).label(label, "/configs"),
    );
    let index = format!("{}/ns/index:v1", registry.host());
    let images = |more: &[&str]| bed.opm(&[&["registry", "images", "--use-http", "--from", &index][..], more].concat());
    let all = format!("{index}\nquay.io/coreos/etcd@{digest}\nquay.io/x.y/z:1\n");
    assert_eq!(images(&[]).ok().stdout, all);
    let host = registry.host().replace(['.', ':'], "-");
    assert_eq!(
        images(&["--to", "r.io/ns", "--manifests", "out"]).ok().stdout,
        format!(
            "{index}=r.io/ns/{host}-ns-index:v1\nquay.io/coreos/etcd@{digest}=r.io/ns/quay-io-coreos-etcd\n\
             quay.io/x.y/z:1=r.io/ns/quay-io-x-y-z:1\n"
        )
    );
    assert!(bed.path("out/imageDigestMirrorSet.yaml").exists());
    images(&["--manifests", "out"]).fails(2, &["--to"]);
}
