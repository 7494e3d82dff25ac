//! Days as callers write them and Zoho takes them.

use shared::base::clock::Timestamp;
use shared::base::problem::{Code, Problem};

/// Demands a day as Zoho writes it.
pub(super) fn demand_date(field: &str, date: &str) -> Result<(), Problem> {
    let is_day = date.len() == 10 && format!("{date}T00:00:00Z").parse::<Timestamp>().is_ok();
    if is_day {
        Ok(())
    } else {
        Err(Problem::new(
            Code::BodyInvalid,
            format!("`{field}` is {date:?}, and must be a day like 2026-11-30."),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_zoho_writes_it() {
        for day in ["2026-11-30", "2028-02-29"] {
            assert!(demand_date("date", day).is_ok(), "{day}");
        }
        for other in ["", "2026-2-3", "2026-13-01", "2026-02-29", "30.11.2026", "2026-11-30T", "+02026-11-3"]
        {
            let problem = demand_date("date", other).unwrap_err();
            assert_eq!(problem.code(), Code::BodyInvalid);
            assert!(problem.detail().contains(&format!("`date` is {other:?}")), "{}", problem.detail());
        }
    }
}
