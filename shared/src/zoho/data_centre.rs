//! The ten data centres. All addresses of Zoho come from this table: a host that a browser or an answer names is only looked up
//! in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! data_centres {
    ($($variant:ident $code:literal $accounts:literal $api:literal $region:literal;)*) => {
        /// One of Zoho's separate installations. A user's account lives in exactly one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum DataCentre { $(#[doc = $region] $variant,)* }

        impl DataCentre {
            /// All data centres.
            pub const ALL: [Self; 10] = [$(Self::$variant,)*];

            /// Zoho's code, as in the callback's `location`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            const fn official(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($accounts, $api),)* }
            }
        }
    };
}

// Canada's accounts are on zohocloud.ca while its API is on zohoapis.ca: no rule derives one name from the other.
data_centres! {
    Us "us" "https://accounts.zoho.com"     "https://www.zohoapis.com"    "United States";
    Eu "eu" "https://accounts.zoho.eu"      "https://www.zohoapis.eu"     "Europe";
    In "in" "https://accounts.zoho.in"      "https://www.zohoapis.in"     "India";
    Au "au" "https://accounts.zoho.com.au"  "https://www.zohoapis.com.au" "Australia";
    Jp "jp" "https://accounts.zoho.jp"      "https://www.zohoapis.jp"     "Japan";
    Ca "ca" "https://accounts.zohocloud.ca" "https://www.zohoapis.ca"     "Canada";
    Sa "sa" "https://accounts.zoho.sa"      "https://www.zohoapis.sa"     "Saudi Arabia";
    Cn "cn" "https://accounts.zoho.com.cn"  "https://www.zohoapis.com.cn" "China, which is separate: clients must be registered there";
    Uk "uk" "https://accounts.zoho.uk"      "https://www.zohoapis.uk"     "United Kingdom";
    Ae "ae" "https://accounts.zoho.ae"      "https://www.zohoapis.ae"     "United Arab Emirates";
}

impl fmt::Display for DataCentre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is no code of a data centre.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a data centre is one of us, eu, in, au, jp, ca, sa, cn, uk, ae")]
pub struct UnknownDataCentre;

impl FromStr for DataCentre {
    type Err = UnknownDataCentre;

    fn from_str(text: &str) -> Result<Self, UnknownDataCentre> {
        Self::ALL.into_iter().find(|dc| dc.code() == text).ok_or(UnknownDataCentre)
    }
}

/// The addresses of the data centres, fixed at start: Zoho's own, or those of a sandbox.
#[derive(Debug, Clone)]
pub struct DataCentres {
    sandbox: Option<String>,
}

impl DataCentres {
    /// Zoho's own addresses, or those of a sandbox below this address.
    pub fn new(sandbox: Option<String>) -> Self {
        Self { sandbox }
    }

    /// The origin of the accounts server: consent, tokens, revocation.
    pub fn accounts(&self, dc: DataCentre) -> String {
        match &self.sandbox {
            None => dc.official().0.to_owned(),
            Some(base) => format!("{base}/{dc}/accounts"),
        }
    }

    /// The origin of the API.
    pub fn api(&self, dc: DataCentre) -> String {
        match &self.sandbox {
            None => dc.official().1.to_owned(),
            Some(base) => format!("{base}/{dc}/api"),
        }
    }

    /// The data centre with exactly this accounts server. A user name, a port or a path makes it another address.
    pub fn with_accounts_server(&self, text: &str) -> Option<DataCentre> {
        let text = text.strip_suffix('/').unwrap_or(text);
        DataCentre::ALL.into_iter().find(|dc| self.accounts(*dc) == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accounts_server_is_found_and_nothing_else() {
        let centres = DataCentres::new(None);
        for dc in DataCentre::ALL {
            assert_eq!(centres.with_accounts_server(&centres.accounts(dc)), Some(dc));
            assert_eq!(centres.with_accounts_server(&format!("{}/", centres.accounts(dc))), Some(dc));
            assert_eq!(dc.code().parse::<DataCentre>().unwrap(), dc);
        }
        for hostile in [
            "",
            "accounts.zoho.com",
            "http://accounts.zoho.com",
            "https://accounts.zoho.com.evil.example",
            "https://accounts.zoho.com@evil.example",
            "https://evil.example#https://accounts.zoho.com",
            "https://accounts.zoho.com:8443",
            "https://accounts.zoho.com//",
            "https://accounts.zoho.com/oauth",
            "https://accounts.zoho.ca",
            "https://accounts.xn--zho-pla.com",
            "https://accounts.zоho.com",
            "HTTPS://ACCOUNTS.ZOHO.COM",
        ] {
            assert_eq!(centres.with_accounts_server(hostile), None, "{hostile}");
        }
    }
}
