//! The sandbox's few HTML pages: no scripts, one style, readable on a phone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::http::Answer;

const STYLE: &str = "body{margin:0;background:#eef1f4;color:#1d2733;font:17px/1.5 system-ui,sans-serif}\
main{max-width:30rem;margin:2rem auto;padding:1.5rem;background:#fff;border-radius:12px}\
h1{font-size:1.3rem;margin:0 0 .5rem}.note{background:#fff3cd;border-radius:8px;padding:.5rem .8rem}\
code,li{overflow-wrap:anywhere}button{font:inherit;padding:.7rem 1.4rem;margin:.3rem .5rem 0 0;border-radius:8px;\
border:1px solid #1d2733;background:#fff}button.yes{background:#13693b;border-color:#13693b;color:#fff}";

/// A page. `forms_to` are the origins to which a form may lead, also by redirects, because browsers check the whole chain.
pub(crate) fn page(status: u16, title: &str, inner: &str, forms_to: &str) -> Answer {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\
         <title>{title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1>\
         <p class=\"note\">Sandbox: this is not Zoho. Nothing here reaches a real account.</p>{inner}</main></body></html>"
    );
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self' {forms_to}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    Answer::html(status, html)
        .with("content-security-policy", policy)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with("cache-control", "no-store")
}

/// A refusal shown to a person; never a redirect.
pub(crate) fn error_page(title: &str, detail: &str) -> Answer {
    page(400, title, &format!("<p>{}</p>", escape(detail)), "")
}

/// The page of a server under maintenance.
pub(crate) fn maintenance(status: u16) -> Answer {
    Answer::html(status, "<html><head><title>Zoho</title></head><body>maintenance</body></html>")
}

/// Text escaped for HTML and its attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
