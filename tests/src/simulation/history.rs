//! What can happen in a simulation. The rules read it as it happens; a failing seed prints it.

use std::fmt;

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A run of token-refresh.
    Run(u32),
    /// A process that only uses tokens.
    Caller(u32),
    /// Who consents in a browser.
    Person,
    /// The operator.
    Operator,
    /// Zoho by itself.
    Zoho,
    /// The simulation.
    Stage,
}

/// What a run was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A token.
    Renew,
    /// A code's exchange.
    Exchange,
    /// The choice of an organisation.
    Choose,
    /// An end.
    Disconnect,
    /// The schedule.
    Tick,
}

/// What a stored secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A grant, by its refresh token.
    Grant {
        /// Which.
        grant: String,
        /// As it is stored.
        generation: u64,
    },
    /// A grant whose organisation is not chosen yet.
    Parked {
        /// Which.
        grant: String,
    },
    /// An access token.
    Token {
        /// Which.
        token: String,
        /// As it is stored.
        generation: u64,
    },
    /// Something else.
    Other,
}

/// Why a grant ended at Zoho.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A run revoked it.
    Revoked,
    /// The user removed the app.
    ByUser,
    /// The user got more than 20.
    Evicted,
}

/// How a call to Zoho went, as the run saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// What Zoho said.
    Answer,
    /// Nothing, or something else.
    Noise,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named after what they are")]
pub enum What {
    /// A run began.
    Began { kind: Kind, connection: Option<String> },
    /// A run ended by itself.
    Ended { reply: String },
    /// A run was dropped before its end.
    Died { polls: u64 },
    /// A secret was read.
    Read { name: String },
    /// A secret's version was stored as pending.
    Staged { name: String, version: u64, held: Held },
    /// A version became current, or was refused.
    Promoted { name: String, version: u64, done: bool },
    /// A secret was removed.
    SecretDeleted { name: String },
    /// A row that is no connection's was written or removed.
    Row { key: String },
    /// A connection's row was written.
    Connection { name: String, generation: u64, state: String, mark: Option<String>, until: Option<i64> },
    /// A connection's row was removed.
    ConnectionDeleted { name: String },
    /// A store's call failed; `effect` says whether it did its work.
    StoreFailed { call: &'static str, name: String, effect: bool },
    /// A token call left a run.
    Sent { connection: String, exchange: bool },
    /// A run heard the end of a call that mints or revokes.
    Heard { revokes: Option<String>, heard: Heard },
    /// Zoho counted more calls of a grant than it allows.
    TooMany { grant: String },
    /// Zoho refused a renewal because the grant is dead.
    InvalidCode { grant: String },
    /// Zoho refused the client.
    InvalidClient { connection: String },
    /// A grant came to be.
    Born { grant: String, connection: String, user: usize },
    /// A grant ended.
    GrantEnded { grant: String, end: End },
    /// A token was given; they are numbered in order.
    Minted { token: String, grant: String, number: u64 },
    /// A person saw that the connection was made.
    SuccessPage { connection: String, grant: Option<String> },
    /// A caller got an answer.
    Served { connection: String, answer: String },
    /// A mood changed.
    Mood { mood: String },
    /// A remark.
    Note { text: String },
}

/// One thing, with its time in milliseconds since the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: i64,
    /// Who.
    pub who: Who,
    /// What.
    pub what: What,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at / 1000;
        let (h, m, s, ms) = (seconds / 3600, seconds / 60 % 60, seconds % 60, self.at % 1000);
        write!(f, "{h}:{m:02}:{s:02}.{ms:03}  {:12} {:?}", format!("{:?}", self.who), self.what)
    }
}

/// Who is told what happens.
pub trait Witness {
    /// Milliseconds since the beginning.
    fn at(&self) -> i64;

    /// Writes down what happened.
    fn note(&self, who: Who, what: What);
}
