//! What a query selects: columns, aggregates of columns, and other names for either.

/// What is made of the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

impl Function {
    /// By its name, in any case.
    pub(crate) fn find(name: &str) -> Option<Self> {
        [Self::Count, Self::Sum, Self::Avg, Self::Min, Self::Max]
            .into_iter()
            .find(|function| name.eq_ignore_ascii_case(function.name()))
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Sum => "SUM",
            Self::Avg => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
        }
    }
}

/// A column as it is selected.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) function: Option<Function>,
    pub(crate) column: String,
    pub(crate) alias: Option<String>,
}

impl Selected {
    /// Its key in a row.
    pub(crate) fn key(&self) -> String {
        match (&self.alias, self.function) {
            (Some(alias), _) => alias.clone(),
            (None, Some(function)) => format!("{}({})", function.name(), self.column),
            (None, None) => self.column.clone(),
        }
    }
}
