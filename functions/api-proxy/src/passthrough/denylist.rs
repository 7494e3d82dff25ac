//! What is never passed through, whatever a key may do: it would undo what the connector itself takes care of.

use shared::zoho::api_path::{ApiPath, Verb};
use shared::zoho::scope::Product;

use Product::{Crm, Inventory};

/// Which methods of a path.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    All,
    Writes,
}

use Of::{All, Writes};

const WEBHOOKS: &str =
    "webhooks and workflow rules decide what Zoho tells the connector, and hold the secret that signs it";
const CHANNELS: &str =
    "notification channels are made and renewed by the connector; another call would silence its events";
const PEOPLE: &str =
    "users, roles and profiles decide who may do what in Zoho, the connection's own user included";
const ORGANISATION: &str = "settings of the organisation change how everything else is read and written";
const TOKENS: &str = "tokens and clients are kept by the connector alone";
const BUNDLE: &str = "a bundle holds calls that would not be judged one by one";
const CODE: &str = "functions and scripts run with rights of their own, and do what no path tells";
const MAIL: &str = "it sends mail or messages in the name of the company, which nobody takes back";
const PORTAL: &str = "it gives people from outside access to Zoho";
const VALUES: &str = "variables and connections of the organisation hold keys and passwords of other systems";
const BULK: &str = "many records at once cannot be previewed or brought back";

/// The beginning of a path (`*` is any one part), whatever follows. Compared without regard to capitals or endings like
/// `.json`: Zoho may not regard them either.
const DENIED: &[(Product, Of, &str, &str)] = &[
    (Inventory, All, "settings/webhooks", WEBHOOKS),
    (Inventory, All, "settings/workflows", WEBHOOKS),
    (Inventory, All, "settings/workflowrules", WEBHOOKS),
    (Inventory, All, "settings/automation", WEBHOOKS),
    (Inventory, All, "settings/incomingwebhooks", WEBHOOKS),
    (Inventory, All, "webhooks", WEBHOOKS),
    (Inventory, All, "workflows", WEBHOOKS),
    (Inventory, All, "workflowrules", WEBHOOKS),
    (Inventory, All, "automation", WEBHOOKS),
    (Inventory, All, "customfunctions", CODE),
    (Inventory, All, "settings/customfunctions", CODE),
    (Inventory, All, "settings/schedulers", CODE),
    (Inventory, Writes, "settings", ORGANISATION),
    (Inventory, Writes, "organizations", ORGANISATION),
    (Inventory, Writes, "locations/*/users", PEOPLE),
    (Inventory, Writes, "preferences", ORGANISATION),
    (Inventory, Writes, "users", PEOPLE),
    (Inventory, Writes, "roles", PEOPLE),
    (Inventory, All, "settings/variables", VALUES),
    (Inventory, All, "settings/connections", VALUES),
    (Inventory, All, "oauth", TOKENS),
    (Inventory, All, "bulk", BUNDLE),
    (Inventory, All, "batch", BUNDLE),
    (Crm, All, "actions/watch", CHANNELS),
    (Crm, All, "notifications", CHANNELS),
    (Crm, All, "settings/automation", WEBHOOKS),
    (Crm, All, "settings/webhooks", WEBHOOKS),
    (Crm, All, "settings/workflow", WEBHOOKS),
    (Crm, All, "settings/workflow_rules", WEBHOOKS),
    (Crm, Writes, "settings", ORGANISATION),
    (Crm, Writes, "org", ORGANISATION),
    (Crm, Writes, "users", PEOPLE),
    (Crm, All, "settings/variables", VALUES),
    (Crm, All, "settings/variable_groups", VALUES),
    (Crm, All, "settings/connections", VALUES),
    (Crm, All, "functions", CODE),
    (Crm, All, "settings/functions", CODE),
    (Crm, All, "__composite_requests", BUNDLE),
    (Crm, All, "composite_requests", BUNDLE),
    (Crm, All, "bulk", BUNDLE),
    (Crm, All, "oauth", TOKENS),
    (Crm, Writes, "*/actions/mass_delete", BULK),
    (Crm, Writes, "actions/mass_delete", BULK),
    (Crm, Writes, "*/actions/mass_update", BULK),
    (Crm, Writes, "actions/mass_update", BULK),
];

/// Parts of paths, wherever they stand, that send something to people or let them in.
const ANYWHERE: &[(&str, &str)] = &[
    ("email", MAIL),
    ("mail", MAIL),
    ("send_mail", MAIL),
    ("send_email", MAIL),
    ("sendmail", MAIL),
    ("sendemail", MAIL),
    ("bulkemail", MAIL),
    ("paymentreminder", MAIL),
    ("paymentreminders", MAIL),
    ("reminder", MAIL),
    ("sms", MAIL),
    ("send_sms", MAIL),
    ("sendsms", MAIL),
    ("whatsapp", MAIL),
    ("portal", PORTAL),
    ("portals", PORTAL),
    ("portal_invite", PORTAL),
    ("invite", PORTAL),
];

/// Why a call is never passed through, where it is not.
pub(super) fn reason(verb: Verb, product: Product, path: &ApiPath) -> Option<&'static str> {
    let told: Vec<String> = path.segments().map(stem).collect();
    let begins = |pattern: &str| {
        let mut told = told.iter();
        pattern.split('/').all(|own| told.next().is_some_and(|theirs| own == "*" || own == theirs))
    };
    let listed = DENIED.iter().find(|(of, which, pattern, _)| {
        *of == product && (*which == All || !verb.is_read()) && begins(pattern)
    });
    if let Some((_, _, _, why)) = listed {
        return Some(why);
    }
    let anywhere = ANYWHERE.iter().find(|(part, _)| told.iter().any(|own| own == part));
    if let Some((_, why)) = anywhere.filter(|_| !verb.is_read()) {
        return Some(why);
    }
    (verb == Verb::Delete && told.len() == 1).then_some(BULK)
}

/// The same of its query: a list of ids stands there where no record is named in the path.
pub(super) fn reason_of_query(verb: Verb, query: &[(String, String)]) -> Option<&'static str> {
    let many = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "ids" || name.ends_with("_ids")
    };
    let sends = |(name, value): &(String, String)| name.eq_ignore_ascii_case("send") && value != "false";
    if !verb.is_read() && query.iter().any(sends) {
        return Some(MAIL);
    }
    (verb == Verb::Delete && query.iter().any(|(name, _)| many(name))).then_some(BULK)
}

/// A part of a path without what Zoho may not regard.
pub(super) fn stem(segment: &str) -> String {
    segment.split('.').next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(call: &str) -> bool {
        let (verb, call) = call.split_once(' ').unwrap();
        let (path, query) = call.split_once('?').unwrap_or((call, ""));
        let (product, path) = path.split_once('/').unwrap();
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let verb = verb.parse().unwrap();
        let of_path = reason(verb, product.parse().unwrap(), &path.parse().unwrap());
        of_path.or_else(|| reason_of_query(verb, &query)).is_some()
    }

    #[test]
    fn what_would_undo_the_connector_is_denied_in_every_writing() {
        for call in [
            "GET inventory/settings/webhooks",
            "POST inventory/Settings/WebHooks/33",
            "PUT inventory/settings/webhooks.json",
            "POST inventory/settings/taxes",
            "PUT inventory/organizations/20098765432",
            "POST inventory/users",
            "DELETE inventory/items?item_ids=1,2",
            "DELETE inventory/salesorders",
            "DELETE inventory/salesorders/1?salesorder_ids=2",
            "POST crm/actions/watch",
            "GET crm/actions/watch",
            "PATCH crm/Actions/Watch",
            "POST crm/settings/roles",
            "PUT crm/org",
            "DELETE crm/users/1",
            "POST crm/__composite_requests",
            "POST crm/functions/x/actions/execute",
            "POST crm/Deals/actions/mass_delete",
            "DELETE crm/Deals?ids=1,2",
            "DELETE crm/Deals/1/Contacts?IDS=1,2",
            "POST inventory/salesorders/1/email",
            "POST inventory/contacts/1/statements/email",
            "POST inventory/salesorders?send=true",
            "POST inventory/invoices/1/paymentreminder",
            "POST crm/Contacts/1/actions/send_mail",
            "POST inventory/contacts/1/portal/enable",
            "POST crm/Leads/actions/mass_update",
            "POST crm/settings/portals/x/user_type",
            "GET crm/settings/variables",
            "GET crm/settings/variables/1",
            "PUT crm/Settings/Variables.json",
            "GET crm/settings/connections",
        ] {
            assert!(denied(call), "{call}");
        }
        for call in [
            "GET inventory/settings/taxes",
            "GET inventory/salesorders/1/email",
            "GET crm/Contacts/1/Emails",
            "POST inventory/salesorders?send=false",
            "GET inventory/users",
            "GET inventory/organizations",
            "POST inventory/itemgroups",
            "DELETE inventory/items/1/image",
            "DELETE inventory/salesorders/1",
            "GET inventory/salesorders?salesorder_ids=1,2",
            "GET crm/settings/modules",
            "GET crm/org",
            "POST crm/Leads",
            "DELETE crm/Deals/1",
            "POST crm/coql",
            "PUT crm/Organs",
        ] {
            assert!(!denied(call), "{call}");
        }
    }
}
