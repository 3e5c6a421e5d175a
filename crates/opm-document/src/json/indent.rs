use super::compact::string_end;

/// Appends compact JSON text indented by four spaces, as the reference prints catalogs: `"key": value`, empty
/// containers as `{}` and `[]`, strings and numbers as they are, and no line feed at the end. The text must be valid
/// JSON without white space; nothing is checked.
pub fn indent(compact: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    let bytes = compact.as_ref();
    let mut depth = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                at = string_end(bytes, start);
                out.extend_from_slice(&bytes[start..at]);
            }
            b'{' | b'[' => {
                out.push(*byte);
                if let Some(close @ (b'}' | b']')) = bytes.get(at) {
                    out.push(*close);
                    at += 1;
                } else {
                    depth += 1;
                    new_line(depth, out);
                }
            }
            b'}' | b']' => {
                depth = usize::saturating_sub(depth, 1);
                new_line(depth, out);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                new_line(depth, out);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(*byte),
        }
    }
}

fn new_line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 4));
}
