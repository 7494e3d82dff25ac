//! What a caller saw.

/// What the caller saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// In a word: `ok`, a problem's code, a page's title.
    pub text: String,
    /// Whether it got what it came for.
    pub good: bool,
    /// Whether it was told to come again.
    pub is_retryable: bool,
    /// All of it.
    pub body: String,
}

impl Seen {
    /// It got what it came for.
    pub(super) fn good(body: String) -> Self {
        Self { text: "ok".to_owned(), good: true, is_retryable: false, body }
    }

    /// It did not.
    pub(super) fn bad(text: &str, is_retryable: bool, body: String) -> Self {
        Self { text: text.to_owned(), good: false, is_retryable, body }
    }

    /// The gateway answers in the place of a function that takes too long.
    pub(super) fn nothing() -> Self {
        Self::bad("no answer", true, String::new())
    }
}
