//! Applying a reconciliation: part by part, each an adjustment that is made once. Right before each, Zoho's figures are compared with
//! those that the comparison found; a line whose figure is another one is left out and told.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::http::HeaderMap;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::value::{Object, text};
use tokio::time::{Instant, sleep};

use super::calls;
use super::head::{Head, State};
use super::parts::{self, Asked, Ended, Ending, Part};
use super::row::Row;
use super::work::Work;
use crate::app::App;
use crate::inventory::adjustments::adjustment::{AdjustStock, Change, Line};
use crate::inventory::decimals::decimal;
use crate::inventory::quantity::Quantity;
use crate::request::caller::Caller;
use crate::writes::plan::Draft;
use crate::writes::request::{WriteParams, WriteRequest};

/// What a part needs of the caller's time: a look, the adjustment, another look.
const NEEDED: Duration = Duration::from_secs(13);

/// Between two parts: who waits for a turn looks more often.
const PAUSE: Duration = Duration::from_millis(500);

/// Calls that a part takes.
const CALLS: u32 = 3;

/// The reason of adjustments where none was given.
const REASON: &str = "Stock count";

/// A part that Zoho refuses is tried in halves, so that one line does not keep the others; but not again and again, because the reason
/// may be the same for all.
const MAX_HALVED: usize = 64;

/// How many parts are stored at once, with the head: a transaction takes a hundred rows, of 4 MB together.
const PARTS_AT_ONCE: usize = 20;

/// Words of Zoho's refusal of too many lines.
const TOO_LONG: &str = "exceeded the size";

/// What applying came to: the head, after how many seconds to go on, and a word about it.
type Applied = (Head, Option<u64>, Option<String>);

/// Does as many parts as there is time for.
pub(super) async fn apply(
    app: &App,
    caller: &Caller,
    mut work: Work<'_>,
    asked: Option<Asked>,
    agreed: bool,
) -> Result<Applied, Problem> {
    let found = parts::read(&app.reconciliations, work.connection, &work.head).await;
    let parts = match found {
        Ok(parts) => parts,
        Err(problem) => return Err(work.give_up(problem).await),
    };
    let mut parts = match begin(app, &mut work, parts, asked, agreed).await {
        Ok(Some(parts)) => parts,
        Ok(None) => {
            let notice = "There was nothing to apply that was not applied before.".to_owned();
            return Ok((work.end().await?, None, Some(notice)));
        }
        Err(problem) => return Err(work.give_up(problem).await),
    };
    let lines: HashSet<u32> =
        parts.iter().filter(|part| part.is_open()).flat_map(|part| part.lines.clone()).collect();
    let rows = work.rows().iter().filter(|row| lines.contains(&row.line));
    let by_line: HashMap<u32, Row> = rows.map(|row| (row.line, row.clone())).collect();
    let mut stopped = None;
    while let Some(number) = parts.iter().position(Part::is_open) {
        if Instant::now() + NEEDED > caller.deadline {
            break;
        }
        match do_part(app, caller, &mut work, &mut parts, number, &by_line).await {
            Ok(()) => {
                work.has_moved = true;
                // Others have their turn between two parts.
                sleep(PAUSE).await;
            }
            Err(problem) => {
                stopped = Some(problem);
                break;
            }
        }
    }
    if !parts.iter().any(Part::is_open) {
        work.head.state = State::Applied;
    }
    let has_moved = work.has_moved;
    let head = work.end().await?;
    match stopped {
        // The part was begun. The next call finds out how it ended.
        Some(problem) if problem.code() == Code::IdempotencyInProgress => {
            Ok((head, Some(problem.wait()), None))
        }
        Some(problem) if !(has_moved && problem.code().is_retryable()) => Err(problem),
        stopped => Ok((head, stopped.map(|problem| problem.wait()), None)),
    }
}

/// The parts that are to be done; nothing where there are none.
async fn begin(
    app: &App,
    work: &mut Work<'_>,
    parts: Vec<Part>,
    asked: Option<Asked>,
    agreed: bool,
) -> Result<Option<Vec<Part>>, Problem> {
    let is_same = |head: &Head, asked: &Asked| head.apply.asked.as_deref() == Some(asked.digest().as_str());
    match (&work.head.state, &asked) {
        (State::Applying, None) => return Ok(Some(parts)),
        (State::Applying, Some(asked)) if is_same(&work.head, asked) => return Ok(Some(parts)),
        (State::Applying, Some(_)) => {
            let detail = "Other rows are being applied: POST to `next` without a body until that is done, and then ask for these.";
            return Err(Problem::new(Code::ReconciliationState, detail));
        }
        // The last answer was lost; what is uncertain is looked for once more, and never sent again.
        (State::Applied, Some(asked)) if is_same(&work.head, asked) && is_uncertain(&parts) => {
            return look_again(work, parts).await;
        }
        (State::Applied, None) => return look_again(work, parts).await,
        (State::Compared, None) => {
            return Err(Problem::new(Code::BodyInvalid, "`rows` is missing: `\"all\"`, or a list of lines."));
        }
        (State::Compared | State::Applied, Some(_)) => {}
        _ => {
            let detail = "It is not compared yet: POST to `next` until it is.";
            return Err(Problem::new(Code::ReconciliationState, detail));
        }
    }
    match asked {
        Some(asked) => begin_with(app, work, parts, &asked, agreed).await,
        None => Ok(None),
    }
}

/// Adds the parts of these rows to those that there are.
async fn begin_with(
    app: &App,
    work: &mut Work<'_>,
    mut parts: Vec<Part>,
    asked: &Asked,
    agreed: bool,
) -> Result<Option<Vec<Part>>, Problem> {
    if work.now() >= work.head.valid_until {
        let detail = format!("It was valid until {}. Nothing was written.", work.head.valid_until);
        return Err(Problem::new(Code::ReconciliationExpired, detail));
    }
    let new = parts::cut(work.rows(), &parts, asked, work.head.apply.most_lines).map_err(|wrong| {
        let lines: Vec<String> =
            wrong.iter().take(20).map(|(line, what)| format!("line {line}: {what}")).collect();
        let more = if wrong.len() > 20 { format!(" And {} more.", wrong.len() - 20) } else { String::new() };
        let detail =
            format!("Nothing was written. These rows cannot be applied: {}.{more}", lines.join("; "));
        Problem::new(Code::BodyInvalid, detail)
    })?;
    if new.is_empty() {
        return Ok(None);
    }
    calls::demand(0, calls::to_apply(new.len()), app.calls_a_day, agreed, "Applying it")?;
    let first = parts.len();
    parts.extend(new);
    // They count only with the head, which is written after them.
    for (number, part) in parts.iter().enumerate().skip(first) {
        work.put_part(number, part).await?;
    }
    work.head.apply.asked = Some(asked.digest());
    work.head.apply.halved = 0;
    work.head.state = State::Applying;
    sum_up(&mut work.head, &parts);
    work.put_head().await?;
    Ok(Some(parts))
}

fn is_uncertain(parts: &[Part]) -> bool {
    parts.iter().flat_map(|part| &part.ended).any(|ended| ended.ending == Ending::Uncertain)
}

/// The parts of which it is not known whether they were done, opened once more. They are stored so, because one call may not have
/// the time for all of them, and the next one goes on with the rest.
async fn look_again(work: &mut Work<'_>, mut parts: Vec<Part>) -> Result<Option<Vec<Part>>, Problem> {
    let uncertain =
        parts.iter_mut().enumerate().filter_map(|(number, part)| part.look_again().then_some(number));
    let uncertain: Vec<usize> = uncertain.collect();
    if uncertain.is_empty() {
        return Ok(None);
    }
    work.head.state = State::Applying;
    sum_up(&mut work.head, &parts);
    for some in uncertain.chunks(PARTS_AT_ONCE) {
        work.put_parts(&parts, some).await?;
    }
    Ok(Some(parts))
}

/// Does one part, and stores how it ended.
async fn do_part(
    app: &App,
    caller: &Caller,
    work: &mut Work<'_>,
    parts: &mut Vec<Part>,
    number: usize,
    by_line: &HashMap<u32, Row>,
) -> Result<(), Problem> {
    let Some(part) = parts.get(number) else { return Ok(()) };
    let most = work.head.apply.most_lines.unwrap_or(usize::MAX);
    if part.is_too_long(most) {
        return halve(work, parts, number).await;
    }
    let rows: Vec<&Row> = part.lines.iter().filter_map(|line| by_line.get(line)).collect();
    let performed = perform(app, caller, work, number, &rows).await;
    // Another process has the part: nothing was asked of Zoho for it, and nothing is until that process's time is over.
    if !matches!(&performed, Err(problem) if problem.code() == Code::IdempotencyInProgress) {
        work.head.calls = work.head.calls.saturating_add(CALLS);
    }
    let ended = match performed {
        Ok(done) => {
            let id = text(&done, "inventory_adjustment_id").map(str::to_owned);
            (id, endings(&done, &rows))
        }
        Err(problem) if problem.code() == Code::ReconciliationExpired => {
            let why = "It was compared more than 7 days ago, and not adjusted. Count it again.";
            (None, all_ended(&rows, Ending::Changed, why))
        }
        Err(problem) if problem.code() == Code::WriteUncertain => {
            let why = "Zoho gave no proper answer, and the adjustment was not found. Look for it in Zoho, and count these rows again: what is counted anew is compared anew.";
            (None, all_ended(&rows, Ending::Uncertain, why))
        }
        Err(problem) if is_of_the_part(&problem) => {
            let said = problem.said().map(|said| said.message.clone()).unwrap_or_default();
            let is_too_long = said.contains(TOO_LONG);
            if is_too_long {
                work.head.apply.most_lines = Some((rows.len() / 2).max(1));
            }
            if rows.len() > 1 && (is_too_long || work.head.apply.halved < MAX_HALVED) {
                work.head.apply.halved += 1;
                return halve(work, parts, number).await;
            }
            let why = if said.is_empty() { problem.detail().to_owned() } else { said };
            (None, all_ended(&rows, Ending::Refused, &super::row::cut(&why)))
        }
        Err(problem) => return Err(problem),
    };
    if let Some(part) = parts.get_mut(number) {
        (part.adjustment, part.ended) = ended;
    }
    sum_up(&mut work.head, parts);
    work.put_parts(parts, &[number]).await
}

/// Whether a problem is of this part alone: others may still be done.
fn is_of_the_part(problem: &Problem) -> bool {
    matches!(
        problem.code(),
        Code::ZohoRejected
            | Code::ZohoForbidden
            | Code::RecordNotFound
            | Code::ItemNotAdjustable
            | Code::StockChanged
            | Code::LocationNotFound
            | Code::BodyInvalid
    )
}

/// Puts two parts in the place of one that surely was not done.
async fn halve(work: &mut Work<'_>, parts: &mut Vec<Part>, number: usize) -> Result<(), Problem> {
    let Some(part) = parts.get_mut(number) else { return Ok(()) };
    let (one, other) = part.lines.split_at(part.lines.len() / 2);
    let halves = [one, other].map(|lines| Part { lines: lines.to_vec(), ..Part::default() });
    part.is_replaced = true;
    let first = parts.len();
    parts.extend(halves);
    sum_up(&mut work.head, parts);
    work.put_parts(parts, &[number, first, first + 1]).await
}

fn sum_up(head: &mut Head, parts: &[Part]) {
    let live = || parts.iter().filter(|part| !part.is_replaced);
    let apply = &mut head.apply;
    apply.parts = parts.len();
    apply.done = parts.iter().filter(|part| !part.is_open()).count();
    apply.rows = live().map(|part| part.lines.len()).sum();
    apply.rows_done = live().map(|part| part.ended.len()).sum();
    head.summary.applied = parts::sums(parts);
}

/// Makes the adjustment of a part, once.
async fn perform(
    app: &App,
    caller: &Caller,
    work: &Work<'_>,
    number: usize,
    rows: &[&Row],
) -> Result<Object, Problem> {
    let head = &work.head;
    let lines = rows.iter().filter_map(|row| {
        let change = Change::Target { target: Quantity(row.counted), expected: row.expected.map(Quantity) };
        Some(Line { item_id: row.item.as_ref()?.id.clone(), mapping: None, change, tracking: Object::new() })
    });
    let tail = head.id.get(head.id.len().saturating_sub(12)..).unwrap_or(&head.id);
    let plan = AdjustStock {
        reason: head.reason.clone().unwrap_or_else(|| REASON.to_owned()),
        date: None,
        description: Some(format!("Reconciliation {}, part {}", head.id, number + 1)),
        reference: format!("ZC-{tail}-{}", number + 1),
        own_reference: true,
        location: rows.iter().find_map(|row| row.spot()).map(|spot| spot.id.clone()),
        location_name: None,
        basis: head.basis,
        lines: lines.collect(),
        is_part: true,
        seen: Vec::new(),
    };
    let part = format!("{}/{number}", head.id);
    let about = json!({ "part": part, "lines": rows.iter().map(|row| row.line).collect::<Vec<_>>() });
    let action = "POST /v1/inventory/reconciliations/{id}/apply";
    let params = WriteParams { dry_run: false, fields: None };
    let request =
        WriteRequest::new(&app.zoho, caller, work.connection, action, &about, &params, &HeaderMap::new())
            .await?;
    let draft = Draft { plan, preview: Value::Null, before: Value::Null, modified: None };
    let may_begin = work.now() < head.valid_until;
    match app.writes.perform_part(&request, &part, draft, may_begin).await? {
        Value::Object(done) => Ok(done),
        _ => Err(Problem::internal("a part of a reconciliation has no answer")),
    }
}

/// How the lines of an adjustment ended.
fn endings(done: &Object, rows: &[&Row]) -> Vec<Ended> {
    let lines = done.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let by_item: HashMap<&str, &Object> = lines
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|line| Some((text(line, "item_id")?, line)))
        .collect();
    let ended = |row: &&Row| {
        let line = row.item.as_ref().and_then(|item| by_item.get(item.id.as_str()).copied());
        let figure = |field: &str| line.and_then(|line| decimal(line.get(field)));
        let ending = match line.and_then(|line| text(line, "outcome")) {
            Some("adjusted") => Ending::Adjusted,
            Some("awaits_approval") => Ending::Pending,
            Some("changed" | "unchanged") => Ending::Changed,
            Some("refused" | "not_booked") => Ending::Refused,
            // An adjustment that says nothing of a line may have moved it.
            _ => Ending::Uncertain,
        };
        // An agent expects a figure that it read. Of a count, it is the one that was compared.
        let compared = row.expected.filter(|_| ending == Ending::Changed);
        let (before, after) = (figure("before"), figure("after"));
        let why = match (compared, line.and_then(|line| text(line, "why"))) {
            (Some(figure), _) => Some(format!("compared was {}", figure.normalize())),
            (None, Some(why)) => Some(super::row::cut(why)),
            (None, None) if ending == Ending::Adjusted => not_as_counted(row.counted, before, after),
            (None, None) => None,
        };
        Ended { line: row.line, ending, before, after, why }
    };
    rows.iter().map(ended).collect()
}

/// What is to be said of a row that was adjusted, where Zoho has another figure than the one that was counted.
fn not_as_counted(counted: Decimal, before: Option<Decimal>, after: Option<Decimal>) -> Option<String> {
    let after = after.filter(|after| *after != counted)?;
    let (now, counted) = (after.normalize(), counted.normalize());
    Some(if before == Some(after) {
        format!("booked, and Zoho still shows {now}: read the item again in a moment")
    } else {
        format!("Zoho has {now} now, counted was {counted}: somebody else moved it, or Zoho rounded it")
    })
}

fn all_ended(rows: &[&Row], ending: Ending, why: &str) -> Vec<Ended> {
    let none: Option<Decimal> = None;
    let ended =
        |row: &&Row| Ended { line: row.line, ending, before: none, after: none, why: Some(why.to_owned()) };
    rows.iter().map(ended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reconciliations::row::{Named, Where};

    /// How a row of 8 that was compared with 10 ended, of which the adjustment says this.
    fn ended(line: &str) -> (Ending, Option<String>) {
        let mut row = Row::new(1, Named::Item("7".to_owned()), Decimal::from(8), Where::Only);
        row.expected = Some(Decimal::from(10));
        let done = serde_json::from_str(&format!(r#"{{"lines":[{{"item_id":"7",{line}}}]}}"#)).unwrap();
        let [ended]: [Ended; 1] = endings(&done, &[&row]).try_into().unwrap();
        (ended.ending, ended.why)
    }

    #[test]
    fn what_was_adjusted_and_is_not_what_was_counted_is_told_beside_its_row() {
        for (line, ending, why) in [
            (r#""outcome":"adjusted","before":10,"after":8.00"#, Ending::Adjusted, None),
            // Found after a lost answer, or not read again.
            (r#""outcome":"adjusted","before":null,"after":8"#, Ending::Adjusted, None),
            (r#""outcome":"adjusted","before":10,"after":null"#, Ending::Adjusted, None),
            (
                r#""outcome":"adjusted","before":10,"after":7.50"#,
                Ending::Adjusted,
                Some("Zoho has 7.5 now, counted was 8: somebody else moved it, or Zoho rounded it"),
            ),
            (
                r#""outcome":"adjusted","before":10,"after":10"#,
                Ending::Adjusted,
                Some("booked, and Zoho still shows 10: read the item again in a moment"),
            ),
            (
                r#""outcome":"adjusted","after":7,"why":"It is there twice""#,
                Ending::Adjusted,
                Some("It is there twice"),
            ),
            (r#""outcome":"awaits_approval","before":10,"after":10"#, Ending::Pending, None),
            (r#""outcome":"changed","before":9,"after":9"#, Ending::Changed, Some("compared was 10")),
            (r#""outcome":"refused","why":"is inactive""#, Ending::Refused, Some("is inactive")),
        ] {
            assert_eq!(ended(line), (ending, why.map(str::to_owned)), "{line}");
        }
    }
}
