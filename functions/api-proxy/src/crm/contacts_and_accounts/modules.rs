//! The modules, with their routes, what they are searched by, and their documented fields.

use shared::zoho::crm;

use crate::openapi::schema;
use crate::openapi::schema::{Field, Holds, Shape};

/// A module of CRM whose records are listed, searched and read one by one.
pub(crate) struct Module {
    pub(crate) path: &'static str,
    /// Its API name.
    pub(crate) name: &'static str,
    pub(crate) scope: &'static str,
    /// What a list asks for when the caller names no fields.
    pub(crate) fields: &'static str,
    /// What a record may be searched by, and the fields that must then have the value.
    pub(super) by: &'static [(&'static str, &'static [&'static str])],
    /// Its names, which a key that does not see all may search by.
    pub(super) names: &'static [&'static str],
    /// What one is called, in the document and in words.
    pub(super) one: (&'static str, &'static str),
    /// The id of one in the stand-in Zoho.
    pub(super) example: &'static str,
    /// Fields that can be relied on, beside the id.
    pub(super) documented: &'static [Field],
}

/// The modules that have these routes.
pub(super) const MODULES: &[&Module] = &[&CONTACTS, &ACCOUNTS];

/// Contacts: people.
pub(crate) const CONTACTS: Module = Module {
    path: "/v1/crm/contacts",
    name: "Contacts",
    scope: crm::scope::CONTACTS,
    fields: "First_Name,Last_Name,Full_Name,Email,Phone,Mobile,Account_Name,Owner,Created_Time,Modified_Time",
    by: &[
        ("email", &["Email", "Secondary_Email"]),
        ("phone", &["Phone", "Mobile", "Other_Phone"]),
        ("search", &[]),
    ],
    names: &["First_Name", "Last_Name", "Full_Name"],
    one: ("CrmContact", "contact"),
    example: "6100000000440025",
    documented: &[
        ("First_Name", Holds::Text, "Their first name."),
        ("Last_Name", Holds::Text, "Their last name."),
        ("Full_Name", Holds::Text, "Both."),
        ("Email", Holds::Text, "Their address."),
        ("Phone", Holds::Text, "Their number."),
        ("Account_Name", Holds::Text, "The account that they belong to."),
        ("Account_Name_id", Holds::OtherId, "Its id."),
        ("Owner", Holds::Text, "Who of us looks after them."),
        ("Owner_id", Holds::OtherId, "Their id."),
        ("Created_Time", Holds::Time, "When they were entered."),
        ("Modified_Time", Holds::Time, "When they were changed."),
    ],
};

/// Accounts: companies.
pub(crate) const ACCOUNTS: Module = Module {
    path: "/v1/crm/accounts",
    name: "Accounts",
    scope: crm::scope::ACCOUNTS,
    fields: "Account_Name,Phone,Website,Industry,Billing_City,Billing_Country,Owner,Created_Time,Modified_Time",
    by: &[("phone", &["Phone"]), ("search", &[])],
    names: &["Account_Name"],
    one: ("Account", "account"),
    example: "6100000000440011",
    documented: &[
        ("Account_Name", Holds::Text, "Its name."),
        ("Phone", Holds::Text, "Its number."),
        ("Website", Holds::Text, "Its address on the web."),
        ("Industry", Holds::Text, "What it does."),
        ("Owner", Holds::Text, "Who of us looks after it."),
        ("Owner_id", Holds::OtherId, "Their id."),
        ("Created_Time", Holds::Time, "When it was entered."),
        ("Modified_Time", Holds::Time, "When it was changed."),
    ],
};

impl Module {
    /// A record of it, as reads give it.
    pub(crate) fn shape(&self) -> Shape {
        schema::record_with_id(self.one.0, "id", self.documented)
    }
}

/// The names of what its records may be searched by, for a sentence.
pub(super) fn searches(module: &Module) -> String {
    module.by.iter().map(|by| format!("`{}`", by.0)).collect::<Vec<_>>().join(", ")
}
