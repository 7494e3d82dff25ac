//! Inventory's webhooks and the workflow rules that trigger them: made through Zoho's settings where Zoho allows it, else by hand.
//! <https://www.zoho.com/us/inventory/help/settings/automation.html>

use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::connection::Connection;
use shared::core::events::webhook_secrets;
use shared::core::events::webhook_secrets::{Source, WebhookSecrets};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::inventory::webhook_rules::{MAX_NAME_LENGTH, Rule, SCOPES_TO_CREATE, SCOPES_TO_DELETE};
use shared::zoho::scope::Product;

use crate::commands::connect_again;
use crate::commands::installation::{Installation, Opened};
use crate::commands::webhooks::secret::new_secret;
use crate::commands::webhooks::setup::manual_steps;
use crate::commands::webhooks::setup::zoho_settings::ZohoSettings;
use crate::failure::Failure;
use crate::patience::patiently;
use crate::terminal::say;

/// What is waited for.
const AT_WORK: &str = "looking through Zoho Inventory's webhooks and rules";

/// Two rules for each kind of records, for changes and for deletions: Zoho's payloads do not tell those apart.
pub(super) struct Rules(Vec<Rule>);

/// How far Zoho let us line them up.
pub(super) struct LinedUp {
    /// Whether Zoho has all that are wanted.
    pub(super) made: bool,
    /// Whether it has none of the others, as far as is known.
    pub(super) ended: bool,
}

impl Rules {
    /// All that a connection can have.
    pub(super) fn of(name: &ConnectionName, origin: &str) -> Self {
        let rule = |kind: &'static RecordKind, deleted: bool| {
            let change = if deleted { "deleted" } else { "updated" };
            let mut title = format!("{kind}.{change} to connector {name}");
            title.truncate(MAX_NAME_LENGTH);
            let url = format!("{origin}/webhooks/{name}/inventory/{kind}.{change}");
            Rule { name: title, kind, deleted, url }
        };
        let both = |kind| [rule(kind, false), rule(kind, true)];
        Self(RecordKind::watchable().flat_map(both).collect())
    }

    /// Makes the rules of these kinds, and deletes the others. What Zoho does not let it do, it has printed as manual steps.
    pub(super) async fn line_up(
        &self,
        opened: &Opened,
        installation: &Installation,
        connection: &Connection,
        kinds: &[&'static RecordKind],
        before: &[&'static RecordKind],
    ) -> Result<LinedUp, Failure> {
        if !connection.scopes.products().contains(&Product::Inventory) {
            return Ok(LinedUp { made: true, ended: true });
        }
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            self.0.iter().cloned().partition(|rule| kinds.contains(&rule.kind));
        let ended = Self(unwanted).end(opened, connection, before).await?;
        if wanted.is_empty() {
            return Ok(LinedUp { made: true, ended });
        }
        let (secret, is_new) = secret(opened, &connection.name).await?;
        let settings = ZohoSettings::open(opened, connection, SCOPES_TO_CREATE).await;
        let (reason, left) = match settings {
            Ok(settings) => match patiently(AT_WORK, settings.make(&wanted, &secret, is_new)).await {
                Ok(made) => {
                    say("✓ Zoho Inventory tells of changes by its own webhooks.");
                    let there = wanted.len() - made;
                    say(format!("  Made or switched on now: {made}; there already: {there}."));
                    return Ok(LinedUp { made: true, ended });
                }
                Err(refused) => (refused.reason, refused.left),
            },
            Err(reason) => (reason, wanted),
        };
        say(format!("✗ Zoho Inventory's webhooks cannot be made from here: {reason}"));
        if SCOPES_TO_CREATE.iter().any(|scope| !connection.scopes.allows(scope)) {
            let again = connect_again::command(connection, &["ZohoInventory.settings.ALL".to_owned()]);
            say(format!("  After `{}`, setup tries to make them itself.", installation.command(&again)));
        }
        manual_steps::tell(&left, &secret);
        Ok(LinedUp { made: false, ended })
    }

    /// Deletes them. Where Zoho refuses, prints the manual steps for the kinds that were watched `before`, and gives false.
    pub(super) async fn end(
        &self,
        opened: &Opened,
        connection: &Connection,
        before: &[&'static RecordKind],
    ) -> Result<bool, Failure> {
        let known = WebhookSecrets::read(&*opened.services.stores.secrets).await?;
        let has_inventory = connection.scopes.products().contains(&Product::Inventory);
        // Without a secret no webhook was ever made.
        if self.0.is_empty() || !has_inventory || known.inventory(&connection.name).is_empty() {
            return Ok(true);
        }
        let ended = match ZohoSettings::open(opened, connection, SCOPES_TO_DELETE).await {
            Ok(settings) => patiently(AT_WORK, settings.end(&self.0)).await,
            Err(reason) => Err(reason),
        };
        match ended {
            Ok(0) => Ok(true),
            Ok(count) => {
                say(match count {
                    1 => "✓ 1 webhook of Zoho Inventory is deleted, with its rule.".to_owned(),
                    count => format!("✓ {count} webhooks of Zoho Inventory are deleted, each with its rule."),
                });
                Ok(true)
            }
            Err(reason) => {
                let left = self.0.iter().filter(|rule| before.contains(&rule.kind));
                Ok(!manual_steps::tell_end(left, &reason))
            }
        }
    }
}

/// The secret that Zoho signs with, and whether it is new. An existing one stays: webhooks use it.
async fn secret(opened: &Opened, name: &ConnectionName) -> Result<(Secret, bool), Failure> {
    let secrets = &*opened.services.stores.secrets;
    if let Some(known) = WebhookSecrets::read(secrets).await?.inventory(name).first() {
        return Ok((known.clone(), false));
    }
    let secret = new_secret();
    webhook_secrets::set(secrets, name, Source::Inventory, secret.clone()).await?;
    Ok((secret, true))
}
