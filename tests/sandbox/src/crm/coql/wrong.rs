//! Why a query was refused.

use serde_json::json;

use super::select::Function;
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
    /// This column cannot be used here.
    Unsupported(String),
    /// No such aggregate.
    Function(String),
    /// Selected twice.
    Twice(String, Option<Function>),
    /// Another name that is empty.
    NoAlias(String),
    /// Another name that is a column's own.
    Alias(String, String),
    /// One name for two columns.
    SameAlias([String; 2], String),
    /// `limit` is no number.
    Rows(String),
    /// `limit` is nothing, or less.
    NoRows,
}

impl Wrong {
    /// The answer.
    pub(crate) fn answer(self) -> Answer {
        let invalid = "Invalid query formed";
        let (code, details, message) = match self {
            Self::Near(near, column) => {
                let details = json!({ "near": near, "line": 1, "column": column });
                ("SYNTAX_ERROR", details, "unexpected token")
            }
            Self::Clause(clause) => ("SYNTAX_ERROR", json!({ "clause": clause }), "missing clause"),
            Self::Limit(by, limit) => {
                ("LIMIT_EXCEEDED", json!({ "by": by, "limit": limit }), "limit exceeded")
            }
            Self::Column(name) => {
                ("INVALID_QUERY", json!({ "column_name": name }), "column given seems to be invalid")
            }
            Self::Value(name) => (
                "INVALID_QUERY",
                json!({ "column_name": name }),
                "value given seems to be invalid for the column",
            ),
            Self::Operator(name, operator) => {
                let reason = "invalid operator found";
                let details = json!({ "reason": reason, "column_name": name, "operator": operator });
                ("INVALID_QUERY", details, invalid)
            }
            Self::Unsupported(name) => {
                ("INVALID_QUERY", json!({ "column_name": name }), "unsupported column")
            }
            Self::Function(column) => {
                let details = json!({ "reason": "unsupported aggregate function", "column": column });
                ("INVALID_DATA", details, "invalid data")
            }
            Self::Twice(name, None) => {
                ("DUPLICATE_DATA", json!({ "column_name": name }), "duplicate select column")
            }
            Self::Twice(name, Some(function)) => {
                let details = json!({ "column_name": name, "aggregate": function.name() });
                ("DUPLICATE_DATA", details, "duplicate aggregate function")
            }
            Self::NoAlias(name) => {
                let details = json!({ "column_name": name, "alias": "" });
                ("INVALID_ALIAS", details, "alias name cannot be an empty string")
            }
            Self::Alias(name, alias) => {
                let message = "column name or property name given in select columns without alias name cannot be an alias \
                               name for other select columns";
                ("INVALID_QUERY", json!({ "column_name": name, "alias": alias }), message)
            }
            Self::SameAlias(columns, alias) => {
                let details = json!({ "referred_columns": columns, "alias": alias });
                ("DUPLICATE_ALIAS", details, "same alias cannot refer more than one column")
            }
            Self::Rows(limit) => {
                ("INVALID_QUERY", json!({ "limit": limit }), "limit given seems to be invalid")
            }
            Self::NoRows => ("INVALID_DATA", json!({}), "limit should be greater than 0"),
        };
        error(400, code, details, message)
    }
}
