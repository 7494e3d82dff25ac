//! None, one, or several: a name must lead to exactly one thing, and the two other cases are told apart.

/// What was found under a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing.
    None,
    /// The one.
    One(T),
    /// Two or more, in the order in which they were found.
    Several(Vec<T>),
}

/// Tells the three cases apart.
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
    /// The one, where there is one.
    pub fn one(self) -> Option<T> {
        match self {
            Self::One(only) => Some(only),
            Self::None | Self::Several(_) => None,
        }
    }
}
