//! How much an answer may hold. As values in memory, 8 MB of `{}` would take gigabytes.

use crate::text::plain;

/// The most objects in an answer, at any depth. The longest page of Zoho's has 2,000 rows, and where each names 50 records by id and name,
/// it has 8 MB, and no more is read.
pub const MAX_OBJECTS: u32 = 100_000;

/// The most values of any kind: so many have 8 MB where each has five letters, and ten in its name.
pub const MAX_VALUES: u32 = 400_000;

/// Fewer bytes cannot hold so many: the shortest object has two.
const FEW_BYTES: usize = 200_000;

/// Whether an answer holds no more than it may.
pub fn fits(json: &[u8]) -> bool {
    json.len() < FEW_BYTES || Count::of(json).fits()
}

/// What a text of JSON holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Objects.
    pub objects: u32,
    /// Commas, and beginnings of objects and lists: at least as many as values, but for one.
    pub values: u32,
}

impl Count {
    /// Counts up to the first byte that is no JSON, at least.
    pub fn of(json: &[u8]) -> Self {
        let (mut count, mut at) = (Self::default(), 0);
        while let Some(byte) = json.get(at) {
            at += 1;
            match byte {
                b'"' => at = behind_text(json, at),
                b'{' => {
                    count.objects += 1;
                    count.values += 1;
                }
                b'[' | b',' => count.values += 1,
                _ => {}
            }
        }
        count
    }

    /// Whether an answer may hold so much.
    pub const fn fits(self) -> bool {
        self.objects <= MAX_OBJECTS && self.values <= MAX_VALUES
    }
}

/// The position behind a text of which the first quote is passed.
fn behind_text(json: &[u8], mut at: usize) -> usize {
    loop {
        at += plain(json.get(at..).unwrap_or_default());
        match json.get(at) {
            Some(b'"') | None => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The values in one, with itself, and how many of them are objects.
    fn counted(value: &Value) -> (u32, u32) {
        let within: Vec<&Value> = match value {
            Value::Object(fields) => fields.values().collect(),
            Value::Array(list) => list.iter().collect(),
            _ => Vec::new(),
        };
        let all = within.into_iter().map(counted);
        let own = (u32::from(value.is_object()), 1);
        all.fold(own, |all, one| (all.0 + one.0, all.1 + one.1))
    }

    #[test]
    fn what_stands_in_a_text_is_not_counted() {
        for (json, objects, values) in [
            (r#"{"a":1,"b":[2,3]}"#, 1, 4),
            (r#"[{},{}]"#, 2, 4),
            (r#"{"{,[":",[{"}"#, 1, 1),
            (r#"["a\",{",{}]"#, 1, 3),
            (r#"["\\",{}]"#, 1, 3),
            ("[\"a\n,{\",{}]", 1, 3),
            ("[\"\u{e9},\",{}]", 1, 3),
            (r#"[""#, 0, 1),
            (r#"["\"#, 0, 1),
            ("", 0, 0),
        ] {
            assert_eq!(Count::of(json.as_bytes()), Count { objects, values }, "{json}");
        }
    }

    #[test]
    fn what_may_be_held_is_held_and_no_more() {
        let list = |part: &str, times: u32| format!("[{}0]", part.repeat(usize::try_from(times).unwrap()));
        assert!(fits(list("{},", MAX_OBJECTS).as_bytes()));
        assert!(!fits(list("{},", MAX_OBJECTS + 1).as_bytes()));
        assert!(fits(list("0,", MAX_VALUES - 1).as_bytes()));
        assert!(!fits(list("0,", MAX_VALUES).as_bytes()));
        assert!(fits(format!("[\"{}\"]", ",{".repeat(4_000_000)).as_bytes()));
    }

    #[test]
    fn few_bytes_hold_few() {
        assert!(Count::of("{".repeat(FEW_BYTES / 2).as_bytes()).fits());
        assert!(Count::of(",".repeat(FEW_BYTES).as_bytes()).fits());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<String>().prop_map(Value::String)];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_is_missed(value in json()) {
            let (objects, values) = counted(&value);
            let count = Count::of(value.to_string().as_bytes());
            prop_assert_eq!(count.objects, objects);
            prop_assert!(count.values + 1 >= values, "{count:?} of {values}");
        }
    }
}
