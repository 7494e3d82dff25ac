//! The page of events: from their arrival to the agent's word, with a button to deliver them again.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use futures::future::try_join_all;
use serde::Deserialize;
use shared::base::clock::{SignedDuration, Timestamp};
use shared::base::html_page::{Escaped, breakable, to_the_second};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::core::events::Event;
use shared::core::events::ledger::{Life, Replayed, is_entry_id, narrow, split_entry_id};
use shared::store::StoreError;

use super::page::{self, Part, foreign, page, state};
use super::plot;
use super::shown_connector::ShownConnector;
use super::words::{ago, count, cut, number, span};

/// Events of a page, and those that the overview looks at.
const EVENTS: usize = 30;
const GLANCE: usize = 100;

/// How many characters of a note are shown.
const MAX_NOTE: usize = 300;

/// A lag that fills its bar, in seconds: a day. The scale is logarithmic, because most take seconds and some take hours.
const LONGEST: f64 = 86_400.0;

#[derive(Deserialize)]
pub(super) struct Asked {
    connection: Option<String>,
    before: Option<String>,
    /// What became of a replay, and of which event.
    replay: Option<String>,
    id: Option<String>,
}

/// An event about one record, and how far it is.
struct Row {
    /// The id under which it is replayed.
    id: String,
    event: Event,
    life: Life,
}

impl Row {
    /// How long it took from its arrival to its end.
    fn lag(&self) -> Option<SignedDuration> {
        self.life.ended.map(|ended| ended.duration_since(self.event.receivedtime))
    }

    /// The colour of its state, and the word for it.
    fn word(&self) -> (&'static str, &'static str) {
        match self.life.state {
            "received" => ("", "received"),
            "queued" => ("wait", "waits"),
            "admitted" => ("wait", "told"),
            "claimed" => ("wait", "claimed"),
            "done" => ("good", "done"),
            "failed" => ("bad", "failed"),
            "dead" => ("bad", "dead"),
            other => ("", other),
        }
    }

    /// Whether it can be delivered again. A test never is.
    fn can_be_replayed(&self) -> bool {
        matches!(self.life.state, "done" | "failed" | "dead") && !self.event.is_test()
    }
}

pub(super) async fn show(State(shown): State<Arc<ShownConnector>>, Query(asked): Query<Asked>) -> Response {
    match body(&shown, &asked).await {
        Ok(body) => page(&shown, Part::Events, &body),
        Err(error) => page::failed(&error),
    }
}

async fn body(shown: &ShownConnector, asked: &Asked) -> Result<String, StoreError> {
    let now = shown.now();
    let (names, chosen) = shown.chosen(asked.connection.as_deref()).await?;
    let mut body = page::pick_connection(Part::Events, &names, &chosen);
    body.push_str(&said_of_replay(shown, asked, &chosen));
    let before = asked.before.clone().filter(|id| is_time_ordered(id));
    let is_first = before.is_none();
    let (events, next) = shown.events.newest_before(&chosen, before, EVENTS).await?;
    if events.is_empty() && is_first {
        let _ = write!(
            body,
            "<p class=\"card soft\">No event of {chosen} came that is still kept. One comes when a watched record changes in Zoho: {} \
             shows what is watched, and {} begins it.</p>",
            shown.command(&format!("webhooks show --connection {chosen}")),
            shown.command(&format!("webhooks setup --connection {chosen}"))
        );
        return Ok(body);
    }
    if events.is_empty() {
        body.push_str("<p class=\"card soft\">No older events.</p>");
        return Ok(body);
    }
    let rows = read(shown, &chosen, events).await?;
    body.push_str(&sums(&rows));
    let list = rows.iter().fold(String::new(), |mut html, row| {
        write_row(&mut html, row, &chosen, now);
        html
    });
    let _ = write!(
        body,
        "<div class=\"card\"><table class=\"stack\"><thead><tr><th scope=\"col\">What</th><th scope=\"col\">Came</th>\
         <th scope=\"col\">State</th><th scope=\"col\" class=\"n\">From arrival to its end</th>\
         <th scope=\"col\"><span class=\"hidden\">Action</span></th></tr></thead><tbody>{list}</tbody></table></div>"
    );
    if let Some(next) = next {
        let _ = write!(
            body,
            "<p><a href=\"/events?connection={chosen}&amp;before={}\">Older events</a></p>",
            Escaped(next)
        );
    }
    Ok(body)
}

/// What the overview says of the newest events; nothing where none is kept.
pub(super) async fn glance(
    shown: &ShownConnector,
    connection: &ConnectionName,
) -> Result<Option<String>, StoreError> {
    let events = shown.events.newest(connection, GLANCE).await?;
    if events.is_empty() {
        return Ok(None);
    }
    let newest = events.first().map_or_else(String::new, |event| ago(event.receivedtime, shown.now()));
    let rows = read(shown, connection, events).await?;
    Ok(Some(format!(
        "{}<p>The last came {newest}. <a href=\"/events?connection={connection}\">All events</a></p>",
        sums(&rows)
    )))
}

/// The lives of events, each with those of its records.
async fn read(
    shown: &ShownConnector,
    connection: &ConnectionName,
    events: Vec<Event>,
) -> Result<Vec<Row>, StoreError> {
    let rows = try_join_all(events.into_iter().map(|event| read_one(shown, connection, event))).await?;
    Ok(rows.into_iter().flatten().collect())
}

async fn read_one(
    shown: &ShownConnector,
    connection: &ConnectionName,
    event: Event,
) -> Result<Vec<Row>, StoreError> {
    let life = shown.ledger.life(connection, &event.id).await?;
    let parts = match life.state {
        "received" => shown.ledger.parts(connection, &event.id).await?,
        _ => Vec::new(),
    };
    if parts.is_empty() {
        return Ok(vec![Row { id: event.id.clone(), event, life }]);
    }
    let mut rows = Vec::new();
    for id in parts {
        let life = shown.ledger.life(connection, &id).await?;
        let part = split_entry_id(&id).and_then(|(_, part)| part);
        let event = narrow(event.clone(), part).unwrap_or_else(|| event.clone());
        rows.push(Row { id, event, life });
    }
    Ok(rows)
}

fn sums(rows: &[Row]) -> String {
    let of = |states: &[&str]| rows.iter().filter(|row| states.contains(&row.life.state)).count();
    let mut lags: Vec<_> = rows.iter().filter_map(Row::lag).collect();
    lags.sort_unstable();
    let many = |count: usize| number(u64::try_from(count).unwrap_or(u64::MAX));
    let mut sums = vec![
        (many(rows.len()), "came"),
        (many(of(&["received", "queued", "admitted"])), "wait"),
        (many(of(&["claimed"])), "claimed"),
        (many(of(&["done"])), "done"),
        (many(of(&["failed", "dead"])), "failed or dead"),
    ];
    if let (Some(half), Some(slowest)) = (lags.get(lags.len() / 2), lags.last()) {
        sums.push((span(*half), "half ended within"));
        sums.push((span(*slowest), "the slowest"));
    }
    let items = sums.into_iter().fold(String::new(), |mut html, (value, words)| {
        let _ = write!(html, "<li><b>{value}</b>{words}</li>");
        html
    });
    format!("<ul class=\"sums\">{items}</ul>")
}

fn write_row(html: &mut String, row: &Row, connection: &ConnectionName, now: Timestamp) {
    let Row { id, event, life } = row;
    let (class, word) = row.word();
    let _ = write!(
        html,
        "<tr><th scope=\"row\" class=\"all\">{}<small>{}</small></th><td class=\"t\">{}<small>{}</small></td><td>{}",
        breakable(&event.kind),
        breakable(event.subject.as_deref().unwrap_or(id)),
        ago(event.receivedtime, now),
        to_the_second(event.receivedtime),
        state(class, word),
    );
    let mut about: Vec<String> = Vec::new();
    if let Some(outcome) = life.outcome.as_ref().filter(|outcome| outcome.as_str() != word) {
        about.push(Escaped(outcome.replace('_', " ")).to_string());
    }
    if life.attempts > 0 {
        about.push(format!("told {}", count(life.attempts.into(), "time", "times")));
    }
    if life.claims > 1 {
        about.push(format!("claimed {} times", life.claims));
    }
    if let (Some(by), "claimed") = (&life.claimed_by, life.state) {
        about.push(format!("by key {}", Escaped(by)));
    }
    if let Some(at) = life.next_try {
        about.push(format!("tried again in {}", span(at.duration_since(now))));
    }
    if let Some(at) = life.waits_until {
        about.push(format!("a turn is free in {}", span(at.duration_since(now))));
    }
    if let Some(said) = life.last_answer.as_ref().filter(|_| life.state != "done") {
        about.push(format!("the hook said: {}", foreign(cut(said, MAX_NOTE))));
    }
    if let Some(note) = &life.note {
        about.push(format!("note: {}", foreign(cut(note, MAX_NOTE))));
    }
    if !about.is_empty() {
        let _ = write!(html, "<small>{}</small>", about.join(", "));
    }
    html.push_str("</td><td class=\"n\" data-l=\"after\">");
    match row.lag() {
        Some(lag) => {
            let _ = write!(html, "{}{}", span(lag), plot::bar(length(lag), class));
        }
        None => {
            let _ = write!(html, "open for {}", span(now.duration_since(event.receivedtime)));
        }
    }
    html.push_str("</td><td class=\"n act\">");
    if row.can_be_replayed() {
        let _ = write!(
            html,
            "<form method=\"post\" action=\"/events/replay\"><input type=\"hidden\" name=\"connection\" value=\"{connection}\">\
             <input type=\"hidden\" name=\"id\" value=\"{0}\"><button aria-label=\"Replay {0}\">Replay</button></form>",
            Escaped(id)
        );
    }
    html.push_str("</td></tr>");
}

/// The length of the bar of a lag.
fn length(lag: SignedDuration) -> f64 {
    let seconds = lag.as_secs().max(0) as f64;
    ((1.0 + seconds).ln() / (1.0 + LONGEST).ln()).max(0.03)
}

#[derive(Deserialize)]
pub(super) struct ReplayForm {
    connection: String,
    id: String,
}

/// Makes one entry deliverable again.
pub(super) async fn replay(
    State(shown): State<Arc<ShownConnector>>,
    Form(form): Form<ReplayForm>,
) -> Response {
    let Some(connection) = form.connection.parse::<ConnectionName>().ok().filter(|_| is_entry_id(&form.id))
    else {
        return page::message(
            StatusCode::BAD_REQUEST,
            "No such event",
            "The form names no event. Nothing was done.",
        );
    };
    let said = match shown.ledger.replay(&connection, &form.id).await {
        Ok(Replayed::Again) => "again",
        Ok(Replayed::Open) => "open",
        Ok(Replayed::Test) => "test",
        Ok(Replayed::Unknown) => "gone",
        Err(error) => return page::failed(&error),
    };
    // Names of connections and ids of entries are plain.
    let id = &form.id;
    Redirect::to(&format!("/events?connection={connection}&replay={said}&id={id}")).into_response()
}

fn said_of_replay(shown: &ShownConnector, asked: &Asked, chosen: &ConnectionName) -> String {
    let (Some(said), Some(id)) = (asked.replay.as_deref(), asked.id.as_deref()) else { return String::new() };
    let id = Escaped(cut(id, 40));
    match said {
        "again" => format!("<p class=\"notice well\" role=\"status\">{id} can be delivered again.</p>"),
        "open" => format!("<p class=\"notice well\" role=\"status\">{id} is open already.</p>"),
        "test" => format!(
            "<p class=\"notice\" role=\"status\">{id} is a test of a webhook, which no agent is ever told of: nothing was changed. \
             {} tries the way to the agent.</p>",
            shown.command("agent test")
        ),
        _ => format!(
            "<p class=\"notice\" role=\"status\">{id} is not in the queue, and nothing was changed. One that came just now gets \
             there within a minute; {} lists those that are kept.</p>",
            shown.command(&format!("events list --connection {chosen}"))
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(state: &'static str, kind: &str) -> Row {
        let event: Event = serde_json::from_value(json!({
            "specversion": "1.0", "id": "019acf3d1c0d5e2b8f4a7c6d9e1f203", "source": "/connections/default/crm",
            "type": kind, "subject": "deal/61", "time": "2026-11-30T10:00:00Z",
            "receivedtime": "2026-11-30T10:00:00Z", "data": {},
        }))
        .unwrap();
        let ended =
            ["done", "failed", "dead"].contains(&state).then(|| "2026-11-30T10:00:31Z".parse().unwrap());
        let outcome = ended.map(|_| "own_write".to_owned());
        let note = Some("<i>\u{202e}note</i>".to_owned());
        Row { id: event.id.clone(), event, life: Life { state, ended, outcome, note, ..Life::default() } }
    }

    #[test]
    fn an_event_shows_its_lag_its_end_and_a_button_where_it_is_closed() {
        let now = "2026-11-30T10:05:00Z".parse().unwrap();
        let html = |row: &Row| {
            let mut html = String::new();
            write_row(&mut html, row, &ConnectionName::default(), now);
            html
        };
        let done = html(&row("done", "zoho.<b>"));
        for part in [
            "5 min ago",
            "31 s<svg",
            "own write",
            "&lt;i&gt;",
            "zoho.<wbr>&lt;b&gt;",
            "action=\"/events/replay\"",
        ] {
            assert!(done.contains(part), "{part}: {done}");
        }
        assert!(!done.contains("<i>") && !done.contains("<b>"), "{done}");
        let mut test = row("done", "zoho.crm.test.updated");
        test.event.data = json!({ "test": true });
        assert!(!html(&test).contains("<form"), "a test is never delivered again");
        let open = html(&row("queued", "zoho.crm.deal.updated"));
        assert!(open.contains("open for 5 min") && !open.contains("<form"), "{open}");
        let sums = sums(&[row("done", ""), row("dead", ""), row("queued", "")]);
        for part in ["<b>3</b>came", "<b>1</b>wait", "<b>1</b>failed or dead", "<b>31 s</b>the slowest"] {
            assert!(sums.contains(part), "{part}: {sums}");
        }
    }

    #[test]
    fn a_lag_is_drawn_on_a_scale_from_seconds_to_a_day() {
        let of = |seconds| length(SignedDuration::from_secs(seconds));
        assert!(of(-1) > 0.0 && of(5) < of(60) && of(60) < of(3600) && of(86_400) <= 1.0);
    }
}
