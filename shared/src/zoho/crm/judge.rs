//! What a caller wants to write, judged by the fields of its module before anything leaves: CRM ignores names that it does not
//! know and answers with success, and of a wrong value it names one at a time.

use serde_json::{Value, json};

use super::field::Field;
use super::moment::moment;
use crate::base::id::is_zoho_id;
use crate::base::nearest::nearest_of;
use crate::zoho::value::Object;

/// Fields that CRM takes although its description of a module can leave them out.
const TAKEN_EVERYWHERE: [&str; 4] = ["Layout", "Owner", "Tag", "Record_Status__s"];

/// What is chosen where nothing is chosen.
const NONE: &str = "-None-";

/// A record as CRM takes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// By CRM's names, lookups as `{"id": …}`.
    pub fields: Object,
    /// The values that CRM keeps under another name, as a record may show them: field, value.
    pub kept: Object,
}

/// Why something is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// CRM would ignore it.
    #[error("`{name}` is no field of {module}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// As it was written.
        name: String,
        /// Where it was looked for.
        module: String,
        /// What may be meant.
        nearest: Option<String>,
    },
    /// CRM fills it itself.
    #[error("`{0}` cannot be written: CRM fills it itself")]
    Fixed(String),
    /// It may not be empty.
    #[error("`{0}` must have a value: CRM takes no record without it")]
    Empty(String),
    /// The value has another type than the field.
    #[error("`{0}` must be {1}")]
    Type(String, String),
    /// The value has more characters than the field takes.
    #[error("`{0}` takes at most {1} characters and has {2}")]
    TooLong(String, u64, usize),
    /// A value that is not among those of a picklist.
    #[error("`{0}` takes one of: {1}")]
    NotAllowed(String, String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => " that the user who connected can see".to_owned(),
    }
}

/// A module and its fields.
#[derive(Debug, Clone, Copy)]
pub struct Module<'a> {
    /// Its API name.
    pub name: &'a str,
    /// All that the user who connected sees.
    pub fields: &'a [Field],
}

impl<'a> Module<'a> {
    /// A field by its name.
    pub fn find(&self, name: &str) -> Option<&'a Field> {
        self.fields.iter().find(|field| field.api_name == name)
    }

    /// The lookup that a name with `_id` sets: `Account_Name_id` sets `Account_Name`. A field of that very name is itself.
    fn lookup(&self, name: &str) -> Option<&'a Field> {
        let lookup = self.find(name.strip_suffix("_id")?)?;
        lookup.leads().then_some(lookup)
    }

    /// Whether the module has a field of this name, or a part of an address, or a lookup whose id it is.
    pub fn knows(&self, name: &str) -> bool {
        self.find(name).is_some()
            || self.lookup(name).is_some()
            || TAKEN_EVERYWHERE.contains(&name)
            || self.fields.iter().any(|field| field.parent.as_deref() == Some(name))
    }

    /// Whether a read can ask for it.
    pub fn has_field(&self, name: &str) -> bool {
        self.knows(name) && self.lookup(name).is_none()
    }

    /// The other word for a value of a picklist: a query may know only one of them.
    ///
    /// # Errors
    /// Where it is not one of its values.
    pub fn other_word(&self, name: &str, value: &str) -> Result<Option<String>, Fault> {
        let Some(field) = self.find(name).filter(|field| !field.values.is_empty()) else { return Ok(None) };
        let (shown, kept) = choice(field, value)?;
        Ok(if shown == value { kept.map(str::to_owned) } else { Some(shown) })
    }

    /// A name that the module does not have.
    pub fn unknown(&self, name: &str) -> Fault {
        let called = self.fields.iter().flat_map(|field| {
            [(field.api_name.as_str(), &field.api_name), (field.label.as_str(), &field.api_name)]
        });
        let nearest = nearest_of(name, called).cloned();
        Fault::Unknown { name: name.to_owned(), module: self.name.to_owned(), nearest }
    }

    /// Judges what is to be written.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn judge(&self, body: &Object, is_new: bool) -> Result<Judged, Vec<Fault>> {
        let (mut judged, mut faults) = (Judged::default(), Vec::new());
        for (name, value) in body {
            match self.one(name, value, body) {
                Ok(Some(Fit { field, value, kept })) => {
                    if let Some(kept) = kept {
                        judged.kept.insert(field.to_owned(), kept);
                    }
                    judged.fields.insert(field.to_owned(), value);
                }
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        if is_new {
            let must = |field: &&Field| {
                field.required == Some(true) && field.writable != Some(false) && !field.has_default
            };
            let missing = self.fields.iter().filter(must).map(|field| &field.api_name);
            let missing = missing.filter(|name| {
                !judged.fields.contains_key(*name)
                    && !body.contains_key(*name)
                    && !body.contains_key(&format!("{name}_id"))
            });
            faults.extend(missing.map(|name| Fault::Empty(name.clone())));
        }
        if faults.is_empty() { Ok(judged) } else { Err(faults) }
    }

    /// One field as CRM takes it; nothing where another one of the body says the same.
    fn one<'b>(&self, name: &'b str, value: &Value, body: &Object) -> Result<Option<Fit<'b>>, Fault>
    where
        'a: 'b,
    {
        let plain = |field: &'b str, value: &Value| Some(Fit { field, value: value.clone(), kept: None });
        if let Some(field) = self.find(name) {
            // A record as it was read has both: the id counts.
            let own_id = format!("{name}_id");
            if field.leads() && body.contains_key(&own_id) && self.find(&own_id).is_none() {
                return Ok(None);
            }
            writable(field)?;
            let (value, kept) = self.value(field, value)?;
            return Ok(Some(Fit { field: name, value, kept }));
        }
        if let Some(lookup) = self.lookup(name) {
            writable(lookup)?;
            return match value {
                Value::Null if lookup.required != Some(true) => Ok(plain(&lookup.api_name, value)),
                Value::String(id) if is_zoho_id(id) => Ok(plain(&lookup.api_name, &json!({ "id": id }))),
                _ => Err(Fault::Type(name.to_owned(), AN_ID.to_owned())),
            };
        }
        if self.knows(name) { Ok(plain(name, value)) } else { Err(self.unknown(name)) }
    }

    /// A value, as CRM takes it, and as CRM keeps it where that is another word.
    fn value(&self, field: &Field, value: &Value) -> Result<(Value, Option<Value>), Fault> {
        let wrong = |what: &str| Fault::Type(field.api_name.clone(), what.to_owned());
        if value.is_null() || value == "" {
            return match field.required {
                Some(true) => Err(Fault::Empty(field.api_name.clone())),
                _ => Ok((value.clone(), None)),
            };
        }
        let as_is = |fits: bool, what: &str| if fits { Ok((value.clone(), None)) } else { Err(wrong(what)) };
        let json_type = field.json_type.as_deref();
        match field.kind.as_str() {
            // Tags, files and the like are not what their kind says.
            _ if field.is_multi_select() => several(field, value),
            _ if json_type == Some("jsonarray") => as_is(value.is_array(), "a list"),
            "picklist" if !field.values.is_empty() => {
                let Value::String(text) = value else { return Err(wrong("a text, one of its values")) };
                let (shown, kept) = choice(field, text)?;
                Ok((shown.into(), kept.map(Value::from)))
            }
            "text" | "textarea" | "email" | "phone" | "website" | "picklist" => {
                let Value::String(text) = value else { return Err(wrong("a text")) };
                short(field, text)?;
                Ok((value.clone(), None))
            }
            "integer" => whole(value).map(|whole| (whole, None)).ok_or_else(|| wrong("a whole number")),
            "double" | "currency" | "percent" => as_is(value.is_number(), "a number"),
            "boolean" => as_is(value.is_boolean(), "true or false"),
            "date" => {
                let is_date = |text: &str| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
                as_is(value.as_str().is_some_and(is_date), "a date like 2026-12-24")
            }
            "datetime" => match value.as_str().and_then(moment) {
                Some(moment) => Ok((moment.into(), None)),
                None => Err(wrong("a time like 2026-12-24T18:30:00+01:00")),
            },
            _ if field.leads() => {
                as_is(has_id(value), &format!("`{{\"id\": …}}`; or send `{}_id`, {AN_ID}", field.api_name))
            }
            _ => Ok((value.clone(), None)),
        }
    }
}

const AN_ID: &str = "an id: a string of digits";

/// What is sent of one field.
struct Fit<'a> {
    field: &'a str,
    value: Value,
    kept: Option<Value>,
}

/// A record that cannot be judged: lookups by the ids beside them, all else as it is.
pub fn unjudged(body: &Object) -> Object {
    let mut fields = Object::new();
    for (name, value) in body {
        let own_id = |value: &Value| value.is_null() || value.as_str().is_some_and(is_zoho_id);
        if body.get(&format!("{name}_id")).is_some_and(own_id) {
            continue;
        }
        match name.strip_suffix("_id").filter(|lookup| !lookup.is_empty() && own_id(value)) {
            Some(lookup) if value.is_null() => fields.insert(lookup.to_owned(), Value::Null),
            Some(lookup) => fields.insert(lookup.to_owned(), json!({ "id": value })),
            None => fields.insert(name.clone(), value.clone()),
        };
    }
    fields
}

fn writable(field: &Field) -> Result<(), Fault> {
    if field.writable == Some(false) { Err(Fault::Fixed(field.api_name.clone())) } else { Ok(()) }
}

fn short(field: &Field, text: &str) -> Result<(), Fault> {
    let has = text.chars().count();
    match field.length {
        Some(most) if most > 0 && has as u64 > most => Err(Fault::TooLong(field.api_name.clone(), most, has)),
        _ => Ok(()),
    }
}

/// A value by the name that it is read and written by, and as CRM keeps it where that is another.
fn choice<'a>(field: &'a Field, text: &str) -> Result<(String, Option<&'a str>), Fault> {
    if text == NONE {
        return Ok((text.to_owned(), None));
    }
    // What is shown comes first: it is what `values` lists, and one value can be kept under the name that another shows.
    if field.values.iter().any(|shown| shown == text) {
        let kept = field.kept.iter().find(|(shown, _)| shown == text).map(|(_, kept)| kept.as_str());
        return Ok((text.to_owned(), kept));
    }
    match field.kept.iter().find(|(_, kept)| kept == text) {
        Some((shown, kept)) => Ok((shown.clone(), Some(kept))),
        None => Err(Fault::NotAllowed(field.api_name.clone(), listed(field))),
    }
}

/// The values, and beside those that CRM keeps under another name, that name.
fn listed(field: &Field) -> String {
    let word = |shown: &String| match field.kept.iter().find(|(other, _)| other == shown) {
        Some((_, kept)) => format!("{shown} (in CRM also {kept})"),
        None => shown.clone(),
    };
    field.values.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The values of a multi-select: a list, or as a query gives them, `a;b`.
fn several(field: &Field, value: &Value) -> Result<(Value, Option<Value>), Fault> {
    let wrong = || Fault::Type(field.api_name.clone(), "a list of its values".to_owned());
    let texts: Vec<&str> = match value {
        Value::Array(list) => {
            list.iter().map(|one| one.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        // One value may hold the sign that parts several.
        Value::String(text) if choice(field, text).is_ok() => vec![text],
        Value::String(text) => text.split(';').map(str::trim).collect(),
        _ => return Err(wrong()),
    };
    if field.values.is_empty() {
        return Ok((texts.into(), None));
    }
    let chosen: Vec<_> = texts.iter().map(|text| choice(field, text)).collect::<Result<_, _>>()?;
    let kept = chosen.iter().any(|(_, kept)| kept.is_some()).then(|| {
        chosen.iter().map(|(shown, kept)| Value::from(kept.unwrap_or(shown))).collect::<Vec<_>>().into()
    });
    Ok((chosen.into_iter().map(|(shown, _)| Value::from(shown)).collect::<Vec<_>>().into(), kept))
}

/// A whole number, also where it is written with decimals that are none.
fn whole(value: &Value) -> Option<Value> {
    let Value::Number(number) = value else { return None };
    let digits = number.to_string();
    let whole = digits
        .split_once('.')
        .map_or(digits.as_str(), |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { "" });
    whole.parse::<i64>().ok().map(Value::from)
}

/// Whether it is a lookup's value.
fn has_id(value: &Value) -> bool {
    let is_id = |id: &Value| id.as_str().is_some_and(is_zoho_id) || id.as_u64().is_some();
    is_id(value) || value.get("id").is_some_and(is_id)
}

/// The columns of a query that hold several values, as lists, as they are elsewhere.
pub fn lists(module: Module<'_>, rows: &mut [Object]) {
    let columns: Vec<&Field> = module.fields.iter().filter(|field| field.is_multi_select()).collect();
    for row in rows {
        for field in &columns {
            if let Some(value) = row.get_mut(&field.api_name)
                && let Value::String(text) = value
            {
                let one = field.values.iter().any(|shown| shown == text);
                let parts: Vec<Value> =
                    if one { vec![text.as_str().into()] } else { text.split(';').map(Value::from).collect() };
                *value = if text.is_empty() { Value::Array(Vec::new()) } else { parts.into() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<Field> {
        let all = json!([
            { "api_name": "Stage", "data_type": "picklist", "json_type": "string", "system_mandatory": true,
              "pick_list_values": [{ "display_value": "Open", "actual_value": "Open" },
                { "display_value": "Gewonnen", "actual_value": "Won" }] },
            { "api_name": "Colours", "data_type": "multiselectpicklist", "json_type": "jsonarray",
              "pick_list_values": [{ "display_value": "Red" }, { "display_value": "Blue", "actual_value": "B" },
                { "display_value": "a;b" }] },
            { "api_name": "Next_Step", "data_type": "text", "json_type": "string", "length": 5 },
            { "api_name": "legacy_id", "data_type": "text", "json_type": "string", "length": 50 },
            { "api_name": "Account_Name", "data_type": "lookup", "json_type": "jsonobject",
              "lookup": { "module": { "api_name": "Accounts" } } },
            { "api_name": "Probability", "data_type": "integer", "json_type": "integer" },
            { "api_name": "Amount", "data_type": "currency", "json_type": "double" },
            { "api_name": "Rush", "data_type": "boolean", "json_type": "boolean" },
            { "api_name": "Due", "data_type": "date", "json_type": "string" },
            { "api_name": "Met_At", "data_type": "datetime", "json_type": "string" },
            { "api_name": "Lines", "data_type": "subform", "json_type": "jsonarray" },
            { "api_name": "Sum", "data_type": "formula", "json_type": "double" },
            { "api_name": "Street_1", "data_type": "text", "parent_field": { "api_name": "Address_1" } },
        ]);
        all.as_array().unwrap().iter().map(|field| Field::read(field.as_object().unwrap()).unwrap()).collect()
    }

    fn judged(body: &Value) -> Result<Judged, Vec<Fault>> {
        let fields = fields();
        Module { name: "Deals", fields: &fields }.judge(body.as_object().unwrap(), false)
    }

    #[test]
    fn what_is_fit_goes_as_crm_takes_it() {
        for (body, sent) in [
            (json!({ "Stage": "Open" }), json!({ "Stage": "Open" })),
            // By either name; it goes by the one that reads show.
            (json!({ "Stage": "Won" }), json!({ "Stage": "Gewonnen" })),
            (json!({ "Colours": ["Red", "B"] }), json!({ "Colours": ["Red", "Blue"] })),
            (json!({ "Colours": "Red;Blue" }), json!({ "Colours": ["Red", "Blue"] })),
            (json!({ "Colours": "a;b" }), json!({ "Colours": ["a;b"] })),
            (json!({ "Colours": [] }), json!({ "Colours": [] })),
            (json!({ "legacy_id": "x-7" }), json!({ "legacy_id": "x-7" })),
            (json!({ "legacy_id": "61" }), json!({ "legacy_id": "61" })),
            (json!({ "Account_Name_id": "61" }), json!({ "Account_Name": { "id": "61" } })),
            (json!({ "Account_Name_id": null }), json!({ "Account_Name": null })),
            (
                json!({ "Account_Name": "Harbor", "Account_Name_id": "61" }),
                json!({ "Account_Name": { "id": "61" } }),
            ),
            (json!({ "Account_Name": { "id": "61" } }), json!({ "Account_Name": { "id": "61" } })),
            (json!({ "Probability": 50 }), json!({ "Probability": 50 })),
            (json!({ "Amount": 12 }), json!({ "Amount": 12 })),
            (json!({ "Next_Step": null, "Due": "" }), json!({ "Next_Step": null, "Due": "" })),
            (
                json!({ "Met_At": "2026-07-08T18:30:00.000Z" }),
                json!({ "Met_At": "2026-07-08T18:30:00+00:00" }),
            ),
            (
                json!({ "Layout": { "id": "1" }, "Address_1": {} }),
                json!({ "Layout": { "id": "1" }, "Address_1": {} }),
            ),
            (json!({ "Lines": [{ "id": "1" }] }), json!({ "Lines": [{ "id": "1" }] })),
        ] {
            let fields = judged(&body).unwrap_or_else(|faults| panic!("{body}: {faults:?}")).fields;
            assert_eq!(Value::from(fields), sent, "{body}");
        }
        let judged = judged(&json!({ "Stage": "Won", "Colours": ["B", "Red"] })).unwrap();
        assert_eq!(Value::from(judged.kept), json!({ "Stage": "Won", "Colours": ["B", "Red"] }));
    }

    #[test]
    fn what_is_not_is_named() {
        for (body, words) in [
            (json!({ "stage": "Open" }), "`stage` is no field of Deals: did you mean `Stage`?"),
            (json!({ "Foo": 1 }), "`Foo` is no field of Deals that the user who connected can see"),
            (json!({ "Foo_id": "61" }), "`Foo_id` is no field of Deals that the user who connected can see"),
            (json!({ "Sum": 1 }), "`Sum` cannot be written: CRM fills it itself"),
            (json!({ "Stage": null }), "`Stage` must have a value: CRM takes no record without it"),
            (json!({ "Stage": "Wonn" }), "`Stage` takes one of: Open, Gewonnen (in CRM also Won)"),
            (json!({ "Stage": ["Open"] }), "`Stage` must be a text, one of its values"),
            (json!({ "Colours": "Green" }), "`Colours` takes one of: Red, Blue (in CRM also B), a;b"),
            (json!({ "Colours": [1] }), "`Colours` must be a list of its values"),
            (json!({ "Next_Step": ["x"] }), "`Next_Step` must be a text"),
            (json!({ "Next_Step": "123456" }), "`Next_Step` takes at most 5 characters and has 6"),
            (json!({ "Account_Name_id": "Harbor" }), "`Account_Name_id` must be an id: a string of digits"),
            (
                json!({ "Account_Name": "Harbor" }),
                "`Account_Name` must be `{\"id\": …}`; or send `Account_Name_id`, an id: a string of digits",
            ),
            (json!({ "Probability": 50.5 }), "`Probability` must be a whole number"),
            (json!({ "Amount": "12" }), "`Amount` must be a number"),
            (json!({ "Rush": "yes" }), "`Rush` must be true or false"),
            (json!({ "Due": "24.12.2026" }), "`Due` must be a date like 2026-12-24"),
            (json!({ "Met_At": "tomorrow" }), "`Met_At` must be a time like 2026-12-24T18:30:00+01:00"),
            (json!({ "Lines": {} }), "`Lines` must be a list"),
        ] {
            let faults = judged(&body).unwrap_err();
            assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [words], "{body}");
        }
        let fields = fields();
        let module = Module { name: "Deals", fields: &fields };
        assert_eq!(module.judge(&Object::new(), true), Err(vec![Fault::Empty("Stage".to_owned())]));
    }

    #[test]
    fn without_metadata_ids_are_told_by_their_digits() {
        let body =
            json!({ "Account_Name_id": "61", "Account_Name": "Harbor", "legacy_id": "x-7", "Stage": "Open" });
        let sent = json!({ "Account_Name": { "id": "61" }, "legacy_id": "x-7", "Stage": "Open" });
        assert_eq!(Value::from(unjudged(body.as_object().unwrap())), sent);
    }

    #[test]
    fn columns_of_a_query_become_lists() {
        let fields = fields();
        let row = json!({ "Colours": "Red;Blue", "Next_Step": "a;b", "Stage": "Open" });
        let mut rows =
            vec![row.as_object().unwrap().clone(), Object::from_iter([("Colours".into(), "a;b".into())])];
        lists(Module { name: "Deals", fields: &fields }, &mut rows);
        assert_eq!(rows[0]["Colours"], json!(["Red", "Blue"]));
        assert_eq!(rows[0]["Next_Step"], "a;b");
        assert_eq!(rows[1]["Colours"], json!(["a;b"]));
    }
}
