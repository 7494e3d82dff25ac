//! Settings from the environment, read once. The error of an invalid one is one line with its name and the expected value.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use url::Url;

use super::clock::SignedDuration;
use super::loopback::is_loopback;
use super::pasted::clean;
use super::public_url::{self, PublicUrl};
use super::settings_error::SettingsError;

/// The settings of an installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where data is stored.
    pub home: Home,
    /// The connector's origin, as browsers and Zoho reach it. If it is not set, API Gateway names it with each request. It
    /// is never taken from a header.
    pub public_url: Option<PublicUrl>,
    /// The address of the stand-in Zoho, in tests and in the demo.
    pub sandbox: Option<String>,
    /// The file that says the time, where a test moves that.
    pub sandbox_clock: Option<PathBuf>,
    /// The filter of the log: a level, or levels by crate (`info,api_proxy=debug`).
    pub log: String,
    /// The limits of calls to Zoho Inventory.
    pub inventory: InventoryLimits,
    /// Whether consents have a challenge (PKCE).
    pub pkce: bool,
    /// How long what happened is kept.
    pub retention: Retention,
    /// How many calls of agents a process works on at a time.
    pub calls_at_once: usize,
}

/// How long what happened is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The audit of writes.
    pub audit: SignedDuration,
    /// Events, and what became of each.
    pub events: SignedDuration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit: days(DEFAULT_AUDIT_DAYS), events: days(DEFAULT_EVENTS_DAYS) }
    }
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// The limits of calls to Zoho Inventory for one organisation, over all its users and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InventoryLimits {
    /// Calls in a minute. Without it, the connector does not count minutes.
    pub per_minute: Option<u32>,
    /// Calls in a day, by Zoho's plan. Without it, only Zoho itself limits the day.
    pub per_day: Option<u32>,
}

impl InventoryLimits {
    /// Whether calls are not counted at all.
    pub fn is_off(&self) -> bool {
        self.per_minute.is_none() && self.per_day.is_none()
    }

    /// Zoho's limit of concurrent calls: 5 on the free plan, which has 1,000 calls a day, else 10.
    pub fn at_once(&self) -> usize {
        if self.per_day.is_some_and(|calls| calls <= 1000) { 5 } else { 10 }
    }
}

/// Where data is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In this folder, in the embedded store.
    Folder(PathBuf),
    /// On AWS.
    Stack(Stack),
}

/// A deployed stack, as its template describes it to a function. The template leaves out the parts that a function does not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name, with which the names of its secrets begin.
    pub name: String,
    /// The table of everything but events.
    pub state_table: Option<String>,
    /// The table of events.
    pub events_table: Option<String>,
    /// The function that renews tokens.
    pub token_refresh: Option<String>,
    /// The key of KMS with which new secrets are encrypted. Without it, it is that of Secrets Manager.
    pub kms_key: Option<String>,
}

/// The folder of the embedded store.
pub const DATA: &str = "ZOHO_CONNECTOR_DATA";
/// The connector's origin.
pub const PUBLIC_URL: &str = public_url::VARIABLE;
/// The address of the stand-in Zoho.
pub const SANDBOX_URL: &str = "ZOHO_CONNECTOR_SANDBOX_URL";
/// The file that says the time, in front of the stand-in Zoho.
pub const SANDBOX_CLOCK: &str = "ZOHO_CONNECTOR_SANDBOX_CLOCK";
/// The filter of the log.
pub const LOG: &str = "ZOHO_CONNECTOR_LOG";
/// The calls to Zoho Inventory in a minute.
pub const INVENTORY_PER_MINUTE: &str = "ZOHO_CONNECTOR_INVENTORY_PER_MINUTE";
/// The calls to Zoho Inventory in a day.
pub const INVENTORY_PER_DAY: &str = "ZOHO_CONNECTOR_INVENTORY_PER_DAY";
/// The days for which the audit of writes is kept.
pub const AUDIT_DAYS: &str = "ZOHO_CONNECTOR_AUDIT_DAYS";
/// The days for which events are kept.
pub const EVENTS_DAYS: &str = "ZOHO_CONNECTOR_EVENTS_DAYS";
/// How many calls of agents a process works on at a time.
pub const CALLS_AT_ONCE: &str = "ZOHO_CONNECTOR_CALLS_AT_ONCE";
/// Whether consents have a challenge (PKCE).
pub const PKCE: &str = "ZOHO_CONNECTOR_PKCE";
/// The name of the stack, on AWS.
pub const STACK: &str = "ZOHO_CONNECTOR_STACK";
/// The table of everything but events.
pub const STATE_TABLE: &str = "ZOHO_CONNECTOR_STATE_TABLE";
/// The table of events.
pub const EVENTS_TABLE: &str = "ZOHO_CONNECTOR_EVENTS_TABLE";
/// The function that renews tokens.
pub const TOKEN_REFRESH: &str = "ZOHO_CONNECTOR_TOKEN_REFRESH";
/// The key of KMS with which new secrets are encrypted.
pub const KMS_KEY: &str = "ZOHO_CONNECTOR_KMS_KEY";

/// Zoho's documented limit for Inventory, on every plan.
const DEFAULT_PER_MINUTE: u32 = 100;

/// Thirteen months.
const DEFAULT_AUDIT_DAYS: u32 = 400;
const DEFAULT_EVENTS_DAYS: u32 = 30;

/// A reconciliation that goes on must still find what it did: it is compared and applied within days.
const MIN_AUDIT_DAYS: u32 = 30;
/// A hook that refuses, and an agent that is away over a long weekend, must still find what waits for them.
const MIN_EVENTS_DAYS: u32 = 7;
const MAX_AUDIT_DAYS: u32 = 3650;
const MAX_EVENTS_DAYS: u32 = 365;

/// More calls than Zoho answers in the time that an agent waits for, and fewer than a usual process may have files open.
const DEFAULT_CALLS_AT_ONCE: usize = 256;
const MAX_CALLS_AT_ONCE: usize = 10_000;

/// The highest limit that is accepted, above that of any plan.
const MAX_CALLS: u32 = 1_000_000_000;

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// The first variable whose value cannot be used.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads from any source of variables.
    ///
    /// # Errors
    /// The first variable whose value cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        // The template passes on a parameter that was left out as an empty variable.
        let filled = |name: &str| lookup(name).map(|value| clean(&value)).filter(|value| !value.is_empty());
        let public_url = filled(PUBLIC_URL).map(|text| PublicUrl::parse(&text)).transpose()?;
        let sandbox = filled(SANDBOX_URL).map(parse_sandbox).transpose()?;
        let sandbox_clock = filled(SANDBOX_CLOCK);
        if let (Some(value), None) = (&sandbox_clock, &sandbox) {
            let (value, expected) = (value.clone(), "unset where Zoho is no stand-in");
            return Err(SettingsError { variable: SANDBOX_CLOCK, value, expected });
        }
        let sandbox_clock = sandbox_clock.map(PathBuf::from);
        let (home, public_url) = match filled(STACK) {
            Some(name) => {
                let (state_table, events_table) = (filled(STATE_TABLE), filled(EVENTS_TABLE));
                let (token_refresh, kms_key) = (filled(TOKEN_REFRESH), filled(KMS_KEY));
                (Home::Stack(Stack { name, state_table, events_table, token_refresh, kms_key }), public_url)
            }
            None => {
                (Home::Folder(parse_folder(lookup(DATA).as_deref())?), Some(public_url.unwrap_or_default()))
            }
        };
        let log = filled(LOG).unwrap_or_else(|| "info".to_owned());
        // A word alone would be taken for a crate, and nothing else would be logged.
        let is_known = |part: &str| {
            part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok()
        };
        if !log.split(',').all(is_known) || log.parse::<tracing_subscriber::filter::Targets>().is_err() {
            return Err(SettingsError { variable: LOG, value: log, expected: "a level, like info or debug" });
        }
        let per_minute = filled(INVENTORY_PER_MINUTE)
            .map_or(Ok(Some(DEFAULT_PER_MINUTE)), |text| parse_calls(INVENTORY_PER_MINUTE, text))?;
        let per_day = filled(INVENTORY_PER_DAY).map(|text| parse_calls(INVENTORY_PER_DAY, text));
        let inventory = InventoryLimits { per_minute, per_day: per_day.transpose()?.flatten() };
        let audit = filled(AUDIT_DAYS).map_or(Ok(DEFAULT_AUDIT_DAYS), |text| {
            parse_days(AUDIT_DAYS, text, MIN_AUDIT_DAYS..=MAX_AUDIT_DAYS, "a number of days from 30 to 3650")
        })?;
        let events = filled(EVENTS_DAYS).map_or(Ok(DEFAULT_EVENTS_DAYS), |text| {
            parse_days(EVENTS_DAYS, text, MIN_EVENTS_DAYS..=MAX_EVENTS_DAYS, "a number of days from 7 to 365")
        })?;
        let retention = Retention { audit: days(audit), events: days(events) };
        let pkce = filled(PKCE).map_or(Ok(true), parse_switch)?;
        let calls_at_once = filled(CALLS_AT_ONCE).map_or(Ok(DEFAULT_CALLS_AT_ONCE), parse_calls_at_once)?;
        Ok(Self { home, public_url, sandbox, sandbox_clock, log, inventory, retention, pkce, calls_at_once })
    }
}

fn parse_days(
    variable: &'static str,
    text: String,
    allowed: RangeInclusive<u32>,
    expected: &'static str,
) -> Result<u32, SettingsError> {
    match text.parse() {
        Ok(days) if allowed.contains(&days) => Ok(days),
        _ => Err(SettingsError { variable, value: text, expected }),
    }
}

/// A number of calls; `0` or `off` for no limit.
fn parse_calls(variable: &'static str, text: String) -> Result<Option<u32>, SettingsError> {
    match text.parse() {
        _ if text == "off" => Ok(None),
        Ok(0) => Ok(None),
        Ok(calls @ 1..=MAX_CALLS) => Ok(Some(calls)),
        _ => Err(SettingsError { variable, value: text, expected: "a number of calls, or off" }),
    }
}

fn parse_calls_at_once(text: String) -> Result<usize, SettingsError> {
    match text.parse() {
        Ok(calls @ 1..=MAX_CALLS_AT_ONCE) => Ok(calls),
        _ => {
            let expected = "a number of calls from 1 to 10000";
            Err(SettingsError { variable: CALLS_AT_ONCE, value: text, expected })
        }
    }
}

fn parse_switch(text: String) -> Result<bool, SettingsError> {
    match text.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(SettingsError { variable: PKCE, value: text, expected: "on or off" }),
    }
}

fn parse_folder(text: Option<&str>) -> Result<PathBuf, SettingsError> {
    match text {
        Some("") => Err(SettingsError {
            variable: DATA,
            value: String::new(),
            expected: "the path of a folder, like ./data",
        }),
        other => Ok(PathBuf::from(other.unwrap_or("data"))),
    }
}

/// Accepts only addresses on this machine: a sandbox elsewhere would receive real secrets.
fn parse_sandbox(text: String) -> Result<String, SettingsError> {
    let local = Url::parse(&text).is_ok_and(|url| {
        url.scheme() == "http" && is_loopback(&url) && url.username().is_empty() && url.query().is_none()
    });
    if local {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(SettingsError {
            variable: SANDBOX_URL,
            value: text,
            expected: "an address on this machine, like http://127.0.0.1:8080/sandbox",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variable: &str, value: &str) -> Result<Settings, SettingsError> {
        Settings::read(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn nothing_set_is_fine() {
        let settings = Settings::read(|_| None).unwrap();
        assert_eq!(settings.public_url.unwrap().redirect_uri(), "http://localhost:8080/oauth/callback");
        assert_eq!(settings.home, Home::Folder("data".into()));
        assert!(settings.sandbox.is_none() && settings.pkce);
        assert_eq!((settings.calls_at_once, read(CALLS_AT_ONCE, "50").unwrap().calls_at_once), (256, 50));
        assert!(!read(PKCE, "off").unwrap().pkce && read(PKCE, "on").unwrap().pkce);
    }

    #[test]
    fn a_stack_is_known_by_its_name_and_knows_its_address_from_requests() {
        let settings = Settings::read(|name| match name {
            STACK => Some("zoho".to_owned()),
            STATE_TABLE => Some("zoho-state".to_owned()),
            PUBLIC_URL | SANDBOX_URL => Some(String::new()),
            _ => None,
        })
        .unwrap();
        let Home::Stack(stack) = settings.home else { panic!("a stack") };
        assert_eq!((stack.name.as_str(), stack.state_table.as_deref()), ("zoho", Some("zoho-state")));
        assert!(stack.events_table.is_none() && settings.public_url.is_none());
        let url = PublicUrl::of_domain("abc.execute-api.eu-central-1.amazonaws.com").unwrap();
        assert_eq!(url.redirect_uri(), "https://abc.execute-api.eu-central-1.amazonaws.com/oauth/callback");
        assert!(PublicUrl::of_domain("evil.example/path").is_err());
    }

    #[test]
    fn a_broken_variable_is_named_with_what_it_should_be() {
        for (variable, value) in [
            (DATA, ""),
            (PUBLIC_URL, "connector.example.com"),
            (PUBLIC_URL, "https://connector.example.com/path"),
            (PUBLIC_URL, "https://user@connector.example.com"),
            (PUBLIC_URL, "ftp://connector.example.com"),
            (PUBLIC_URL, "http://connector.example.com"),
            (PUBLIC_URL, "http://10.0.0.7:8080"),
            (SANDBOX_URL, "http://sandbox.example.com"),
            (SANDBOX_URL, "http://127.0.0.1@evil.example"),
            (SANDBOX_CLOCK, "/tmp/now"),
            (LOG, "shared=loud"),
            (LOG, "shout"),
            (LOG, "info,shout"),
            (INVENTORY_PER_MINUTE, "many"),
            (INVENTORY_PER_MINUTE, "-1"),
            (INVENTORY_PER_DAY, "99999999999"),
            (AUDIT_DAYS, "29"),
            (AUDIT_DAYS, "3651"),
            (EVENTS_DAYS, "6"),
            (EVENTS_DAYS, "366"),
            (EVENTS_DAYS, "a month"),
            (CALLS_AT_ONCE, "0"),
            (CALLS_AT_ONCE, "10001"),
            (CALLS_AT_ONCE, "off"),
            (PKCE, "no"),
        ] {
            let error = read(variable, value).unwrap_err();
            assert_eq!(error.variable, variable);
            let line = error.to_string();
            assert!(line.starts_with(&format!("{variable} is ")) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn calls_are_limited_as_zoho_documents_it_unless_something_else_is_said() {
        let limits = |variable, value| read(variable, value).unwrap().inventory;
        let usual = limits(INVENTORY_PER_MINUTE, "");
        assert_eq!((usual.per_minute, usual.per_day, usual.at_once()), (Some(100), None, 10));
        assert_eq!(limits(INVENTORY_PER_MINUTE, "off").per_minute, None);
        assert_eq!(limits(INVENTORY_PER_MINUTE, "0").per_minute, None);
        assert_eq!(limits(INVENTORY_PER_MINUTE, "150").per_minute, Some(150));
        let free = limits(INVENTORY_PER_DAY, "1000");
        assert_eq!((free.per_day, free.at_once()), (Some(1000), 5));
        assert_eq!(limits(INVENTORY_PER_DAY, "10000").at_once(), 10);
    }

    #[test]
    fn what_happened_is_kept_as_long_as_it_is_said() {
        let kept = |variable, value| read(variable, value).unwrap().retention;
        assert_eq!(kept(AUDIT_DAYS, ""), Retention::default());
        assert_eq!(kept(AUDIT_DAYS, "30"), Retention { audit: days(30), ..Retention::default() });
        assert_eq!(kept(EVENTS_DAYS, "365"), Retention { events: days(365), ..Retention::default() });
    }

    #[test]
    fn a_trailing_slash_is_forgiven() {
        let settings = read(PUBLIC_URL, "https://connector.example.com/").unwrap();
        let url = settings.public_url.unwrap();
        assert_eq!(url.as_str(), "https://connector.example.com");
        assert!(url.is_https());
    }
}
