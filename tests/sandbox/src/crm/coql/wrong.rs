//! Why a query was refused.

use serde_json::json;

use crate::crm::error::error;
use crate::http::Answer;

/// Why a query was refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Wrong {
    /// The query does not parse: the unexpected token, and its place.
    Near(String, usize),
    /// A clause is missing.
    Clause(&'static str),
    /// A limit of the query is exceeded.
    Limit(&'static str, usize),
    /// No such column.
    Column(String),
    /// The value does not fit the column.
    Value(String),
    /// The operator does not fit the column.
    Operator(String, String),
}

impl Wrong {
    /// The answer.
    pub(crate) fn answer(self) -> Answer {
        let column_value = "value given seems to be invalid for the column";
        let (code, details, message) = match self {
            Self::Near(near, column) => {
                let details = json!({ "near": near, "line": 1, "column": column });
                ("SYNTAX_ERROR", details, "error occurred while parsing the query")
            }
            Self::Clause(clause) => ("SYNTAX_ERROR", json!({ "clause": clause }), "missing clause"),
            Self::Limit(by, limit) => {
                ("LIMIT_EXCEEDED", json!({ "by": by, "limit": limit }), "limit exceeded")
            }
            Self::Column(name) => {
                ("INVALID_QUERY", json!({ "column_name": name }), "column given seems to be invalid")
            }
            Self::Value(name) => ("INVALID_QUERY", json!({ "column_name": name }), column_value),
            Self::Operator(name, operator) => {
                ("INVALID_QUERY", json!({ "column_name": name, "operator": operator }), column_value)
            }
        };
        error(400, code, details, message)
    }
}
