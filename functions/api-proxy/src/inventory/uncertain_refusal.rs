//! Refusals of a movement of stock after which Zoho may have done it nevertheless.

use crate::zoho::WriteFailure;

/// Zoho works on too much at once. Nobody says whether it looks before or after it has begun.
const TOO_MANY_AT_ONCE: &str = "1070";

/// Makes a refusal for too much work at once uncertain: it may come after Zoho has begun, so the document must be looked for.
pub(super) fn begun_perhaps(failure: WriteFailure) -> WriteFailure {
    match failure {
        WriteFailure::Refused(problem)
            if problem.said().is_some_and(|said| said.code == TOO_MANY_AT_ONCE) =>
        {
            WriteFailure::Uncertain(problem)
        }
        failure => failure,
    }
}

#[cfg(test)]
mod tests {
    use shared::base::problem::{Code, Problem, ZohoSaid};

    use super::*;

    #[test]
    fn a_refusal_for_too_much_at_once_is_uncertain_and_any_other_is_none() {
        for (code, is_uncertain) in [(TOO_MANY_AT_ONCE, true), ("1002", false)] {
            let said = ZohoSaid { code: code.to_owned(), message: "Wait".to_owned(), details: None };
            let refused = Problem::new(Code::ZohoRejected, "Zoho refused it.").zoho(said);
            let failure = begun_perhaps(WriteFailure::Refused(refused));
            assert_eq!(matches!(failure, WriteFailure::Uncertain(_)), is_uncertain, "{code}");
        }
        let silent = Problem::new(Code::ZohoRejected, "Zoho refused it.");
        assert!(matches!(begun_perhaps(WriteFailure::Refused(silent)), WriteFailure::Refused(_)));
    }
}
