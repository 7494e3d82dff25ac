//! What a consent is asked for, by the flags of a command.

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::pasted::clean;
use shared::core::connection::consent::Wish;
use shared::core::connection::organization::Organization;
use shared::core::connection::{self, Connection, GRANTS_PER_USER};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::grant::client::Clients;
use shared::zoho::crm;
use shared::zoho::scope::{Access, Product, ScopeSet};

use crate::commands::api::quoted;
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::{note, say};

const STOCK_WITHOUT_INVENTORY: &str = "--access stock is about the stock of Zoho Inventory, and only Zoho CRM is asked for: say --access read or \
     --access write, or ask for Inventory, too, with --products inventory,crm";

/// What the user is asked to consent to.
#[derive(Args)]
pub(crate) struct ConsentRequest {
    /// Zoho products; inventory,crm for a new connection
    #[arg(long, value_delimiter = ',')]
    products: Vec<Product>,
    /// How much the connection may do: read (for a new connection), stock (also adjust and transfer), write (also orders, deals,
    /// notes). Without it, --products and --scopes, a connection that is there keeps what it has
    #[arg(long)]
    access: Option<Access>,
    /// Exactly these scopes, in place of products and access
    #[arg(long, value_name = "EXACT,LIST", value_parser = scope_list)]
    scopes: Option<String>,
    /// The Inventory organisation, where the user is in several
    #[arg(long, value_name = "ID", value_parser = organization_id)]
    organization: Option<String>,
    /// A connection that is there already may become one of another organisation
    #[arg(long)]
    other_organization: bool,
    /// The user who will consent is none of those who have 20 connections already
    #[arg(long)]
    another_user: bool,
}

/// A list with which a product can be reached. Setup would else wait for a server before it refuses it.
fn scope_list(text: &str) -> Result<String, String> {
    if ScopeSet::parse(&clean(text)).products().is_empty() {
        return Err("it names no scope of ZohoInventory or ZohoCRM".to_owned());
    }
    Ok(text.to_owned())
}

/// An id as Zoho gives it: digits.
fn organization_id(text: &str) -> Result<String, String> {
    let id = clean(text);
    if (1..=24).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(id)
    } else {
        Err("it must be the organisation's number: in Zoho Inventory, My Organization at the top right names it".to_owned())
    }
}

impl ConsentRequest {
    /// Whether no flag says how much the connection may do.
    pub(crate) fn is_left_open(&self) -> bool {
        self.access.is_none() && self.scopes.is_none()
    }

    /// Whether it is about this product; where no flag names one, about those that the connection has.
    pub(crate) fn asks_for(&self, product: Product, before: Option<&ScopeSet>) -> bool {
        self.scopes(before).products().contains(&product)
    }

    /// Says how much it may do.
    pub(crate) fn set_access(&mut self, access: Access) {
        self.access = Some(access);
    }

    /// What it says, as flags, each with a blank before.
    pub(crate) fn flags(&self) -> String {
        let products: Vec<_> = self.products.iter().map(|product| product.as_str()).collect();
        let said = [
            ("products", (!products.is_empty()).then(|| products.join(","))),
            ("access", self.access.map(|access| access.to_string())),
            ("scopes", self.scopes.as_deref().map(quoted)),
            ("organization", self.organization.clone()),
        ];
        let said = said.into_iter().filter_map(|(flag, value)| Some(format!(" --{flag} {}", value?)));
        let agreed = [("other-organization", self.other_organization), ("another-user", self.another_user)];
        let agreed = agreed.into_iter().filter(|(_, is_said)| *is_said).map(|(flag, _)| format!(" --{flag}"));
        said.chain(agreed).collect()
    }

    /// The scopes that the flags ask for and a consent does not hold.
    pub(crate) fn missing(&self, granted: &ScopeSet) -> Vec<String> {
        let asked = self.scopes(Some(granted));
        asked.iter().filter(|scope| !granted.allows(scope)).map(str::to_owned).collect()
    }

    /// Refuses flags that contradict each other, whatever is connected.
    pub(crate) fn refuse_contradiction(&self) -> Result<(), Failure> {
        // Which products a connection has that is there, only its row says.
        if self.products.is_empty() { Ok(()) } else { self.refuse_stock_without_inventory(None) }
    }

    /// For the client that was set last.
    pub(crate) async fn wish(&self, opened: &Opened, name: &ConnectionName) -> Result<Wish, Failure> {
        let services = &opened.services;
        let (clients, _) = Clients::read(&*services.stores.secrets).await?;
        let Some(client) = clients.newest() else {
            return Err(Failure::Other(opened.led(
                "no client is set: make a Server-based Application in Zoho's API console, then `zoho-connector client set --id ID --data-centre DATA_CENTRE`",
            )));
        };
        let before = connection::get(&*services.stores.state, name).await?;
        let scopes = self.scopes(before.as_ref().map(|before| &before.scopes));
        self.refuse_stock_without_inventory(before.as_ref().map(|before| &before.scopes))?;
        if !self.another_user {
            refuse_one_too_many(&connection::list(&*services.stores.state).await?, &client.id)?;
        }
        if let Some(before) = &before {
            tell_what_ends(before, &scopes);
            if self.other_organization {
                warn_of_its_webhooks(opened, &before.name).await?;
            }
        }
        // Whoever gets hold of a link of an existing connection must not turn it into one of their own company.
        // `--organization` says which one of Inventory's; CRM's stays what it was.
        let before = before.filter(|_| !self.other_organization);
        let pinned = |product: Product, organization: fn(&Connection) -> Option<&Organization>| {
            let before = before.as_ref().filter(|_| scopes.products().contains(&product));
            before.and_then(organization).map(|found| found.id.clone())
        };
        let organization = pinned(Product::Inventory, |before| before.organization.as_ref());
        let crm_organization = pinned(Product::Crm, |before| before.crm_organization.as_ref())
            .filter(|_| scopes.allows(crm::scope::ORG));
        Ok(Wish {
            connection: name.clone(),
            client_id: client.id.clone(),
            home: client.home,
            organization: self.organization.clone().or(organization),
            crm_organization,
            scopes,
            again: None,
        })
    }

    /// It would become a consent that only reads, and nobody would be told.
    fn refuse_stock_without_inventory(&self, before: Option<&ScopeSet>) -> Result<(), Failure> {
        let is_stock = self.scopes.is_none() && self.access == Some(Access::Stock);
        if is_stock && !self.asks_for(Product::Inventory, before) {
            return Err(Failure::Settings(STOCK_WITHOUT_INVENTORY.to_owned()));
        }
        Ok(())
    }

    /// What is asked for by the flags; what these do not say is as the connection has it already.
    fn scopes(&self, before: Option<&ScopeSet>) -> ScopeSet {
        if let Some(exact) = &self.scopes {
            return ScopeSet::parse(&clean(exact));
        }
        match before {
            Some(before) if self.products.is_empty() && self.access.is_none() => before.clone(),
            _ => {
                let had = before.map(ScopeSet::products).filter(|_| self.products.is_empty());
                let said = if self.products.is_empty() { Product::ALL.as_slice() } else { &self.products };
                let products = had.as_deref().unwrap_or(said);
                ScopeSet::of(products, self.access.unwrap_or(Access::Read))
            }
        }
    }
}

/// A consent replaces the one before. What the connection may no longer do is said before anybody consents.
fn tell_what_ends(before: &Connection, scopes: &ScopeSet) {
    let ends: Vec<_> = before.scopes.iter().filter(|had| !scopes.allows(had)).collect();
    if !ends.is_empty() {
        say(format!("After this consent, {} can no longer do what these scopes are for:", before.name));
        say(format!("  {}", ends.join(",")));
        say("To keep what it has, leave out --access, --products and --scopes; or name all in --scopes.");
    }
}

/// Whoever has the secrets of a connection's webhooks is believed, also where that is of another company by then.
async fn warn_of_its_webhooks(opened: &Opened, name: &ConnectionName) -> Result<(), Failure> {
    if WebhookSecrets::read(&*opened.services.stores.secrets).await?.has_any(name) {
        note(opened.led(&format!(
            "Warning: webhooks of the organisation that {name} is of now are still taken afterwards. To connect another one, end them first: `zoho-connector disconnect --connection {name}`"
        )));
    }
    Ok(())
}

/// Another consent of a user who has as many grants as Zoho keeps would end the oldest.
fn refuse_one_too_many(all: &[Connection], client_id: &str) -> Result<(), Failure> {
    let mine = || all.iter().filter(|found| found.client_id == client_id);
    let full = mine().find(|found| found.same_user(all).count() >= GRANTS_PER_USER);
    let Some(full) = full else { return Ok(()) };
    let mut theirs: Vec<_> = full.same_user(all).collect();
    theirs.sort_by_key(|found| found.connected_at);
    let oldest = theirs.first().map_or("", |found| found.name.as_str());
    Err(Failure::Other(format!(
        "{} has {} connections, and Zoho keeps {GRANTS_PER_USER} of one user: with one more it would end the oldest, {oldest}, without a word. Disconnect one, or connect as another Zoho user and say --another-user",
        full.user.as_deref().unwrap_or_default(),
        theirs.len(),
    )))
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Asked {
        #[command(flatten)]
        request: ConsentRequest,
    }

    #[test]
    fn what_was_said_is_said_again() {
        for flags in [
            "",
            " --access write",
            " --products crm --access stock",
            " --products inventory,crm --organization 20098765432 --other-organization --another-user",
            " --scopes ZohoInventory.items.READ,ZohoCRM.org.READ",
        ] {
            let words = once("connect").chain(flags.split_whitespace());
            assert_eq!(Asked::try_parse_from(words).unwrap().request.flags(), flags);
        }
        assert!(Asked::try_parse_from(["connect", "--scopes", "items.READ"]).is_err());
        let typed = ["connect", "--scopes", "ZohoInventory.items.READ ZohoCRM.org.READ"];
        let again = Asked::try_parse_from(typed).unwrap().request.flags();
        assert_eq!(again, " --scopes 'ZohoInventory.items.READ ZohoCRM.org.READ'");
    }

    #[test]
    fn what_the_flags_do_not_say_is_as_the_connection_has_it() {
        let asked = |products: &[Product], access| ConsentRequest {
            products: products.to_vec(),
            access,
            scopes: None,
            organization: None,
            other_organization: false,
            another_user: false,
        };
        let of = ScopeSet::of;
        let (both, crm): (&[Product], &[Product]) = (&Product::ALL, &[Product::Crm]);
        let write = Some(Access::Write);
        for (request, before, expected) in [
            (asked(&[], None), None, of(both, Access::Read)),
            (asked(&[], write), None, of(both, Access::Write)),
            (asked(crm, None), None, of(crm, Access::Read)),
            (asked(&[], None), Some(of(crm, Access::Write)), of(crm, Access::Write)),
            // Who has no Inventory could not consent to it.
            (asked(&[], write), Some(of(crm, Access::Read)), of(crm, Access::Write)),
            (asked(both, write), Some(of(crm, Access::Read)), of(both, Access::Write)),
            (asked(crm, None), Some(of(both, Access::Write)), of(crm, Access::Read)),
        ] {
            assert_eq!(request.scopes(before.as_ref()), expected, "{before:?}");
        }
        let exact = ConsentRequest { scopes: Some("ZohoCRM.org.READ".to_owned()), ..asked(&[], write) };
        assert_eq!(exact.scopes(None), ScopeSet::parse("ZohoCRM.org.READ"));

        for (request, before, is_refused) in [
            (asked(crm, Some(Access::Stock)), None, true),
            (asked(&[], Some(Access::Stock)), Some(of(crm, Access::Write)), true),
            (asked(&[], Some(Access::Stock)), None, false),
            (asked(both, Some(Access::Stock)), Some(of(crm, Access::Write)), false),
            (asked(crm, write), None, false),
        ] {
            assert_eq!(
                request.refuse_stock_without_inventory(before.as_ref()).is_err(),
                is_refused,
                "{before:?}"
            );
            // What needs no look at the connection is refused before it.
            let is_contradiction = is_refused && !request.products.is_empty();
            assert_eq!(request.refuse_contradiction().is_err(), is_contradiction, "{before:?}");
        }

        let granted = of(both, Access::Stock);
        for access in [None, Some(Access::Read), Some(Access::Stock)] {
            assert!(asked(&[], access).missing(&granted).is_empty(), "{access:?}");
        }
        let missing = asked(&[], write).missing(&granted);
        assert_eq!(missing.first().map(String::as_str), Some("ZohoInventory.salesorders.CREATE"));
    }
}
