//! The report as one page for people, which holds no script and loads nothing from elsewhere: on a phone each row is a card, on a
//! screen it is a row of a table.

use std::fmt::{Display, Write};
use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use rust_decimal::Decimal;
use shared::base::html_page::{Escaped, ICON, LOOK, policy_of, to_the_minute};

use super::json::location;
use super::{Report, money, words};
use crate::inventory::reconciliations::head::{Head, State};
use crate::inventory::reconciliations::parts::Ending;
use crate::inventory::reconciliations::row::{Named, Outcome, Row};
use crate::inventory::stock::Basis;

static STYLE: LazyLock<String> = LazyLock::new(|| format!("{LOOK}{}", include_str!("report.css")));

/// The most rows of what drifted, and the most bytes of a page: no answer has more than 4 MB.
const MAX_ROWS: usize = 5000;
const MAX_BYTES: usize = 3_900_000;

impl Report<'_> {
    /// The page.
    pub(in super::super) fn html(&self) -> Response {
        let policy = policy_of(&STYLE);
        let mut response = Html(self.page_for_people(policy.to_str().unwrap_or_default())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    fn page_for_people(&self, policy: &str) -> String {
        let title = self.head.name.as_deref().unwrap_or("Stock count");
        // The policy goes with the page when it is saved; frames are the business of the header alone.
        let policy = policy.split("; frame-ancestors").next().unwrap_or_default();
        let mut page = String::with_capacity(64 * 1024);
        let _ = write!(
            page,
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\
             {ICON}<title>{} · Reconciliation</title><style>{}</style></head><body><main>",
            Escaped(policy),
            Escaped(title),
            STYLE.as_str(),
        );
        self.write_head(&mut page, title);
        self.write_sums(&mut page);
        self.write_left(&mut page);
        self.write_drifted(&mut page);
        self.write_others(&mut page);
        self.write_matched(&mut page);
        page.push_str("</main></body></html>");
        page
    }

    fn write_head(&self, page: &mut String, title: &str) {
        let head = self.head;
        let _ = write!(page, "<h1>{}</h1>", Escaped(title));
        let of = head.organization.as_deref().unwrap_or("Zoho Inventory");
        let _ = write!(
            page,
            "<p class=\"soft\">{} · connection {} · made {} with the key “{}”</p>",
            Escaped(of),
            Escaped(self.connection),
            to_the_minute(head.created),
            Escaped(if head.key_label.is_empty() { &head.key } else { &head.key_label }),
        );
        let basis = match head.basis {
            None | Some(Basis::OnHand) => "stock on hand",
            Some(Basis::Physical) => "physical stock",
            Some(Basis::Accounting) => "accounting stock",
        };
        let compared = head.compared.map(|at| format!("Compared with Zoho's {basis} {}.", to_the_minute(at)));
        let counted = head.counted_at.map(|at| format!(" Counted {}.", to_the_minute(at)));
        let reason = head.reason.as_ref().map(|reason| format!(" Reason: <bdi>{}</bdi>.", Escaped(reason)));
        let words = [compared, counted, reason].into_iter().flatten().collect::<String>();
        let _ = write!(page, "<p>{words}</p>");
        let _ = write!(
            page,
            "<p><strong>{}</strong> <span class=\"soft\">Number {}</span></p>",
            state(head),
            Escaped(&head.id)
        );
    }

    fn write_sums(&self, page: &mut String) {
        let (head, sums) = (self.head, &self.head.summary);
        let mut items: Vec<(String, String)> = Vec::new();
        let mut add = |value: String, words: &str| items.push((value, words.to_owned()));
        add(head.rows.to_string(), "counted");
        add(sums.drifted.to_string(), "drifted");
        if sums.drifted > 0 {
            let mut words = "value of the differences".to_owned();
            if let Some(currency) = &head.currency {
                let _ = write!(words, ", in {currency}");
            }
            if sums.value_unknown > 0 {
                let rows = if sums.value_unknown == 1 { "row" } else { "rows" };
                let _ = write!(words, ", without {} {rows} of unknown value", sums.value_unknown);
            }
            add(signed(sums.value, true), &words);
            add(signed(sums.surplus, false), "more than Zoho says");
            add(signed(-sums.shortage, false), "less than Zoho says");
        }
        add(sums.matched.to_string(), "as Zoho says");
        add((sums.unknown + sums.ambiguous + sums.unfit).to_string(), "could not be compared");
        if sums.in_transit > 0 {
            add(sums.in_transit.to_string(), "with goods under way");
        }
        if sums.changed > 0 {
            add(sums.changed.to_string(), "changed while counting");
        }
        if head.apply.parts > 0 {
            let of = sums.applied;
            add(of.adjusted.to_string(), "adjusted");
            for (count, words) in [
                (of.pending, "wait for approval"),
                (of.changed, "not adjusted: changed since"),
                (of.refused, "refused by Zoho"),
                (of.uncertain, "uncertain: look in Zoho"),
            ] {
                if count > 0 {
                    add(count.to_string(), words);
                }
            }
        }
        page.push_str("<ul class=\"sums\">");
        for (value, words) in items {
            let _ = write!(page, "<li><b>{}</b>{}</li>", Escaped(value), Escaped(words));
        }
        page.push_str("</ul>");
    }

    /// What is left to do after the adjustments.
    fn write_left(&self, page: &mut String) {
        let of = self.head.summary.applied;
        let left = of.changed + of.refused + of.uncertain;
        if self.head.state != State::Applied || left == 0 {
            return;
        }
        let (what, which) = if left == 1 { ("row is", "It comes") } else { ("rows are", "They come") };
        let uncertain = if of.uncertain > 0 { " Look in Zoho for what is uncertain." } else { "" };
        let refused = if of.refused > 0 { " Put right what Zoho refused." } else { "" };
        let _ = write!(
            page,
            "<p class=\"notice\"><strong>{left} {what} left to do.</strong> {which} first below, with the \
             reason.{uncertain}{refused} Then count again, and reconcile the new count.</p>"
        );
    }

    /// Whether the row was applied, and it is not certain that it is adjusted.
    fn is_left(&self, row: &Row) -> bool {
        self.ended.get(&row.line).is_some_and(|(ended, _)| {
            matches!(ended.ending, Ending::Changed | Ending::Refused | Ending::Uncertain)
        })
    }

    fn write_drifted(&self, page: &mut String) {
        let drifted = self.sorted(|row| row.outcome == Some(Outcome::Drifted));
        // What is left to do comes first.
        let (mut drifted, settled): (Vec<_>, Vec<_>) = drifted.into_iter().partition(|row| self.is_left(row));
        drifted.extend(settled);
        page.push_str("<h2 id=\"drifted\">What drifted</h2>");
        if drifted.is_empty() {
            page.push_str(if self.head.state.is_compared() {
                "<p>Nothing: every count that could be compared is as Zoho says.</p>"
            } else {
                "<p>The comparison is not complete yet.</p>"
            });
            return;
        }
        page.push_str(
            "<table aria-labelledby=\"drifted\"><thead><tr><th scope=\"col\">Item</th><th scope=\"col\" class=\"p\">Location</th>\
             <th scope=\"col\" class=\"n\">Zoho</th><th scope=\"col\" class=\"n\">Counted</th><th scope=\"col\" class=\"n\">Difference</th>\
             <th scope=\"col\" class=\"n\">Value</th><th scope=\"col\">What was done</th></tr></thead><tbody>",
        );
        end_table(page, &drifted, MAX_ROWS, |page, row| self.write_drift(page, row));
    }

    fn write_drift(&self, page: &mut String, row: &Row) {
        item(page, row);
        cell(page, "Location", "p", location(row).unwrap_or_default());
        cell(page, "Zoho", "n", row.expected.map(plain).unwrap_or_default());
        cell(page, "Counted", "n", plain(row.counted));
        let difference = row.difference().unwrap_or_default();
        let (class, word) =
            if difference.is_sign_negative() { ("less", "missing") } else { ("more", "found") };
        let _ = write!(
            page,
            "<td class=\"n\" data-l=\"Difference\"><span><span class=\"{class}\">{}</span> {word}</span></td>",
            Escaped(signed(difference, false))
        );
        cell(
            page,
            "Value",
            "n",
            row.value().map_or_else(|| "unknown".to_owned(), |value| signed(value, true)),
        );
        page.push_str("<td class=\"w\" data-l=\"What was done\">");
        self.write_done(page, row);
        if let Some(why) = words::why(row) {
            let _ = write!(page, "<small>{}</small>", Escaped(why));
        }
        if row.is_in_transit() {
            let under_way = row.zoho.and_then(|figures| figures.in_transit).unwrap_or_default();
            let _ = write!(page, "<small>{} under way to this place</small>", plain(under_way));
        }
        page.push_str("</td>");
    }

    /// What was done about the row.
    fn write_done(&self, page: &mut String, row: &Row) {
        let Some((ended, id)) = self.ended.get(&row.line) else {
            page.push_str("Nothing yet");
            return;
        };
        let class = if self.is_left(row) { " class=\"less\"" } else { "" };
        let _ = write!(page, "<span{class}>{}", words::done(ended));
        let mut why = ended.why.as_deref();
        match (ended.ending, ended.before, ended.after) {
            (Ending::Changed, Some(before), _) => {
                let _ = write!(page, ", and is {} now", plain(before));
                // The column of Zoho's figures says what was expected.
                why = None;
            }
            (_, Some(before), Some(after)) => {
                let _ = write!(page, ": {} → {}", plain(before), plain(after));
            }
            _ => {}
        }
        page.push_str("</span>");
        if let Some(id) = id
            && !matches!(ended.ending, Ending::Changed | Ending::Refused)
        {
            let _ = write!(page, "<small>adjustment {}</small>", Escaped(id));
        }
        if let Some(why) = why {
            let _ = write!(page, "<small>{}</small>", Escaped(why));
        }
    }

    fn write_others(&self, page: &mut String) {
        let others = self.sorted(|row| {
            matches!(row.outcome, Some(Outcome::Unknown | Outcome::Ambiguous | Outcome::Unfit))
        });
        if others.is_empty() {
            return;
        }
        page.push_str(
            "<h2 id=\"others\">What could not be compared</h2><table aria-labelledby=\"others\"><thead><tr><th scope=\"col\">Item</th>\
             <th scope=\"col\" class=\"p\">Location</th><th scope=\"col\" class=\"n\">Counted</th><th scope=\"col\">Why</th></tr></thead><tbody>",
        );
        end_table(page, &others, usize::MAX, |page, row| {
            count(page, row);
            cell(page, "Why", "w", words::why(row).unwrap_or_default());
        });
    }

    fn write_matched(&self, page: &mut String) {
        let matched: Vec<&Row> =
            self.rows.iter().filter(|row| row.outcome == Some(Outcome::Matched)).collect();
        if matched.is_empty() {
            return;
        }
        let _ = write!(
            page,
            "<details><summary id=\"matched\">As Zoho says: {}</summary><table aria-labelledby=\"matched\"><thead><tr>\
             <th scope=\"col\">Item</th><th scope=\"col\" class=\"p\">Location</th><th scope=\"col\" class=\"n\">Counted</th></tr></thead><tbody>",
            matched.len()
        );
        end_table(page, &matched, usize::MAX, count);
        page.push_str("</details>");
    }
}

/// Writes the rows of a table that has begun, as far as they fit, and its end; says how many are left out.
fn end_table(page: &mut String, rows: &[&Row], most: usize, cells: impl Fn(&mut String, &Row)) {
    let mut shown = 0;
    for row in rows.iter().copied().take(most) {
        if page.len() > MAX_BYTES {
            break;
        }
        shown += 1;
        page.push_str("<tr>");
        cells(page, row);
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
    let left = rows.len() - shown;
    if left > 0 {
        let rows_are = if left == 1 { "row is" } else { "rows are" };
        let _ = write!(
            page,
            "<p class=\"notice\">{left} more {rows_are} left out here. The table (CSV) has all of them.</p>"
        );
    }
}

/// What was counted, and where.
fn count(page: &mut String, row: &Row) {
    item(page, row);
    cell(page, "Location", "p", location(row).unwrap_or_default());
    cell(page, "Counted", "n", plain(row.counted));
}

/// The item of a row: what people call it, its SKU and the line.
fn item(page: &mut String, row: &Row) {
    let named = match &row.named {
        Named::Item(text) | Named::Sku(text) | Named::Product(text) => text,
    };
    let item = row.item.as_ref();
    let name = item.and_then(|item| item.name.as_deref()).unwrap_or(named);
    let sku = item.and_then(|item| item.sku.as_deref()).unwrap_or(named);
    // Names may run from right to left, and must not turn round what stands beside them.
    let _ = write!(page, "<th scope=\"row\"><bdi>{}</bdi><small>", Escaped(name));
    if sku != name {
        let _ = write!(page, "<bdi>{}</bdi> · ", Escaped(sku));
    }
    let _ = write!(page, "line {}</small></th>", row.line);
}

fn cell(page: &mut String, label: &str, class: &str, content: impl Display) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = write!(page, "<td{class} data-l=\"{label}\">{}</td>", Escaped(content));
}

fn plain(amount: Decimal) -> String {
    amount.normalize().to_string().replace('-', "−")
}

/// With its sign.
fn signed(amount: Decimal, is_money: bool) -> String {
    let digits = if is_money { money(amount.abs()) } else { amount.abs().normalize() };
    let sign = match digits {
        digits if digits.is_zero() => "",
        _ if amount.is_sign_negative() => "−",
        _ => "+",
    };
    format!("{sign}{digits}")
}

/// How far it is, as HTML.
fn state(head: &Head) -> String {
    match head.state {
        State::Uploading => "More counts are to follow.".to_owned(),
        State::Mapping | State::LookingUp | State::Paging(_) | State::Comparing => {
            let (done, total) = head.progress();
            format!("The comparison is under way: {done} of {total}.")
        }
        State::Compared if head.summary.drifted == 0 => "There is nothing to adjust.".to_owned(),
        State::Compared => {
            format!("Nothing is adjusted yet; this can be applied until {}.", to_the_minute(head.valid_until))
        }
        State::Applying => {
            let (done, total) = head.progress();
            format!("The adjustments are under way: {done} of {total} rows.")
        }
        State::Applied => {
            let (done, of) = (head.summary.applied.adjusted, head.summary.drifted);
            match (done, of) {
                (0, 1) => "The row that drifted is not adjusted.".to_owned(),
                (_, 1) => "The row that drifted is adjusted.".to_owned(),
                (1, _) => format!("1 of {of} drifted rows is adjusted."),
                _ => format!("{done} of {of} drifted rows are adjusted."),
            }
        }
    }
}
