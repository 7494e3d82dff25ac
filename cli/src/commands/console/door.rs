//! Who may see the pages: the browser that opened the printed link, and nobody else on the machine or beyond it.
//!
//! The link's token counts once and becomes a cookie that no script reads and no other site's link brings along. A page elsewhere
//! that has its own name lead to this machine is refused by the name in `Host`, and one that sends a form by its `Origin`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use shared::base::secret::Secret;

use super::page;

pub(super) struct Door {
    /// The names by which this machine's browsers reach it.
    hosts: [String; 2],
    cookie_name: String,
    /// Until it is used.
    token: Mutex<Option<Secret>>,
    cookie: Secret,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    /// It opens the console: the browser gets its cookie.
    Enters,
    /// It is the browser that has the cookie.
    Inside,
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Another name leads here.
    Host,
    UsedLink,
    NoCookie,
    /// A form of another site.
    Origin,
}

impl Door {
    /// A door at this address, and the link that opens it.
    pub(super) fn new(address: SocketAddr) -> (Self, String) {
        let token = Secret::random();
        let link = format!("http://{address}/?token={}", token.expose());
        let port = address.port();
        let door = Self {
            hosts: [address.to_string(), format!("localhost:{port}")],
            // Cookies go to all ports of a host.
            cookie_name: format!("zc_console_{port}"),
            token: Mutex::new(Some(token)),
            cookie: Secret::random(),
        };
        (door, link)
    }

    fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Judged {
        let one = |name: HeaderName| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok());
            value.filter(|_| values.next().is_none())
        };
        let Some(host) = one(header::HOST).filter(|host| self.hosts.iter().any(|own| own == host)) else {
            return Judged::Refused(Refusal::Host);
        };
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if !is_read && one(header::ORIGIN) != Some(format!("http://{host}").as_str()) {
            return Judged::Refused(Refusal::Origin);
        }
        let is_inside = self.has_cookie(headers);
        let token = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("token="));
        match token.filter(|_| *method == Method::GET && uri.path() == "/") {
            Some(token) if self.takes(token) => Judged::Enters,
            Some(_) if !is_inside => Judged::Refused(Refusal::UsedLink),
            _ if is_inside => Judged::Inside,
            _ => Judged::Refused(Refusal::NoCookie),
        }
    }

    /// Whether it is the token; then it has been.
    fn takes(&self, text: &str) -> bool {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = token.as_ref().is_some_and(|token| token.equals(text));
        if fits {
            *token = None;
        }
        fits
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie_name && self.cookie.equals(value))
    }

    fn set_cookie(&self) -> HeaderValue {
        let text =
            format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name, self.cookie.expose());
        // Its name and value are ours: digits and letters.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Stands before every page.
pub(super) async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let mut response = match door.judge(request.method(), request.uri(), request.headers()) {
        Judged::Enters => ([(header::SET_COOKIE, door.set_cookie())], Redirect::to("/")).into_response(),
        Judged::Inside => next.run(request).await,
        Judged::Refused(refusal) => refusal.page(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Refusal {
    fn page(self) -> Response {
        let (title, line) = match self {
            Self::Host => (
                "Not this console's address",
                "Open the link as it was printed: the console answers at 127.0.0.1 and localhost only.",
            ),
            Self::UsedLink => (
                "This link has been used",
                "It opens one browser, once. End the command with Ctrl-C and start it again for a new link.",
            ),
            Self::NoCookie => (
                "The console is open in another browser",
                "Open the link that `zoho-connector console` printed; it opens one browser, once.",
            ),
            Self::Origin => {
                ("Sent by another page", "The console takes forms from its own pages only. Nothing was done.")
            }
        };
        page::message(StatusCode::FORBIDDEN, title, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "127.0.0.1:21600";

    fn judged(door: &Door, method: &Method, path: &str, headers: &[(HeaderName, &str)]) -> Judged {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), value.parse().unwrap());
        }
        door.judge(method, &path.parse().unwrap(), &map)
    }

    fn fresh() -> (Door, String, String) {
        let (door, link) = Door::new(HOST.parse().unwrap());
        let path = link.strip_prefix(&format!("http://{HOST}")).unwrap().to_owned();
        let cookie = door.set_cookie().to_str().unwrap().split(';').next().unwrap().to_owned();
        (door, path, cookie)
    }

    #[test]
    fn a_link_opens_one_browser_once() {
        let (door, path, cookie) = fresh();
        let host = [(header::HOST, HOST)];
        assert_eq!(judged(&door, &Method::GET, "/", &host), Judged::Refused(Refusal::NoCookie));
        let wrong = format!("/?token={}", "0".repeat(64));
        assert_eq!(judged(&door, &Method::GET, &wrong, &host), Judged::Refused(Refusal::UsedLink));
        assert_eq!(judged(&door, &Method::HEAD, &path, &host), Judged::Refused(Refusal::NoCookie));
        assert_eq!(judged(&door, &Method::GET, &path, &host), Judged::Enters);
        assert_eq!(judged(&door, &Method::GET, &path, &host), Judged::Refused(Refusal::UsedLink));
        for cookies in [cookie.clone(), format!("a=b; {cookie}; c=d")] {
            let headers = [(header::HOST, HOST), (header::COOKIE, cookies.as_str())];
            assert_eq!(judged(&door, &Method::GET, "/events", &headers), Judged::Inside);
            assert_eq!(judged(&door, &Method::GET, &path, &headers), Judged::Inside, "opened again");
        }
        let other = cookie.replace("zc_console", "zc_other");
        for cookies in [format!("{cookie}0"), other, format!("zc_console_21600={}", "0".repeat(64))] {
            let headers = [(header::HOST, HOST), (header::COOKIE, cookies.as_str())];
            assert_eq!(
                judged(&door, &Method::GET, "/events", &headers),
                Judged::Refused(Refusal::NoCookie),
                "{cookies}"
            );
        }
    }

    #[test]
    fn no_other_name_leads_in() {
        let (door, path, cookie) = fresh();
        for host in ["rebound.example:21600", "127.0.0.1", "127.0.0.1:80", "localhost:21601", ""] {
            let headers = [(header::HOST, host), (header::COOKIE, cookie.as_str())];
            assert_eq!(
                judged(&door, &Method::GET, &path, &headers),
                Judged::Refused(Refusal::Host),
                "{host}"
            );
        }
        let two = [(header::HOST, HOST), (header::HOST, HOST), (header::COOKIE, cookie.as_str())];
        assert_eq!(judged(&door, &Method::GET, "/", &two), Judged::Refused(Refusal::Host));
        let headers = [(header::HOST, "localhost:21600"), (header::COOKIE, cookie.as_str())];
        assert_eq!(judged(&door, &Method::GET, "/", &headers), Judged::Inside);
    }

    #[test]
    fn a_form_is_taken_from_our_own_pages_only() {
        let (door, _, cookie) = fresh();
        let own = [(header::HOST, HOST), (header::COOKIE, cookie.as_str())];
        for origin in [
            None,
            Some("null"),
            Some("https://127.0.0.1:21600"),
            Some("http://127.0.0.1:8080"),
            Some("http://localhost:21600"),
            Some("http://rebound.example:21600"),
        ] {
            let origin = origin.map(|origin| (header::ORIGIN, origin));
            let headers: Vec<_> = own.iter().cloned().chain(origin).collect();
            let judged = judged(&door, &Method::POST, "/events/replay", &headers);
            assert_eq!(judged, Judged::Refused(Refusal::Origin), "{headers:?}");
        }
        let ours = (header::ORIGIN, "http://127.0.0.1:21600");
        let headers: Vec<_> = own.iter().cloned().chain([ours.clone()]).collect();
        assert_eq!(judged(&door, &Method::POST, "/events/replay", &headers), Judged::Inside);
        let stranger = judged(&door, &Method::POST, "/events/replay", &[(header::HOST, HOST), ours]);
        assert_eq!(stranger, Judged::Refused(Refusal::NoCookie));
    }
}
