//! What must hold, whatever happens: rules 1 to 4 of the design, and that no grant is lost or left lying.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{End, Entry, Heard, Held, Kind, What, Who};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Token calls of a connection, and the time in which they are counted.
const CALLS: usize = 8;
const WINDOW: i64 = 10 * MINUTE;

/// A slot is dated before two calls to the store, which may take 10 seconds each, so a call can leave this much later.
const SLACK: i64 = 20_000;

/// The time for a choice.
const CHOICE: i64 = 15 * MINUTE;

/// A run that takes a choice has a minute, and the schedule comes every 5.
const PARKED: i64 = CHOICE + 6 * MINUTE + SLACK;

/// Versions of a secret in a day.
pub const VERSIONS: usize = 80;

/// What the rules remember.
#[derive(Default)]
pub struct Rules {
    runs: BTreeMap<u32, Run>,
    grants: BTreeMap<String, Grant>,
    tokens: BTreeMap<String, (String, u64)>,
    staged: BTreeMap<u64, Held>,
    connections: BTreeMap<String, Connection>,
    versions: BTreeMap<String, Vec<i64>>,
    clients: Option<u64>,
}

struct Run {
    kind: Kind,
    connection: Option<String>,
    began: i64,
    /// It was dropped before its end.
    died: bool,
    /// Zoho's answer to a token call did not come.
    deaf: bool,
    /// Whether a grant was put in its place is not known.
    unsure: bool,
    /// Zoho refused the client.
    blamed: bool,
    /// Grants whose revocation Zoho did not confirm.
    unrevoked: BTreeSet<String>,
}

impl Run {
    fn excuses(&self, grant: &str) -> bool {
        self.died || self.deaf || self.unsure || self.unrevoked.contains(grant)
    }
}

struct Grant {
    connection: String,
    alive: bool,
    /// One of our runs ended it.
    revoked: bool,
    /// It was the stored one at some time.
    stored: bool,
    /// When it came to be, and when it was parked.
    born: i64,
    parked: i64,
    /// The operator ended its connection while it was the stored one.
    condemned: bool,
    /// Who made, replaced or removed it.
    touched: BTreeSet<u32>,
}

#[derive(Default)]
struct Connection {
    grant: Option<(String, u64)>,
    grant_version: Option<u64>,
    token: Option<(u64, u64)>,
    /// The grant whose organisation is to be chosen.
    parked: Option<String>,
    /// When its row was written last: a consent that failed to take its place prolongs its time.
    marked: i64,
    row: Option<Row>,
    /// When an end of it was asked for that was reached since.
    ended: Option<i64>,
    sent: Vec<i64>,
}

#[derive(Clone, PartialEq, Eq)]
struct Row {
    generation: u64,
    state: String,
    mark: Option<String>,
    until: Option<i64>,
    since: i64,
}

/// A rule that was broken.
pub type Broken = Result<(), String>;

fn demand(holds: bool, rule: &str) -> Broken {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

/// The connection that a secret is of, and which of its two it is.
fn parts(secret: &str) -> Option<(&str, &str)> {
    secret.strip_prefix("connections/")?.split_once('/')
}

impl Rules {
    /// Looks at one thing that happened.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn see(&mut self, entry: &Entry) -> Broken {
        let (at, who) = (entry.at, entry.who);
        match &entry.what {
            What::Began { kind, connection } => {
                if let Who::Run(run) = who {
                    self.runs.insert(run, Run::of(*kind, connection.clone(), at));
                }
                Ok(())
            }
            What::Ended { reply } => {
                self.run_ended(who, reply);
                Ok(())
            }
            What::Died { .. } => {
                self.with_run(who, |run| run.died = true);
                Ok(())
            }
            What::Read { name } => demand(
                !matches!(who, Who::Caller(_)) || name.ends_with("/access-token"),
                "rule 1: a process that only uses tokens read a grant or a client secret",
            ),
            What::Staged { name, version, held } => self.staged(at, who, name, *version, held),
            What::Promoted { name, version, done: true } => self.promoted(at, who, name, *version),
            What::SecretDeleted { name } => self.deleted(who, name),
            What::Connection { name, generation, state, mark, until } => {
                let row = Row {
                    generation: *generation,
                    state: state.clone(),
                    mark: mark.clone(),
                    until: *until,
                    since: at,
                };
                self.row(who, name, row)
            }
            What::Row { key } => {
                if let Some(name) = key.strip_prefix("parked-grant/") {
                    self.connections.entry(name.to_owned()).or_default().marked = at;
                }
                Ok(())
            }
            What::ConnectionDeleted { name } => {
                let connection = self.connections.entry(name.clone()).or_default();
                connection.row = None;
                let grant = connection.grant.as_ref().and_then(|(grant, _)| self.grants.get(grant));
                demand(
                    matches!(who, Who::Run(_)) && grant.is_none_or(|grant| grant.condemned),
                    "rule 5: the row of a connection was removed that nobody ended",
                )
            }
            What::StoreFailed { call, name, .. } => {
                if *call == "promote" && name.contains("/grant") {
                    self.with_run(who, |run| run.unsure = true);
                }
                Ok(())
            }
            What::Sent { connection, exchange } => self.sent(at, who, connection, *exchange),
            What::Heard { revokes, heard: Heard::Noise } => {
                self.with_run(who, |run| match revokes {
                    Some(grant) => drop(run.unrevoked.insert(grant.clone())),
                    None => run.deaf = true,
                });
                Ok(())
            }
            What::TooMany { .. } => Err("rule 2: Zoho's own limit of token calls was reached".to_owned()),
            What::InvalidClient { .. } => {
                self.with_run(who, |run| run.blamed = true);
                Ok(())
            }
            What::Born { grant, connection, .. } => {
                let touched = if let Who::Run(run) = who { BTreeSet::from([run]) } else { BTreeSet::new() };
                let connection = connection.clone();
                let born = Grant {
                    connection,
                    alive: true,
                    revoked: false,
                    stored: false,
                    born: at,
                    parked: 0,
                    condemned: false,
                    touched,
                };
                self.grants.insert(grant.clone(), born);
                Ok(())
            }
            What::GrantEnded { grant, end } => self.ended(grant, *end),
            What::Minted { token, grant, number } => {
                self.tokens.insert(token.clone(), (grant.clone(), *number));
                Ok(())
            }
            What::SuccessPage { grant, .. } => {
                let grant = grant.as_ref().and_then(|grant| self.grants.get(grant));
                demand(
                    grant.is_some_and(|grant| grant.stored),
                    "rule 5: a person was told that a connection was made whose grant was never stored",
                )
            }
            _ => Ok(()),
        }
    }

    fn with_run(&mut self, who: Who, change: impl FnOnce(&mut Run)) {
        if let Who::Run(run) = who
            && let Some(run) = self.runs.get_mut(&run)
        {
            change(run);
        }
    }

    fn run_ended(&mut self, who: Who, reply: &str) {
        let Who::Run(run) = who else { return };
        let Some(run) = self.runs.get(&run).filter(|run| run.kind == Kind::Disconnect) else { return };
        let reached = reply.starts_with("Disconnected") || reply == "Unknown";
        if let Some(name) = run.connection.clone().filter(|_| reached) {
            self.connections.entry(name).or_default().ended = Some(run.began);
        }
    }

    fn began(&self, who: Who) -> i64 {
        let Who::Run(run) = who else { return 0 };
        self.runs.get(&run).map_or(0, |run| run.began)
    }

    fn kind(&self, who: Who) -> Option<Kind> {
        let Who::Run(run) = who else { return None };
        self.runs.get(&run).map(|run| run.kind)
    }

    fn staged(&mut self, at: i64, who: Who, name: &str, version: u64, held: &Held) -> Broken {
        self.staged.insert(version, held.clone());
        let versions = self.versions.entry(name.to_owned()).or_default();
        versions.push(at);
        let today = versions.iter().filter(|made| **made > at - DAY).count();
        demand(
            matches!(who, Who::Run(_)) && name != "client" || who == Who::Operator && name == "client",
            "rule 1: somebody else than token-refresh stored a token",
        )?;
        demand(today <= VERSIONS, "rule 2: more than 80 versions of a secret in a day")
    }

    fn promoted(&mut self, at: i64, who: Who, name: &str, version: u64) -> Broken {
        let kind = self.kind(who);
        let began = self.began(who);
        let Some((name, what)) = parts(name) else {
            self.clients = Some(version);
            return Ok(());
        };
        if what == "grant-replaced" {
            return Ok(());
        }
        let connection = self.connections.entry(name.to_owned()).or_default();
        match self.staged.get(&version) {
            Some(Held::Grant { grant, generation }) => {
                if connection.grant_version == Some(version) {
                    return Ok(());
                }
                let old = connection.grant.replace((grant.clone(), *generation));
                connection.grant_version = Some(version);
                if let (Who::Run(run), Some(old)) =
                    (who, old.as_ref().and_then(|old| self.grants.get_mut(&old.0)))
                {
                    old.touched.insert(run);
                }
                let found = self.grants.get_mut(grant).ok_or("a grant was stored that Zoho never gave")?;
                found.stored = true;
                let (born, parked) = (found.born, found.parked);
                demand(found.connection == name, "a grant was stored for another connection")?;
                demand(!found.revoked, "rule 5: a grant became current that we had revoked")?;
                let replaced =
                    old.as_ref().filter(|old| old.0 != *grant).and_then(|old| self.grants.get(&old.0));
                demand(
                    kind != Some(Kind::Choose) || replaced.is_none_or(|old| old.born < born + SLACK),
                    "rule 3: a grant was replaced by one that had been parked before it came",
                )?;
                demand(
                    kind != Some(Kind::Choose) || began <= parked + CHOICE,
                    "rule 3: a choice was taken that came too late",
                )?;
                demand(
                    kind != Some(Kind::Choose) || connection.ended.is_none_or(|ended| ended < parked),
                    "rule 3: a choice brought a connection back that had been ended since",
                )?;
                demand(
                    old.is_none_or(|old| old.1 < *generation),
                    "rule 3: a grant was replaced by one of the same or an older generation",
                )
            }
            Some(Held::Token { token, generation }) => {
                let (grant, number) =
                    self.tokens.get(token).ok_or("a token was stored that Zoho never gave")?;
                let old = connection.token.replace((*generation, *number));
                demand(
                    old.is_none_or(|old| old <= (*generation, *number)),
                    "rule 3: a token was replaced by an older one",
                )?;
                let fits = match &connection.grant {
                    Some((current, now)) if now == generation => current == grant,
                    _ => self.grants.get(grant).is_some_and(|grant| grant.connection == name),
                };
                demand(fits, "rule 3: a token of another grant passes for one of the current grant")
            }
            Some(Held::Parked { grant }) => {
                let old = connection.parked.replace(grant.clone()).filter(|old| old != grant);
                if let (Who::Run(run), Some(old)) = (who, old.and_then(|old| self.grants.get_mut(&old))) {
                    old.touched.insert(run);
                }
                let found = self.grants.get_mut(grant).ok_or("a grant was parked that Zoho never gave")?;
                found.parked = at;
                Ok(())
            }
            _ => Err("something was promoted that is no token".to_owned()),
        }
    }

    fn deleted(&mut self, who: Who, name: &str) -> Broken {
        self.versions.remove(name);
        let Some((name, what)) = parts(name) else { return Err("the client was deleted".to_owned()) };
        let Who::Run(run) = who else {
            return Err("rule 1: somebody else than token-refresh removed a secret".to_owned());
        };
        let connection = self.connections.entry(name.to_owned()).or_default();
        match what {
            "grant" => {}
            "grant-replaced" => return Ok(()),
            "grant-parked" => {
                let parked = connection.parked.take();
                if let Some(grant) = parked.and_then(|grant| self.grants.get_mut(&grant)) {
                    grant.touched.insert(run);
                }
                return Ok(());
            }
            _ => {
                connection.token = None;
                return Ok(());
            }
        }
        connection.grant_version = None;
        let Some((grant, _)) = connection.grant.take() else { return Ok(()) };
        let grant = self.grants.get_mut(&grant).ok_or("a grant nobody knows")?;
        grant.touched.insert(run);
        demand(grant.condemned, "rule 5: a grant was deleted that nobody ended")
    }

    fn row(&mut self, who: Who, name: &str, mut row: Row) -> Broken {
        let kind = self.kind(who);
        let blamed = matches!(who, Who::Run(run) if self.runs.get(&run).is_some_and(|run| run.blamed));
        let connection = self.connections.entry(name.to_owned()).or_default();
        let before = connection.row.take();
        if let Some(before) =
            before.as_ref().filter(|before| Row { since: row.since, ..(*before).clone() } == row)
        {
            row.since = before.since;
        }
        let state = row.state.clone();
        let current = connection.grant.as_ref().filter(|(_, generation)| *generation == row.generation);
        let grant = current.and_then(|(grant, _)| self.grants.get_mut(grant));
        connection.row = Some(row);
        demand(kind.is_some(), "rule 1: somebody else than token-refresh wrote a connection's row")?;
        match (state.as_str(), grant) {
            ("disconnecting", Some(grant)) => {
                grant.condemned |= kind == Some(Kind::Disconnect);
                demand(grant.condemned, "rule 5: the schedule ended a connection that nobody ended")
            }
            ("reconnect_required", Some(grant)) => {
                demand(!grant.alive, "rule 4: a person must reconnect although the grant lives")
            }
            ("misconfigured", _) => demand(
                blamed || before.is_some_and(|before| before.state == state),
                "rule 4: the client was blamed although Zoho did not",
            ),
            _ => Ok(()),
        }
    }

    fn sent(&mut self, at: i64, who: Who, name: &str, exchange: bool) -> Broken {
        let began = match who {
            Who::Run(run) => self.runs.get(&run).map_or(at, |run| run.began),
            _ => return Err("rule 1: somebody else than token-refresh asked for a token".to_owned()),
        };
        let connection = self.connections.entry(name.to_owned()).or_default();
        connection.sent.push(at);
        let within = connection.sent.iter().filter(|sent| **sent > at - WINDOW + SLACK).count();
        demand(within <= CALLS, "rule 2: more than 8 token calls of a connection in 10 minutes")?;
        let clients = self.clients.map(|clients| clients.to_string());
        let row = connection.row.as_ref().filter(|row| {
            let generation = connection.grant.as_ref().map(|(_, generation)| *generation);
            !exchange && row.since < began && Some(row.generation) == generation
        });
        let Some(row) = row else { return Ok(()) };
        match row.state.as_str() {
            "cooling_down" | "exhausted" => {
                demand(row.until.is_none_or(|until| until <= at), "rule 4: a pause was not kept")
            }
            "misconfigured" => demand(row.mark != clients, "rule 4: the same wrong client was tried again"),
            "reconnect_required" => Err("rule 4: a dead grant was tried again".to_owned()),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, name: &str, end: End) -> Broken {
        let grant = self.grants.get_mut(name).ok_or("a grant nobody knows ended")?;
        grant.alive = false;
        grant.revoked |= end == End::Revoked;
        let connection = self.connections.get(&grant.connection);
        let current =
            connection.and_then(|found| found.grant.as_ref()).is_some_and(|(current, _)| current == name);
        demand(
            end != End::Revoked || !current || grant.condemned,
            "rule 5: the current grant was revoked, although nobody ended its connection",
        )
    }

    /// The grants that live at Zoho, are not stored here, and should have been revoked: nobody died, and no answer was
    /// lost, between their making and their end.
    pub fn leaked(&self) -> Vec<String> {
        let current = |name: &String, grant: &Grant| {
            let connection = self.connections.get(&grant.connection);
            connection.and_then(|found| found.grant.as_ref()).is_some_and(|(current, _)| current == name)
        };
        let excused = |name: &str, grant: &Grant| {
            let mut touched = grant.touched.iter().filter_map(|run| self.runs.get(run));
            touched.any(|run| run.excuses(name))
        };
        let ours = self.grants.iter().filter(|(_, grant)| grant.alive && !grant.connection.is_empty());
        ours.filter(|(name, grant)| !current(name, grant) && !excused(name, grant))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// How many grants live at Zoho and are not stored here, excused or not.
    pub fn left_lying(&self) -> usize {
        let current: BTreeSet<_> = self
            .connections
            .values()
            .filter_map(|found| found.grant.as_ref())
            .map(|(grant, _)| grant)
            .collect();
        let ours = self.grants.iter().filter(|(_, grant)| grant.alive && !grant.connection.is_empty());
        ours.filter(|(name, _)| !current.contains(name)).count()
    }

    /// The connections whose parked grant should have been revoked by then.
    pub fn forgotten(&self, at: i64) -> Vec<String> {
        let forgotten =
            self.connections.iter().filter(|(_, found)| found.parked.is_some() && found.marked < at - PARKED);
        forgotten.map(|(name, _)| name.clone()).collect()
    }

    /// The stored grant of a connection.
    pub fn grant(&self, connection: &str) -> Option<&str> {
        self.connections.get(connection)?.grant.as_ref().map(|(grant, _)| grant.as_str())
    }
}

impl Run {
    fn of(kind: Kind, connection: Option<String>, began: i64) -> Self {
        let unrevoked = BTreeSet::new();
        Self { kind, connection, began, died: false, deaf: false, unsure: false, blamed: false, unrevoked }
    }
}
