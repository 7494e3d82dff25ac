//! Inventory's webhooks and the rules that set them off: made through Zoho's settings where Zoho lets us, else by hand.

use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::connection::Connection;
use shared::core::watch::Kind;
use shared::core::webhook::{self, Source, WebhookSecrets};
use shared::zoho::inventory_rules::{LONGEST_NAME, Rule};
use shared::zoho::scope::Product;

use super::zoho_settings::ZohoSettings;
use super::{Failure, by_hand, new_secret};
use crate::commands::place::Opened;
use crate::terminal::say;

/// Two for each kind of records: what was made or changed, and what was deleted, which Zoho's payloads do not tell apart.
pub(super) struct Rules(Vec<(Kind, Rule)>);

impl Rules {
    /// All that a connection can have.
    pub(super) fn of(name: &ConnectionName, origin: &str) -> Self {
        let rule = |kind: Kind, deleted: bool| {
            let change = if deleted { "deleted" } else { "updated" };
            let mut title = format!("{kind}.{change} to connector {name}");
            title.truncate(LONGEST_NAME);
            let url = format!("{origin}/webhooks/{name}/inventory/{kind}.{change}");
            (kind, Rule { name: title, entity: kind.as_str(), deleted, url })
        };
        let both = |kind| [rule(kind, false), rule(kind, true)];
        Self(Kind::ALL.into_iter().flat_map(both).collect())
    }

    /// Makes those of these kinds, and ends the others. Says whether Zoho has all of them now; else the operator was told
    /// what to make.
    pub(super) async fn line_up(
        &self,
        opened: &Opened,
        found: &Connection,
        kinds: &[Kind],
    ) -> Result<bool, Failure> {
        if !found.scopes.products().contains(&Product::Inventory) {
            return Ok(true);
        }
        let of = |is_wanted: bool| {
            let rules = self.0.iter().filter(move |(kind, _)| kinds.contains(kind) == is_wanted);
            rules.map(|(_, rule)| rule.clone()).collect::<Vec<_>>()
        };
        let (wanted, unwanted) = (of(true), of(false));
        end(opened, found, &unwanted).await?;
        if wanted.is_empty() {
            return Ok(true);
        }
        let (secret, is_new) = secret(opened, &found.name).await?;
        let settings = ZohoSettings::open(opened, found).await;
        let (reason, left) = match settings {
            Ok(settings) => match settings.make(&wanted, &secret, is_new).await {
                Ok(made) => {
                    say("✓ Zoho Inventory tells of changes by its own webhooks.");
                    let there = wanted.len() - made;
                    say(format!("  {made} are made now, each with its rule; {there} were there."));
                    return Ok(true);
                }
                Err(refused) => (refused.reason, refused.left),
            },
            Err(reason) => (reason, wanted),
        };
        say(format!("✗ Zoho Inventory's webhooks cannot be made from here: {reason}"));
        by_hand::tell(&left, &secret);
        Ok(false)
    }

    /// Ends all.
    pub(super) async fn end(&self, opened: &Opened, found: &Connection) -> Result<(), Failure> {
        let all: Vec<_> = self.0.iter().map(|(_, rule)| rule.clone()).collect();
        end(opened, found, &all).await
    }
}

/// Ends these where they are, or says how. Where no secret was ever made there can be none.
async fn end(opened: &Opened, found: &Connection, rules: &[Rule]) -> Result<(), Failure> {
    let known = WebhookSecrets::read(&*opened.parts.stores.secrets).await?;
    let has_inventory = found.scopes.products().contains(&Product::Inventory);
    if rules.is_empty() || !has_inventory || known.inventory(&found.name).is_empty() {
        return Ok(());
    }
    let ended = match ZohoSettings::open(opened, found).await {
        Ok(settings) => settings.end(rules).await,
        Err(reason) => Err(reason),
    };
    match ended {
        Ok(0) => {}
        Ok(count) => say(format!("✓ {count} webhooks of Zoho Inventory are deleted, each with its rule.")),
        Err(reason) => by_hand::tell_end(rules, &reason),
    }
    Ok(())
}

/// The secret that Zoho signs with, and whether it was made just now. One that is there stays: webhooks use it.
async fn secret(opened: &Opened, name: &ConnectionName) -> Result<(Secret, bool), Failure> {
    let secrets = &*opened.parts.stores.secrets;
    if let Some(known) = WebhookSecrets::read(secrets).await?.inventory(name).first() {
        return Ok((known.clone(), false));
    }
    let secret = new_secret();
    webhook::set(secrets, name, Source::Inventory, secret.clone()).await?;
    Ok((secret, true))
}
