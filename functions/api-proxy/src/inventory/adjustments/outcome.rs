//! What became of the lines of an adjustment, and what is to be said of it.

use rust_decimal::Decimal;
use serde_json::Value;
use shared::zoho::value::Object;

use super::adjustment::AdjustStock;
use super::document;
use super::judge::{Judged, Verdict, judge};
use crate::inventory::touched::NOT_READ_AGAIN;

/// What became of the lines, and what is to be said of it. `was` is what was read before the write, where that is known.
pub(super) fn written(
    plan: &AdjustStock,
    document: &Object,
    was: &[Judged<'_>],
    now: Option<&[Object]>,
) -> (Vec<Value>, Vec<String>) {
    let (is_moved, mut notices) = document::standing(document);
    let booked = document::quantities(document);
    let now = now.and_then(|items| judge(plan, items).ok());
    let mut lines = Vec::new();
    for (index, line) in was.iter().enumerate() {
        let Verdict::Moves(asked) = line.verdict else {
            lines.push(line.shown_unsent());
            continue;
        };
        let after = now.as_ref().and_then(|now| now.get(index)?.before);
        let delta = match &booked {
            Some(booked) => booked.get(&line.line.item_id).copied().filter(|booked| !booked.is_zero()),
            None => Some(asked),
        };
        let Some(delta) = delta else {
            notices.push(format!("Zoho booked nothing of {}, without a word.", line.name()));
            lines.push(line.shown(
                "not_booked",
                Some(Decimal::ZERO),
                after,
                Some("Zoho booked nothing of it"),
            ));
            continue;
        };
        if delta != asked {
            let (asked, delta) = (asked.normalize(), delta.normalize());
            notices.push(format!("Of {}, Zoho booked {delta} in place of {asked}.", line.name()));
        }
        if is_moved {
            notices.extend(raced(line, delta, after));
        }
        lines.push(line.shown(
            if is_moved { "adjusted" } else { "awaits_approval" },
            Some(delta),
            after,
            None,
        ));
    }
    let left = was.iter().filter(|line| matches!(line.verdict, Verdict::Changed | Verdict::Unfit(_))).count();
    if left > 0 {
        let all = was.len();
        let was_left = if left == 1 { "was" } else { "were" };
        notices.insert(
            0,
            format!("{left} of {all} lines {was_left} left out: `why` beside each says what to do."),
        );
    }
    if now.is_none() {
        notices.push(NOT_READ_AGAIN.to_owned());
    }
    (lines, notices)
}

/// The same of a document that was found after its answer was lost.
pub(super) fn found(plan: &AdjustStock, document: &Object, now: &[Object]) -> (Vec<Value>, Vec<String>) {
    let (is_moved, mut notices) = document::standing(document);
    let booked = document::quantities(document).unwrap_or_default();
    let lines = judge(plan, now).unwrap_or_default().into_iter().map(|mut line| {
        // The stock before the write is not known any more.
        let after = line.before.take();
        let outcome = if is_moved { "adjusted" } else { "awaits_approval" };
        match booked.get(&line.line.item_id).filter(|booked| !booked.is_zero()) {
            Some(booked) => line.shown(outcome, Some(*booked), after, None),
            None => {
                let why = "it is not in the document that Zoho has";
                line.shown("not_booked", Some(Decimal::ZERO), after, Some(why))
            }
        }
    });
    let lines = lines.collect();
    let found = "The answer to this write was lost, and it was found in Zoho: what the stock was before it is not known.";
    notices.insert(0, found.to_owned());
    (lines, notices)
}

/// Says that Zoho has several documents with the reference of this one: something on the way sent it twice, or a person copied it.
pub(super) fn say_several(lines: &mut [Value], notices: &mut Vec<String>, documents: &[String]) {
    let said = format!(
        "Zoho has {} adjustments with the reference of this one: {}. If nobody made the others on purpose, a person must delete them in Zoho.",
        documents.len(),
        documents.join(", ")
    );
    let moved =
        lines.iter_mut().filter(|line| line.get("outcome").is_some_and(|outcome| outcome != "not_booked"));
    for line in moved.filter_map(Value::as_object_mut) {
        line.insert("why".to_owned(), said.as_str().into());
    }
    notices.insert(0, said);
}

/// Says in words if somebody else moved the stock between the two reads.
fn raced(line: &Judged<'_>, delta: Decimal, after: Option<Decimal>) -> Option<String> {
    let (before, after) = (line.before?, after?);
    let sum = before.checked_add(delta)?;
    if sum == after {
        return None;
    }
    let name = line.name();
    let (before, delta, sum, after) =
        (before.normalize(), delta.normalize(), sum.normalize(), after.normalize());
    Some(if after == before {
        format!(
            "Zoho has booked {delta} of {name} and does not show it yet: read the item again in a moment."
        )
    } else {
        format!(
            "Of {name} there was {before}, {delta} was booked, and there is {after} in place of {sum}: somebody else moved it at the same time, or Zoho rounded it. The change itself was made once."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::adjustments::fixtures::{booked, by, items_with, object, plan, to};

    /// What is told of each line, `outcome delta before>after`, and the notices.
    fn told(
        plan: &AdjustStock,
        before: &[Object],
        document: &str,
        after: Option<&[Object]>,
    ) -> (Vec<String>, Vec<String>) {
        let was = judge(plan, before).unwrap();
        let (lines, notices) = written(plan, &object(document), &was, after);
        let line = |line: &Value| {
            let outcome = line["outcome"].as_str().unwrap();
            format!("{outcome} {} {}>{}", line["delta"], line["before"], line["after"])
        };
        (lines.iter().map(line).collect(), notices)
    }

    #[test]
    fn of_each_line_it_is_told_what_zoho_booked() {
        let three = plan(vec![by("2"), by("-1"), to("5", None)], None, None);
        let before = items_with(&["4", "4", "5"]);
        let short = "Of item 1, Zoho booked 1 in place of 2.";
        let nothing = "Zoho booked nothing of item 2, without a word.";
        for (document, after, first, second, notices) in [
            (booked("2", "-1"), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            (booked("\"2.00\"", "-1.0"), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            ("{}".to_owned(), ["6", "3", "5"], "adjusted 2 4>6", "adjusted -1 4>3", vec![]),
            (booked("1", "-1"), ["5", "3", "5"], "adjusted 1 4>5", "adjusted -1 4>3", vec![short]),
            (booked("2", "0"), ["6", "4", "5"], "adjusted 2 4>6", "not_booked 0 4>4", vec![nothing]),
        ] {
            let (lines, said) = told(&three, &before, &document, Some(&items_with(&after)));
            assert_eq!(lines, [first, second, "unchanged null 5>5"], "{document}");
            assert_eq!(said, notices, "{document}");
        }
    }

    #[test]
    fn what_has_not_moved_yet_or_cannot_be_read_again_is_told_so() {
        let one = plan(vec![by("2")], None, None);
        let before = items_with(&["4"]);
        let (lines, said) = told(&one, &before, r#"{"status":"draft"}"#, Some(&before));
        assert_eq!(lines, ["awaits_approval 2 4>4"]);
        assert!(
            said.len() == 1 && said[0].contains("\"draft\""),
            "a person must act, and nobody raced: {said:?}"
        );
        let (lines, said) = told(&one, &before, "{}", None);
        assert_eq!(lines, ["adjusted 2 4>null"]);
        assert_eq!(said, ["The stock could not be read again: `after` is unknown. Read the items."]);
        let (_, said) = told(&one, &before, "{}", Some(&items_with(&["7"])));
        assert!(said.len() == 1 && said[0].contains("somebody else moved it"), "{said:?}");
    }

    #[test]
    fn lines_that_were_left_out_are_counted_before_all_else() {
        let (before, after) = (items_with(&["4", "4"]), items_with(&["6", "4"]));
        let two = plan(vec![by("2"), to("9", Some("3"))], None, None);
        let (lines, said) = told(&two, &before, "{}", Some(&after));
        assert_eq!(lines, ["adjusted 2 4>6", "changed null 4>4"]);
        assert_eq!(said, ["1 of 2 lines was left out: `why` beside each says what to do."]);
        let three = plan(vec![by("2"), to("9", Some("3")), by("1")], None, None);
        let (lines, said) = told(&three, &before, "{}", None);
        assert_eq!(lines[2], "refused null null>null", "Zoho does not have it");
        assert_eq!(said[0], "2 of 3 lines were left out: `why` beside each says what to do.");
    }

    #[test]
    fn a_movement_of_somebody_else_and_old_figures_are_told_apart() {
        let (one, items) = (plan(vec![by("-2")], None, None), items_with(&["10"]));
        let was = judge(&one, &items).unwrap();
        let said = |after: Option<i64>| raced(&was[0], Decimal::from(-2), after.map(Decimal::from));
        assert_eq!((said(Some(8)), said(None)), (None, None));
        assert!(said(Some(10)).unwrap().contains("does not show it yet"));
        let moved = said(Some(5)).unwrap();
        assert!(moved.contains("there was 10, -2 was booked, and there is 5 in place of 8"), "{moved}");
    }
}
