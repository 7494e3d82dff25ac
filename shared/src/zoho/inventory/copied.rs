//! Items as callers get them, made of the bytes that Zoho sent: most of their fields stay as they are, and are copied without
//! becoming values on the way. Whatever is not plain is left to [`super::item`], which gives the same text, at a higher price.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{OF_ITEM, holds_words, is_chosen, is_number, lacks_figures, stock};
use crate::zoho::http::Answer;
use crate::zoho::value::{Object, even_out_field};

/// About how many fields an item has, and how many bytes its shape adds.
const FIELDS: usize = 64;
const SHAPE: usize = 512;

/// The fields that are added.
const OURS: [&str; 2] = ["stock", "untrusted"];

/// A page of items.
pub struct Items {
    /// The text of each.
    pub rows: Vec<Box<RawValue>>,
    /// Whether some do not show all figures that a single item has.
    pub lack_figures: bool,
    /// The answer without them.
    pub rest: Object,
}

/// The text of the item in an answer, with the fields of these names, or with all. None where that is no plain success with one item,
/// lacks one of these fields, or has anything that a reader of JSON could take in two ways.
pub fn item(answer: &Answer, shown: Option<&[&str]>) -> Option<Vec<u8>> {
    let Parts { item: Some(Fields(fields)), items: None, .. } = success(answer)? else { return None };
    let has_id = fields.iter().any(|(name, raw)| *name == "item_id" && is_id(raw.get()));
    let is_there =
        |name: &str| name.is_empty() || OURS.contains(&name) || fields.iter().any(|(own, _)| **own == *name);
    if !has_id || shown.is_some_and(|shown| !shown.iter().all(|name| is_there(name))) {
        return None;
    }
    shaped(&fields, shown).map(|(text, _)| text)
}

/// The items in an answer; None as in [`item`].
pub fn items(answer: &Answer) -> Option<Items> {
    let Parts { item: None, items: Some(items), others } = success(answer)? else { return None };
    let mut found = Items { rows: Vec::with_capacity(items.len()), lack_figures: false, rest: Object::new() };
    for Fields(fields) in items {
        let (text, lacks_figures) = shaped(&fields, None)?;
        found.rows.push(RawValue::from_string(String::from_utf8(text).ok()?).ok()?);
        found.lack_figures |= lacks_figures;
    }
    for (name, raw) in others {
        found.rest.insert(name.into_owned(), serde_json::from_str(raw.get()).ok()?);
    }
    Some(found)
}

/// The parts of a plain success.
fn success(answer: &Answer) -> Option<Parts<'_>> {
    let parts: Parts<'_> = serde_json::from_slice(&answer.body).ok()?;
    let mut codes = parts.others.iter().filter(|(name, _)| *name == "code");
    let is_success = codes.any(|(_, raw)| matches!(raw.get(), "0" | "\"0\""));
    // What is not looked at must be readable, too.
    let is_readable = |raw: &str| serde_json::from_str::<Value>(raw).is_ok();
    let is_plain = answer.status < 300
        && is_success
        && are_distinct(&parts.others)
        && parts.others.iter().all(|(_, raw)| is_readable(raw.get()));
    is_plain.then_some(parts)
}

/// A field with the text of its value.
type Field<'a> = (Cow<'a, str>, &'a RawValue);

fn are_distinct(fields: &[Field<'_>]) -> bool {
    let mut seen = HashSet::with_capacity(fields.len());
    fields.iter().all(|(name, _)| seen.insert(&**name))
}

/// Whether a value can be an id: a text that is not empty, or a number.
fn is_id(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        || (raw.starts_with('"') && raw.len() > 2)
}

/// Whether a field is to be looked into for the stock.
fn is_of_stock(name: &str) -> bool {
    matches!(name, "locations" | "warehouses" | "is_combo_product" | "combo_type") || OF_ITEM.contains(&name)
}

/// Whether nothing becomes of a value, and its text is the one that would be written of it.
fn stays(name: &str, raw: &str) -> bool {
    if is_of_stock(name) {
        return false;
    }
    match raw.as_bytes().first() {
        // Escapes are written in one way of several.
        Some(b'"') => !raw.contains('\\') && !name.ends_with("_time") && !is_number(name),
        // Only where it is empty.
        Some(b'{' | b'[') => raw.len() == 2,
        Some(b't' | b'f' | b'n') => true,
        // Exponents are written in one way of several.
        _ => !name.ends_with("_id") && !raw.contains(['e', 'E']),
    }
}

/// What becomes of a field.
enum Way {
    LeftOut,
    Copied,
    Read,
}

/// The text of an item, and whether it does not show all figures that a single one has.
fn shaped(fields: &[Field<'_>], shown: Option<&[&str]>) -> Option<(Vec<u8>, bool)> {
    let is_shown = |name: &str| shown.is_none_or(|shown| shown.contains(&name));
    // `serde_json` keeps some names for itself.
    let is_kept = |name: &str| OURS.contains(&name) || name.starts_with('$');
    if !are_distinct(fields) || fields.iter().any(|(name, _)| is_kept(name)) {
        return None;
    }
    let mut read = Object::with_capacity(FIELDS / 4);
    let mut untrusted: Vec<&str> = Vec::with_capacity(FIELDS / 8);
    let mut ways = Vec::with_capacity(fields.len());
    for (name, raw) in fields {
        let is_shown = is_shown(name);
        if !is_shown && !is_of_stock(name) {
            ways.push(Way::LeftOut);
            continue;
        }
        let has_words = if stays(name, raw.get()) {
            ways.push(Way::Copied);
            // Of what is copied, only texts can have words.
            raw.get().starts_with('"') && raw.get().len() > 2 && !is_chosen(name)
        } else {
            ways.push(Way::Read);
            let mut value: Value = serde_json::from_str(raw.get()).ok()?;
            even_out_field(name, &mut value, is_number);
            let has_words = holds_words(name, &value);
            read.insert(name.to_string(), value);
            has_words
        };
        if has_words && is_shown {
            untrusted.push(name);
        }
    }
    let stock = stock(&read);
    if is_shown("stock") && stock.get("locations").is_some_and(Value::is_array) {
        untrusted.push("stock");
    }
    let size: usize = fields.iter().map(|(name, raw)| name.len() + raw.get().len() + 4).sum();
    let mut text = Text(Vec::with_capacity(size + SHAPE));
    let mut values = read.values();
    for ((name, raw), way) in fields.iter().zip(ways) {
        match way {
            Way::LeftOut => {}
            Way::Copied => {
                text.name(name)?;
                text.0.extend_from_slice(raw.get().as_bytes());
            }
            Way::Read => {
                let value = values.next()?;
                if is_shown(name) {
                    text.name(name)?;
                    text.value(value)?;
                }
            }
        }
    }
    if is_shown("stock") {
        text.name("stock")?;
        text.value(&stock)?;
    }
    if is_shown("untrusted") {
        text.name("untrusted")?;
        text.value(&untrusted)?;
    }
    if text.0.is_empty() {
        return None;
    }
    text.0.push(b'}');
    Some((text.0, lacks_figures(&stock)))
}

/// The text of an object, but for its end.
struct Text(Vec<u8>);

impl Text {
    fn name(&mut self, name: &str) -> Option<()> {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.value(name)?;
        self.0.push(b':');
        Some(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Option<()> {
        serde_json::to_writer(&mut self.0, value).ok()
    }
}

/// A name without its escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of an object.
struct Fields<'a>(Vec<Field<'a>>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::with_capacity(FIELDS);
        while let Some((Name(name), raw)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            fields.push((name, raw));
        }
        Ok(Fields(fields))
    }
}

/// An answer with an item, or with several.
struct Parts<'a> {
    item: Option<Fields<'a>>,
    items: Option<Vec<Fields<'a>>>,
    others: Vec<Field<'a>>,
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with items")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let mut parts = Parts { item: None, items: None, others: Vec::with_capacity(4) };
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let is_second = match &*name {
                "item" => parts.item.replace(map.next_value()?).is_some(),
                "items" => parts.items.replace(map.next_value()?).is_some(),
                _ => {
                    parts.others.push((name, map.next_value()?));
                    false
                }
            };
            if is_second {
                return Err(serde::de::Error::custom("two fields have the same name"));
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::zoho::inventory::record_kinds::RecordKind;
    use crate::zoho::response;

    fn answer(body: impl Into<Vec<u8>>) -> Answer {
        let body: Vec<u8> = body.into();
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }

    /// The same item by way of the whole document.
    fn usual(answer: &Answer) -> Option<String> {
        let mut answer = response::inventory(answer).ok()?;
        let item = RecordKind::ITEM.take_record(&mut answer).map(crate::zoho::inventory::item)?;
        Some(serde_json::to_string(&item).unwrap())
    }

    fn copied(answer: &Answer) -> Option<String> {
        item(answer, None).map(|text| String::from_utf8(text).unwrap())
    }

    /// The usual item with these fields alone.
    fn picked(answer: &Answer, shown: &[&str]) -> Option<String> {
        let mut item: Object = serde_json::from_str(&usual(answer)?).unwrap();
        item.retain(|name, _| shown.contains(&name.as_str()));
        if let Some(Value::Array(names)) = item.get_mut("untrusted") {
            names.retain(|name| shown.contains(&name.as_str().unwrap()));
        }
        Some(serde_json::to_string(&item).unwrap())
    }

    /// An answer with an item of these fields.
    fn body(fields: &str) -> String {
        format!(r#"{{"code":0,"message":"success","item":{{{fields}}}}}"#)
    }

    #[test]
    fn a_plain_item_is_copied_and_has_the_usual_text() {
        let body = body(
            r#""group_id":3300000000000001,"item_id":"3300000000070001","name":"Oak — shelf","sku":"SHELF-OAK-80","status":"active",
               "description":"80 cm \"wide\"\nfrom Z\u00fcrich, 1\/2","rate":149.50,"purchase_rate":"","reorder_level":"10.0","weight":1E5,
               "image_name":"","tags":[],"item_code":{},"is_returnable":true,"brand":null,"unit\u0041":"pcs","cf_status":"mine",
               "created_time":"2026-10-05T21:32:21+0530","last_modified_time":"soon","stock_on_hand":42.0,"available_stock":"42.00",
               "available_for_sale_stock":37.0,"committed_stock":5.0,"actual_available_stock":40.0,"quantity_in_transit":0,
               "package_details":{ "length":"80","width":"","weight_unit":"kg","a":1,"a":2},"custom_fields":[{"label":"L","value":"v"}],
               "locations":[{"location_id":7,"location_name":"Main","location_stock_on_hand":42.0,"is_primary":true}]"#,
        );
        let answer = answer(body);
        assert!(copied(&answer).is_some());
        assert_eq!(copied(&answer), usual(&answer));
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_usual_way() {
        for fields in [
            r#""item_id":"1","name":"a","name":"b""#,
            r#""item_id":"1","name":"a","n\u0061me":"b""#,
            r#""item_id":"1","name":"gift \uD83C""#,
            r#""item_id":"1","stock":7"#,
            r#""item_id":"1","untrusted":[]"#,
            r#""$serde_json::private::Number":"7","item_id":"1""#,
            r#""item_id":"""#,
            r#""item_id":null"#,
            r#""name":"a""#,
            "",
        ] {
            assert_eq!(copied(&answer(body(fields))), None, "{fields}");
        }
        for whole in [
            r#"{"code":0,"code":0,"item":{"item_id":"1"}}"#,
            r#"{"code":0,"item":{"item_id":"1"},"item":{"item_id":"2"}}"#,
            r#"{"code":0,"item":[{"item_id":"1"}]}"#,
            r#"{"code":0,"item":{"item_id":"1"},"items":[]}"#,
            r#"{"code":0,"items":[{"item_id":"1"}]}"#,
            r#"{"code":0,"message":"\uD83C","item":{"item_id":"1"}}"#,
            r#"{"code":2006,"message":"no","item":{"item_id":"1"}}"#,
            r#"{"item":{"item_id":"1"}}"#,
            r#"{"code":0,"item":{"item_id":"1"}} x"#,
            r#"{"code":0,"item":{"item_id":"1""#,
            "\u{feff}{\"code\":0,\"item\":{\"item_id\":\"1\"}}",
            "<html>",
            "",
        ] {
            assert_eq!(copied(&answer(whole)), None, "{whole}");
        }
        assert_eq!(copied(&answer(b"{\"code\":0,\"item\":{\"item_id\":\"1\",\"name\":\"caf\xe9\"}}")), None);
        let refused = Answer { status: 400, ..answer(body(r#""item_id":"1""#)) };
        assert_eq!(copied(&refused), None);
    }

    /// The same list by way of the whole document, with what stands beside it.
    fn usual_list(answer: &Answer) -> Option<(String, Object)> {
        let mut answer = response::inventory(answer).ok()?;
        let rows = response::records(&mut answer, "items").ok()?;
        answer.shift_remove("items");
        let rows: Vec<Object> = rows.into_iter().map(crate::zoho::inventory::item).collect();
        Some((serde_json::to_string(&rows).unwrap(), answer))
    }

    fn copied_list(answer: &Answer) -> Option<(String, Object)> {
        items(answer).map(|found| (serde_json::to_string(&found.rows).unwrap(), found.rest))
    }

    #[test]
    fn a_page_of_items_has_the_usual_text_and_what_stands_beside_it() {
        let page = r#"{"code":0,"message":"success","items":[
            {"item_id":1,"name":"Oak \u00e9","stock_on_hand":1.0,"available_stock":2.50,"tags":[]},
            {"sku":"X","product_type":"service"}],
            "page_context":{"page":1,"has_more_page":true,"applied_filter":"Status.All"}}"#;
        assert!(copied_list(&answer(page)).is_some());
        assert_eq!(copied_list(&answer(page)), usual_list(&answer(page)));
        assert!(items(&answer(page)).unwrap().lack_figures);
        let none = answer(r#"{"code":0,"items":[]}"#);
        assert_eq!(copied_list(&none), usual_list(&none));
        assert!(!items(&none).unwrap().lack_figures);
        for odd in [
            r#"{"code":0,"items":{}}"#,
            r#"{"code":0,"items":[{}, 7]}"#,
            r#"{"code":0,"items":[{"a":1,"a":2}]}"#,
            r#"{"code":0,"items":[],"items":[]}"#,
            r#"{"code":0,"items":[],"page_context":{},"page_context":{}}"#,
            r#"{"code":0,"items":[],"message":"\uD83C"}"#,
            r#"{"code":57,"items":[]}"#,
            r#"{"items":[]}"#,
        ] {
            assert_eq!(copied_list(&answer(odd)), None, "{odd}");
        }
    }

    /// Names of an item, of which some are touched and some are not.
    const NAMES: &[&str] = &[
        "name",
        "sku",
        "status",
        "rate",
        "reorder_level",
        "group_id",
        "created_time",
        "cf_id",
        "tags",
        "locations",
        "warehouses",
        "stock_on_hand",
        "available_stock",
        "quantity_in_transit",
        "is_combo_product",
        "combo_type",
        "odd \" name",
    ];

    /// Values as Zoho may write them, with blanks where JSON allows them.
    fn written() -> impl Strategy<Value = String> {
        let fixed = prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1.50",
            "1e5",
            "1E+05",
            "9007199254740993",
            "\"\"",
            "\"12.50\"",
            "\" 7 \"",
            "[]",
            "[ ]",
            "{}",
            "{ }",
            "\"kit\"",
            "\"\\/\"",
            "\"\\u00e9\\u001F\"",
            "\"\u{7f}é\"",
            "\"2026-10-05T21:32:21+0530\"",
        ]);
        let leaf = prop_oneof![
            3 => fixed.prop_map(str::to_owned),
            1 => any::<String>().prop_map(|text| json!(text).to_string()),
            1 => any::<f64>().prop_map(|number| json!(number).to_string()),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let named = (prop::sample::select(NAMES), inner.clone());
            let named = named.prop_map(|(name, value)| format!("{} : {value}", json!(name)));
            let place = (0..3_u8, inner.clone()).prop_map(|(kind, value)| {
                let name = ["location_id", "location_stock_on_hand", "warehouse_name"][usize::from(kind)];
                format!("\"{name}\":{value}")
            });
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(", "))),
                prop::collection::vec(prop_oneof![named, place], 0..4)
                    .prop_map(|fields| format!("{{{}}}", fields.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_copied_has_the_usual_text(
            names in prop::sample::subsequence(NAMES.to_vec(), 0..=NAMES.len()).prop_shuffle(),
            values in prop::collection::vec(written(), NAMES.len()),
            id in prop::sample::select(vec!["\"1\"", "7", "\"\"", "null", "1e3"]),
        ) {
            let fields = names.iter().zip(values);
            let mut all: Vec<String> = fields.map(|(name, value)| format!("{}:\n{value}", json!(name))).collect();
            all.push(format!("\"item_id\":{id}"));
            let answer = answer(body(&all.join(" , ")));
            prop_assert_eq!(copied(&answer), usual(&answer));
            let some = names.iter().step_by(2).copied().chain(["item_id", "untrusted", ""]);
            let some: Vec<&str> = some.chain((names.len() % 2 == 0).then_some("stock")).collect();
            let shown = item(&answer, Some(&some)).map(|text| String::from_utf8(text).unwrap());
            prop_assert_eq!(shown, picked(&answer, &some));
            prop_assert_eq!(item(&answer, Some(&["item_id", "absent"])), None);
            let all = all.join(",");
            let list = format!("{{\"code\":\"0\",\"items\":[{{{all}}},{{}},{{{all}}}],\"page_context\":{{\"page\":1}}}}");
            let list = self::answer(list);
            prop_assert_eq!(copied_list(&list), usual_list(&list));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = item(&answer(bytes.clone()), None);
            let _ = items(&answer(bytes));
        }
    }
}
