//! Connections that a command names: whether they are there, what somebody may have meant who misspelt one, and how a command that is
//! told names one where nobody said which.

use shared::base::id::ConnectionName;
use shared::base::nearest::nearest;
use shared::core::connection::{self, Connection, State};
use shared::core::services::Services;
use shared::zoho::scope::Product;

use crate::commands::installation::Installation;
use crate::failure::Failure;
use crate::terminal::{are, note};

/// The connection, which must be there.
pub(super) async fn find(services: &Services, name: &ConnectionName) -> Result<Connection, Failure> {
    let all = connection::list(&*services.stores.state).await?;
    let mut missing = format!("there is no connection {name}{}", advice(name, &all));
    if let Some(meant) = meant(name, &all) {
        missing.push_str(&format!("\nWhere {meant} is meant, say `--connection {meant}`."));
    }
    all.into_iter().find(|found| found.name == *name).ok_or(Failure::Other(missing))
}

/// Refuses connections that are not there, before something is made for them: for a typo, it would be made for nothing. `flag` is what
/// names them on the command line.
pub(super) async fn refuse_unknown<'a>(
    services: &Services,
    installation: &Installation,
    flag: &str,
    names: impl IntoIterator<Item = &'a ConnectionName>,
) -> Result<(), Failure> {
    let all = connection::list(&*services.stores.state).await?;
    for name in names {
        if !all.iter().any(|found| found.name == *name) {
            // What is most likely meant stands first: whoever is tired takes the first.
            let mend = meant(name, &all)
                .map(|meant| format!(" Where {meant} is meant, say `--{flag} {meant}`."))
                .unwrap_or_default();
            return Err(Failure::Other(format!(
                "there is no connection {name}{}\nNothing was made.{mend} Where the name {name} is right, `{}` comes first; with \
                 --not-yet-connected, it may also come later.",
                advice(name, &all),
                installation.command(&format!("connect --connection {name}"))
            )));
        }
    }
    Ok(())
}

/// A word to the operator who names connections that are not there yet: what is made for them works once they are.
pub(super) async fn warn_of_unknown<'a>(
    services: &Services,
    names: impl IntoIterator<Item = &'a ConnectionName>,
) -> Result<(), Failure> {
    let all = connection::list(&*services.stores.state).await?;
    for name in names {
        if !all.iter().any(|found| found.name == *name) {
            note(format!("Warning: there is no connection {name} yet{}", advice(name, &all)));
        }
    }
    Ok(())
}

/// A word to the operator who names none where the connections are called otherwise: `default` is made beside them.
pub(super) async fn tell_of_another(services: &Services, name: &ConnectionName) -> Result<(), Failure> {
    let mut all = connection::list(&*services.stores.state).await?;
    if *name != ConnectionName::default() || all.iter().any(|found| found.name == *name) {
        return Ok(());
    }
    // One that is being ended is connected anew by nobody.
    all.retain(|found| found.state != State::Disconnecting);
    if !all.is_empty() {
        let (which, names) = unsaid(&all);
        note(format!(
            "Warning: this makes another connection, {name}. To connect one anew that is there, say `--connection {which}`{names}."
        ));
    }
    Ok(())
}

/// The connection that somebody most likely means: the one of nearly that name, else the only one there is.
fn meant<'a>(name: &ConnectionName, all: &'a [Connection]) -> Option<&'a str> {
    let near = nearest(name.as_str(), all.iter().map(|found| found.name.as_str()));
    near.or_else(|| match all {
        [only] => Some(only.name.as_str()),
        _ => None,
    })
}

fn advice(name: &ConnectionName, all: &[Connection]) -> String {
    let names = all.iter().map(|found| found.name.as_str());
    if let Some(near) = nearest(name.as_str(), names.clone()) {
        return format!(": did you mean {near}?");
    }
    match names.collect::<Vec<_>>().as_slice() {
        [] => ": nothing is connected yet".to_owned(),
        all => format!(": connected {} {}", are(all.len()), all.join(", ")),
    }
}

/// The only connection that there is, but for those that are being ended: the one that `setup` is about where nobody names one.
pub(super) fn only(all: &[Connection]) -> Option<&ConnectionName> {
    match staying(all).as_slice() {
        [only] => Some(&only.name),
        _ => None,
    }
}

/// The connection that a command about Zoho Inventory is about where nobody names one. It is said, but for the usual one.
pub(super) async fn with_inventory(services: &Services) -> Result<ConnectionName, Failure> {
    let name = meant_with_inventory(&connection::list(&*services.stores.state).await?)?;
    if name != ConnectionName::default() {
        note(format!("This is about {name}; --connection NAME names another connection."));
    }
    Ok(name)
}

/// The only one that has Inventory, else the usual one among these. Where none has it, the API says of the one that `setup` is about
/// what it lacks.
fn meant_with_inventory(all: &[Connection]) -> Result<ConnectionName, Failure> {
    let usual = ConnectionName::default();
    let has_inventory = |found: &&Connection| found.scopes.products().contains(&Product::Inventory);
    let able: Vec<_> = staying(all).into_iter().filter(has_inventory).map(|found| &found.name).collect();
    match able.as_slice() {
        [] => Ok(only(all).cloned().unwrap_or_default()),
        [one] => Ok((*one).clone()),
        several if several.contains(&&usual) => Ok(usual),
        several => {
            let names: Vec<_> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::Settings(format!(
                "{} connections have Zoho Inventory: say which one is meant, with --connection: {}",
                names.len(),
                names.join(", ")
            )))
        }
    }
}

/// What leads `setup` to a connection that is there, with a blank before; nothing where it finds one by itself.
pub(super) fn flag_of_setup(all: &[Connection]) -> String {
    let staying = staying(all);
    let finds_one =
        only(all).is_some() || staying.iter().any(|found| found.name == ConnectionName::default());
    match staying.first() {
        Some(first) if !finds_one => format!(" --connection {}", first.name),
        _ => String::new(),
    }
}

fn staying(all: &[Connection]) -> Vec<&Connection> {
    all.iter().filter(|found| found.state != State::Disconnecting).collect()
}

/// How a command that is told names the connection where nobody said which: the only one there is, else a word in its place, with
/// the names that it stands for.
pub(super) fn unsaid(all: &[Connection]) -> (&str, String) {
    let names: Vec<_> = all.iter().map(|found| found.name.as_str()).collect();
    match names.as_slice() {
        [] => ("default", String::new()),
        [only] => (*only, String::new()),
        several => ("NAME", format!(" (NAME: {})", several.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use shared::base::clock::Timestamp;
    use shared::zoho::data_centre::DataCentre;
    use shared::zoho::scope::{Access, ScopeSet};

    use super::*;

    fn connection(name: &str, state: State) -> Connection {
        Connection {
            name: name.parse().unwrap(),
            generation: 1,
            client_id: "1000.CLIENT".to_owned(),
            home: DataCentre::Eu,
            data_centre: DataCentre::Eu,
            scopes: ScopeSet::parse(""),
            organization: None,
            crm_organization: None,
            user: None,
            connected_at: Timestamp::UNIX_EPOCH,
            token_renewed_at: None,
            token_expires: None,
            clock_ahead: None,
            state,
        }
    }

    #[test]
    fn a_command_about_inventory_finds_the_connection_that_has_it() {
        for (with_inventory, without, found) in [
            (&["shop"] as &[&str], &["default"] as &[&str], Ok("shop")),
            (&["default", "shop"], &["depot"], Ok("default")),
            (&["depot", "shop"], &["default"], Err("--connection: depot, shop")),
            (&[], &["shop"], Ok("shop")),
            (&[], &["depot", "shop"], Ok("default")),
            (&[], &[], Ok("default")),
        ] {
            let inventory = ScopeSet::of(&[Product::Inventory], Access::Read);
            let with_inventory = with_inventory
                .iter()
                .map(|name| Connection { scopes: inventory.clone(), ..connection(name, State::Healthy) });
            let crm = ScopeSet::of(&[Product::Crm], Access::Write);
            let without = without
                .iter()
                .map(|name| Connection { scopes: crm.clone(), ..connection(name, State::Healthy) });
            // One that is being ended is about nothing any more.
            let ending = Connection { scopes: inventory.clone(), ..connection("till", State::Disconnecting) };
            let all: Vec<_> = with_inventory.chain(without).chain([ending]).collect();
            match (meant_with_inventory(&all).map_err(Failure::into_line), found) {
                (Ok(name), Ok(found)) => assert_eq!(name.as_str(), found, "{all:?}"),
                (Err(line), Err(told)) => assert!(line.ends_with(told), "{line}"),
                (name, _) => panic!("{name:?}: {all:?}"),
            }
        }
    }

    #[test]
    fn setup_is_led_to_a_connection_that_stays_unless_it_finds_one() {
        for (staying, ending, found, flag) in [
            (&[] as &[&str], &[] as &[&str], None, ""),
            (&["shop"], &[], Some("shop"), ""),
            (&["shop"], &["depot"], Some("shop"), ""),
            (&["default", "shop"], &[], None, ""),
            (&["depot", "shop"], &[], None, " --connection depot"),
            (&["depot", "shop"], &["default"], None, " --connection depot"),
            (&["shop", "till"], &["depot"], None, " --connection shop"),
            (&[], &["shop"], None, ""),
        ] {
            let ending = ending.iter().map(|name| connection(name, State::Disconnecting));
            let staying = staying.iter().map(|name| connection(name, State::Healthy));
            let mut all: Vec<_> = staying.chain(ending).collect();
            all.sort_by_key(|found| found.name.clone());
            assert_eq!(only(&all).map(ConnectionName::as_str), found, "{all:?}");
            assert_eq!(flag_of_setup(&all), flag, "{all:?}");
        }
    }
}
