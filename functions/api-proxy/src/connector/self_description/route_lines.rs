//! The routes that a key may call on its connections, each as one line.

use shared::base::id::ConnectionName;
use shared::core::access::key::ServiceKey;
use shared::core::connection::Connection;
use shared::zoho::scope::ScopeSet;

use super::description::{Group, LeftOut};
use crate::connector::allowed;
use crate::openapi::listed::{Listed, OPERATIONS};
use crate::request::redact::is_personal;

/// What can be called, and what there is besides.
pub(super) fn routes_of(
    key: &ServiceKey,
    seen: &[(&ConnectionName, Option<&Connection>)],
) -> (Vec<Group>, LeftOut) {
    let nothing = ScopeSet::default();
    let seen: Vec<(&ConnectionName, &ScopeSet)> =
        seen.iter().map(|(name, found)| (*name, found.map_or(&nothing, |found| &found.scopes))).collect();
    let mut left_out = LeftOut::default();
    let mut alike: Vec<Alike<'_>> = Vec::new();
    for operation in OPERATIONS {
        if !allowed::by_key(key, operation) {
            left_out.by_key += 1;
            left_out.permissions.extend(operation.permissions);
            continue;
        }
        let on = seen.iter().filter(|(_, scopes)| allowed::on(key, scopes, operation));
        let on: Vec<&ConnectionName> = on.map(|(name, _)| *name).collect();
        if on.is_empty() {
            left_out.by_scopes += 1;
            let lacks = |scope: &&&'static str| !seen.iter().any(|(_, scopes)| scopes.allows(scope));
            left_out.scopes.extend(operation.scopes.iter().filter(lacks));
            continue;
        }
        let heading = (Subject::of(operation), writes_to_zoho(operation));
        match alike.iter_mut().find(|group| group.heading == heading && group.on == on) {
            Some(group) => group.operations.push(operation),
            None => {
                let behind_equals = alike.partition_point(|group| group.heading <= heading);
                alike.insert(behind_equals, Alike { heading, on, operations: vec![operation] });
            }
        }
    }
    let mut routes: Vec<Group> = Vec::new();
    for Alike { heading: (subject, writes), on, operations } in alike {
        let is_everywhere = on.len() == seen.len();
        routes.push(Group {
            about: subject.words(),
            writes,
            connections: (!is_everywhere).then(|| on.into_iter().cloned().collect()),
            routes: lines(&operations, key.redact_contacts),
        });
    }
    let mut passed: Vec<String> = Vec::new();
    for route in seen.iter().flat_map(|(_, scopes)| allowed::passed_through(key, scopes)) {
        if !passed.contains(&route) {
            passed.push(route);
        }
    }
    if !passed.is_empty() {
        let about = "Passed through to Zoho (`*` is one part of a path, `**` the rest)";
        routes.push(Group { about, writes: false, connections: None, routes: passed });
    }
    (routes, left_out)
}

/// Whether it changes something in Zoho. A step of longer work that does has no preview of its own, and a scope to write.
fn writes_to_zoho(operation: &Listed) -> bool {
    operation.is_write || operation.scopes.iter().any(|scope| !scope.ends_with(".READ"))
}

/// Operations that are told together.
struct Alike<'a> {
    /// What they are about, and whether they write.
    heading: (Subject, bool),
    on: Vec<&'a ConnectionName>,
    operations: Vec<&'static Listed>,
}

/// What a route is about, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Inventory,
    Crm,
    Connector,
}

impl Subject {
    fn of(operation: &Listed) -> Self {
        match operation.path.split('/').nth(2) {
            Some("inventory") => Self::Inventory,
            Some("crm") => Self::Crm,
            _ => Self::Connector,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Inventory => "Inventory",
            Self::Crm => "CRM",
            Self::Connector => "Events and audit",
        }
    }
}

/// A line for each operation. The one that gives a single record of a list stands in the list's line.
fn lines(operations: &[&Listed], is_redacted: bool) -> Vec<String> {
    let of_which = |list: &&&Listed| operations.iter().copied().find(|one| is_one_of(list, one));
    let is_told = |one: &&&Listed| !operations.iter().any(|list| is_one_of(list, one));
    let told = operations.iter().filter(is_told);
    told.map(|operation| line(operation, of_which(&operation), is_redacted)).collect()
}

/// Whether an operation gives a single record of a list, and takes nothing that the list does not take.
fn is_one_of(list: &Listed, one: &Listed) -> bool {
    let below = one.path.rsplit_once('/');
    (list.method, one.method) == ("GET", "GET")
        && below.is_some_and(|(above, id)| above == list.path && id.starts_with('{'))
        && one.required.is_empty()
        && one.optional.iter().all(|name| list.optional.contains(name))
}

/// `GET /v1/crm/deals[/{id}]?[stage,search]: Deals, by page`
fn line(operation: &Listed, one: Option<&Listed>, is_redacted: bool) -> String {
    let id = one.and_then(|one| one.path.rsplit_once('/')).map(|(_, id)| format!("[/{id}]"));
    let mut query: Vec<String> = operation.required.iter().map(|name| format!("{name}=")).collect();
    let optional = operation.optional.iter().copied().filter(|name| !is_redacted || !is_personal(name));
    let optional: Vec<&str> = optional.collect();
    if !optional.is_empty() {
        query.push(format!("[{}]", optional.join(",")));
    }
    let mut line = format!("{} {}{}", operation.method, operation.path, id.unwrap_or_default());
    if !query.is_empty() {
        line.push('?');
        line.push_str(&query.join("&"));
    }
    if !operation.body.is_empty() {
        line.push(' ');
        line.push_str(operation.body);
    }
    line.push_str(": ");
    line.push_str(operation.summary);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Listed = Listed {
        method: "GET",
        path: "/v1/crm/accounts",
        summary: "Accounts, by page",
        permissions: &["crm:read"],
        scopes: &[],
        required: &[],
        optional: &["phone", "search", "fields"],
        body: "",
        is_write: false,
    };

    #[test]
    fn a_list_and_its_single_records_are_one_line() {
        let one = Listed { path: "/v1/crm/accounts/{id}", optional: &["fields"], ..LIST };
        let write = Listed {
            method: "POST",
            path: "/v1/crm/accounts",
            required: &["by"],
            optional: &["run"],
            body: "{Account_Name}",
            summary: "Makes one",
            ..LIST
        };
        assert_eq!(
            lines(&[&LIST, &one, &write], true),
            [
                "GET /v1/crm/accounts[/{id}]?[search,fields]: Accounts, by page",
                "POST /v1/crm/accounts?by=&[run] {Account_Name}: Makes one",
            ]
        );
        // What it takes beside the list's would be lost.
        let other = Listed { optional: &["show"], ..one };
        assert_eq!(lines(&[&LIST, &other], false).len(), 2);
        assert_eq!(lines(&[&other], false), ["GET /v1/crm/accounts/{id}?[show]: Accounts, by page"]);
    }

    #[test]
    fn what_changes_something_in_zoho_stands_among_writes() {
        let writes: Vec<&str> = OPERATIONS
            .iter()
            .filter(|operation| writes_to_zoho(operation) && !operation.is_write)
            .map(|operation| operation.path)
            .collect();
        assert_eq!(writes, ["/v1/inventory/reconciliations/{id}/apply"]);
    }
}
