//! The metadata of a bundle.

use opm_document::{Documents, Value};

use super::source::{Source, escape};
use super::{Report, Severity, Stage, dependency};
use crate::{
    Annotations, CHANNELS, DEFAULT_CHANNEL, File, MANIFESTS, MEDIA_TYPE, METADATA, MediaType, PACKAGE, annotations,
};

pub(super) fn check(files: &[File], media_type: Option<MediaType>, report: &mut Report) {
    let mut sources = Vec::new();
    for file in files {
        let name = format!("metadata/{}", file.name);
        let mut warn = |line, why| report.add(Severity::Warning, Stage::Format, Some((&name, line)), why);
        match &file.content {
            Err(why) => warn(None, format!("is not read: {why}")),
            Ok(content) => match Documents::new(content).next() {
                None => {}
                Some(Err(why)) => warn(why.line, format!("is not read: {}", why.message)),
                Some(Ok(document)) => sources.push(Source::new(name, Stage::Format, document)),
            },
        }
    }
    match sources.iter().find(|source| Annotations::from_value(source.value()).is_some()) {
        None => report.add(Severity::Error, Stage::Format, None, "Could not find annotations file".to_owned()),
        Some(source) => check_annotations(source, media_type, report),
    }
    let is_filled = |source: &&Source| source.items("/dependencies").next().is_some();
    if let Some(source) = sources.iter().find(is_filled) {
        for (at, entry) in source.items("/dependencies") {
            dependency::check(source, &at, entry, report);
        }
    }
}

fn check_annotations(source: &Source, media_type: Option<MediaType>, report: &mut Report) {
    let media_type = media_type.map(|kind| kind.to_string());
    for (key, expected) in [
        (MEDIA_TYPE, media_type.as_deref()),
        (MANIFESTS, Some("manifests/")),
        (METADATA, Some("metadata/")),
        (PACKAGE, None),
        (CHANNELS, None),
        (DEFAULT_CHANNEL, None),
    ] {
        let at = format!("/annotations/{}", escape(key));
        let Some(value) = source.value().pointer(&at) else {
            if key != DEFAULT_CHANNEL {
                report.error(source, "/annotations", format!("Missing annotation {key:?}"));
            }
            continue;
        };
        let found = annotations::scalar(value);
        // Directories are the same with and without the slashes around them.
        let plain = |text: &str| if key == MEDIA_TYPE { text.to_owned() } else { text.trim_matches('/').to_owned() };
        match expected {
            Some(expected) if plain(expected) != plain(&found) => {
                let message = format!("Expecting annotation {key:?} to have value {expected:?} instead of {found:?}");
                report.error(source, &at, message);
            }
            None if found.is_empty() => {
                report.error(source, &at, format!("Expecting annotation {key:?} to have non-empty value"));
            }
            _ => {}
        }
    }
    let text =
        |key: &str| source.get(&format!("/annotations/{}", escape(key))).map(annotations::scalar).unwrap_or_default();
    let (channels, default_channel) = (text(CHANNELS), text(DEFAULT_CHANNEL));
    if !default_channel.is_empty() && !channels.split(',').any(|channel| channel.trim() == default_channel) {
        let at = format!("/annotations/{}", escape(DEFAULT_CHANNEL));
        report.warning(
            source,
            &at,
            format!("default channel {default_channel:?} is not one of the channels {channels:?}"),
        );
    }
    for (at, key, value) in source.members("/annotations") {
        if matches!(value, Value::Array(_) | Value::Object(_) | Value::Null) {
            report.warning(source, &at, format!("annotation {key:?} has no value that is text"));
        }
    }
}
