//! Pages of CRM lists: numbered up to 2,000 records, by token beyond.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::error;
use crate::clock::{crm_time, later};
use crate::http::{Answer, Call};

const MOST: usize = 200;
const NUMBERED: usize = 2_000;
const BY_TOKEN: usize = 100_000;
const TOKEN_LIFE: Duration = Duration::from_secs(86_400);

/// `page` and `per_page` of a list without tokens.
pub(crate) fn numbered(call: &Call) -> Result<(usize, usize), Answer> {
    Ok((number(call, "page", 1)?, rows(call)?))
}

/// The `info` of such a list.
pub(crate) fn info((page, per_page): (usize, usize), count: usize, more: bool) -> Value {
    json!({ "per_page": per_page, "count": count, "page": page, "more_records": more })
}

fn rows(call: &Call) -> Result<usize, Answer> {
    let rows = number(call, "per_page", MOST)?;
    if rows > MOST { Err(invalid("per_page")) } else { Ok(rows) }
}

fn number(call: &Call, param: &str, default: usize) -> Result<usize, Answer> {
    let Some(text) = call.filled(param) else { return Ok(default) };
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| invalid(param))
}

/// The refusal of a parameter with an invalid value.
pub(crate) fn invalid(param: &str) -> Answer {
    error(400, "INVALID_DATA", json!({ "param_name": param }), "invalid data")
}

/// The page tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct PageTokens {
    known: HashMap<String, PageToken>,
    next: u64,
}

#[derive(Debug)]
struct PageToken {
    page: usize,
    bound_to: String,
    ends: Timestamp,
}

/// The requested page.
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) per_page: usize,
    bound_to: String,
}

impl Page {
    /// Reads `page`, `per_page` and `page_token`. A token is valid only with the parameters that it was made for.
    pub(crate) fn read(
        call: &Call,
        module: &str,
        tokens: &PageTokens,
        now: Timestamp,
    ) -> Result<Self, Answer> {
        let per_page = rows(call)?;
        let bound: Vec<String> = ["fields", "sort_by", "sort_order", "per_page", "ids"]
            .iter()
            .map(|param| call.param(param).unwrap_or_default())
            .collect();
        let bound_to = format!("{module}|{}", bound.join("|"));
        let Some(text) = call.filled("page_token") else {
            let number = number(call, "page", 1)?;
            if number.saturating_mul(per_page) > NUMBERED {
                return Err(error(
                    400,
                    "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
                    json!({ "page": number, "per_page": per_page }),
                    "You have reached the limit of 2000 records; use page_token",
                ));
            }
            return Ok(Self { number, per_page, bound_to });
        };
        if call.filled("page").is_some() {
            let both =
                json!({ "ambiguity_due_to": [{ "param_name": "page" }, { "param_name": "page_token" }] });
            return Err(error(
                400,
                "AMBIGUITY_DURING_PROCESSING",
                both,
                "page and page_token cannot go together",
            ));
        }
        let token = tokens.known.get(&text).ok_or_else(|| invalid("page_token"))?;
        let about = json!({ "param_name": "page_token" });
        if token.ends <= now {
            return Err(error(400, "EXPIRED_VALUE", about, "page_token has expired"));
        }
        if token.bound_to != bound_to {
            return Err(error(
                400,
                "TOKEN_BOUND_DATA_MISMATCH",
                about,
                "page_token belongs to other parameters",
            ));
        }
        if token.page.saturating_mul(per_page) > BY_TOKEN {
            return Err(error(
                400,
                "PAGINATION_LIMIT_EXCEEDED",
                about,
                "You have reached the limit of 100000",
            ));
        }
        Ok(Self { number: token.page, per_page, bound_to })
    }

    /// The `info` of a list with `count` rows on this page.
    pub(crate) fn info(
        self,
        count: usize,
        more: bool,
        (sort_by, sort_order): (&str, &str),
        tokens: &mut PageTokens,
        now: Timestamp,
    ) -> Value {
        let ends = later(now, TOKEN_LIFE);
        let next = more.then(|| tokens.issue(self.number + 1, &self.bound_to, ends, now));
        let previous =
            (more && self.number > 1).then(|| tokens.issue(self.number - 1, &self.bound_to, ends, now));
        json!({
            "per_page": self.per_page,
            "next_page_token": next,
            "count": count,
            "sort_by": sort_by,
            "page": self.number,
            "previous_page_token": previous,
            "page_token_expiry": more.then(|| crm_time(ends)),
            "sort_order": sort_order,
            "more_records": more,
        })
    }
}

impl PageTokens {
    fn issue(&mut self, page: usize, bound_to: &str, ends: Timestamp, now: Timestamp) -> String {
        let dead_for_a_day = crate::clock::earlier(now, TOKEN_LIFE);
        self.known.retain(|_, token| token.ends > dead_for_a_day);
        self.next += 1;
        let text = format!("c8582e9c7{:016x}{page:06}", self.next);
        self.known.insert(text.clone(), PageToken { page, bound_to: bound_to.to_owned(), ends });
        text
    }
}
