//! The parameters that Zoho adds to the address to which it sends the browser back. They come through the browser, so each of
//! them may be forged.

use axum::extract::Query;
use axum::http::Uri;
use serde::Deserialize;

use crate::base::secret::Secret;
use crate::zoho::data_centre::{DataCentre, DataCentres};
use crate::zoho::secrets::AuthorizationCode;

/// The parameters of a callback. The parser refuses one that is given twice.
#[derive(Deserialize, Default)]
pub struct Returned {
    /// What we sent along.
    pub state: Option<Secret>,
    /// What can be exchanged once, within a minute.
    pub code: Option<AuthorizationCode>,
    /// Why there is no code.
    pub error: Option<String>,
    location: Option<String>,
    #[serde(rename = "accounts-server")]
    accounts_server: Option<String>,
}

/// The address names a server that is none of Zoho's, or contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotZohos;

impl Returned {
    /// Reads a whole address, as it stands in a browser's address bar.
    pub fn of_address(address: &str) -> Option<Self> {
        let uri: Uri = address.trim().parse().ok()?;
        uri.query()?;
        Query::try_from_uri(&uri).ok().map(|Query(returned)| returned)
    }

    /// Where the user's account lives. Zoho says so twice; both must be in our table and agree. A client without
    /// Multi-DC gets neither, and its users live where it is registered.
    ///
    /// # Errors
    /// Where that cannot be an answer of Zoho.
    pub fn data_centre(&self, centres: &DataCentres, home: DataCentre) -> Result<DataCentre, NotZohos> {
        let server = self.accounts_server.as_ref();
        let server = server.map(|text| centres.with_accounts_server(text).ok_or(NotZohos)).transpose()?;
        let location = self.location.as_ref();
        let location = location.map(|text| text.parse().map_err(|_| NotZohos)).transpose()?;
        match (server, location) {
            (Some(server), Some(location)) if server != location => Err(NotZohos),
            (one, other) => Ok(one.or(other).unwrap_or(home)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_must_be_zohos_and_agree_with_the_location() {
        let centres = DataCentres::new(None);
        let at = |query: &str| {
            let address = format!("http://localhost:8080/oauth/callback?{query}");
            Returned::of_address(&address).unwrap().data_centre(&centres, DataCentre::Us)
        };
        assert_eq!(
            at("code=1&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu&"),
            Ok(DataCentre::Eu)
        );
        assert_eq!(at("code=1"), Ok(DataCentre::Us));
        assert_eq!(at("location=in"), Ok(DataCentre::In));
        for forged in [
            "location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.in",
            "accounts-server=https%3A%2F%2Faccounts.zoho.eu.evil.example",
            "location=moon",
        ] {
            assert_eq!(at(forged), Err(NotZohos), "{forged}");
        }
    }

    #[test]
    fn an_address_is_read_as_it_stands_in_the_bar() {
        for no_answer in ["", "http://localhost:8080/oauth/callback", "x y?code=1", "/?code=1&code=2"] {
            assert!(Returned::of_address(no_answer).is_none(), "{no_answer}");
        }
        let read = Returned::of_address(
            " https://c.example.com/oauth/callback?state=s&code=1000.a.b&location=us \n",
        );
        assert_eq!(read.unwrap().code.unwrap().expose(), "1000.a.b");
    }
}
