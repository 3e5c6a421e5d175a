//! The model's answers as messages. Everything moves; nothing is copied.

use opm_model::{Bundle, Channel, ChannelEntry, Gvk, Package, Property};

use crate::proto;

fn deprecation(message: Option<String>) -> Option<proto::Deprecation> {
    message.map(|message| proto::Deprecation { message })
}

pub(crate) fn package_name(name: String) -> proto::PackageName {
    proto::PackageName { name }
}

pub(crate) fn package(package: Package) -> proto::Package {
    proto::Package {
        name: package.name,
        channels: package.channels.into_iter().map(channel).collect(),
        default_channel_name: package.default_channel,
        deprecation: deprecation(package.deprecation),
    }
}

fn channel(channel: Channel) -> proto::Channel {
    proto::Channel { name: channel.name, csv_name: channel.csv_name, deprecation: deprecation(channel.deprecation) }
}

pub(crate) fn entry(entry: ChannelEntry) -> proto::ChannelEntry {
    proto::ChannelEntry {
        package_name: entry.package,
        channel_name: entry.channel,
        bundle_name: entry.bundle,
        replaces: entry.replaces,
    }
}

pub(crate) fn bundle(bundle: Bundle) -> proto::Bundle {
    proto::Bundle {
        csv_name: bundle.csv_name,
        package_name: bundle.package,
        channel_name: bundle.channel,
        csv_json: bundle.csv_json,
        object: bundle.objects,
        bundle_path: bundle.image,
        provided_apis: bundle.provided_apis.into_iter().map(gvk).collect(),
        required_apis: bundle.required_apis.into_iter().map(gvk).collect(),
        version: bundle.version,
        skip_range: bundle.skip_range,
        dependencies: bundle.dependencies.into_iter().map(dependency).collect(),
        properties: bundle.properties.into_iter().map(property).collect(),
        replaces: bundle.replaces,
        skips: bundle.skips,
        deprecation: deprecation(bundle.deprecation),
    }
}

fn gvk(gvk: Gvk) -> proto::GroupVersionKind {
    proto::GroupVersionKind { group: gvk.group, version: gvk.version, kind: gvk.kind, plural: gvk.plural }
}

fn property(property: Property) -> proto::Property {
    proto::Property { r#type: property.kind, value: property.value }
}

fn dependency(dependency: Property) -> proto::Dependency {
    proto::Dependency { r#type: dependency.kind, value: dependency.value }
}
