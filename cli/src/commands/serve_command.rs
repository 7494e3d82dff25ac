//! How `serve` is started, so that it listens where its address says.

use std::net::Ipv4Addr;
use std::path::Path;

use reqwest::Url;
use shared::base::settings::PublicUrl;

use crate::commands::api::quoted;
use crate::folders::absolute;

/// Where `serve` listens if it is not told otherwise.
pub(super) const USUAL_LISTEN: &str = "127.0.0.1:8080";

/// The command that serves this folder at this address, for a shell in any folder.
pub(super) fn for_folder(folder: &Path, url: &PublicUrl) -> String {
    let data = absolute(folder);
    format!(
        "zoho-connector serve --data {} --public-url {}{}",
        quoted(&data.to_string_lossy()),
        url.as_str(),
        listen_flag(url)
    )
}

/// The flag of `serve` that this address needs, with a blank before; nothing where the usual one does.
pub(super) fn listen_flag(url: &PublicUrl) -> String {
    match listen_address(url) {
        Some(place) if place != USUAL_LISTEN => format!(" --listen {place}"),
        _ => String::new(),
    }
}

/// Where on this machine the server of this address listens; nothing where something else leads the address to it.
pub(super) fn listen_address(url: &PublicUrl) -> Option<String> {
    if url.is_https() {
        return None;
    }
    let url = Url::parse(url.as_str()).ok()?;
    let host = url.host_str()?;
    let is_number = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let host = if is_number { host } else { "127.0.0.1" };
    Some(format!("{host}:{}", url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_listens_where_its_address_says() {
        for (url, flag) in [
            ("http://localhost:8080", ""),
            ("http://127.0.0.1:8080", ""),
            ("http://localhost:8081", " --listen 127.0.0.1:8081"),
            ("http://localhost", " --listen 127.0.0.1:80"),
            ("http://[::1]:8080", " --listen [::1]:8080"),
            ("https://connector.example.com", ""),
        ] {
            assert_eq!(listen_flag(&PublicUrl::parse(url).unwrap()), flag, "{url}");
        }
    }

    #[test]
    fn the_command_holds_in_any_folder() {
        let url = PublicUrl::parse("http://localhost:8081").unwrap();
        let data = std::env::current_dir().unwrap().join("data");
        assert_eq!(
            for_folder(Path::new("data"), &url),
            format!(
                "zoho-connector serve --data {} --public-url http://localhost:8081 --listen 127.0.0.1:8081",
                quoted(&data.to_string_lossy())
            )
        );
    }
}
