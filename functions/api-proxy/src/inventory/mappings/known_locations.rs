//! Names of locations are held against Zoho's list before they are kept, as far as that can be read: one that leads nowhere would only
//! be noticed when somebody counts there, and one by which Zoho calls another location would have its stock moved in place of that one's.

use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::scope;
use shared::zoho::scope::Product;
use tokio::time::timeout;

use crate::app::App;
use crate::inventory::locations::{Listed, listed, quoted_name};
use crate::request::caller::Caller;
use crate::request::csv::Wrong;
use crate::zoho::Target;

/// How long Zoho's list is waited for: an import needs the rest of its time.
const TIMEOUT: Duration = Duration::from_secs(8);

/// What is said where it is not known.
const UNCHECKED: &str =
    "Zoho's list of locations could not be read, so nobody looked whether it has the ids of `locations`.";

/// Demands that Zoho has the locations that are new here. A notice, where that is not known.
pub(super) async fn demand_locations(
    app: &App,
    caller: &Caller,
    connection: &ConnectionName,
    named: &[(String, Option<String>)],
) -> Result<Option<&'static str>, Problem> {
    let mut new: Vec<(usize, &str, &str)> = Vec::new();
    if named.iter().any(|(_, id)| id.is_some()) {
        let kept = app.mappings.locations(connection).await?;
        let is_kept =
            |name: &str, id: &str| kept.iter().any(|kept| kept.name == name && kept.location_id == id);
        let all = named.iter().enumerate();
        let with_id = all.filter_map(|(index, (name, id))| Some((index, name.as_str(), id.as_deref()?)));
        new.extend(with_id.filter(|(_, name, id)| !is_kept(name, id)));
    }
    if new.is_empty() {
        return Ok(None);
    }
    let target = Target::new(caller, connection, Product::Inventory, scope::SETTINGS);
    match timeout(TIMEOUT, listed(&app.zoho, &target)).await {
        Ok(Ok(locations)) if !locations.is_empty() => judge(&new, &locations).map(|()| None),
        // Older organisations list none.
        _ => Ok(Some(UNCHECKED)),
    }
}

/// Refuses ids that are not among Zoho's, and names that Zoho has for another location.
fn judge(new: &[(usize, &str, &str)], locations: &[Listed]) -> Result<(), Problem> {
    let (mut wrong, mut is_missing) = (Wrong::default(), false);
    for (index, name, id) in new {
        let path = format!("locations[{index}]");
        if !locations.iter().any(|location| location.id == *id) {
            is_missing = true;
            wrong.note(&path, &format!("Zoho has no location {id}"));
        } else if locations
            .iter()
            .any(|location| location.id != *id && location.name.as_deref() == Some(*name))
        {
            wrong.note(&path, &format!("{name:?} is Zoho's own name of another location than {id}"));
        }
    }
    let called = |location: &Listed| match &location.name {
        Some(name) => format!("{} ({})", quoted_name(name), location.id),
        None => location.id.clone(),
    };
    wrong.refuse().map_err(|problem| {
        let known: Vec<String> = locations.iter().map(called).collect();
        let detail = format!("{} The locations are: {}.", problem.detail(), known.join(", "));
        Problem::new(if is_missing { Code::LocationNotFound } else { Code::BodyInvalid }, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_zoho_does_not_have_is_named_with_its_location() {
        let location =
            |id: &str, name: Option<&str>| Listed { id: id.to_owned(), name: name.map(str::to_owned) };
        let locations = [location("33001", Some("Main")), location("33002", None)];
        assert!(judge(&[(0, "Main", "33001"), (4, "Shop", "33002")], &locations).is_ok());
        let refused = judge(&[(0, "W-1", "33001"), (1, "W-2", "33003")], &locations).unwrap_err();
        assert_eq!(refused.code(), Code::LocationNotFound);
        assert_eq!(
            refused.detail(),
            "One row is wrong, and nothing was taken. locations[1]: Zoho has no location 33003. The locations are: \"Main\" (33001), 33002."
        );
        let refused = judge(&[(0, "Main", "33002")], &locations).unwrap_err();
        assert_eq!(refused.code(), Code::BodyInvalid);
        assert!(
            refused
                .detail()
                .contains("locations[0]: \"Main\" is Zoho's own name of another location than 33002."),
            "{}",
            refused.detail()
        );
    }
}
