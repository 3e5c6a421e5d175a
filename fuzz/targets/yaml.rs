//! YAML never panics, and the shortcut for block style reads what the general way reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opm_document::yaml::{self, PathSegment};
use opm_document::{Documents, Value, json};

fuzz_target!(|data: &[u8]| {
    let value = yaml::parse(data);
    assert_eq!(value, yaml::parse_slowly(data));
    let Ok(value) = value else { return };
    // Places are for errors: where there is none, nothing breaks.
    if let Value::Object(members) = &value {
        for key in members.keys() {
            if let Some((line, column)) = yaml::locate(data, &[PathSegment::Key(key), PathSegment::Index(0)]) {
                assert!(line > 0 && column > 0);
            }
        }
    }
    // Its JSON is YAML, too, unless a character in it is not allowed there.
    let text = json::to_string(&value);
    assert_eq!(json::to_string(&json::parse(text.as_bytes()).expect("what was written is JSON")), text);
    let _ = Documents::new(data).count();
});
