//! Messages as a store may keep them: the bytes that the service sends, made once and sent many times.
//!
//! Each is one gRPC frame: the byte 0 (not compressed), the length as 32 bits in network order, and the protobuf message with
//! its fields in the order of their numbers. [`Reply::Encoded`](opm_model::Reply) takes them back to the wire.

use opm_document::Value;
use opm_model::Bundle;
use prost::Message as _;

use crate::answer::PREFIX;
use crate::to_proto;

/// A bundle as `api.Bundle`.
pub fn bundle(bundle: Bundle) -> Vec<u8> {
    let message = to_proto::bundle(bundle);
    let length = message.encoded_len();
    let mut out = Vec::with_capacity(PREFIX + length);
    out.extend_from_slice(&prefix(length));
    message.encode_raw(&mut out);
    out
}

/// A document as `google.protobuf.Struct`, the entries of its maps sorted by key. What is no object becomes an empty one.
pub fn document(document: &Value) -> Vec<u8> {
    let mut out = Backwards(Vec::new());
    out.fields(document);
    let length = out.0.len();
    out.0.extend(prefix(length).iter().rev());
    out.0.reverse();
    out.0
}

/// The prefix of a message. One of four gigabytes and more cannot be sent; clients refuse it by what this says of it.
fn prefix(length: usize) -> [u8; PREFIX] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [0, a, b, c, d]
}

/// Protobuf from its end to its beginning, so that the length of whatever is nested is known when it is due.
struct Backwards(Vec<u8>);

/// What follows the number of a field.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;

impl Backwards {
    fn tag(&mut self, field: u8, wire: u8) {
        self.0.push(field << 3 | wire);
    }

    fn varint(&mut self, mut number: usize) {
        let start = self.0.len();
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
        self.0[start..].reverse();
    }

    /// A field whose content has a length: what `content` writes.
    fn nested(&mut self, field: u8, content: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        content(self);
        self.varint(self.0.len() - start);
        self.tag(field, LENGTH);
    }

    fn string(&mut self, field: u8, text: &str) {
        self.nested(field, |out| out.0.extend(text.bytes().rev()));
    }

    /// The fields of a `Struct`: entries of a map, in order.
    fn fields(&mut self, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten().rev() {
            self.nested(1, |entry| {
                entry.nested(2, |out| out.value(value));
                entry.string(1, key);
            });
        }
    }

    /// The one field of a `Value`.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => {
                self.0.push(0);
                self.tag(1, VARINT);
            }
            Value::Number(number) => {
                self.0.extend(number.as_f64().unwrap_or_default().to_be_bytes());
                self.tag(2, FIXED64);
            }
            Value::String(text) => self.string(3, text),
            Value::Bool(is) => {
                self.0.push(u8::from(*is));
                self.tag(4, VARINT);
            }
            Value::Object(_) => self.nested(5, |out| out.fields(value)),
            Value::Array(items) => self.nested(6, |list| {
                for item in items.iter().rev() {
                    list.nested(1, |out| out.value(item));
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use prost_types::value::Kind;

    use super::*;
    use crate::proto;
    use crate::tests::fake;

    fn message(frame: &[u8]) -> &[u8] {
        let (prefix, message) = frame.split_at(PREFIX);
        assert_eq!(prefix, super::prefix(message.len()));
        message
    }

    #[test]
    fn a_bundle_is_what_the_service_would_send() {
        let frame = bundle(fake::bundle("p", "c", "b"));
        let decoded = proto::Bundle::decode(message(&frame)).unwrap();
        assert_eq!(crate::from_proto::bundle(decoded), fake::bundle("p", "c", "b"));
    }

    fn value(kind: &Kind) -> Value {
        match kind {
            Kind::NullValue(_) => Value::Null,
            Kind::NumberValue(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Kind::StringValue(text) => text.as_str().into(),
            Kind::BoolValue(is) => (*is).into(),
            Kind::StructValue(of) => object(of),
            Kind::ListValue(list) => list.values.iter().map(|v| value(v.kind.as_ref().unwrap())).collect(),
        }
    }

    fn object(of: &prost_types::Struct) -> Value {
        Value::Object(of.fields.iter().map(|(k, v)| (k.clone(), value(v.kind.as_ref().unwrap()))).collect())
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        for text in [
            "{}",
            r#"{"":"","a":null,"b":[],"c":[[],[null,true,false,0.0,-1.5,1e300]],"d":{"e":{"f":{}}},"schema":"x.y"}"#,
            &format!(r#"{{"long":"{}","z":["{}"]}}"#, "ü".repeat(70_000), "x".repeat(127)),
        ] {
            let wanted: Value = serde_json::from_str(text).unwrap();
            let frame = document(&wanted);
            assert_eq!(object(&prost_types::Struct::decode(message(&frame)).unwrap()), wanted);
        }
        assert_eq!(document(&Value::Null), [0; PREFIX]);
    }

    #[test]
    fn entries_are_sorted_and_whole_even_where_they_are_empty() {
        let entry = |key: &[u8], value: &[u8]| {
            let mut entry = vec![10, u8::try_from(key.len() + value.len() + 4).unwrap(), 10];
            entry.push(u8::try_from(key.len()).unwrap());
            entry.extend(key);
            entry.extend([18, u8::try_from(value.len()).unwrap()]);
            entry.extend(value);
            entry
        };
        let wanted =
            [entry(b"", &[26, 0]), entry(b"A", &[32, 0]), entry(b"a", &[8, 0]), entry(b"b", &[50, 0])].concat();
        let text = r#"{"b":[],"a":null,"":"","A":false}"#;
        assert_eq!(message(&document(&serde_json::from_str(text).unwrap())), wanted);
    }
}
