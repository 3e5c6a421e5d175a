//! Messages as the model's answers. Everything moves; nothing is copied.

use opm_model::{Bundle, Channel, ChannelEntry, Gvk, Package, Property};

use crate::proto;

fn deprecation(deprecation: Option<proto::Deprecation>) -> Option<String> {
    deprecation.map(|d| d.message)
}

pub(crate) fn package(package: proto::Package) -> Package {
    Package {
        name: package.name,
        default_channel: package.default_channel_name,
        channels: package.channels.into_iter().map(channel).collect(),
        deprecation: deprecation(package.deprecation),
    }
}

fn channel(channel: proto::Channel) -> Channel {
    Channel { name: channel.name, csv_name: channel.csv_name, deprecation: deprecation(channel.deprecation) }
}

pub(crate) fn entry(entry: proto::ChannelEntry) -> ChannelEntry {
    ChannelEntry {
        package: entry.package_name,
        channel: entry.channel_name,
        bundle: entry.bundle_name,
        replaces: entry.replaces,
    }
}

pub(crate) fn bundle(bundle: proto::Bundle) -> Bundle {
    Bundle {
        csv_name: bundle.csv_name,
        package: bundle.package_name,
        channel: bundle.channel_name,
        csv_json: bundle.csv_json,
        objects: bundle.object,
        image: bundle.bundle_path,
        provided_apis: bundle.provided_apis.into_iter().map(gvk).collect(),
        required_apis: bundle.required_apis.into_iter().map(gvk).collect(),
        version: bundle.version,
        skip_range: bundle.skip_range,
        dependencies: bundle.dependencies.into_iter().map(|d| Property { kind: d.r#type, value: d.value }).collect(),
        properties: bundle.properties.into_iter().map(|p| Property { kind: p.r#type, value: p.value }).collect(),
        replaces: bundle.replaces,
        skips: bundle.skips,
        deprecation: deprecation(bundle.deprecation),
    }
}

fn gvk(gvk: proto::GroupVersionKind) -> Gvk {
    Gvk { group: gvk.group, version: gvk.version, kind: gvk.kind, plural: gvk.plural }
}
