//! A consent in progress: the link that the operator hands out, the state that travels through the user's browser, and the
//! outcome that the browser shows at the end. Of what a browser holds, only the digest is stored.

mod returned;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use returned::{NotZohos, Returned};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_to_come, later};
use crate::base::id::ConnectionName;
use crate::base::secret::Secret;
use crate::core::connection::Connection;
use crate::core::connection::organization::Organization;
use crate::store::{Condition, Key, Put, Row, StoreError, Table, take};
use crate::zoho::data_centre::DataCentre;
use crate::zoho::scope::{Product, ScopeSet};

/// How long a link or a consent may take.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// How long a person may take to choose one of several organisations.
pub const CHOICE: SignedDuration = SignedDuration::from_mins(15);

/// How many consents of one connection may be open that began without a link of the operator's: whoever knows the address can
/// begin one.
const MAX_OPEN: usize = 20;

/// How often one is counted while others are counted, too.
const COUNT_TRIES: u32 = 5;

const LINKS: &str = "consent-link";
const STATES: &str = "consent-state";
const ENDINGS: &str = "consent-ending";

/// What is asked of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The connection to make or renew.
    pub connection: ConnectionName,
    /// The client that asks.
    pub client_id: String,
    /// Where it is registered.
    pub home: DataCentre,
    /// What it asks for.
    pub scopes: ScopeSet,
    /// The Inventory organisation that it must be for, where that is fixed.
    pub organization: Option<String>,
    /// The CRM organisation that it must be for, where that is fixed.
    pub crm_organization: Option<String>,
    /// Where a connection whose grant is dead is reconnected: when it was connected before. Anybody may reconnect, so its scopes
    /// may not become wider, and no newer connection may be replaced.
    pub again: Option<Timestamp>,
}

impl Wish {
    /// The same again, for a connection whose grant is dead: same user, same organisations, no wider scopes. Nothing where user or
    /// organisation is not known, because then a stranger could connect their own account: the operator makes a link.
    pub fn again(connection: &Connection) -> Option<Self> {
        connection.user.as_ref()?;
        let id = |organization: &Option<Organization>| organization.as_ref().map(|found| found.id.clone());
        let wish = Self {
            connection: connection.name.clone(),
            client_id: connection.client_id.clone(),
            home: connection.home,
            scopes: connection.scopes.clone(),
            organization: id(&connection.organization),
            crm_organization: id(&connection.crm_organization),
            again: Some(connection.connected_at),
        };
        let known = |product: &Product| match product {
            Product::Inventory => wish.organization.is_some(),
            Product::Crm => wish.crm_organization.is_some(),
        };
        let products = wish.scopes.products();
        (!products.is_empty() && products.iter().all(known)).then_some(wish)
    }

    /// Where the user of a dead connection consents again without a link of the operator's, below our own origin.
    pub fn path_again(connection: &ConnectionName) -> String {
        format!("/oauth/start?connection={connection}")
    }
}

/// A consent that was begun in a browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begun {
    /// What was asked for.
    pub wish: Wish,
    /// Where Zoho sends the browser back to.
    pub redirect_uri: String,
    /// The digest of the cookie that the same browser must bring.
    pub cookie: String,
    /// The digest of the link it began with, which is used up when it ends.
    pub link: Option<String>,
    /// Whether Zoho was given a challenge (PKCE), whose verifier belongs to that cookie.
    #[serde(default)]
    pub challenged: bool,
}

#[derive(Serialize, Deserialize)]
struct Link {
    wish: Wish,
    made: Timestamp,
}

/// How a consent ended, in words for the person at the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whether the connection was made.
    pub connected: bool,
    /// One line.
    pub title: String,
    /// What was connected: names and values.
    #[serde(default)]
    pub facts: Vec<(String, String)>,
    /// What happened, and what to do next.
    pub lines: Vec<String>,
}

/// One of several organisations must be chosen before a consent ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Choice {
    /// Whose.
    pub connection: ConnectionName,
    /// Among which.
    pub organizations: Vec<Organization>,
    /// The digest of the link it began with.
    pub link: Option<String>,
}

/// How far a consent has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// To its end.
    Ended(Ending),
    /// To a question.
    Choose(Choice),
}

/// The records of consents.
#[derive(Clone)]
pub struct Consents {
    state: std::sync::Arc<dyn Table>,
    clock: SharedClock,
}

impl Consents {
    /// The rows are in this table.
    pub fn new(state: std::sync::Arc<dyn Table>, clock: SharedClock) -> Self {
        Self { state, clock }
    }

    /// Makes a link and returns the nonce in it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn make_link(&self, wish: &Wish) -> Result<Secret, StoreError> {
        let nonce = Secret::random();
        let made = self.clock.now();
        let until = later(made, LIFETIME);
        self.store(LINKS, &nonce.digest(), &Link { wish: wish.clone(), made }, until).await?;
        Ok(nonce)
    }

    /// What a link asks for. Reading does not use it up, because programs that show previews of links open them, too.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn link(&self, nonce: &Secret) -> Result<Option<Wish>, StoreError> {
        let found: Option<Link> = self.find(&Key::new(LINKS, nonce.digest())).await?;
        let now = self.clock.now();
        Ok(found.filter(|link| now < later(link.made, LIFETIME)).map(|link| link.wish))
    }

    /// Stores a consent under the state that goes to Zoho. One that began with a link ends with it. False where too many wait for a
    /// connection that anybody may reconnect.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin(&self, state: &Secret, begun: &Begun) -> Result<bool, StoreError> {
        let mut until = later(self.clock.now(), LIFETIME);
        if let Some(digest) = &begun.link {
            let link: Option<Link> = self.find(&Key::new(LINKS, digest)).await?;
            until = link.map_or(until, |link| until.min(later(link.made, LIFETIME)));
        } else if begun.wish.again.is_some() && !self.count(&begun.wish.connection).await? {
            return Ok(false);
        }
        self.store(STATES, &state.digest(), begun, until).await?;
        Ok(true)
    }

    /// Counts one more consent that a stranger may have begun. False where there are too many.
    async fn count(&self, connection: &ConnectionName) -> Result<bool, StoreError> {
        let key = Key::new(STATES, format!("open#{connection}"));
        for _ in 0..COUNT_TRIES {
            let now = self.clock.now();
            let row = self.state.get(&key).await?;
            let mut open: Vec<Timestamp> = row.as_ref().map(Row::read).transpose()?.unwrap_or_default();
            open.retain(|begun| is_to_come(later(*begun, LIFETIME), now, LIFETIME));
            if open.len() >= MAX_OPEN {
                return Ok(false);
            }
            open.push(now);
            let condition = row.map_or(Condition::Absent, |row| Condition::Version(row.version));
            let put = Put::record(key.clone(), &open, condition)?.until(later(now, LIFETIME));
            if self.state.put(put).await?.is_done() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a consent without using it up.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begun(&self, state: &Secret) -> Result<Option<Begun>, StoreError> {
        self.find(&Key::new(STATES, state.digest())).await
    }

    /// Uses up a consent. Only one caller ever gets `true`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn use_up(&self, state: &Secret) -> Result<bool, StoreError> {
        Ok(take::<Begun>(&*self.state, Key::new(STATES, state.digest())).await?.is_some())
    }

    /// Uses up a link, by its digest: what it asks for, for one caller only.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take_link(&self, digest: &str) -> Result<Option<Wish>, StoreError> {
        let link: Option<Link> = take(&*self.state, Key::new(LINKS, digest)).await?;
        let now = self.clock.now();
        Ok(link.filter(|link| now < later(link.made, LIFETIME)).map(|link| link.wish))
    }

    /// Stores how far a consent has come: under the link, for the operator's command that waits for it, and under the nonce, for the page
    /// after the callback. A later outcome replaces an earlier one. The browser comes last: where only half is done, its person is asked
    /// to do again what does both.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn settle(
        &self,
        outcome: &Outcome,
        nonce: &Secret,
        link: Option<&str>,
    ) -> Result<(), StoreError> {
        let until = later(self.clock.now(), CHOICE);
        let keys = [link.map(of_link), Some(Key::new(ENDINGS, nonce.digest()))];
        for key in keys.into_iter().flatten() {
            self.state.put(Put::record(key, outcome, Condition::Any)?.until(until)).await?;
        }
        Ok(())
    }

    /// How far the consent of that nonce has come.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn outcome(&self, nonce: &Secret) -> Result<Option<Outcome>, StoreError> {
        self.find(&Key::new(ENDINGS, nonce.digest())).await
    }

    /// How far the consent has come that began with this link. Only the operator asks: a link tells no browser how it ended.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn outcome_of_link(&self, link: &Secret) -> Result<Option<Outcome>, StoreError> {
        self.find(&of_link(&link.digest())).await
    }

    async fn store(
        &self,
        kind: &str,
        digest: &str,
        record: &impl Serialize,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let put = Put::record(Key::new(kind, digest), record, Condition::Absent)?.until(until);
        self.state.put(put).await.map(drop)
    }

    async fn find<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        self.state.get(key).await?.map(|row| row.read()).transpose()
    }
}
/// Where the outcome of what began with a link stands, by the link's digest.
fn of_link(digest: &str) -> Key {
    Key::new(ENDINGS, format!("link/{digest}"))
}
