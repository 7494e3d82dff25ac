//! The meanings of Zoho's codes for the connector, and the hints for callers. A code that is not listed here is judged by the
//! HTTP status.

use crate::zoho::failure::FailureKind as Kind;

/// A code and its meaning.
pub(super) struct Refusal {
    code: &'static str,
    /// Words that the message must have, because some codes have several meanings.
    words: &'static str,
    pub(super) kind: Kind,
    /// What to do next, where the hint of the kind would be wrong.
    pub(super) hint: Option<&'static str>,
}

const fn refusal(code: &'static str, kind: Kind) -> Refusal {
    Refusal { code, words: "", kind, hint: None }
}

const fn hinted(code: &'static str, kind: Kind, hint: &'static str) -> Refusal {
    Refusal { code, words: "", kind, hint: Some(hint) }
}

const UNKNOWN_PATH: &str = "Zoho has no such call. Check method and path against Zoho's API reference: a path below `/v1/zoho/` is passed on as it stands.";
const OF_THE_ROLE: &str = "The scope is there; what is missing is a right of the person who connected Zoho. An administrator of Zoho must change their role or profile, or another user must connect.";

/// CRM's codes. <https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html>
const CRM: &[Refusal] = &[
    refusal("INVALID_TOKEN", Kind::DeadToken),
    refusal("AUTHENTICATION_FAILURE", Kind::DeadToken),
    refusal("OAUTH_SCOPE_MISMATCH", Kind::ScopeMissing),
    refusal("TOO_MANY_REQUESTS", Kind::RateLimited),
    refusal("INTERNAL_ERROR", Kind::Unavailable),
    refusal("ALREADY_MODIFIED", Kind::Modified),
    refusal("RECORD_MODIFIED", Kind::Modified),
    hinted("NO_PERMISSION", Kind::Forbidden, OF_THE_ROLE),
    hinted("AUTHORIZATION_FAILED", Kind::Forbidden, OF_THE_ROLE),
    hinted("PERMISSION_DENIED", Kind::Forbidden, OF_THE_ROLE),
    hinted("INVALID_URL_PATTERN", Kind::Rejected, UNKNOWN_PATH),
    hinted("INVALID_REQUEST_METHOD", Kind::Rejected, UNKNOWN_PATH),
    hinted(
        "INVALID_MODULE",
        Kind::Rejected,
        "CRM has no module of this API name, or does not let it be used so. API names are case-sensitive, like `Deals`; a person finds them in CRM's setup, under API Names. `GET /v1/zoho/crm/settings/modules` lists them where the key has a pattern for it, and the connection the scope ZohoCRM.settings.modules.READ.",
    ),
    Refusal {
        code: "INVALID_DATA",
        words: "related id",
        kind: Kind::NotFound,
        hint: Some(
            "The record that this one would belong to does not exist. Check its id; ids of Inventory and CRM differ.",
        ),
    },
    hinted(
        "INVALID_DATA",
        Kind::Rejected,
        "Correct the field that `zoho.details.api_name` names, to what `zoho.details` expects of it; an id that is named there does not exist.",
    ),
    hinted(
        "MANDATORY_NOT_FOUND",
        Kind::Rejected,
        "Send the field that `zoho.details.api_name` names: CRM does not take the record without it.",
    ),
    hinted(
        "EXPECTED_FIELD_MISSING",
        Kind::Rejected,
        "Send one of the fields that `zoho.details` names: CRM does not take the record without it.",
    ),
    hinted(
        "DUPLICATE_DATA",
        Kind::Rejected,
        "A record with this value exists: `zoho.details` has its id. Change that record, or send another value.",
    ),
    hinted(
        "RECORD_IN_BLUEPRINT",
        Kind::Rejected,
        "The record is in a Blueprint: this field changes only by one of its transitions, whatever the value. `GET /v1/zoho/crm/<module>/<id>/actions/blueprint` lists them; a person can also make the transition in Zoho.",
    ),
    hinted(
        "RECORD_LOCKED",
        Kind::Locked,
        "Something in Zoho has locked the record, an approval or an import for example. Try again after `retry_after` seconds; if it stays locked, a person must unlock it in Zoho.",
    ),
    hinted("LIMIT_EXCEEDED", Kind::Rejected, "Send less at once: `zoho.details` has the limit."),
];

/// Inventory's codes, which are numbers. <https://www.zoho.com/inventory/api/v1/introduction/>
const INVENTORY: &[Refusal] = &[
    refusal("14", Kind::DeadToken),
    refusal("57", Kind::DeadTokenOrScope),
    refusal("44", Kind::RateLimited),
    refusal("1070", Kind::TooManyAtOnce),
    refusal("45", Kind::DailyLimit),
    refusal("1002", Kind::NotFound),
    refusal("6041", Kind::Organization),
    refusal("6024", Kind::Organization),
    refusal("4029", Kind::Organization),
    refusal("1000", Kind::Unavailable),
    refusal("900001", Kind::Unavailable),
    hinted("5", Kind::Rejected, UNKNOWN_PATH),
    hinted(
        "400040",
        Kind::Rejected,
        "The user who connected may not use this location. Use another location, or an administrator of Zoho gives them this one.",
    ),
    hinted(
        "2205",
        Kind::Rejected,
        "The item has serial numbers or batches: send `serial_numbers` or `batches` with its line.",
    ),
    hinted(
        "2303",
        Kind::Rejected,
        "A batch of this number exists already. Where it may be the one of an earlier try, look at the item's batches before you send it again.",
    ),
    hinted("2324", Kind::Rejected, "The batch is not at this location. Use a batch that is kept there."),
    hinted(
        "36073",
        Kind::Rejected,
        "An item of the order is not for sale. Leave its line out, or a person marks the item in Zoho as one that is sold.",
    ),
    hinted(
        "110802",
        Kind::Rejected,
        "Inventory does not take the tax of a line or of the customer. Leave `tax_id` out, or use one of the organisation's own taxes.",
    ),
];

fn found(table: &'static [Refusal], code: &str, message: &str) -> Option<&'static Refusal> {
    table.iter().find(|refusal| refusal.code == code && message.contains(refusal.words))
}

/// The meaning of a code of CRM.
pub(super) fn of_crm(code: &str, message: &str) -> Option<&'static Refusal> {
    found(CRM, code, message)
}

/// The meaning of a code of Inventory.
pub(super) fn of_inventory(code: &str, message: &str) -> Option<&'static Refusal> {
    found(INVENTORY, code, message)
}
