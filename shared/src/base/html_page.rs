//! HTML pages for people, with one inline style. They hold no script and load nothing from elsewhere.

use std::fmt::{Display, Write};
use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;

/// What the styles of all pages begin with: the colours for light, dark and paper, and what shows where the focus is.
pub const LOOK: &str = include_str!("look.css");

/// The icon of all pages: an empty one, so that no browser asks for `/favicon.ico`.
pub const ICON: &str = "<link rel=\"icon\" href=\"data:,\">";

static STYLE: LazyLock<String> = LazyLock::new(|| format!("{LOOK}{}", include_str!("page.css")));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy_of(&STYLE));

/// A policy that allows only this style, the [`ICON`], and forms to the connector itself, and forbids frames.
pub fn policy_of(style: &str) -> HeaderValue {
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The kind of message that a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// A success.
    Good,
    /// A failure, with its reason.
    Bad,
    /// Neither.
    Plain,
}

/// A page, built part by part.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    title: String,
    mood: Mood,
    body: String,
    refresh: Option<u32>,
}

impl Page {
    /// A page with this heading.
    pub fn new(mood: Mood, title: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, title: title.into(), mood, body: String::new(), refresh: None }
    }

    /// Sets the HTTP status; 200 unless set.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Makes the browser reload the page after this many seconds.
    #[must_use]
    pub fn refresh(mut self, seconds: u32) -> Self {
        self.refresh = Some(seconds);
        self
    }

    /// Adds a paragraph of plain text. Text between backticks is shown as code.
    #[must_use]
    pub fn line(self, text: impl Display) -> Self {
        self.html(format_args!("<p>{}</p>", Commands(&text.to_string())))
    }

    /// As [`Self::line`], in a less prominent style.
    #[must_use]
    pub fn soft(self, text: impl Display) -> Self {
        self.html(format_args!("<p class=\"soft\">{}</p>", Commands(&text.to_string())))
    }

    /// Adds a list of names and values.
    #[must_use]
    pub fn facts<N: Display, V: Display>(self, facts: &[(N, V)]) -> Self {
        if facts.is_empty() {
            return self;
        }
        let rows = facts.iter().fold(String::new(), |mut html, (name, value)| {
            let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", Escaped(name), Escaped(value));
            html
        });
        self.html(format_args!("<dl>{rows}</dl>"))
    }

    /// Adds a piece of HTML. The caller wraps all foreign text in it in [`Escaped`].
    #[must_use]
    pub fn html(mut self, html: impl Display) -> Self {
        let _ = write!(self.body, "{html}");
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mood = match self.mood {
            Mood::Good => "good",
            Mood::Bad => "bad",
            Mood::Plain => "plain",
        };
        let refresh = self.refresh.map(|s| format!("<meta http-equiv=\"refresh\" content=\"{s}\">"));
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{ICON}{refresh}\
             <title>{title} · Zoho Connector</title><style>{style}</style></head>\
             <body class=\"{mood}\"><main><p class=\"brand\">Zoho Connector</p><h1>{title}</h1>{body}</main></body></html>",
            refresh = refresh.as_deref().unwrap_or_default(),
            title = Escaped(&self.title),
            style = STYLE.as_str(),
            body = self.body,
        );
        let mut response = (self.status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

/// Displays its content as HTML text, with all markup escaped.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// An address or a name as escaped HTML, which a narrow column breaks after dots and slashes, before it breaks words.
pub fn breakable(text: &str) -> String {
    Escaped(text).to_string().replace('.', ".<wbr>").replace('/', "/<wbr>")
}

/// A moment as people read it, as HTML: to the minute, and whose clock it is.
pub fn to_the_minute(at: Timestamp) -> String {
    moment(at, "2026-11-30T01:21".len())
}

/// A moment to the second, as HTML.
pub fn to_the_second(at: Timestamp) -> String {
    moment(at, "2026-11-30T01:21:26".len())
}

fn moment(at: Timestamp, letters: usize) -> String {
    let text = at.to_string();
    let shown = text.get(..letters).unwrap_or_default().replace('T', " ");
    format!("<time datetime=\"{}\">{shown} UTC</time>", Escaped(&text))
}

/// Displays text as escaped HTML, with the parts between backticks as code.
#[derive(Debug, Clone, Copy)]
pub struct Commands<'a>(pub &'a str);

impl Display for Commands<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some((before, command, after)) = between(rest) {
            write!(f, "{}<code>{}</code>", Escaped(before), Escaped(command))?;
            rest = after;
        }
        write!(f, "{}", Escaped(rest))
    }
}

fn between(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (command, after) = rest.split_once('`')?;
    Some((before, command, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_code_and_still_text() {
        let line = "Run `a <b>`, then ` or ` ` again & `";
        let html = "Run <code>a &lt;b&gt;</code>, then <code> or </code> <code> again &amp; </code>";
        assert_eq!(Commands(line).to_string(), html);
        assert_eq!(Commands("one ` alone").to_string(), "one ` alone");
    }

    #[test]
    fn what_comes_from_elsewhere_stays_text() {
        assert_eq!(Escaped("<a href='x'>&\"").to_string(), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        assert_eq!(breakable("/v1/<a>.b"), "/<wbr>v1/<wbr>&lt;a&gt;.<wbr>b");
    }

    #[test]
    fn a_moment_says_whose_clock_it_is() {
        let at = "2026-11-30T01:21:26.5Z".parse().unwrap();
        let html = "<time datetime=\"2026-11-30T01:21:26.5Z\">2026-11-30 01:21 UTC</time>";
        assert_eq!(to_the_minute(at), html);
        assert_eq!(to_the_second(at), html.replace("01:21 ", "01:21:26 "));
    }

    #[test]
    fn the_policy_allows_our_own_style_and_nothing_else() {
        let policy = POLICY.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    }

    #[tokio::test]
    async fn a_page_has_an_icon_which_its_policy_allows() {
        let page = Page::new(Mood::Plain, "A page").into_response();
        assert!(
            page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("; img-src data:;")
        );
        let body = axum::body::to_bytes(page.into_body(), 100_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(ICON));
    }
}
