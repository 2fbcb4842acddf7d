//! How much memory JSON would take as values, told from its text. Pure.

/// Bytes that a value takes beside its text.
const VALUE: usize = size_of::<serde_json::Value>();
/// Bytes that a field of an object takes beside its value and the text of its name.
const FIELD: usize = 80;

/// What JSON would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Bytes of memory, about.
    pub bytes: usize,
    /// Lists and objects within each other.
    pub depth: usize,
}

/// Weighs JSON. What is no JSON has some weight too.
#[must_use]
pub fn weigh(json: &str) -> Weight {
    let mut weight = Weight {
        bytes: VALUE + json.len(),
        depth: 0,
    };
    let mut depth = 0_usize;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_text(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                weight.depth = weight.depth.max(depth);
                weight.bytes += VALUE;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => weight.bytes += VALUE,
            b':' => weight.bytes += FIELD,
            _ => {}
        }
    }
    weight
}

/// Goes past the end of a text.
fn skip_text(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_weighed_by_its_values_and_its_depth() {
        for (json, values, fields, depth) in [
            ("1", 1, 0, 0),
            ("[]", 2, 0, 1),
            ("[0,0,0]", 4, 0, 1),
            ("[[[]],[]]", 6, 0, 3),
            (r#"{"a":1,"b":[2]}"#, 4, 2, 2),
            (r#""[[[,,,::\"[[""#, 1, 0, 0),
            (r#"["\\",1]"#, 3, 0, 1),
            (r#"["\"#, 2, 0, 1),
            ("]]]", 1, 0, 0),
        ] {
            let bytes = VALUE * values + FIELD * fields + json.len();
            assert_eq!(weigh(json), Weight { bytes, depth }, "{json}");
        }
    }
}
