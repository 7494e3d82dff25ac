//! Items as callers get them, made of the bytes that Zoho sent. Most of their fields stay as they are: they are copied in one pass and do
//! not become values. An item that is not plain is left to [`super::item`], which writes the same text and takes longer. If the answer
//! around the items is not plain, the caller of this module reads it in the usual way.

mod rules;

use hot::items::{Row, Shaper};
use hot::scan::Stop;

use self::rules::OfItems;
use crate::zoho::http::Answer;
use crate::zoho::value::Object;

/// How many bytes an item becomes longer, nearly always at most.
const SHAPE: usize = 512;

/// A page of items.
pub struct Items {
    /// The list of the items as a text, behind the head.
    pub text: Vec<u8>,
    /// How many items there are.
    pub count: usize,
    /// Whether some do not show all figures that a single item has.
    pub lack_figures: bool,
    /// The answer without the items.
    pub rest: Object,
}

/// The text of the item in an answer, with the fields of these names, or with all. `None` if the answer is no plain success with one item,
/// if the item lacks one of these fields, or if anything in it could be read in two ways.
pub fn item(answer: &Answer, shown: Option<&[&str]>) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    let mut shaper = Shaper::new(text, Vec::with_capacity(text.len() + SHAPE), &OfItems, shown);
    let mut row = Row::default();
    read(&mut shaper, answer.status, "item", &mut |shaper| {
        row = shaper.row()?;
        Ok(())
    })?;
    (row.has_id && row.is_whole).then_some(shaper.out)
}

/// The items in an answer, with `head` before their text; None as in [`item`].
pub fn items(answer: &Answer, head: &str) -> Option<Items> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    let mut out = Vec::with_capacity(head.len() + text.len() + text.len() / 4 + SHAPE);
    out.extend_from_slice(head.as_bytes());
    let mut shaper = Shaper::new(text, out, &OfItems, None);
    let (mut count, mut lack_figures) = (0, false);
    let rest = read(&mut shaper, answer.status, "items", &mut |shaper| {
        shaper.scan.expect(b'[')?;
        shaper.out.push(b'[');
        shaper.scan.blank();
        let mut more = shaper.scan.peek() != b']';
        if !more {
            shaper.scan.at += 1;
        }
        while more {
            if count > 0 {
                shaper.out.push(b',');
            }
            lack_figures |= shaper.row()?.lacks_figures;
            count += 1;
            shaper.scan.blank();
            more = shaper.scan.goes_on(b']')?;
            shaper.scan.blank();
        }
        shaper.out.push(b']');
        Ok(())
    })?;
    Some(Items { text: shaper.out, count, lack_figures, rest })
}

/// Reads a plain success: shapes what is in the field of this name, and returns the other fields.
fn read<'a>(
    shaper: &mut Shaper<'a, '_>,
    status: u16,
    wanted: &str,
    shape: &mut dyn FnMut(&mut Shaper<'a, '_>) -> Result<(), Stop>,
) -> Option<Object> {
    if status >= 300 {
        return None;
    }
    let (mut rest, mut is_success, mut is_shaped) = (Object::new(), false, false);
    shaper.scan.blank();
    shaper.scan.expect(b'{').ok()?;
    shaper.scan.blank();
    let mut more = true;
    while more {
        let name = shaper.scan.name().ok()?;
        if name.is_escaped {
            return None;
        }
        match name.inner {
            "item" | "items" => {
                if is_shaped || name.inner != wanted {
                    return None;
                }
                shape(shaper).ok()?;
                is_shaped = true;
            }
            _ => {
                let raw = shaper.scan.skip().ok()?;
                is_success |= name.inner == "code" && matches!(raw, "0" | "\"0\"");
                shaper.becomes_values(raw).ok()?;
                // The other fields must be readable, too.
                let is_double = rest.insert(name.inner.to_owned(), serde_json::from_str(raw).ok()?).is_some();
                if is_double {
                    return None;
                }
            }
        }
        shaper.scan.blank();
        more = shaper.scan.goes_on(b'}').ok()?;
        shaper.scan.blank();
    }
    (is_success && is_shaped && shaper.scan.is_at_end()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::zoho::failure::FailureKind;
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
    fn a_row_that_is_not_plain_has_the_usual_text() {
        let nested = |depth: usize| {
            format!(r#""deep":{}"x"{},"name":"a""#, r#"{"a":"#.repeat(depth), "}".repeat(depth))
        };
        let many: Vec<String> = (0..300).map(|number| format!("\"cf_{number}\":\"x\"")).collect();
        for fields in [
            r#""name":"caf\u00e9 \/ \ud83c\udf81 \u0000","description":"a""#,
            r#""name":"a","n\u0061me":"b","sku":"X""#,
            r#""st\u006fck":7,"untrusted\u0020":[],"name":"a""#,
            r#""untr\u0075sted":["stock"],"name":"""#,
            r#""rate":1E5,"locations":[{"location_id":7,"location_stock_on_hand":"1e2","location_available_stock":100}]"#,
            r#""matrix":[[1,["a"]],[]],"name":"a""#,
            r#""a":{"$serde_json::private::Number":"7"},"name":"a""#,
            r#""a":[{"b":1,"b":"words"}],"name":"a""#,
            &nested(6),
            &nested(90),
            &many.join(","),
        ] {
            let answer = answer(body(&format!("\"item_id\":\"1\",{fields}")));
            assert!(copied(&answer).is_some(), "{fields}");
            assert_eq!(copied(&answer), usual(&answer), "{fields}");
            for shown in [["item_id", "name", "untrusted"].as_slice(), &["stock", "untrusted", "rate", ""]] {
                let is_there = |name: &str| {
                    ["", "item_id", "stock", "untrusted"].contains(&name)
                        || fields.contains(&format!("\"{name}\":"))
                };
                let expected =
                    shown.iter().all(|name| is_there(name)).then(|| picked(&answer, shown).unwrap());
                let some = item(&answer, Some(shown)).map(|text| String::from_utf8(text).unwrap());
                assert_eq!(some, expected, "{fields}");
            }
            let list = format!(
                r#"{{"code":0,"items":[{{"item_id":"2"}},{{"item_id":"1",{fields}}},{{"sku":"X","stock_on_hand":1}}]}}"#
            );
            let list = self::answer(list);
            assert!(copied_list(&list).is_some(), "{fields}");
            assert_eq!(copied_list(&list), usual_list(&list), "{fields}");
        }
        // Where the one way ends, the other one does not go on.
        for depth in 95..135 {
            let answer = answer(body(&format!("\"item_id\":\"1\",{}", nested(depth))));
            assert!(copied(&answer).is_none_or(|text| usual(&answer) == Some(text)), "{depth}");
        }
    }

    #[test]
    fn what_is_left_out_leaves_neither_commas_nor_blanks() {
        let fields =
            [r#""sku":"X""#, r#""rate":1.50"#, r#""item_id":"1""#, r#""stock_on_hand":4"#, r#""name":"Oak""#];
        for comma in [",", ", ", " ,", "\n,\n\t"] {
            let answer = answer(body(&fields.join(comma)));
            for shown in [
                ["item_id"].as_slice(),
                &["name", "untrusted"],
                &["rate", "name"],
                &["sku", "name", "stock"],
                &["stock"],
                &["untrusted"],
            ] {
                let some = item(&answer, Some(shown)).map(|text| String::from_utf8(text).unwrap());
                assert_eq!(some, picked(&answer, shown), "{comma:?} {shown:?}");
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_usual_way() {
        for fields in [
            r#""item_id":"1","name":"a","name":"b""#,
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
            r#"{"c\u006fde":0,"item":{"item_id":"1"}}"#,
            r#"{"code":0,"it\u0065m":{"item_id":"1"}}"#,
            r#"{"code":0,"item":{"item_id":"1"},"item\u0073":[]}"#,
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
        let found = items(answer, "[7]")?;
        let text = String::from_utf8(found.text).unwrap();
        let text = text.strip_prefix("[7]").unwrap().to_owned();
        assert_eq!(found.count, serde_json::from_str::<Vec<Value>>(&text).unwrap().len());
        Some((text, found.rest))
    }

    #[test]
    fn a_page_of_items_has_the_usual_text_and_what_stands_beside_it() {
        let page = r#"{"code":0,"message":"success","items":[
            {"item_id":1,"name":"Oak \u00e9","stock_on_hand":1.0,"available_stock":2.50,"tags":[]},
            {"sku":"X","product_type":"service"}],
            "page_context":{"page":1,"has_more_page":true,"applied_filter":"Status.All"}}"#;
        assert!(copied_list(&answer(page)).is_some());
        assert_eq!(copied_list(&answer(page)), usual_list(&answer(page)));
        assert!(items(&answer(page), "").unwrap().lack_figures);
        let none = answer(r#"{"code":0,"items":[]}"#);
        assert_eq!(copied_list(&none), usual_list(&none));
        assert!(!items(&none, "").unwrap().lack_figures);
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

    #[test]
    fn what_holds_too_much_is_copied_no_further_and_unreadable_in_the_usual_way() {
        let list = |count: usize, one: &str| vec![one; count].join(",");
        let items = |rows: &str| answer(format!(r#"{{"code":0,"items":[{rows}]}}"#));
        let locations = |count| format!(r#"{{"item_id":"1","locations":[{}]}}"#, list(count, "{}"));
        // The escaped name cannot be copied as it is.
        let odd = |within: &str| format!(r#"{{"item_id":"1","name":"1\/2","a":[{within}]}}"#);
        for much in [
            items(&list(100_001, "{}")),
            items(&locations(100_001)),
            items(&odd(&list(100_001, "{}"))),
            items(&odd(&list(400_001, "1"))),
            items(&list(2, &odd(&list(60_000, "{}")))),
            answer(format!(r#"{{"code":0,"items":[],"a":[{}]}}"#, list(100_001, "{}"))),
            answer(format!(r#"{{"code":0,"items":[],"a":[{0}],"b":[{0}]}}"#, list(60_000, "{}"))),
        ] {
            assert!(self::items(&much, "").is_none());
            assert_eq!(response::inventory(&much).unwrap_err().kind, FailureKind::Unreadable);
        }
        let item = |item: &str| answer(format!(r#"{{"code":0,"item":{item}}}"#));
        assert!(self::item(&item(&locations(100_001)), None).is_none());
        for some in [&list(10_000, "{}"), &locations(10_000), &odd(&list(60_000, "{}"))] {
            assert!(copied_list(&items(some)).is_some());
            assert_eq!(copied_list(&items(some)), usual_list(&items(some)));
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

    /// Names that begin alike, of which some are touched.
    const ALIKE: &[&str] = &[
        "name",
        "n",
        "name_",
        "na",
        "group_id",
        "group_i",
        "group_id ",
        "locations",
        "location_id",
        "n\u{e9}",
    ];

    /// What stands between a name and its value.
    const COLONS: &[&str] = &[":", ": ", " :", "\n:\t"];

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
            let location = (0..3_u8, inner.clone()).prop_map(|(kind, value)| {
                let name = ["location_id", "location_stock_on_hand", "warehouse_name"][usize::from(kind)];
                format!("\"{name}\":{value}")
            });
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(", "))),
                prop::collection::vec(prop_oneof![named, location], 0..4)
                    .prop_map(|fields| format!("{{{}}}", fields.join(","))),
            ]
        })
    }

    /// Mostly what JSON is made of.
    fn byte() -> impl Strategy<Value = u8> {
        let of_json = prop::sample::select(br#"[]{},:"\/untrefalsd0123456789-+.E $"#.to_vec());
        prop_oneof![of_json, any::<u8>()]
    }

    proptest! {
        #[test]
        fn what_is_copied_has_the_usual_text(
            names in prop::sample::subsequence(NAMES.to_vec(), 0..=NAMES.len()).prop_shuffle(),
            values in prop::collection::vec(written(), NAMES.len()),
            id in prop::sample::select(vec!["\"1\"", "7", "\"\"", "null", "1e3"]),
            left_out in 0..3_usize,
        ) {
            let fields = names.iter().zip(values);
            let mut all: Vec<String> = fields.map(|(name, value)| format!("{}:\n{value}", json!(name))).collect();
            all.push(format!("\"item_id\":{id}"));
            let answer = answer(body(&all.join(" , ")));
            prop_assert_eq!(copied(&answer), usual(&answer));
            let some = names.iter().skip(left_out).step_by(2).copied().chain(["item_id", "untrusted", ""]);
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
        fn rows_have_the_usual_text_in_whatever_order_their_names_stand(
            rows in prop::collection::vec(
                prop::collection::vec((prop::sample::select(ALIKE), prop::sample::select(COLONS), written()), 0..6),
                1..6,
            ),
        ) {
            let (mut has_doubles, mut texts) = (false, Vec::new());
            for fields in &rows {
                let names: BTreeSet<&str> = fields.iter().map(|(name, ..)| *name).collect();
                has_doubles |= names.len() < fields.len();
                let fields = fields.iter().map(|(name, colon, value)| format!("\"{name}\"{colon}{value}"));
                let fields: Vec<String> = fields.collect();
                texts.push(format!("{{{}}}", fields.join(",")));
            }
            let list = answer(format!("{{\"code\":0,\"items\":[{}]}}", texts.join(",")));
            let copied = copied_list(&list);
            prop_assert!(
                copied == usual_list(&list) || has_doubles && copied.is_none(),
                "{:?}: {}", copied, texts.join(",")
            );
        }

        #[test]
        fn nothing_is_copied_that_the_usual_way_reads_as_something_else(
            values in prop::collection::vec(written(), NAMES.len()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, byte()), 0..4),
        ) {
            let fields = NAMES.iter().zip(values).map(|(name, value)| format!("{}:{value}", json!(name)));
            let fields: Vec<String> = fields.collect();
            let fields = format!("\"item_id\":\"1\",{}", fields.join(","));
            let list = format!("{{\"code\":0,\"items\":[{{{fields}}}],\"page_context\":{{\"page\":1}}}}");
            for whole in [body(&fields), list] {
                let mut bytes = whole.into_bytes();
                for (at, edit, byte) in &edits {
                    let at = at.index(bytes.len());
                    match *edit {
                        0 => bytes[at] = *byte,
                        1 => bytes.insert(at, *byte),
                        _ => {
                            bytes.remove(at);
                        }
                    }
                }
                let answer = answer(bytes);
                if let Some(text) = copied(&answer) {
                    prop_assert_eq!(Some(text), usual(&answer));
                }
                if let Some(found) = copied_list(&answer) {
                    prop_assert_eq!(Some(found), usual_list(&answer));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = item(&answer(bytes.clone()), None);
            let _ = items(&answer(bytes), "");
        }
    }
}
