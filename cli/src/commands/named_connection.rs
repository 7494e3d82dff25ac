//! Connections that a command names: whether they are there, and what somebody may have meant who misspelt one.

use shared::base::id::ConnectionName;
use shared::base::nearest::nearest;
use shared::core::connection::{self, Connection};
use shared::core::services::Services;

use crate::commands::failure::Failure;
use crate::terminal::{are, note};

/// The connection, which must be there.
pub(super) async fn find(services: &Services, name: &ConnectionName) -> Result<Connection, Failure> {
    let all = connection::list(&*services.stores.state).await?;
    let missing = format!("there is no connection {name}{}", advice(name, &all));
    all.into_iter().find(|found| found.name == *name).ok_or(Failure::Other(missing))
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

fn advice(name: &ConnectionName, all: &[Connection]) -> String {
    let names = all.iter().map(|found| found.name.as_str());
    if let Some(near) = nearest(name.as_str(), names.clone().map(|name| (name, name))) {
        return format!(": did you mean {near}?");
    }
    match names.collect::<Vec<_>>().as_slice() {
        [] => ": nothing is connected yet".to_owned(),
        all => format!(": connected {} {}", are(all.len()), all.join(", ")),
    }
}
