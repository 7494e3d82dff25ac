//! Codes, refresh tokens and access tokens, with their limits and lifetimes.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::pkce::Challenge;
use super::refusal::Refusal;
use crate::api::Client;
use crate::clock::{earlier, later};
use crate::data_centre;
use crate::switches::Switches;

/// An access token lives an hour.
pub(crate) const ACCESS_SECONDS: u64 = 3600;
const ACCESS_LIFE: Duration = Duration::from_secs(ACCESS_SECONDS);
/// The window of the limits on minted tokens and codes, and the limits.
const WINDOW: Duration = Duration::from_secs(600);
const PER_WINDOW: usize = 10;

/// The state of the accounts servers of all data centres.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) clients: Vec<Client>,
    codes: Vec<Code>,
    grants: Vec<Grant>,
    consented: HashSet<String>,
    code_times: Vec<(String, Timestamp)>,
    pub(crate) minted: usize,
}

/// A code that was not exchanged yet.
#[derive(Debug)]
struct Code {
    text: String,
    client: String,
    /// `None` for a Self Client.
    redirect_uri: Option<String>,
    dc: String,
    scopes: Vec<String>,
    refresh: bool,
    ends: Timestamp,
    one_too_many: bool,
    challenge: Option<Challenge>,
}

/// The request of a consent.
pub(crate) struct Consent<'a> {
    pub(crate) client: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) dc: &'a str,
    pub(crate) scopes: Vec<String>,
    pub(crate) offline: bool,
    pub(crate) asked_again: bool,
    pub(crate) challenge: Option<Challenge>,
}

/// One consent: at most one refresh token, and the access tokens made from it.
#[derive(Debug)]
struct Grant {
    refresh: Option<String>,
    client: String,
    dc: String,
    scopes: Vec<String>,
    mints: Vec<Timestamp>,
    locked_until: Option<Timestamp>,
    access: Vec<(String, Timestamp)>,
}

/// The result of a successful token call.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) scopes: Vec<String>,
}

impl Accounts {
    /// The client as data centre `dc` knows it.
    pub(crate) fn client(&self, id: &str, dc: &str) -> Option<&Client> {
        let client = self.clients.iter().find(|client| client.id == id)?;
        data_centre::client_known(&client.home, client.multi_dc, dc).then_some(client)
    }

    /// Checks client id and secret.
    pub(crate) fn authenticate(&self, id: &str, secret: &str, dc: &str) -> Result<(), Refusal> {
        let client = self.client(id, dc).ok_or(Refusal::InvalidClient)?;
        let own = client.secrets.iter().find(|(of, _)| of == dc).map(|(_, secret)| secret);
        if own.unwrap_or(&client.secret) == secret { Ok(()) } else { Err(Refusal::InvalidClientSecret) }
    }

    /// Accepts a consent, and gives its code. A second consent gives a refresh token only if the app asks for it.
    pub(crate) fn consent(&mut self, consent: Consent<'_>, now: Timestamp, switches: &Switches) -> String {
        let first = self.consented.insert(consent.client.to_owned());
        let since = earlier(now, WINDOW);
        self.code_times.retain(|(_, at)| *at > since);
        let recent = self.code_times.iter().filter(|(client, _)| client == consent.client).count();
        self.code_times.push((consent.client.to_owned(), now));
        let text = token();
        self.codes.retain(|code| code.ends > now);
        self.codes.push(Code {
            text: text.clone(),
            client: consent.client.to_owned(),
            redirect_uri: consent.redirect_uri.map(str::to_owned),
            dc: consent.dc.to_owned(),
            scopes: consent.scopes,
            refresh: consent.offline && (first || consent.asked_again),
            ends: later(now, switches.code_life),
            one_too_many: recent >= switches.codes_per_window,
            challenge: consent.challenge,
        });
        text
    }

    /// Exchanges a code, which can be used only once.
    pub(crate) fn exchange(
        &mut self,
        (client, dc): (&str, &str),
        (code, redirect_uri, verifier): (&str, Option<&str>, Option<&str>),
        now: Timestamp,
        switches: &Switches,
    ) -> Result<Minted, Refusal> {
        let place = self
            .codes
            .iter()
            .position(|known| {
                known.text == code && known.client == client && known.dc == dc && known.ends > now
            })
            .ok_or(Refusal::InvalidCode)?;
        let known = self.codes.get(place).ok_or(Refusal::InvalidCode)?;
        if known.one_too_many {
            return Err(Refusal::AccessDenied);
        }
        if known.redirect_uri.is_some() && known.redirect_uri.as_deref() != redirect_uri {
            return Err(Refusal::InvalidRedirectUri);
        }
        if !Challenge::is_met(known.challenge.as_ref(), verifier) && !switches.pkce_ignored() {
            return Err(Refusal::InvalidCode);
        }
        let code = self.codes.remove(place);
        let mine = |grant: &&Grant| grant.client == client && grant.dc == dc && grant.refresh.is_some();
        let before = self.grants.iter().rev().find(mine).filter(|_| switches.same_refresh_token);
        let again = before.and_then(|grant| grant.refresh.clone());
        let refresh = (code.refresh && !switches.drop_refresh_token).then(|| again.unwrap_or_else(token));
        if refresh.is_some() {
            self.evict(client, dc, switches.refresh_tokens_per_user);
        }
        let mut grant = Grant::new(refresh, code.client, code.dc, code.scopes);
        if switches.exchange_counts_as_mint() {
            grant.mints.push(now);
        }
        let minted = Minted { refresh: grant.refresh.clone(), ..grant.mint(now, switches) };
        self.grants.push(grant);
        self.minted += 1;
        Ok(minted)
    }

    /// A grant of an earlier consent.
    pub(crate) fn plant(&mut self, (client, dc): (&str, &str), scopes: Vec<String>) -> String {
        let refresh = token();
        self.grants.push(Grant::new(Some(refresh.clone()), client.to_owned(), dc.to_owned(), scopes));
        refresh
    }

    /// A new access token, at most ten in ten minutes.
    pub(crate) fn refresh(
        &mut self,
        (client, dc): (&str, &str),
        refresh: &str,
        now: Timestamp,
        switches: &Switches,
    ) -> Result<Minted, Refusal> {
        let grant = self
            .grants
            .iter_mut()
            .find(|grant| {
                grant.refresh.as_deref() == Some(refresh) && grant.client == client && grant.dc == dc
            })
            .ok_or(Refusal::InvalidCode)?;
        let since = earlier(now, WINDOW);
        grant.mints.retain(|at| *at > since);
        if grant.locked_until.is_some_and(|until| until > now) || grant.mints.len() >= PER_WINDOW {
            grant.locked_until = Some(later(now, switches.throttle_lock));
            return Err(Refusal::Throttled);
        }
        grant.mints.push(now);
        self.minted += 1;
        Ok(grant.mint(now, switches))
    }

    /// The scopes of a live access token at this data centre's API.
    pub(crate) fn scopes(&self, access: &str, dc: &str, now: Timestamp) -> Option<&[String]> {
        let living = |grant: &&Grant| grant.access.iter().any(|(text, ends)| text == access && *ends > now);
        self.grants.iter().filter(|grant| grant.dc == dc).find(living).map(|grant| grant.scopes.as_slice())
    }

    /// Revokes a refresh token with its access tokens, or one access token.
    pub(crate) fn revoke(&mut self, token: &str, dc: &str) -> bool {
        let before = self.grants.len();
        self.grants.retain(|grant| grant.dc != dc || grant.refresh.as_deref() != Some(token));
        let mut found = self.grants.len() < before;
        for grant in self.grants.iter_mut().filter(|grant| grant.dc == dc) {
            let alive = grant.access.len();
            grant.access.retain(|(text, _)| text != token);
            found |= grant.access.len() < alive;
        }
        found
    }

    /// Removes all apps of the user, with all grants and tokens.
    pub(crate) fn forget_user(&mut self) {
        self.grants.clear();
        self.codes.clear();
        self.consented.clear();
    }

    /// Expires all access tokens. Refresh tokens stay.
    pub(crate) fn expire_access(&mut self) {
        for grant in &mut self.grants {
            grant.access.clear();
        }
    }

    /// Makes room for one more refresh token: the oldest is revoked silently, with its access tokens.
    fn evict(&mut self, client: &str, dc: &str, limit: usize) {
        let mine = |grant: &Grant| grant.refresh.is_some() && grant.client == client && grant.dc == dc;
        while self.grants.iter().filter(|grant| mine(grant)).count() >= limit.max(1) {
            if let Some(oldest) = self.grants.iter().position(mine) {
                self.grants.remove(oldest);
            }
        }
    }
}

impl Grant {
    const fn new(refresh: Option<String>, client: String, dc: String, scopes: Vec<String>) -> Self {
        Self { refresh, client, dc, scopes, mints: Vec::new(), locked_until: None, access: Vec::new() }
    }

    /// Makes an access token. Beyond the limit, the oldest is revoked silently.
    fn mint(&mut self, now: Timestamp, switches: &Switches) -> Minted {
        self.access.retain(|(_, ends)| *ends > now);
        while self.access.len() >= switches.alive_access_tokens.max(1) {
            self.access.remove(0);
        }
        let access = token();
        self.access.push((access.clone(), later(now, ACCESS_LIFE)));
        Minted { access, refresh: None, scopes: self.scopes.clone() }
    }
}

/// `1000.` and two runs of 32 hexadecimal digits.
fn token() -> String {
    let mut bytes = [0_u8; 32];
    // Without random numbers the tokens would only collide: nothing here is secret.
    let _ = getrandom::fill(&mut bytes);
    let (one, other) = bytes.split_at(16);
    format!("1000.{}.{}", hex::encode(one), hex::encode(other))
}

/// Whether a text could be a token at all.
pub(crate) fn looks_like_token(text: &str) -> bool {
    let hex32 = |part: &str| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(text.split('.').collect::<Vec<_>>().as_slice(),
        [version, one, other] if version.bytes().all(|byte| byte.is_ascii_digit()) && hex32(one) && hex32(other))
}
