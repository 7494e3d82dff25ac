//! Taking counts in: what a request brings is read whole, checked whole, and only then becomes rows.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use shared::base::clock::{CLOCK_TOLERANCE, Timestamp, later};
use shared::base::problem::{Code, Problem};
use shared::base::secret::sha256_hex;
use shared::core::reconciliation::MAX_COUNTS;

use super::counts::{About, COUNT, Count, LINE, Sent, read_json};
use super::counts_csv::read_csv;
use super::head::{Head, State};
use super::locations::{self, Locations};
use super::row::{Named, Row, Where};
use super::work::Work;
use super::{calls, resolve};
use crate::app::App;
use crate::inventory::stock::Basis;
use crate::request::body::invalid;
use crate::request::csv::Wrong;
use crate::request::params::invalid as wrong_parameter;
use crate::request::upload::Upload as Uploaded;
use crate::zoho::Target;

/// The most letters of what people write about a count, and of a reason: adjustments take no longer one.
const MAX_WORDS: usize = 200;
const MAX_REASON: usize = 100;

/// What stands in the query beside a table.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadParams {
    pub(super) calls: Option<String>,
    name: Option<String>,
    location: Option<String>,
    reason: Option<String>,
    basis: Option<Basis>,
    counted_at: Option<Timestamp>,
    more: Option<bool>,
}

/// What a request brings.
pub(super) struct Upload {
    sent: Sent,
    /// Of its bytes.
    digest: String,
    /// Whether it names its lines as a table does.
    is_table: bool,
    calls_agreed: bool,
}

/// Whether `calls=ok` stands in the query.
pub(super) fn agreed(calls: Option<&str>) -> Result<bool, Problem> {
    match calls {
        None => Ok(false),
        Some("ok") => Ok(true),
        Some(_) => Err(wrong_parameter("`calls` is `ok`, or left out.")),
    }
}

/// Reads a request. Lines go on counting after the last one that is there.
pub(super) fn read(
    params: UploadParams,
    uploaded: Result<Uploaded, Problem>,
    last_line: u32,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let calls_agreed = agreed(params.calls.as_deref())?;
    let uploaded = uploaded.map_err(|problem| match problem.code() {
        Code::BodyTooLarge => in_parts(problem),
        _ => problem,
    })?;
    let (sent, bytes, is_table) = match uploaded {
        Uploaded::Csv(bytes) => {
            let UploadParams { name, location, reason, basis, counted_at, more, .. } = params;
            let about = About { name, location, reason, basis, counted_at, more: more.unwrap_or(false) };
            // A table that is sent in parts has its first line in each of them.
            (read_csv(&bytes, about, last_line.saturating_sub(1))?, bytes, true)
        }
        Uploaded::Json(bytes) => {
            if (UploadParams { calls: None, ..params }) != UploadParams::default() {
                let detail =
                    "Of a JSON document, everything but `calls` stands in the document and not in the query.";
                return Err(wrong_parameter(detail));
            }
            (read_json(&bytes, last_line)?, bytes, false)
        }
    };
    check(&sent, now)?;
    Ok(Upload { digest: sha256_hex(&bytes), sent, is_table, calls_agreed })
}

fn check(sent: &Sent, now: Timestamp) -> Result<(), Problem> {
    let About { name, reason, location, counted_at, .. } = &sent.about;
    for (field, words, most) in
        [("name", name, MAX_WORDS), ("reason", reason, MAX_REASON), ("location", location, MAX_WORDS)]
    {
        let fits = |words: &String| !words.trim().is_empty() && words.chars().count() <= most;
        if words.as_ref().is_some_and(|words| !fits(words)) {
            return Err(invalid(format!("`{field}` must be 1 to {most} letters.")));
        }
    }
    // All changes would look older than the count, and sales in between would be lost.
    if let Some(at) = counted_at.filter(|at| *at > later(now, CLOCK_TOLERANCE)) {
        return Err(invalid(format!(
            "`counted_at` is {at}, and it is {now} now: a count is not in the future. The time of another zone ends with its \
             offset, like 2026-11-30T18:00:00+01:00."
        )));
    }
    too_many(sent.counts.len())
}

fn too_many(rows: usize) -> Result<(), Problem> {
    if rows <= MAX_COUNTS {
        return Ok(());
    }
    let detail = format!(
        "These are {rows} counts, and a reconciliation takes at most {MAX_COUNTS} in all. Nothing was taken: make several \
         reconciliations, for example one for each location."
    );
    Err(in_parts(Problem::new(Code::BodyTooLarge, detail)))
}

fn in_parts(problem: Problem) -> Problem {
    problem.hint(
        "Up to 4 MB are taken at once: send more in parts, with `more` until the last, to `POST /v1/inventory/reconciliations/{id}/counts`. \
         More than 50,000 counts are several reconciliations.",
    )
}

impl Upload {
    /// Lets its lines go on counting after those of the parts before it. A table has its first line in each part.
    pub(super) fn after(mut self, last_line: u32) -> Self {
        let before = if self.is_table { last_line.saturating_sub(1) } else { last_line };
        for count in &mut self.sent.counts {
            count.line = count.line.saturating_add(before);
        }
        self
    }
}

/// What tells a request from another one.
pub(super) fn digest(upload: &Upload) -> String {
    sha256_hex(format!("{} {:?}", upload.digest, upload.sent.about).as_bytes())
}

/// What a new reconciliation is about.
pub(super) fn about(upload: &Upload) -> About {
    upload.sent.about.clone()
}

/// Adds the counts to a reconciliation in work, which is stored afterwards. With the last part, the comparison may begin.
pub(super) async fn add(
    app: &App,
    target: &Target<'_>,
    work: &mut Work<'_>,
    upload: Upload,
) -> Result<(), Problem> {
    let Upload { sent: Sent { about, counts }, digest, is_table, calls_agreed } = upload;
    let is_last = !about.more;
    // The same lines of another location are another part.
    let location = about.location.as_ref().or(work.head.location.as_ref());
    let digest = sha256_hex(format!("{digest} {location:?}").as_bytes());
    if work.head.uploads.contains(&digest) {
        // The same part again: its answer was lost, or it is said to be the last after all.
        if is_last && work.head.state == State::Uploading {
            demand_calls(app, work, &[])?;
            work.head.state = State::Mapping;
        }
        return Ok(());
    }
    if work.head.state != State::Uploading {
        return Err(Problem::new(
            Code::ReconciliationState,
            "All counts of this reconciliation are there: its last part came without `more`.",
        )
        .hint("Make a new reconciliation for other counts."));
    }
    too_many(work.rows().len() + counts.len())?;
    if is_last && work.rows().is_empty() && counts.is_empty() {
        return Err(invalid("There are no counts: nothing could be compared."));
    }
    let word = if is_table { LINE } else { COUNT };
    no_twins(work.rows(), &counts, word)?;
    work.head.calls_agreed |= calls_agreed;
    note(&mut work.head, about);
    if is_last {
        demand_calls(app, work, &counts)?;
    }
    let default = work.head.location.clone();
    if work.head.locations.is_none()
        && (default.is_some() || counts.iter().any(|count| count.location.is_some()))
    {
        work.head.calls += 1;
        work.head.locations = Some(locations::listed(&app.zoho, target).await?);
    }
    let locations = match &work.head.locations {
        Some(listed) => Locations { listed, mapped: app.mappings.locations(work.connection).await? },
        None => Locations::default(),
    };
    let rows = placed(counts, &locations, default.as_deref(), word)?;
    work.add(rows);
    work.head.uploads.push(digest);
    if is_last {
        work.head.state = State::Mapping;
    }
    Ok(())
}

/// What a part says of the whole stands before what earlier ones said.
fn note(head: &mut Head, about: About) {
    head.name = about.name.or(head.name.take());
    head.reason = about.reason.or(head.reason.take());
    head.basis = about.basis.or(head.basis);
    head.counted_at = about.counted_at.or(head.counted_at);
    head.location = about.location.or(head.location.take());
}

/// The rows of counts, each at the place that it names, else at the default one.
fn placed(
    counts: Vec<Count>,
    locations: &Locations<'_>,
    default: Option<&str>,
    word: &str,
) -> Result<Vec<Row>, Problem> {
    let mut wrong = Wrong::default();
    let mut known: HashMap<String, Result<Where, String>> = HashMap::new();
    let mut rows = Vec::with_capacity(counts.len());
    for count in counts {
        let location = match count.location.or_else(|| default.map(str::to_owned)) {
            None => Ok(Where::Only),
            Some(name) => known.entry(name.clone()).or_insert_with(|| locations.find(&name)).clone(),
        };
        match location {
            Ok(location) => {
                rows.push(Row::new(count.line, count.named, count.quantity, location));
            }
            Err(what) => wrong.note(&format!("{word} {}", count.line), &what),
        }
    }
    wrong.refuse().map_err(|problem| Problem::new(Code::LocationNotFound, problem.detail().to_owned()))?;
    Ok(rows)
}

/// Demands that no item is counted twice at one location, as far as names tell.
fn no_twins(rows: &[Row], counts: &[Count], word: &str) -> Result<(), Problem> {
    let mut seen: HashMap<(&Named, Option<&str>), u32> = HashMap::with_capacity(rows.len() + counts.len());
    for row in rows {
        let location = match &row.location {
            Where::Only => None,
            Where::Called(name) => Some(name.as_str()),
            Where::At(spot) | Where::Mapped(spot) => Some(spot.name.as_deref().unwrap_or(&spot.id)),
        };
        seen.insert((&row.named, location), row.line);
    }
    let mut wrong = Wrong::default();
    for count in counts {
        if let Some(first) = seen.insert((&count.named, count.location.as_deref()), count.line) {
            let what = format!("it counts the same item at the same place as {word} {first}");
            wrong.note(&format!("{word} {}", count.line), &what);
        }
    }
    let add_up = "Add up what was counted of an item at a place, and send one line for it.";
    wrong.refuse().map_err(|problem| problem.hint(add_up))
}

/// Asks before a comparison that takes many calls.
fn demand_calls(app: &App, work: &Work<'_>, counts: &[Count]) -> Result<(), Problem> {
    let named = work.rows().iter().map(|row| &row.named).chain(counts.iter().map(|count| &count.named));
    let all: HashSet<&Named> = named.collect();
    let skus = all.iter().filter(|named| matches!(named, Named::Sku(_))).count();
    let has_locations = work.head.locations.is_none()
        && (work.head.location.is_some() || counts.iter().any(|count| count.location.is_some()));
    let more = calls::to_compare(skus, all.len(), has_locations);
    let least = if skus > resolve::MAX_LOOKUPS {
        "The comparison reads all items of the organisation, 200 a call, and then the counted ones, 100 a call. It"
    } else {
        "The comparison"
    };
    calls::demand(work.head.calls, more, app.calls_a_day, work.head.calls_agreed, least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_counted_in_the_future_but_for_what_clocks_differ_by() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (at, fits) in [
            ("2026-11-30T11:00:00Z", true),
            ("2026-11-30T12:01:00Z", true),
            ("2026-11-30T13:01:00+01:00", true),
            ("2026-11-30T12:01:01Z", false),
            ("2026-11-30T13:00:00Z", false),
        ] {
            let body = format!(r#"{{"counts":[{{"sku":"A","quantity":1}}],"counted_at":"{at}"}}"#);
            let checked = check(&read_json(body.as_bytes(), 0).unwrap(), now);
            assert_eq!(checked.is_ok(), fits, "{at}");
            if let Err(problem) = checked {
                assert_eq!(problem.code(), Code::BodyInvalid);
                assert!(problem.detail().contains("2026-11-30T12:00:00Z now"), "{}", problem.detail());
            }
        }
    }
}
