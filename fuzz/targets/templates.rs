//! Templates and catalogs never panic, and a catalog that was written reads back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opm_catalog::{
    Bundle, Catalog, Format, GraphOptions, Level, Property, RenderError, Template, TemplateKind, convert_template,
    graph, list_channels, parse, to_text, validate,
};

/// The bundle at a reference such as `p:1.0.0`.
fn bundle(reference: &str) -> Result<Vec<Bundle>, RenderError> {
    let (package, version) = reference.split_once(':').ok_or("no such image")?;
    let value = serde_json::json!({"packageName": package, "version": version}).to_string();
    let bundle = Bundle {
        name: format!("{package}.v{version}"),
        package: package.to_owned(),
        image: reference.to_owned(),
        properties: vec![Property::new("olm.package", value)],
        ..Bundle::default()
    };
    Ok(vec![bundle])
}

fn check(catalog: &Catalog) {
    let report = validate(catalog);
    assert_eq!(report.is_valid(), report.findings.is_empty());
    let _text = (report.to_string(), report.to_document(Format::Json));
    let _lines = (graph(catalog, &GraphOptions::default()).is_ok(), list_channels(catalog, None).is_ok());
    let Ok(json) = to_text(catalog, Format::Json) else { return };
    let sorted = parse(json.as_bytes(), None).expect("what was written is a catalog");
    assert_eq!(to_text(&sorted, Format::Json).expect("what was read"), json);
    if let Ok(yaml) = to_text(catalog, Format::Yaml)
        // What the reference itself does not read back.
        && !json.contains(['\u{85}', '\u{feff}'])
        && !json.contains("\"<<\"")
        && !json.contains("-0")
    {
        let read = parse(yaml.as_bytes(), None).unwrap_or_else(|error| panic!("{error}: {yaml}"));
        assert_eq!(to_text(&read, Format::Json).expect("what was read"), json, "{yaml}");
    }
}

fuzz_target!(|data: &[u8]| {
    for kind in [None].into_iter().chain(TemplateKind::ALL.map(Some)) {
        if let Ok(template) = Template::parse(kind, data, None) {
            let references = template.references();
            let asked = |reference: &str| {
                assert!(references.iter().any(|known| known == reference), "{reference} was not told");
                bundle(reference)
            };
            if let Ok(catalog) = template.expand(Level::ALL, asked) {
                check(&catalog);
            }
        }
    }
    let Ok(catalog) = parse(data, None) else { return };
    check(&catalog);
    for format in [Format::Json, Format::Yaml] {
        let _template = convert_template(TemplateKind::Substitutes, data, None, format);
        let Ok(text) = convert_template(TemplateKind::Basic, data, None, format) else { continue };
        if format == Format::Json {
            Template::parse(Some(TemplateKind::Basic), text.as_bytes(), None)
                .expect("what was converted is a template");
        }
    }
});
