//! An address that is another one than before: who still has the old one. Nobody but the operator can tell them.

use shared::base::public_url::PublicUrl;
use shared::base::settings::Home;
use shared::core::connection;
use shared::core::events::subscription;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::grant::client::Clients;

use crate::commands::client::console;
use crate::commands::installation::Opened;
use crate::commands::serve_command;
use crate::commands::webhooks;
use crate::failure::Failure;
use crate::server::presence;
use crate::terminal::say;

/// Refuses an address that a stack does not take for its own: a consent begun there would not come back.
pub(super) fn refuse_other_than_stacks(opened: &Opened) -> Result<(), Failure> {
    match &opened.own_url {
        Some(own) if *own != opened.public_url => Err(Failure::Other(format!(
            "the stack takes {own} for its address, by PublicUrl or DomainName of its template, and not {url}: no consent begun at {url} \
             comes back. Name that one, --public-url {own}: setup says who still has the old one. Where {url} is right, deploy the stack \
             with it first",
            own = own.as_str(),
            url = opened.public_url.as_str()
        ))),
        _ => Ok(()),
    }
}

/// Says where the new address must be entered, if it is a new one. Values to be copied stand on lines of their own.
pub(super) async fn tell_new(opened: &Opened, before: &PublicUrl) -> Result<(), Failure> {
    let stores = &opened.services.stores;
    let (old, new) = (before.as_str(), opened.public_url.as_str());
    let (clients, _) = Clients::read(&*stores.secrets).await?;
    // Without a client, nobody has the old one.
    if old == new || clients.newest().is_none() {
        return Ok(());
    }
    say("");
    say(format!("The address was {old}, and is {new} from now on. Elsewhere, it is changed by you:"));
    for client in clients.iter() {
        say(format!("  In Zoho's API console, {}, client {}:", console(client.home), client.id));
        say(format!("    Authorized Redirect URIs, to the letter, in place of {}", before.redirect_uri()));
        say(format!("      {}", opened.public_url.redirect_uri()));
        say("    Homepage URL");
        say(format!("      {new}"));
    }
    if let Home::Folder(folder) = &opened.services.settings.home {
        let servers = presence::running(folder);
        if presence::known_otherwise(&servers, new).is_some() {
            say(format!(
                "  The connector that runs keeps the old one: end it, and start it with --public-url {new}{}. A service has it in its settings,",
                serve_command::listen_flag_in_place_of(&servers, &opened.public_url)
            ));
            say(format!("    ZOHO_CONNECTOR_PUBLIC_URL={new}"));
        }
    }
    say("  Agents call the old address: give them the new one. Their keys stay.");
    for stored in subscription::list(&*stores.state).await? {
        let watch = &stored.watch;
        let name = &watch.connection;
        let (channel, inventory) = webhooks::posting_elsewhere(watch, &opened.public_url);
        if channel.is_some() || inventory.is_some() {
            say(opened.led(&format!(
                "  Zoho tells of changes of {name} at the old address, until you run `zoho-connector webhooks setup --connection {name}`."
            )));
        }
        if let Some(origin) = inventory {
            say(
                "  That does not find Inventory's webhooks of the old address: delete them and their rules in Zoho Inventory,",
            );
            say("  Settings › Automation. Their addresses begin with");
            say(format!("      {origin}/webhooks/{name}/inventory/"));
        }
    }
    let known = WebhookSecrets::read(&*stores.secrets).await?;
    for connected in connection::list(&*stores.state).await? {
        let name = &connected.name;
        if !known.custom(name).is_empty() {
            say(format!("  Other senders of {name} post to the old address: from now on, it is"));
            say(format!("      {new}/webhooks/{name}/custom/EVENT"));
        }
    }
    say("");
    Ok(())
}
