//! A connection as all functions see it: a row without secrets. Only token-refresh writes it.

pub mod access_token;
pub mod consent;
pub mod orders;
pub mod organization;
pub mod token_cache;
pub mod token_refresh;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use organization::Organization;

use crate::base::clock::{SharedClock, Timestamp};
use crate::base::id::ConnectionName;
use crate::base::ttl_cache::TtlCache;
use crate::store::{Condition, Key, Put, Row, StoreError, Table, all_rows};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::scope::ScopeSet;

const PARTITION: &str = "connection";

/// Zoho keeps this number of grants of one user for one client, and then ends the oldest without notice.
pub const GRANTS_PER_USER: usize = 20;

/// One consent to use one Zoho account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub name: ConnectionName,
    /// The generation of the grant that the rest is about: each consent makes the next one.
    pub generation: u64,
    /// The client that asked for it.
    pub client_id: String,
    /// Where that client is registered.
    pub home: DataCentre,
    /// Where the account lives.
    pub data_centre: DataCentre,
    /// What was granted.
    pub scopes: ScopeSet,
    /// The Inventory organisation.
    pub organization: Option<Organization>,
    /// The CRM organisation.
    pub crm_organization: Option<Organization>,
    /// The address of the user who consented, where it may be read.
    pub user: Option<String>,
    /// When this grant was consented to.
    pub connected_at: Timestamp,
    /// When the access token was made.
    pub token_renewed_at: Option<Timestamp>,
    /// When the access token ends.
    pub token_expires: Option<Timestamp>,
    /// By how many seconds our clock was ahead of Zoho's, where that was a minute or more; negative when it was behind.
    pub clock_ahead: Option<i64>,
    /// Its state.
    pub state: State,
}

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Tokens are renewed without trouble.
    Healthy,
    /// Zoho throttled or failed; no token call before `until`.
    CoolingDown {
        /// The end of the pause.
        until: Timestamp,
        /// How many pauses in a row.
        times: u32,
        /// Why, as programs judge by it.
        #[serde(default)]
        cause: PauseCause,
        /// What Zoho said, for people.
        reason: String,
    },
    /// Our own budget of token calls is spent.
    Exhausted {
        /// When the next call fits in.
        until: Timestamp,
    },
    /// The client id or secret is wrong.
    Misconfigured {
        /// Zoho's word for it.
        reason: String,
        /// The version of the registered clients at that time: with another one, Zoho is asked again.
        clients: Option<String>,
    },
    /// The operator ends it: from now on it cannot be renewed or reconnected.
    Disconnecting,
    /// The grant is dead: a person must consent again.
    ReconnectRequired {
        /// Since when.
        since: Timestamp,
    },
}

/// Why Zoho gave no token, so that it is left alone for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// No answer came: of the network, or of Zoho.
    NoAnswer,
    /// The answer was no token and no refusal: something answered in Zoho's place, or Zoho in an outage.
    NoToken,
    /// Zoho throttles the token requests.
    Throttled,
    /// Zoho refused with `general_error`, which names no cause.
    GeneralError,
    /// Zoho refused with another word, or with none.
    OtherRefusal,
    /// Not known: an earlier version stored the pause without its cause, or a later one with a cause that came after this version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl State {
    /// The words of all states, the good one first.
    pub const WORDS: [&str; 6] =
        ["healthy", "cooling_down", "exhausted", "misconfigured", "reconnect_required", "disconnecting"];

    /// The word for it, one of [`Self::WORDS`], as status and metrics show it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::CoolingDown { .. } => "cooling_down",
            Self::Exhausted { .. } => "exhausted",
            Self::Misconfigured { .. } => "misconfigured",
            Self::ReconnectRequired { .. } => "reconnect_required",
            Self::Disconnecting => "disconnecting",
        }
    }
}

impl Connection {
    /// What its state means and what to do next; nothing where all is well.
    pub fn notice(&self) -> Option<String> {
        match &self.state {
            State::Healthy => self.clock_ahead.map(|seconds| {
                let (by, where_) = (seconds.unsigned_abs(), if seconds > 0 { "ahead of" } else { "behind" });
                format!("The connector's clock is {by} s {where_} Zoho's. Set the machine's clock right.")
            }),
            State::CoolingDown { until, reason, .. } => {
                Some(format!("{reason}. The next try is at {until}; until then the stored token is used."))
            }
            State::Exhausted { until } => {
                Some(format!("So many tokens were needed that the next one must wait until {until}."))
            }
            State::Misconfigured { reason, .. } => Some(format!(
                "{reason}. The operator corrects it with `zoho-connector client set --id ID --data-centre DATA_CENTRE`."
            )),
            State::Disconnecting => Some("The operator is ending this connection.".to_owned()),
            State::ReconnectRequired { since } => Some(format!(
                "Zoho has not accepted the grant since {since}. Its user consents again at the reconnect link, where there is one, or the operator runs `zoho-connector connect --connection {}`.",
                self.name
            )),
        }
    }

    /// All connections of the same Zoho user for the same client, including this one where it is stored.
    pub fn same_user<'a>(&'a self, all: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        all.iter().filter(|other| {
            self.user.is_some()
                && (&other.user, &other.client_id, other.data_centre)
                    == (&self.user, &self.client_id, self.data_centre)
        })
    }

    /// The row. Only the holder of the connection's lease writes it.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn row(&self) -> Result<Put, StoreError> {
        Put::record(key(&self.name), self, Condition::Any)
    }
}

/// Connections for a process that only reads them: cached for a minute.
pub struct Connections {
    state: Arc<dyn Table>,
    cache: TtlCache<ConnectionName, Arc<Connection>>,
}

impl Connections {
    /// The rows are in this table.
    pub fn new(state: Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, cache: TtlCache::new(clock) }
    }

    /// A connection as it was within the last minute.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn get(&self, name: &ConnectionName) -> Result<Option<Arc<Connection>>, StoreError> {
        match self.cache.get(name) {
            Some(found) => Ok(Some(found)),
            None => self.read(name).await,
        }
    }

    /// A connection as it is now.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn read(&self, name: &ConnectionName) -> Result<Option<Arc<Connection>>, StoreError> {
        let found = get(&*self.state, name).await?.map(Arc::new);
        match &found {
            Some(found) => self.cache.learn(name.clone(), found.clone()),
            None => self.cache.forget(name),
        }
        Ok(found)
    }
}

/// Reads one connection.
///
/// # Errors
/// Where the store fails.
pub async fn get(state: &dyn Table, name: &ConnectionName) -> Result<Option<Connection>, StoreError> {
    state.get(&key(name)).await?.map(|row| row.read()).transpose()
}

/// Reads all connections.
///
/// # Errors
/// Where the store fails.
pub async fn list(state: &dyn Table) -> Result<Vec<Connection>, StoreError> {
    all_rows(state, PARTITION, "").await?.iter().map(Row::read).collect()
}

/// Reads all connections whose rows can be read, and says how many others there are: for what is done for each by itself, where one in
/// trouble holds up no other.
///
/// # Errors
/// Where the store fails.
pub async fn readable(state: &dyn Table) -> Result<(Vec<Connection>, usize), StoreError> {
    let rows = all_rows(state, PARTITION, "").await?;
    let unreadable = |row: &Row, error: &StoreError| tracing::error!(row = row.key.sort, %error, "a connection cannot be read");
    let read = |row: &Row| row.read::<Connection>().inspect_err(|error| unreadable(row, error)).ok();
    let found: Vec<_> = rows.iter().filter_map(read).collect();
    let others = rows.len() - found.len();
    Ok((found, others))
}

/// Where a connection's row stands.
pub fn key(name: &ConnectionName) -> Key {
    Key::new(PARTITION, name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_is_stored_under_its_word() {
        let at = "2026-11-22T10:00:00Z";
        for word in State::WORDS {
            let row =
                json!({ "is": word, "until": at, "since": at, "times": 1, "reason": "", "clients": null });
            let state: State = serde_json::from_value(row).unwrap();
            assert_eq!(state.as_str(), word);
        }
    }

    #[test]
    fn a_healthy_connection_tells_of_a_wrong_clock_and_of_nothing_else() {
        for (clock_ahead, notice) in [
            (None, None),
            (Some(60), Some("The connector's clock is 60 s ahead of Zoho's. Set the machine's clock right.")),
            (Some(-60), Some("The connector's clock is 60 s behind Zoho's. Set the machine's clock right.")),
        ] {
            let found = Connection {
                name: ConnectionName::default(),
                generation: 1,
                client_id: "1000.CLIENT".to_owned(),
                home: DataCentre::Eu,
                data_centre: DataCentre::Eu,
                scopes: ScopeSet::parse(""),
                organization: None,
                crm_organization: None,
                user: None,
                connected_at: Timestamp::UNIX_EPOCH,
                token_renewed_at: None,
                token_expires: None,
                clock_ahead,
                state: State::Healthy,
            };
            assert_eq!(found.notice().as_deref(), notice, "{clock_ahead:?}");
        }
    }
}
