//! The modules and kinds to watch, and whether the connection may read them.

use std::fmt;

use clap::builder::PossibleValuesParser;
use shared::core::connection::Connection;
use shared::core::events::subscription::Subscription;
use shared::zoho::crm::channel;
use shared::zoho::crm::modules::read_scope;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::ScopeSet;

use crate::commands::connect_again;
use crate::commands::installation::Installation;
use crate::commands::webhooks::setup::modules::meant;
use crate::failure::Failure;

/// The modules that are watched where none are named.
const DEFAULT_MODULES: [&str; 2] = ["Deals", "Contacts"];

/// Modules and kinds of records.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) crm: Vec<String>,
    pub(super) inventory: Vec<&'static RecordKind>,
}

impl Selection {
    /// The flags; else the selection of the last setup; else what the scopes allow.
    pub(super) fn of(
        crm: Option<Vec<String>>,
        inventory: Option<Vec<&'static RecordKind>>,
        before: Option<&Subscription>,
        scopes: &ScopeSet,
    ) -> Self {
        let readable = |module: &&str| scopes.allows(&read_scope(module));
        let allowed_modules = || DEFAULT_MODULES.into_iter().filter(readable).map(str::to_owned).collect();
        let allowed_kinds =
            || RecordKind::watchable().filter(|kind| scopes.allows(kind.read_scope)).collect();
        let crm = crm.or_else(|| before.map(|before| before.crm.clone())).unwrap_or_else(allowed_modules);
        let inventory =
            inventory.or_else(|| before.map(|before| before.inventory.clone())).unwrap_or_else(allowed_kinds);
        let mut selection = Self { crm: Vec::new(), inventory };
        for module in crm.into_iter().filter(|module| module != NONE) {
            if !selection.crm.contains(&module) {
                selection.crm.push(module);
            }
        }
        selection.inventory.sort_unstable();
        selection.inventory.dedup();
        selection
    }

    /// Checks the scopes before anything changes: Zoho would refuse later, and with fewer words.
    pub(super) fn check(
        &self,
        connection: &Connection,
        look_only: bool,
        installation: &Installation,
    ) -> Result<(), Failure> {
        if self.crm.is_empty() && self.inventory.is_empty() {
            return Err(Failure::Other(format!(
                "nothing is left to be watched: name it with --crm and --inventory, as far as {} may read it ({}), or end all with --stop",
                connection.name,
                connection.scopes.comma_separated()
            )));
        }
        let mut needed: Vec<String> = self.crm.iter().map(|module| read_scope(module)).collect();
        needed.extend(self.inventory.iter().map(|kind| kind.read_scope.to_owned()));
        if !self.crm.is_empty() && !look_only {
            needed.push(channel::SCOPE.to_owned());
        }
        let missing: Vec<_> = needed.into_iter().filter(|scope| !connection.scopes.allows(scope)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let meant: Vec<_> =
            self.crm.iter().filter_map(|module| Some(format!("{module}{}", meant(module)?))).collect();
        let only_the_channel = missing == [channel::SCOPE];
        let otherwise = if only_the_channel {
            "; without it, --look-only has changes looked for every 5 minutes"
        } else {
            "; or leave out with --crm and --inventory what the connection may not read"
        };
        Err(Failure::Other(format!(
            "the consent of {} does not hold {}: `{}` asks for it{otherwise}{}",
            connection.name,
            missing.join(", "),
            installation.command(&connect_again::command(connection, &missing)),
            meant.iter().map(|meant| format!(". {meant}")).collect::<String>()
        )))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let kinds: Vec<_> = self.inventory.iter().map(ToString::to_string).collect();
        write!(f, "{} of Zoho CRM, {} of Zoho Inventory", list(&self.crm), list(&kinds))
    }
}

/// In place of names: nothing of this product.
const NONE: &str = "none";

/// Reads the word of a kind of records.
pub(super) fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(RecordKind::watchable().map(|kind| kind.word).chain([NONE]))
}

/// Reads the API name of a module.
pub(super) fn module(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be a module's API name, like Deals or Price_Books, or none".to_owned())
    }
}
