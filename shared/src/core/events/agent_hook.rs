//! The agent's hook: the address that is told of waiting events, and how often at most. Without a hook, the agent asks for events
//! itself.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::loopback::is_loopback;
use crate::base::secret::{Secret, expose, random_hex, sha256_hex};
use crate::store::secret_record::{load, write};
use crate::store::{Secrets, StoreError};

const SECRET: &str = "agent";

/// The types of events that a hook gets by default.
pub const ALL_TYPES: &[&str] = &["zoho.*", "connector.*"];

/// The agent's turns in an hour by default.
pub const TURNS_PER_HOUR: u32 = 12;

/// A hook of an `OpenClaw` gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hook {
    /// Its whole address: `https://gateway.example.com/hooks/agent`.
    pub url: HookUrl,
    /// The hooks' token.
    #[serde(serialize_with = "expose")]
    pub token: Secret,
    /// Which of the gateway's agents, where it has several.
    pub agent_id: Option<String>,
    /// Which types of events are told: whole, or up to a `*` at the end.
    pub types: Vec<String>,
    /// The most turns that are begun in an hour: each costs money.
    pub turns_per_hour: u32,
    /// Whether nothing is told for the time being.
    pub paused: bool,
    /// Changes whenever the operator sets or resumes the hook, so that a refused hook is tried again.
    pub set: String,
}

impl Hook {
    /// A hook as it is usually set.
    pub fn new(url: HookUrl, token: Secret) -> Self {
        Self {
            url,
            token,
            agent_id: None,
            types: ALL_TYPES.iter().map(|kind| (*kind).to_owned()).collect(),
            turns_per_hour: TURNS_PER_HOUR,
            paused: false,
            set: random_hex::<8>(),
        }
    }

    /// The hook that the operator set.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn read(secrets: &dyn Secrets) -> Result<Option<Self>, StoreError> {
        Ok(load::<Option<Self>>(secrets, SECRET).await?.and_then(|(hook, _)| hook))
    }

    /// Removes it, with its token. The secret itself stays: on AWS it belongs to the stack.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn forget(secrets: &dyn Secrets) -> Result<(), StoreError> {
        let known = secrets.get(SECRET).await?;
        write(secrets, SECRET, &None::<Self>, known.map(|known| known.version).as_ref()).await
    }

    /// Stores it in the place of the one before.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn store(&self, secrets: &dyn Secrets) -> Result<(), StoreError> {
        let known = secrets.get(SECRET).await?;
        write(secrets, SECRET, self, known.map(|known| known.version).as_ref()).await
    }

    /// Whether it is told of events of this type.
    pub fn wants(&self, kind: &str) -> bool {
        is_among(&self.types, kind)
    }

    /// Turns of an hour: at least one, or nothing would ever be told.
    pub fn turns(&self) -> usize {
        usize::try_from(self.turns_per_hour).unwrap_or(1).max(1)
    }

    /// What it is known by where it refuses us.
    pub fn digest(&self) -> String {
        sha256_hex(format!("{}\n{}\n{}", self.url.0, self.token.digest(), self.set).as_bytes())
    }
}

/// Whether a type of events is among these patterns.
pub(super) fn is_among(types: &[String], kind: &str) -> bool {
    types.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => kind == pattern,
    })
}

/// The address of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookUrl(Url);

impl HookUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::str::FromStr for HookUrl {
    type Err = String;

    /// The token must not go over the network in the clear, and `OpenClaw` refuses tokens in addresses.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| {
            if text.is_ascii() {
                "it must be an address like https://gateway.example.com/hooks/agent".to_owned()
            } else {
                "it must be in ASCII; a host with other letters is written as browsers send it, with xn--"
                    .to_owned()
            }
        })?;
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !safe {
            return Err("it must begin with https://, or be on this machine".to_owned());
        }
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(
                "it must have no name, password, query or fragment: the token is given apart".to_owned()
            );
        }
        if url.path() == "/" {
            return Err("it lacks its path, like https://gateway.example.com/hooks/agent".to_owned());
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for HookUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HookUrl> for String {
    fn from(url: HookUrl) -> Self {
        url.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(types: &[&str]) -> Hook {
        Hook {
            types: types.iter().map(|text| (*text).to_owned()).collect(),
            set: "1".to_owned(),
            ..Hook::new("https://gateway.example.com/hooks/agent".parse().unwrap(), Secret::new("hook-token"))
        }
    }

    #[test]
    fn types_are_whole_or_beginnings() {
        assert!(hook(ALL_TYPES).wants("zoho.crm.deal.updated"));
        assert!(hook(ALL_TYPES).wants("connector.reconnect_required"));
        let narrow = hook(&["zoho.inventory.item.*", "connector.channel_lost"]);
        assert!(narrow.wants("zoho.inventory.item.updated") && narrow.wants("connector.channel_lost"));
        assert!(!narrow.wants("zoho.inventory.items") && !narrow.wants("connector.channel_lost.x"));
        assert!(!hook(&[]).wants("zoho.crm.deal.updated"));
    }

    #[test]
    fn the_token_goes_only_where_nobody_listens() {
        for good in [
            "https://gateway.example.com/hooks/agent",
            "http://127.0.0.1:18789/hooks/agent",
            "http://localhost:18789/hooks/zoho",
            "http://[::1]:18789/hooks/agent",
        ] {
            assert_eq!(good.parse::<HookUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "http://gateway.example.com/hooks/agent",
            "http://10.0.0.1/hooks/agent",
            "http://localhost.evil.example/hooks",
            "https://gateway.example.com/hooks/agent?token=x",
            "https://user:pass@gateway.example.com/hooks/agent",
            "https://gateway.example.com/hooks/agent#x",
            "https://gateway.example.com",
            "ftp://gateway.example.com/hooks",
            "/hooks/agent",
        ] {
            assert!(bad.parse::<HookUrl>().is_err(), "{bad}");
        }
        let error = "https://bücher.example/hooks/agent".parse::<HookUrl>().unwrap_err();
        assert!(error.contains("xn--"), "{error}");
    }

    #[test]
    fn another_setting_has_another_digest() {
        let (first, mut second) = (hook(&[]), hook(&[]));
        assert_eq!(first.digest(), second.digest());
        second.set = "2".to_owned();
        assert_ne!(first.digest(), second.digest());
        assert!(!format!("{first:?}").contains("hook-token"));
    }
}
