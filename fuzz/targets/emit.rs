//! What is written reads back as the same, and the normal form of JSON is that of its tree.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use opm_document::json::{self, Normal};
use opm_document::{Value, yaml};

/// How deeply values are nested.
const DEPTH: usize = 8;

#[derive(Debug)]
struct Input {
    value: Value,
    text: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self { value: value(u, 0)?, text: u.bytes(u.len())?.to_vec() })
    }
}

fn value(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let kind = u.arbitrary::<u8>()? % if depth < DEPTH { 9 } else { 6 };
    Ok(match kind {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => u.arbitrary::<i64>()?.into(),
        3 => u.arbitrary::<u64>()?.into(),
        4 => u.arbitrary::<f64>()?.into(),
        5 | 6 => u.arbitrary::<String>()?.into(),
        7 => {
            let length = u.int_in_range(0..=4)?;
            (0..length).map(|_| value(u, depth + 1)).collect::<Result<Vec<_>>>()?.into()
        }
        _ => {
            let length = u.int_in_range(0..=4)?;
            let members = (0..length).map(|_| Ok((u.arbitrary::<String>()?, value(u, depth + 1)?)));
            Value::Object(members.collect::<Result<_>>()?)
        }
    })
}

/// Whether the reference, too, reads back what it writes of this.
fn survives_yaml(value: &Value) -> bool {
    let text = |text: &str| !text.contains('\u{85}');
    match value {
        Value::Number(number) => number.as_f64().is_none_or(|float| float != 0.0 || float.is_sign_positive()),
        Value::String(string) => text(string),
        Value::Array(items) => items.iter().all(survives_yaml),
        // It writes `<<` as the key of a merge.
        Value::Object(members) => members.iter().all(|(key, item)| key != "<<" && text(key) && survives_yaml(item)),
        _ => true,
    }
}

fuzz_target!(|input: Input| {
    let Input { value, text } = input;
    let mut written = Vec::new();
    if yaml::write(&value, &mut written).is_ok() && survives_yaml(&value) {
        let shown = String::from_utf8_lossy(&written);
        let read = yaml::parse(&written).unwrap_or_else(|error| panic!("{error}: {value:?} was written as {shown}"));
        assert_eq!(json::blob(&read), json::blob(&value), "{shown}");
        assert_eq!(Normal::of_yaml(&written).map(Normal::into_text), Ok(json::blob(&value)), "{shown}");
    }
    // An integral double comes back as an integer, so texts are compared.
    let object = json::to_string(&value);
    assert_eq!(json::to_string(&json::parse(object.as_bytes()).expect("JSON")), object);
    assert_eq!(json::compact(&object).as_deref(), Ok(object.as_str()));
    let mut indented = Vec::new();
    json::indent(&object, &mut indented);
    let indented = String::from_utf8(indented).expect("UTF-8");
    assert_eq!(json::compact(&indented).as_deref(), Ok(object.as_str()));
    let blob = json::blob(&value);
    assert_eq!(Normal::of_json(blob.as_bytes()).map(Normal::into_text), Ok(blob));
    // Any text, good or bad.
    let tree = json::parse(&text).map(|value| json::blob(&value));
    assert_eq!(Normal::of_json(&text).map(Normal::into_text), tree);
});
