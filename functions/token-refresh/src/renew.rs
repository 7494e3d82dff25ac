//! Renews the access token of one connection.

use shared::base::clock::{SignedDuration, Timestamp, earlier, is_to_come, later, seconds_until};
use shared::base::id::ConnectionName;
use shared::base::secret::digests_equal;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::consent::Wish;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, PauseCause, State};
use shared::core::grant::Grant;
use shared::core::grant::client::Clients;
use shared::core::grant::lease::{Lease, MAX_CALLS, after_silence, after_throttle, reserve, room};
use shared::store::secret_record::load;
use shared::store::{Condition, StoreError, VersionId, Write};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{ClientCredentials, Refusal, Refused};

use crate::announce;
use crate::app::App;
use crate::client_fault::{GENERAL, client_fault};
use crate::store_token::{access_token, store_token};

/// A token that ends within this time is renewed when a caller asks.
pub(crate) const EXPIRES_SOON: SignedDuration = SignedDuration::from_secs(60);

/// How long after a consent its grant may not be readable yet: Secrets Manager is not everywhere at once.
const VISIBILITY_DELAY: SignedDuration = SignedDuration::from_secs(60);

/// The longest pause that Zoho can ask for, in seconds; none is longer.
const LONGEST_PAUSE: i64 = 3600;
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(LONGEST_PAUSE);

/// The pause when today's versions of the secret are used up.
const PAUSE_WITHOUT_ROOM: SignedDuration = SignedDuration::from_mins(30);

/// Renews the token, unless a good one is stored: one that lives on after `margin`, and is not the one whose
/// digest is `dead`.
pub(crate) async fn renew(
    app: &App,
    name: &ConnectionName,
    dead: Option<&str>,
    margin: SignedDuration,
) -> Result<Reply, StoreError> {
    let state = &*app.stores.state;
    // This is checked without the lease, because callers come again and again during a pause.
    if let Some(wait) = connection::get(state, name).await?.and_then(|found| pausing(&found, app.clock.now()))
    {
        return Ok(wait);
    }
    let Some(lease) = Lease::take(state, &app.clock, name).await? else { return Ok(Reply::Busy) };

    let secrets = &*app.stores.secrets;
    let Some((grant, _)) = load::<Grant>(secrets, &Grant::secret_name(name)).await? else {
        let row = connection::get(state, name).await?;
        if row.is_some_and(|row| is_perhaps_unseen(&row, app.clock.now())) {
            lease.release().await?;
            return Ok(Reply::Busy);
        }
        // A consent or a disconnect whose process died half-way leaves a row without a grant.
        lease.finish(Write::Delete(connection::key(name), Condition::Any)).await?;
        return Ok(Reply::Unknown);
    };
    let token = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await?;
    let mut found = match connection::get(state, name).await? {
        Some(row) if row.generation == grant.generation => row,
        // The process that stored this grant died before it wrote the row.
        _ => grant.connection(name.clone()),
    };

    if let Some((token, _)) = &token
        && token.generation == grant.generation
        && app.clock.now() < earlier(token.expires, margin)
        && dead.is_none_or(|dead| !digests_equal(dead, &token.token.digest()))
    {
        if found.token_expires != Some(token.expires) {
            found.token_expires = Some(token.expires);
            lease.finish(Write::Put(found.row()?)).await?;
        } else {
            lease.release().await?;
        }
        return Ok(Reply::Renewed);
    }

    let version = token.map(|(_, version)| version);
    let before = found.state.clone();
    let reply = call_zoho(app, &lease, &grant, version, &mut found).await?;
    if !lease.finish(Write::Put(found.row()?)).await? {
        // The lease ran out: the process that has it now writes the row.
        return Ok(Reply::Busy);
    }
    announce::state_change(&app.events, &before, &found).await;
    Ok(reply)
}

/// Whether the grant of this row may be there though it is not found.
pub(crate) fn is_perhaps_unseen(row: &Connection, now: Timestamp) -> bool {
    row.state != State::Disconnecting
        && is_to_come(later(row.connected_at, VISIBILITY_DELAY), now, VISIBILITY_DELAY)
}

/// The reply of a connection that must leave Zoho alone for now.
fn pausing(found: &Connection, now: Timestamp) -> Option<Reply> {
    match &found.state {
        State::CoolingDown { until, reason, .. } if is_to_come(*until, now, LONGEST_WAIT) => {
            Some(Reply::Wait { seconds: seconds_until(*until, now), reason: reason.clone() })
        }
        State::Exhausted { until } if is_to_come(*until, now, LONGEST_WAIT) => Some(exhausted(*until, now)),
        _ => None,
    }
}

/// Asks Zoho for a token, unless the connection must wait, and changes the state in `found` by the answer.
async fn call_zoho(
    app: &App,
    lease: &Lease<'_>,
    grant: &Grant,
    version: Option<VersionId>,
    found: &mut Connection,
) -> Result<Reply, StoreError> {
    if let Some(wait) = pausing(found, app.clock.now()) {
        return Ok(wait);
    }
    match found.state {
        State::ReconnectRequired { .. } => return Ok(reconnect_required(found)),
        State::Disconnecting => return Ok(Reply::Unknown),
        _ => {}
    }
    let (clients, mark) = Clients::read(&*app.stores.secrets).await?;
    let mark = mark.map(|version| version.0);
    if let State::Misconfigured { reason, clients } = &found.state
        && *clients == mark
    {
        return Ok(Reply::Misconfigured { reason: reason.clone() });
    }
    let Some(client) = clients.find(&grant.client_id) else {
        let reason = "its client is not registered in this connector".to_owned();
        found.state = State::Misconfigured { reason: reason.clone(), clients: mark };
        return Ok(Reply::Misconfigured { reason });
    };
    if let Some(until) = exhausted_until(app, &found.name).await? {
        found.state = State::Exhausted { until };
        return Ok(exhausted(until, app.clock.now()));
    }

    let credentials = ClientCredentials { id: &client.id, secret: client.secret_at(grant.data_centre) };
    let asked_at = app.clock.now();
    match app.accounts.renew(grant.data_centre, credentials, &grant.refresh_token).await {
        Ok(granted) => {
            found.clock_ahead = granted.date.and_then(|theirs| ahead(app.clock.now(), theirs));
            let token = access_token(grant, granted, asked_at);
            if !store_token(&*app.stores.secrets, lease, &found.name, &token, version.as_ref()).await? {
                return Ok(Reply::Busy);
            }
            note_renewal(found, asked_at, token.expires);
            Ok(Reply::Renewed)
        }
        Err(refused_so) => {
            let Refused { refusal, retry_after } = &refused_so;
            tracing::warn!(connection = %found.name, %refusal, retry_after, "token not renewed");
            Ok(refused(found, refused_so, grant.home, mark, app.clock.now()))
        }
    }
}

/// Until when no token may be asked for: today's versions of the secret are used up, or the token budget is spent. Nothing where a
/// call may be made, which is then counted.
async fn exhausted_until(app: &App, name: &ConnectionName) -> Result<Option<Timestamp>, StoreError> {
    if !room(&*app.stores.secrets, &app.clock, name, false).await? {
        return Ok(Some(later(app.clock.now(), PAUSE_WITHOUT_ROOM)));
    }
    let spent = reserve(&*app.stores.state, &app.clock, name, MAX_CALLS).await?.err();
    if let Some(until) = &spent {
        tracing::warn!(connection = %name, %until, "token budget spent");
    }
    Ok(spent)
}

/// The connection has a new token.
fn note_renewal(found: &mut Connection, at: Timestamp, expires: Timestamp) {
    found.state = State::Healthy;
    found.token_renewed_at = Some(at);
    found.token_expires = Some(expires);
    tracing::info!(connection = %found.name, %expires, "token renewed");
    // A healthy connection has one notice only: that the clock is wrong.
    if let Some(notice) = found.notice() {
        tracing::warn!(clock_ahead = found.clock_ahead, "{notice}");
    }
}

fn reconnect_required(found: &Connection) -> Reply {
    Reply::ReconnectRequired { by_user: Wish::again(found).is_some() }
}

/// Zoho's refusal becomes a state of the connection.
pub(crate) fn refused(
    found: &mut Connection,
    Refused { refusal, retry_after }: Refused,
    home: DataCentre,
    mark: Option<String>,
    now: Timestamp,
) -> Reply {
    if refusal == Refusal::InvalidCode {
        found.state = State::ReconnectRequired { since: now };
        return reconnect_required(found);
    }
    if refusal.blames_client() {
        let reason = client_fault(&refusal, found.data_centre, home);
        found.state = State::Misconfigured { reason: reason.clone(), clients: mark };
        return Reply::Misconfigured { reason };
    }
    let times = 1 + match &found.state {
        State::CoolingDown { times, .. } => *times,
        _ => 0,
    };
    let (cause, reason) = match refusal {
        Refusal::Http(error) => {
            (PauseCause::NoAnswer, format!("Zoho's accounts server could not be asked: {error}"))
        }
        Refusal::Unreadable => (
            PauseCause::NoToken,
            "Zoho's accounts server answered with something that is no token".to_owned(),
        ),
        Refusal::Throttled => {
            (PauseCause::Throttled, "Zoho throttles the token requests of this connection".to_owned())
        }
        Refusal::General => (PauseCause::GeneralError, format!("{GENERAL}; it is tried again")),
        Refusal::Unknown(word) if word.is_empty() => {
            (PauseCause::OtherRefusal, "Zoho's accounts server gave neither a token nor a reason".to_owned())
        }
        Refusal::Unknown(word) => {
            (PauseCause::OtherRefusal, format!("Zoho refused a new token with {word:?}"))
        }
        _ => (PauseCause::OtherRefusal, "Zoho refused a new token for now".to_owned()),
    };
    let length = match cause {
        PauseCause::NoAnswer | PauseCause::NoToken => after_silence(times),
        _ => after_throttle(times),
    };
    // What Zoho asks for itself, where that is longer: its throttle ends no sooner for a caller who comes early.
    let asked = i64::try_from(retry_after.unwrap_or(0)).unwrap_or(i64::MAX);
    let until = later(now, length.max(SignedDuration::from_secs(asked.min(LONGEST_PAUSE))));
    found.state = State::CoolingDown { until, times, cause, reason: reason.clone() };
    Reply::Wait { seconds: seconds_until(until, now), reason }
}

/// By how many seconds our clock is ahead of Zoho's, if that is a minute or more.
fn ahead(ours: Timestamp, theirs: Timestamp) -> Option<i64> {
    let seconds = ours.duration_since(theirs).as_secs();
    (seconds.abs() >= 60).then_some(seconds)
}

fn exhausted(until: Timestamp, now: Timestamp) -> Reply {
    Reply::Wait {
        seconds: seconds_until(until, now),
        reason: "So many tokens were needed that one more could make Zoho lock the connection".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_told_to_be_wrong_from_a_minute_on() {
        let theirs: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for (milliseconds, told) in [
            (0, None),
            (59_999, None),
            (60_000, Some(60)),
            (-59_999, None),
            (-60_000, Some(-60)),
            (86_400_000, Some(86_400)),
        ] {
            let ours = later(theirs, SignedDuration::from_millis(milliseconds));
            assert_eq!(ahead(ours, theirs), told, "{milliseconds}");
        }
    }
}
