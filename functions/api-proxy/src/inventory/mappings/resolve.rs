//! `POST /v1/inventory/mappings/resolve`: mappings are held against Zoho's items, and what they do not say yet is filled in. A few are
//! looked up one by one; for more, all items are read in pages, each of which is kept, so that the next call goes on where this one ended.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::base::problem::{Code, Problem};
use shared::core::mappings::progress::{Asked, Candidate, Page};
use shared::core::mappings::{Known, MAX_NAME, Mappings, Saving};
use shared::zoho::inventory;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id, text};
use tokio::time::Instant;

use super::conclude::{Conclusion, conclude};
use crate::app::App;
use crate::inventory::item_reads::{item, item_page};
use crate::inventory::lookup::sku::near_twins;
use crate::inventory::near_twins::folded;
use crate::request::caller::Caller;
use crate::request::params::{invalid, next};
use crate::zoho::{Target, Zoho};

pub(super) const PATH: &str = "/v1/inventory/mappings/resolve";

/// What must be left of a call's time for the answer, when it stops to work.
const LEFT_FOR_THE_ANSWER: Duration = Duration::from_secs(5);

/// So many mappings are looked up one by one; more are found in pages of all items.
const MAX_SINGLE_LOOKUPS: usize = 10;

/// The most mappings that a call may name.
const MAX_NAMED: usize = 200;

/// How many items that no page had are asked for by themselves.
const MAX_ASKED: usize = 20;

/// The most troubles that an answer tells.
const MAX_TROUBLES: usize = 1000;

/// Which mappings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Resolving {
    /// These; all of them without it.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_NAMED), inner(length(min = 1, max = MAX_NAME))))]
    pub(super) product_ids: Option<Vec<String>>,
}

/// How far it came.
pub(super) struct Resolved {
    pub(super) body: Value,
    /// Whether a call of `next` goes on.
    pub(super) goes_on: bool,
}

/// What a call works with.
struct Work<'a> {
    zoho: &'a Zoho,
    mappings: &'a Mappings,
    target: Target<'a>,
    until: Instant,
}

/// Works on it as long as there is time.
pub(super) async fn resolve(
    app: &App,
    caller: &Caller,
    connection: &ConnectionName,
    resolving: Resolving,
    run: Option<&str>,
) -> Result<Resolved, Problem> {
    let target = Target::new(caller, connection, Product::Inventory, inventory::scope::ITEMS);
    // Also where nothing is asked of Zoho in the end.
    app.zoho.demand_scope(&target).await?;
    let until = caller.deadline.checked_sub(LEFT_FOR_THE_ANSWER).unwrap_or(caller.deadline);
    let work = Work { zoho: &app.zoho, mappings: &app.mappings, target, until };
    let asked = match run {
        Some(run) => work.asked(run).await?,
        None => Asked { product_ids: named(resolving)? },
    };
    let all = work.mappings.all(connection).await?;
    let wanted: Vec<String> = asked.product_ids.clone().unwrap_or_else(|| all.keys().cloned().collect());
    let total = wanted.len();
    if run.is_none()
        && total <= MAX_SINGLE_LOOKUPS
        && let Some(mut candidates) = work.few(&all, &wanted).await?
    {
        let conclusion = work.concluded(&all, &wanted, &mut candidates).await?;
        return work.finish(all, total, conclusion, None).await;
    }
    let run = match run {
        Some(run) => run.to_owned(),
        None => work.mappings.begin_run(connection, &asked).await?,
    };
    let (mut candidates, stopped) = work.pages(&run, &all, &wanted).await?;
    if let Some(why) = stopped {
        let seen = Seen::of(&candidates);
        let done = wanted.iter().filter(|id| seen.has(&all, id)).count();
        let mut body = json!({
            "done": done, "total": total, "next": path(&run), "resolved": 0, "problems": [], "problem_count": 0, "untrusted": [],
        });
        if let (Some(body), Some(why)) = (body.as_object_mut(), why) {
            body.insert("notice".to_owned(), format!("{} Call `next` a little later.", why.detail()).into());
        }
        return Ok(Resolved { body, goes_on: true });
    }
    let conclusion = work.concluded(&all, &wanted, &mut candidates).await?;
    work.finish(all, total, conclusion, Some(&run)).await
}

fn named(resolving: Resolving) -> Result<Option<Vec<String>>, Problem> {
    let Some(mut ids) = resolving.product_ids else { return Ok(None) };
    if ids.is_empty() || ids.len() > MAX_NAMED {
        return Err(Problem::new(
            Code::BodyInvalid,
            format!(
                "`product_ids` names {}, but must name 1 to {MAX_NAMED}; without it, all are resolved.",
                ids.len()
            ),
        ));
    }
    ids.sort_unstable();
    ids.dedup();
    for id in &ids {
        super::import::fits("product_id", id)
            .map_err(|detail| Problem::new(Code::BodyInvalid, format!("`product_ids`: {detail}.")))?;
    }
    Ok(Some(ids))
}

fn path(run: &str) -> String {
    next(PATH, &[("run", Some(run))])
}

impl Work<'_> {
    async fn asked(&self, run: &str) -> Result<Asked, Problem> {
        let unknown = || {
            invalid("`run` is not one that an answer's `next` named, or it is older than a day. Begin anew.")
        };
        if !is_time_ordered(run) {
            return Err(unknown());
        }
        self.mappings.asked(self.target.connection, run).await?.ok_or_else(unknown)
    }

    fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// The items of a few SKUs; nothing where Zoho does not filter, so that its list must be read.
    async fn few(&self, all: &Known, wanted: &[String]) -> Result<Option<Vec<Candidate>>, Problem> {
        let mut candidates = Vec::new();
        let mappings = wanted.iter().filter_map(|id| all.get(id)).map(|(mapping, _)| mapping);
        let mut skus: Vec<&str> = mappings
            .filter(|mapping| mapping.item_id.is_none())
            .filter_map(|mapping| mapping.sku.as_deref())
            .collect();
        skus.sort_unstable();
        skus.dedup();
        for sku in skus {
            let page = item_page(self.zoho, &self.target, &[("sku", sku)], 1, inventory::MAX_ROWS).await?;
            if page.more {
                return Ok(None);
            }
            let mut items = page.items;
            if !items.iter().any(|item| text(item, "sku") == Some(sku)) {
                items.extend(near_twins(self.zoho, &self.target, sku).await);
            }
            candidates.extend(items.iter().filter_map(candidate));
        }
        Ok(Some(candidates))
    }

    /// Reads on in Zoho's list, as long as there is time. Gives what may be meant so far, and why it stopped before the end.
    async fn pages(
        &self,
        run: &str,
        all: &Known,
        wanted: &[String],
    ) -> Result<(Vec<Candidate>, Option<Option<Problem>>), Problem> {
        let relevant = Relevant::of(all, wanted);
        let pages = self.mappings.pages(self.target.connection, run).await?;
        let mut more = pages.last().is_none_or(|page| page.more);
        let mut number = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let mut candidates: Vec<Candidate> = pages.into_iter().flat_map(|page| page.candidates).collect();
        let first = number;
        while more {
            if !self.has_time() {
                return Ok((candidates, Some(None)));
            }
            number += 1;
            let read = match item_page(self.zoho, &self.target, &[], number, inventory::MAX_ROWS).await {
                Ok(read) => read,
                // What was read is kept: the next call goes on.
                Err(problem) if problem.code().is_retryable() && number > first + 1 => {
                    return Ok((candidates, Some(Some(problem))));
                }
                Err(problem) => return Err(problem),
            };
            let found = read.items.iter().filter_map(candidate).filter(|item| relevant.has(item)).collect();
            let page = Page { candidates: found, more: read.more };
            self.mappings.keep_page(self.target.connection, run, number, &page).await?;
            more = page.more;
            candidates.extend(page.candidates);
        }
        Ok((candidates, None))
    }

    /// Concludes, after asking for items that mappings name and no page had.
    async fn concluded(
        &self,
        all: &Known,
        wanted: &[String],
        candidates: &mut Vec<Candidate>,
    ) -> Result<Conclusion, Problem> {
        let conclusion = conclude(all, wanted, candidates);
        let seen = candidates.len();
        for item_id in conclusion.unseen.iter().take(MAX_ASKED) {
            match item(self.zoho, &self.target, item_id).await {
                Ok(item) => candidates.extend(candidate(&item)),
                Err(problem) if problem.code() == Code::RecordNotFound => {}
                Err(problem) => return Err(problem),
            }
        }
        if candidates.len() == seen { Ok(conclusion) } else { Ok(conclude(all, wanted, candidates)) }
    }

    /// Saves what was found, and tells of it.
    async fn finish(
        &self,
        all: Known,
        total: usize,
        conclusion: Conclusion,
        run: Option<&str>,
    ) -> Result<Resolved, Problem> {
        let Conclusion { found, mut troubles, .. } = conclusion;
        let connection = self.target.connection;
        // A few are saved in any case: nothing is kept from which another call could go on.
        let goes_on = || run.is_none() || self.has_time();
        let saved = self.mappings.save(connection, &found, Saving::Found, all, &goes_on).await?;
        let count = troubles.len();
        troubles.truncate(MAX_TROUBLES);
        let goes_on = saved.left > 0;
        let body = json!({
            "done": total - saved.left,
            "total": total,
            "next": run.filter(|_| goes_on).map(path),
            "resolved": found.len() - saved.left,
            "problems": troubles,
            "problem_count": count,
            "untrusted": ["problems"],
        });
        Ok(Resolved { body, goes_on })
    }
}

fn candidate(item: &Object) -> Option<Candidate> {
    let word = |field: &str| text(item, field).unwrap_or_default().chars().take(MAX_NAME).collect();
    Some(Candidate {
        item_id: id(item, "item_id")?,
        sku: text(item, "sku").unwrap_or_default().to_owned(),
        name: word("name"),
        is_active: text(item, "status") != Some("inactive"),
    })
}

/// What mappings know items by.
struct Relevant<'a> {
    ids: HashSet<&'a str>,
    folds: HashSet<String>,
}

impl<'a> Relevant<'a> {
    fn of(all: &'a Known, wanted: &'a [String]) -> Self {
        let mut relevant = Self { ids: HashSet::new(), folds: HashSet::new() };
        for (mapping, _) in wanted.iter().filter_map(|id| all.get(id)) {
            relevant.ids.extend(mapping.item_id.as_deref());
            relevant.folds.extend(mapping.sku.as_deref().map(folded));
        }
        relevant
    }

    fn has(&self, item: &Candidate) -> bool {
        self.ids.contains(item.item_id.as_str())
            || !item.sku.is_empty() && self.folds.contains(&folded(&item.sku))
    }
}

/// What was seen so far.
struct Seen<'a> {
    ids: HashSet<&'a str>,
    skus: HashSet<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(candidates: &'a [Candidate]) -> Self {
        Self {
            ids: candidates.iter().map(|item| item.item_id.as_str()).collect(),
            skus: candidates.iter().map(|item| item.sku.as_str()).collect(),
        }
    }

    fn has(&self, all: &Known, product_id: &str) -> bool {
        all.get(product_id).is_some_and(|(mapping, _)| match (&mapping.item_id, &mapping.sku) {
            (Some(id), _) => self.ids.contains(id.as_str()),
            (None, Some(sku)) => self.skus.contains(sku.as_str()),
            (None, None) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Resolving>("Resolving");
    }
}
