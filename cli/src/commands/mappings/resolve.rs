//! `zoho-connector mappings resolve`.

use clap::Args;
use serde_json::Value;
use shared::zoho::scope::Access as Level;

use super::path::PATH;
use crate::commands::api::{Access, Api, Body, with_api};
use crate::failure::{Failure, LEFT_TO_DO};
use crate::table::{Column, Table};
use crate::terminal::{say, say_json};

/// How many problems are shown.
const MAX_SHOWN: usize = 50;

/// After so many answers that say the same, nothing goes on.
const MAX_SAME: u32 = 100;

const PROBLEMS: &[Column] = &[("Product", false), ("Code", false), ("What is wrong", false)];

#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 every mapping leads to one item; 3 some do not; 1 and 2 as everywhere."
)]
pub(crate) struct Resolve {
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

impl Resolve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        with_api(&self.access, Level::Stock, async |api| self.resolve(api).await).await
    }

    async fn resolve(&self, api: &Api) -> Result<(), Failure> {
        let body = || Some(Body::json(b"{}"));
        let mut answer = api.post(&format!("{PATH}/resolve"), body()).await?;
        let (mut same, mut before) = (0, None);
        while let Some(next) = answer.get("next").and_then(Value::as_str) {
            let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
            let now = (next.to_owned(), count("done"));
            api.progress.show("Looking at Zoho's items", now.1, count("total"));
            same = if before.as_ref() == Some(&now) { same + 1 } else { 0 };
            if same > MAX_SAME {
                return Err(Failure::Other(
                    "nothing goes on any more: run the same command again".to_owned(),
                ));
            }
            answer = api.post(next, body()).await?;
            before = Some(now);
        }
        api.progress.clear();
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        let problems = answer.get("problems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let wrong = count("problem_count").max(problems.len() as u64);
        if self.json {
            say_json(&answer)?;
        } else {
            say(self.access.led(&told(count("total"), count("resolved"))));
            show(problems, wrong);
        }
        if wrong == 0 {
            return Ok(());
        }
        Err(Failure::Ended(LEFT_TO_DO, self.access.led(&left(wrong))))
    }
}

/// How many of them lead to one item, in a sentence.
fn told(total: u64, resolved: u64) -> String {
    match (total, resolved) {
        (0, _) => {
            "No product is mapped yet: `zoho-connector mappings import FILE` reads mappings.".to_owned()
        }
        (1, 0) => "The only mapping leads to no single item.".to_owned(),
        (1, _) => "The only mapping leads to one item.".to_owned(),
        (_, 0) => format!("None of the {total} mappings leads to one item."),
        (_, 1) => format!("1 of {total} mappings leads to one item."),
        _ if resolved == total => format!("All {total} mappings lead to one item each."),
        _ => format!("{resolved} of {total} mappings lead to one item each."),
    }
}

/// What is said of those that do not fit.
fn left(wrong: u64) -> String {
    format!(
        "Mappings that do not fit: {wrong}. Nothing was chosen and nothing remapped: correct them in the table, which `zoho-connector mappings \
         import FILE` reads again, or their items in Zoho."
    )
}

fn show(problems: &[Value], all: u64) {
    if problems.is_empty() {
        return;
    }
    let mut table = Table::new(PROBLEMS);
    for problem in problems.iter().take(MAX_SHOWN) {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        table.push([text("product_id"), text("code"), text("detail")]);
    }
    table.say();
    let left = all.saturating_sub(MAX_SHOWN as u64);
    if left > 0 {
        say(format!("  … and {left} more: --json lists up to 1,000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_sentence_for_any_count() {
        for (total, resolved, sentence) in [
            (1, 0, "The only mapping leads to no single item."),
            (1, 1, "The only mapping leads to one item."),
            (2, 0, "None of the 2 mappings leads to one item."),
            (2, 1, "1 of 2 mappings leads to one item."),
            (2, 2, "All 2 mappings lead to one item each."),
            (5, 3, "3 of 5 mappings lead to one item each."),
        ] {
            assert_eq!(told(total, resolved), sentence);
        }
        assert!(told(0, 0).contains("mappings import"));
        assert!(
            left(2).starts_with("Mappings that do not fit: 2.")
                && left(2).contains("`zoho-connector mappings import FILE`")
        );
    }
}
