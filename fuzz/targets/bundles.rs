//! Bundles: the files of `manifests/` and `metadata/`, read, checked and converted. Nothing panics, and what was converted is plain.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use opm_bundle::{
    Bundle, Categories, Certificates, DeploymentConfig, File, Files, Labels, MediaType, Metadata, Object, Plain,
    Validators, channels_of, check, differences,
};
use opm_model::PackageManifest;

fn files(data: &[u8]) -> (Files, DeploymentConfig) {
    let mut files = Files::default();
    let mut config = DeploymentConfig::default();
    for (name, content) in pieces::pieces(data) {
        if name == "config" {
            config = DeploymentConfig::parse(content).unwrap_or_default();
        } else if let Some(name) = name.strip_prefix("metadata/") {
            files.metadata.get_or_insert_default().push(File::new(name, content));
        } else {
            let name = name.strip_prefix("manifests/").unwrap_or(&name);
            files.manifests.get_or_insert_default().push(File::new(name, content));
        }
    }
    for part in [&mut files.manifests, &mut files.metadata].into_iter().flatten() {
        part.sort_by(|a, b| a.name.cmp(&b.name));
    }
    (files, config)
}

fuzz_target!(|data: &[u8]| {
    let (files, config) = files(data);
    for validators in
        [Validators::default(), Validators { operatorhub: Some(Categories::Standard), bundle_objects: true }]
    {
        let report = check(&files, &validators);
        assert!(report.findings.iter().all(|finding| !finding.message.contains('\n')));
    }
    let named = |part: &Option<Vec<File>>| -> Vec<(String, Vec<u8>)> {
        let part = part.iter().flatten();
        part.filter_map(|file| Some((file.name.clone(), file.content.clone().ok()?))).collect()
    };
    let (manifests, metadata) = (named(&files.manifests), named(&files.metadata));
    let bundle = Bundle::from_files(
        "registry.example/bundle:1",
        manifests.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
        metadata.iter().map(|(name, content)| (name.as_str(), content.as_slice())),
    );
    if let Err(error) = bundle {
        assert!(!error.to_string().is_empty());
    }
    let labels = Labels {
        media_type: MediaType::RegistryV1,
        package: "p".to_owned(),
        channels: "stable".to_owned(),
        default_channel: String::new(),
    };
    let mut told = Metadata::default();
    for (_, content) in &metadata {
        told.read(content);
        let _differences = differences(content, &labels);
    }
    let _channels = told.annotations.as_ref().map(opm_bundle::Annotations::channel_names);
    for (_, content) in &manifests {
        let Ok(Some(value)) = opm_document::first(content) else { continue };
        if let Ok(package) = PackageManifest::from_value(&value) {
            let _channels = channels_of("p.v1", &package, &std::collections::BTreeMap::new());
        }
        if let Some(object) = Object::from_value(value) {
            let _bundle = Bundle::from_objects(&[&object]).is_ok();
        }
    }
    for certificates in [Certificates::CertManager, Certificates::OpenshiftServiceCa, Certificates::None] {
        let plain = Plain {
            certificates: Some(certificates),
            deployment_config: Some(config.clone()),
            rbac_in_install_namespace: true,
            create_namespace: true,
            kapp: true,
            ..Plain::default()
        };
        let Ok(made) = plain.convert(&files) else { continue };
        for object in &made.objects {
            assert!(object.get("kind").is_some_and(serde_json::Value::is_string), "{object}");
        }
        let _chart = plain.chart(&files).is_ok();
    }
});
