//! What an operator does after an import.

use crate::commands::api::quoted;
use crate::remembered::Remembered;

/// What was imported, and where to.
pub(super) struct Next<'a> {
    /// The name under which the new place is remembered.
    pub(super) name: Option<&'a str>,
    pub(super) place: &'a Remembered,
    /// The name under which this machine remembers the folder that was sealed.
    pub(super) sealed: Option<&'a str>,
    /// The new redirect URI, where somebody said the address.
    pub(super) redirect: Option<&'a str>,
    /// The flag of `serve` that the address needs.
    pub(super) listen: &'a str,
    pub(super) connections: &'a [&'a str],
    pub(super) flags: &'a str,
}

impl Next<'_> {
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { place, flags, .. } = self;
        let mut lines = vec!["  Next:".to_owned()];
        if place.data.is_some() {
            let url = if self.redirect.is_some() { self.listen } else { " --public-url URL" };
            lines.push(format!("    start it: zoho-connector serve{flags}{url}"));
        }
        if let Some(sealed) = self.sealed {
            lines.push(
                "    have commands on this machine go there, and not to the folder that is sealed:"
                    .to_owned(),
            );
            lines.push(format!("      zoho-connector installations forget {sealed}"));
        } else if self.name.is_none() {
            lines.push(
                "    have commands go there; those that name no place go where they went before:".to_owned(),
            );
        }
        if self.name.is_none() {
            // The copy does not hold the address: without it, commands would look for the connector at the usual one.
            let is_unsaid = place.data.is_some() && place.public_url.is_none();
            let url = if is_unsaid { " --public-url URL" } else { "" };
            lines.push(format!("      zoho-connector installations add NAME{}{url}", where_it_is(place)));
        }
        lines.push("  Where the address is another one than before:".to_owned());
        lines.push(match self.redirect {
            Some(redirect) => format!("    register {redirect} in Zoho's API console, beside the old one;"),
            None => "    register URL/oauth/callback in Zoho's API console, beside the old one, with the new address for URL;"
                .to_owned(),
        });
        lines.push("    give agents the new address; their keys stay;".to_owned());
        lines.extend(self.connections.iter().map(|name| {
            format!("    have Zoho report to it: zoho-connector webhooks setup --connection {name}{flags}")
        }));
        lines
    }
}

/// A place as flags.
fn where_it_is(place: &Remembered) -> String {
    let data = place.data.as_ref().map(|data| data.to_string_lossy().into_owned());
    let all = [
        ("data", &data),
        ("stack", &place.stack),
        ("region", &place.region),
        ("profile", &place.profile),
        ("public-url", &place.public_url),
    ];
    let given =
        all.into_iter().filter_map(|(flag, value)| Some(format!(" --{flag} {}", quoted(value.as_deref()?))));
    given.collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn after_an_import_it_is_said_how_it_is_started_and_found() {
        let place = Remembered { data: Some(PathBuf::from("/srv/new")), ..Remembered::default() };
        let folder = Next {
            name: None,
            place: &place,
            sealed: Some("old"),
            redirect: None,
            listen: "",
            connections: &["default", "shop"],
            flags: " --data /srv/new",
        };
        let lines = folder.lines();
        for line in [
            "    start it: zoho-connector serve --data /srv/new --public-url URL",
            "      zoho-connector installations forget old",
            "      zoho-connector installations add NAME --data /srv/new --public-url URL",
            "    have Zoho report to it: zoho-connector webhooks setup --connection shop --data /srv/new",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:#?}");
        }
        assert!(lines.concat().contains("register URL/oauth/callback"), "no address is guessed: {lines:#?}");
        let (redirect, flags) =
            (Some("http://localhost:8081/oauth/callback"), " --public-url http://localhost:8081");
        let lines = Next { redirect, listen: " --listen 127.0.0.1:8081", flags, ..folder }.lines();
        let start = "serve --public-url http://localhost:8081 --listen 127.0.0.1:8081";
        assert!(lines.iter().any(|line| line.ends_with(start)), "{lines:#?}");

        let place = Remembered { stack: Some("zoho".to_owned()), ..Remembered::default() };
        let redirect = Some("https://shop.example.com/oauth/callback");
        let (name, sealed, flags) = (Some("aws"), None, " --installation aws");
        let stack =
            Next { name, place: &place, sealed, redirect, listen: "", connections: &["default"], flags };
        let lines = stack.lines();
        assert!(lines.concat().contains("register https://shop.example.com/oauth/callback"), "{lines:#?}");
        for not in ["serve", "installations"] {
            assert!(!lines.concat().contains(not), "it runs, and is remembered: {lines:#?}");
        }
    }
}
