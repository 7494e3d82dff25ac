//! The fields of each module: which can be written, which are required, and the values of picklists.

use serde_json::{Number, Value, json};

use super::module::Module;
use super::record::text;
use crate::object::{Object, object};
use crate::switches::CURRENCY;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line, at most this long.
    Text(usize),
    /// Several lines, at most this long; cut in lists.
    Area(usize),
    Email,
    Phone,
    Website,
    Picklist(&'static [&'static str]),
    /// One of several values: as reads and writes name them, and as they are kept since before they were renamed.
    Renamed(&'static [(&'static str, &'static str)]),
    /// Several of them.
    Several(&'static [(&'static str, &'static str)]),
    Flag,
    /// A subform.
    Rows,
    Currency,
    Integer,
    Date,
    DateTime,
    Lookup(Module),
    User,
    Id,
    /// Tags, parents and the like, which cannot be searched.
    Other,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) mandatory: bool,
    pub(crate) writable: bool,
    /// Usable as `duplicate_check_fields`; a second record with the same value is refused.
    pub(crate) unique: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, mandatory: false, writable: true, unique: false }
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field { mandatory: true, ..field(name, kind) }
}

const fn unique(name: &'static str, kind: Kind) -> Field {
    Field { unique: true, ..field(name, kind) }
}

const fn fixed(name: &'static str, kind: Kind) -> Field {
    Field { writable: false, ..field(name, kind) }
}

/// Stages of a deal, and how likely each is to be won.
#[rustfmt::skip]
const STAGES: [(&str, u32); 9] = [
    ("Qualification", 10), ("Needs Analysis", 20), ("Value Proposition", 40), ("Id. Decision Makers", 60),
    ("Proposal/Price Quote", 75), ("Negotiation/Review", 90), ("Closed Won", 100), ("Closed Lost", 0),
    ("Closed Lost to Competition", 0),
];
#[rustfmt::skip]
const STAGE: [&str; 9] = [
    "Qualification", "Needs Analysis", "Value Proposition", "Id. Decision Makers", "Proposal/Price Quote",
    "Negotiation/Review", "Closed Won", "Closed Lost", "Closed Lost to Competition",
];
const TYPE: [&str; 2] = ["Existing Business", "New Business"];
const SOURCE: [&str; 6] =
    ["Advertisement", "Cold Call", "Employee Referral", "External Referral", "Online Store", "Trade Show"];
const PIPELINE: [&str; 1] = ["Standard"];
const GRADE: [(&str, &str); 3] = [("Gold", "A"), ("Silver", "B"), ("Bronze", "Bronze")];
const COLOURS: [(&str, &str); 3] = [("Oak", "Oak"), ("Black", "Black"), ("Sea blue", "Blue")];
const CURRENCIES: [&str; 2] = ["EUR", "USD"];
const INDUSTRY: [&str; 3] = ["Hospitality", "Manufacturing", "Retail"];

const DEALS: [Field; 27] = [
    fixed("id", Kind::Id),
    must("Deal_Name", Kind::Text(120)),
    must("Stage", Kind::Picklist(&STAGE)),
    field("Amount", Kind::Currency),
    field("Closing_Date", Kind::Date),
    field("Owner", Kind::User),
    field("Account_Name", Kind::Lookup(Module::Accounts)),
    field("Contact_Name", Kind::Lookup(Module::Contacts)),
    fixed("Created_Time", Kind::DateTime),
    fixed("Modified_Time", Kind::DateTime),
    fixed("Created_By", Kind::User),
    fixed("Modified_By", Kind::User),
    field("Pipeline", Kind::Picklist(&PIPELINE)),
    field("Probability", Kind::Integer),
    fixed("Expected_Revenue", Kind::Currency),
    field("Type", Kind::Picklist(&TYPE)),
    field("Lead_Source", Kind::Picklist(&SOURCE)),
    field("Next_Step", Kind::Text(100)),
    field("Description", Kind::Area(32_000)),
    fixed("Tag", Kind::Other),
    unique("External_Order_ID", Kind::Text(60)),
    field("Grade", Kind::Renamed(&GRADE)),
    field("Colours", Kind::Several(&COLOURS)),
    field("Is_Rush", Kind::Flag),
    field("Lines", Kind::Rows),
    field("legacy_id", Kind::Text(50)),
    // Only with several currencies.
    field(CURRENCY, Kind::Picklist(&CURRENCIES)),
];
const CONTACTS: [Field; 13] = [
    fixed("id", Kind::Id),
    field("First_Name", Kind::Text(40)),
    must("Last_Name", Kind::Text(80)),
    fixed("Full_Name", Kind::Text(120)),
    unique("Email", Kind::Email),
    field("Phone", Kind::Phone),
    field("Mobile", Kind::Phone),
    field("Account_Name", Kind::Lookup(Module::Accounts)),
    field("Owner", Kind::User),
    fixed("Created_Time", Kind::DateTime),
    fixed("Modified_Time", Kind::DateTime),
    fixed("Created_By", Kind::User),
    fixed("Modified_By", Kind::User),
];
const ACCOUNTS: [Field; 13] = [
    fixed("id", Kind::Id),
    must("Account_Name", Kind::Text(200)),
    field("Phone", Kind::Phone),
    field("Website", Kind::Website),
    field("Billing_City", Kind::Text(100)),
    field("Billing_Country", Kind::Text(100)),
    field("Industry", Kind::Picklist(&INDUSTRY)),
    field("Description", Kind::Area(32_000)),
    field("Owner", Kind::User),
    fixed("Created_Time", Kind::DateTime),
    fixed("Modified_Time", Kind::DateTime),
    fixed("Created_By", Kind::User),
    fixed("Modified_By", Kind::User),
];
const NOTES: [Field; 9] = [
    fixed("id", Kind::Id),
    field("Note_Title", Kind::Text(120)),
    field("Note_Content", Kind::Area(32_000)),
    must("Parent_Id", Kind::Other),
    field("Owner", Kind::User),
    fixed("Created_Time", Kind::DateTime),
    fixed("Modified_Time", Kind::DateTime),
    fixed("Created_By", Kind::User),
    fixed("Modified_By", Kind::User),
];

/// The fields of a module.
pub(crate) fn of(module: Module) -> &'static [Field] {
    match module {
        Module::Deals => &DEALS,
        Module::Contacts => &CONTACTS,
        Module::Accounts => &ACCOUNTS,
        Module::Notes => &NOTES,
    }
}

/// One field of a module.
pub(crate) fn find(module: Module, name: &str) -> Option<&'static Field> {
    of(module).iter().find(|field| field.name == name)
}

/// An empty record: every field is null, as Zoho shows it.
pub(crate) fn blank(module: Module) -> Object {
    let always = of(module).iter().filter(|field| field.name != CURRENCY);
    let mut record: Object = always.map(|field| (field.name.to_owned(), Value::Null)).collect();
    if module == Module::Deals {
        record.extend(object(
            json!({ "Pipeline": "Standard", "Tag": [], "Is_Rush": false, "Lines": [], "$currency_symbol": "€", "$editable": true,
            "$approved": true, "$approval_state": "approved", "$in_merge": false, "$locked_for_me": false }),
        ));
    }
    if module == Module::Notes {
        record
            .extend(object(json!({ "$attachments": null, "$editable": true, "$is_shared_to_client": false,
            "$voice_note": false, "$size": null, "$state": "save" })));
    }
    record
}

/// Sets the fields that are computed from others.
pub(crate) fn derive(module: Module, record: &mut Object) {
    match module {
        Module::Deals => {
            let amount = record.get("Amount").and_then(Value::as_f64);
            let likely = record.get("Probability").and_then(Value::as_f64);
            let expected = amount.zip(likely).map(|(amount, likely)| (amount * likely).round() / 100.0);
            let expected = expected.and_then(Number::from_f64).map_or(Value::Null, Value::Number);
            record.insert("Expected_Revenue".to_owned(), expected);
        }
        Module::Contacts => {
            let name = ["First_Name", "Last_Name"].map(|key| text(record, key).to_owned());
            record.insert("Full_Name".to_owned(), name.join(" ").trim().into());
        }
        Module::Accounts | Module::Notes => {}
    }
}

/// How likely a deal in this stage is to be won.
pub(crate) fn probability(stage: &str) -> Option<u32> {
    STAGES.iter().find(|(name, _)| *name == stage).map(|(_, likely)| *likely)
}
