//! Whether modules that the operator names exist, before anything is changed for them.

use std::time::Duration;

use shared::base::nearest::nearest;
use shared::core::connection::Connection;
use shared::core::connection::token_cache::Tokens;
use shared::zoho::crm::list_url;
use shared::zoho::crm::modules::standard;
use shared::zoho::failure::Failure as Refusal;
use shared::zoho::response;
use tokio::time::Instant;

use crate::commands::installation::Opened;
use crate::failure::Failure;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Refuses what can only be a misspelt name: CRM tells `deals` from `Deals`.
pub(super) fn spelled(modules: &[String]) -> Result<(), Failure> {
    let misspelt = |module: &String| {
        standard().find(|known| *known != module.as_str() && known.eq_ignore_ascii_case(module))
    };
    match modules.iter().find_map(|module| Some((module, misspelt(module)?))) {
        Some((module, meant)) => Err(Failure::Other(format!(
            "Nothing was changed: Zoho CRM has no module {module}: did you mean {meant}?"
        ))),
        None => Ok(()),
    }
}

/// Asks CRM for the modules that a company has made itself. Only a module that CRM does not know is refused here: what else goes
/// wrong is told when it is set up.
pub(super) async fn known_to_crm(
    opened: &Opened,
    connection: &Connection,
    modules: &[String],
) -> Result<(), Failure> {
    let own: Vec<_> =
        modules.iter().filter(|module| !standard().any(|known| known == module.as_str())).collect();
    if own.is_empty() {
        return Ok(());
    }
    let services = &opened.services;
    let tokens = Tokens::new(services.stores.secrets.clone(), opened.token_refresh(), services.clock.clone());
    let Ok(token) = tokens.current(&connection.name, Instant::now() + CALL_TIMEOUT).await else {
        return Ok(());
    };
    let api = services.centres.api(connection.data_centre);
    for module in own {
        let url = list_url(&api, module, "id", 1, None);
        let answer = services.http.get(&url, &token.token, CALL_TIMEOUT).await.map_err(Refusal::from);
        let judged = answer.and_then(|answer| response::crm(&answer));
        if judged.is_err_and(|refusal| refusal.has_code("INVALID_MODULE")) {
            return Err(Failure::Other(format!(
                "Nothing was changed: Zoho CRM has no module {module}{}",
                meant(module).unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// A question after what a misspelt name may stand for.
pub(super) fn meant(module: &str) -> Option<String> {
    if standard().any(|known| known == module) {
        return None;
    }
    nearest(module, standard()).map(|near| format!(": did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_in_other_letters_is_refused_with_the_right_ones() {
        let check = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            match spelled(&names) {
                Err(Failure::Other(line)) => Some(line),
                _ => None,
            }
        };
        assert!(check(&["Deals", "Price_Books", "Warranties", "Dealers"]).is_none());
        for (name, right) in [("deals", "Deals"), ("PRICE_BOOKS", "Price_Books")] {
            assert!(check(&["Contacts", name]).unwrap().contains(right), "{name}");
        }
        assert_eq!(meant("Contact").as_deref(), Some(": did you mean Contacts?"));
        assert!(meant("Contacts").is_none() && meant("Warranties").is_none());
    }
}
