//! Lookups by a name that must match exactly one thing. No match and several matches are different problems to a caller.

/// The matches of a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing.
    None,
    /// Exactly one.
    One(T),
    /// Two or more, in the order in which they were found.
    Several(Vec<T>),
}

/// Sorts a list of matches into the three cases.
pub fn exactly_one<T>(mut found: Vec<T>) -> Found<T> {
    match (found.pop(), found.is_empty()) {
        (None, _) => Found::None,
        (Some(only), true) => Found::One(only),
        (Some(last), false) => {
            found.push(last);
            Found::Several(found)
        }
    }
}

impl<T> Found<T> {
    /// The match, if there is exactly one.
    pub fn one(self) -> Option<T> {
        match self {
            Self::One(only) => Some(only),
            Self::None | Self::Several(_) => None,
        }
    }
}
