//! The cookies that tie a consent to one browser. Under HTTPS their names begin with `__Host-`, so that no other host
//! of the same domain can set them.

use axum::http::{HeaderMap, HeaderValue, header};
use shared::base::clock::SignedDuration;
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;

/// Shows how far a consent has come.
pub(crate) const OUTCOME: &str = "zc_outcome";

/// The cookie of one consent: several may be under way in one browser.
pub(crate) fn of_state(state: &Secret) -> String {
    format!("zc_{}", state.digest().get(..16).unwrap_or_default())
}

pub(crate) fn set(
    public_url: &PublicUrl,
    name: &str,
    value: &Secret,
    lifetime: SignedDuration,
) -> HeaderValue {
    render(public_url, name, value.expose(), lifetime.as_secs())
}

pub(crate) fn take_back(public_url: &PublicUrl, name: &str) -> HeaderValue {
    render(public_url, name, "", 0)
}

pub(crate) fn get(public_url: &PublicUrl, headers: &HeaderMap, name: &str) -> Option<Secret> {
    let name = full_name(public_url, name);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| Secret::new(value))
}

fn full_name(public_url: &PublicUrl, name: &str) -> String {
    let prefix = if public_url.is_https() { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

fn render(public_url: &PublicUrl, name: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if public_url.is_https() { "; Secure" } else { "" };
    let name = full_name(public_url, name);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Names and values are ours: hexadecimal digits.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_https_a_cookie_is_bound_to_the_host() {
        let url = PublicUrl::parse("https://connector.example.com").unwrap();
        let cookie = set(&url, "zc_1", &Secret::new("abc"), SignedDuration::from_mins(10));
        assert_eq!(
            cookie.to_str().unwrap(),
            "__Host-zc_1=abc; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; __Host-zc_1=abc"));
        assert_eq!(get(&url, &headers, "zc_1").unwrap().expose(), "abc");
        assert!(get(&url, &headers, "zc_2").is_none());
        assert!(get(&PublicUrl::default(), &headers, "zc_1").is_none());
    }
}
