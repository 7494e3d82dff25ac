//! How `serve` is started, so that it listens where its address says.

use std::net::Ipv4Addr;
use std::path::Path;

use reqwest::Url;
use shared::base::public_url::PublicUrl;

use crate::commands::api::quoted;
use crate::folders::absolute;
use crate::server::presence;

/// Where `serve` listens if it is not told otherwise.
pub(super) const USUAL_LISTEN: &str = "127.0.0.1:8080";

/// The command that serves this folder at this address, for a shell in any folder.
pub(super) fn for_folder(folder: &Path, url: &PublicUrl) -> String {
    whole(folder, url, &listen_flag(url))
}

/// The same in place of the server that runs on the folder.
pub(super) fn in_place_of(servers: &[String], folder: &Path, url: &PublicUrl) -> String {
    whole(folder, url, &listen_flag_in_place_of(servers, url))
}

/// The same where the address leads to the server that runs: it goes on listening where it does.
pub(super) fn that_keeps_its_place(servers: &[String], folder: &Path, url: &PublicUrl) -> String {
    let listen = presence::listens_at(servers).map_or_else(|| listen_flag(url), flag);
    whole(folder, url, &listen)
}

fn whole(folder: &Path, url: &PublicUrl, listen: &str) -> String {
    let data = absolute(folder);
    format!(
        "zoho-connector serve --data {} --public-url {}{listen}",
        quoted(&data.to_string_lossy()),
        url.as_str()
    )
}

/// The flag of `serve` that this address needs, with a blank before; nothing where the usual one does.
pub(super) fn listen_flag(url: &PublicUrl) -> String {
    listen_address(url).map_or_else(String::new, |place| flag(&place))
}

/// The same in place of the server that runs: where something else leads the address to it, it goes on listening where it does.
pub(super) fn listen_flag_in_place_of(servers: &[String], url: &PublicUrl) -> String {
    match (listen_address(url), presence::listens_at(servers)) {
        (None, Some(place)) => flag(place),
        _ => listen_flag(url),
    }
}

fn flag(place: &str) -> String {
    if place == USUAL_LISTEN { String::new() } else { format!(" --listen {place}") }
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
    fn a_server_behind_https_goes_on_listening_where_it_does() {
        let servers = |at: &str| vec![format!("{at}, known as http://localhost:8083")];
        let several = [servers("127.0.0.1:8083"), servers("127.0.0.1:8084")].concat();
        for (servers, url, in_place_of, that_keeps_its_place) in [
            (
                servers("127.0.0.1:8083"),
                "https://a.example",
                " --listen 127.0.0.1:8083",
                " --listen 127.0.0.1:8083",
            ),
            (servers("127.0.0.1:8080"), "https://a.example", "", ""),
            (
                servers("127.0.0.1:8083"),
                "http://localhost:8081",
                " --listen 127.0.0.1:8081",
                " --listen 127.0.0.1:8083",
            ),
            (several, "https://a.example", "", ""),
            (Vec::new(), "http://localhost:8081", " --listen 127.0.0.1:8081", " --listen 127.0.0.1:8081"),
        ] {
            let url = PublicUrl::parse(url).unwrap();
            let flags = |command: String| command.split_once(url.as_str()).unwrap().1.to_owned();
            let (folder, url) = (Path::new("/srv/zoho"), &url);
            assert_eq!(flags(super::in_place_of(&servers, folder, url)), in_place_of, "{servers:?}");
            assert_eq!(
                flags(super::that_keeps_its_place(&servers, folder, url)),
                that_keeps_its_place,
                "{servers:?}"
            );
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
