//! The service keys: that there is one, that it has not ended, and that connections and keys may do the same.

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::access::key::{Keys, ServiceKey};
use shared::core::access::permission::Permission;
use shared::core::connection::Connection;
use shared::zoho::scope::{Access, Product, ScopeSet};

use super::key_for_a_check::KeyForACheck;
use super::report::Report;
use crate::commands::api::LABEL_FOR_AN_HOUR;
use crate::commands::installation::Opened;
use crate::commands::{connect_again, key_for_consent, named_connection};

const CHECK: &str = "Keys";

pub(super) async fn check(report: &mut Report, opened: &Opened, connections: &[Connection]) {
    let services = &opened.services;
    let now = services.clock.now();
    let keys = match Keys::new(services.stores.state.clone(), services.clock.clone()).list().await {
        Ok(keys) => keys,
        Err(error) => return report.bad(CHECK, error.to_string(), "see the check of the store"),
    };
    // Keys of commands are left out: they end by themselves, even if the command was killed.
    let is_a_commands =
        |key: &ServiceKey| KeyForACheck::is_label(&key.label) || key.label == LABEL_FOR_AN_HOUR;
    let keys: Vec<_> = keys.into_iter().filter(|key| !is_a_commands(key)).collect();
    if keys.is_empty() {
        return report.bad(CHECK, "there is none, so that no agent can call", create_first(connections));
    }
    let (ended, alive): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| has_ended(key, now));
    for key in &ended {
        report.bad(
            format!("Key {}", key.label),
            format!("{} has ended{}", key.id, key.expires.map(|at| format!(" at {at}")).unwrap_or_default()),
            format!(
                "`zoho-connector keys revoke {}`, and `zoho-connector keys create --connections {}` for the agent that used it",
                key.id,
                key.connections.iter().map(ConnectionName::as_str).collect::<Vec<_>>().join(",")
            ),
        );
    }
    let (off, alive): (Vec<_>, Vec<_>) = alive.into_iter().partition(|key| key.off_since.is_some());
    for key in &off {
        report.bad(
            format!("Key {}", key.label),
            format!("{} is off since this store was restored from a backup", key.id),
            format!("`zoho-connector keys confirm {0}`, or `zoho-connector keys revoke {0}` if it was revoked after the backup", key.id),
        );
    }
    for key in &alive {
        check_one(report, key, connections);
    }
    for found in connections {
        check_writes(report, found, &alive);
    }
}

/// How the first key is made.
fn create_first(connections: &[Connection]) -> String {
    if connections.is_empty() {
        return "connect Zoho, then `zoho-connector keys create`".to_owned();
    }
    let (name, names) = named_connection::unsaid(connections);
    format!("`zoho-connector keys create --connections {name}`{names}")
}

fn has_ended(key: &ServiceKey, now: Timestamp) -> bool {
    key.expires.is_some_and(|end| end <= now)
}

/// What a key may do and its connections may not.
fn check_one(report: &mut Report, key: &ServiceKey, connections: &[Connection]) {
    let check = format!("Key {}", key.label);
    let mut is_good = true;
    for name in &key.connections {
        let Some(found) = connections.iter().find(|found| found.name == *name) else {
            is_good = false;
            report.bad(
                &check,
                format!("{} is for {name}, which is not connected", key.id),
                format!("`zoho-connector connect --connection {name}`"),
            );
            continue;
        };
        for (product, level) in key.permissions.iter().filter_map(of_product) {
            is_good &= check_scopes(report, &check, key, found, (product, level));
        }
    }
    if is_good {
        let may: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
        report.good(check, format!("{} may {}", key.id, may.join(",")));
    }
}

fn of_product(permission: &Permission) -> Option<(Product, Access)> {
    match permission {
        Permission::Product(product, level) => Some((*product, *level)),
        _ => None,
    }
}

/// A level of which the consent holds nothing is a mistake; single scopes are left out on purpose, more often than not.
fn check_scopes(
    report: &mut Report,
    check: &str,
    key: &ServiceKey,
    found: &Connection,
    (product, level): (Product, Access),
) -> bool {
    let wanted = ScopeSet::of(&[product], level);
    let missing: Vec<_> = wanted.iter().filter(|scope| !found.scopes.allows(scope)).collect();
    if missing.is_empty() {
        return true;
    }
    let names = missing.join(", ");
    if key_for_consent::lacks(&found.scopes, product, level) {
        // The command asks for one consent for all that the key may do, because a second consent would replace the first.
        let missing = key_for_consent::missing(&found.scopes, &key.permissions);
        let more = connect_again::flags(&found.scopes, &missing);
        report.bad(
            check,
            format!("{} may {product}:{level}, but the consent of {} lacks {names}", key.id, found.name),
            format!(
                "`zoho-connector connect --connection {}{more}`, or give the agent a key that may less",
                found.name
            ),
        );
        return false;
    }
    report.neutral(
        check,
        format!("{} may {product}:{level}, and the consent of {} leaves out {names}", key.id, found.name),
    );
    true
}

/// Reports a connection that may write if no key for it may write.
fn check_writes(report: &mut Report, found: &Connection, keys: &[ServiceKey]) {
    let allowed = key_for_consent::allowed(&found.scopes);
    for (product, _) in allowed.iter().filter_map(of_product).filter(|(_, level)| *level > Access::Read) {
        let writes = |permission: &Permission| {
            of_product(permission).is_some_and(|(of, level)| of == product && level > Access::Read)
        };
        let mut of_it = keys.iter().filter(|key| key.connections.contains(&found.name));
        if !of_it.any(|key| key.permissions.iter().any(writes)) {
            let can = key_for_consent::flag(&found.scopes);
            report.bad(
                format!("Writes {}", found.name),
                format!("the consent allows writes to {product}, but no key that works may write to it: an agent's write is told `key_not_allowed`"),
                // The key may do what the consent allows, and no more. Otherwise the doctor would find this key wrong next.
                format!(
                    "`zoho-connector keys create{can} --connections {}`; where nothing shall be written, `zoho-connector connect --connection {} --access read`",
                    found.name, found.name
                ),
            );
        }
    }
}
