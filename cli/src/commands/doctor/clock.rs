//! Zoho, and this machine's clock beside Zoho's, which is right. Ours is taken for it by every end of a token, of a key and of a consent.

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};
use shared::base::clock::Timestamp;
use shared::core::grant::client::Clients;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::http;

use super::address::causes;
use super::report::Report;
use super::this_installation::CALL_TIMEOUT;
use crate::commands::installation::Opened;

const CHECK: &str = "Clock";

/// The largest difference of clocks that does no harm, in seconds.
const CLOCKS_AGREE: i64 = 60;

/// Checks that Zoho answers, and that its clock agrees with ours.
pub(super) async fn check(report: &mut Report, opened: &Opened) {
    // Without a client, the check of the address says why.
    let Ok(client) = http::browser() else { return };
    let services = &opened.services;
    let clients = Clients::read(&*services.stores.secrets).await;
    let home = clients.ok().and_then(|(clients, _)| clients.newest().map(|client| client.home));
    let accounts = services.centres.accounts(home.unwrap_or(DataCentre::Us));
    let answer = match client.get(format!("{accounts}/")).timeout(CALL_TIMEOUT).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let mend = "let this machine reach Zoho over HTTPS: firewall, DNS";
            return report.bad("Zoho", format!("{accounts} does not answer ({})", causes(&error)), mend);
        }
    };
    report.good("Zoho", format!("{accounts} answers"));
    let Some(theirs) = date(answer.headers()) else {
        return report.neutral(CHECK, "Zoho's answer says no time");
    };
    let ahead = services.clock.now().as_second() - theirs.as_second();
    if ahead.abs() < CLOCKS_AGREE {
        return report.good(CHECK, "as Zoho's");
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    report.bad(
        CHECK,
        format!("this machine's clock is {} s {side} Zoho's", ahead.abs()),
        "set the machine's clock right, and keep it so by NTP (`timedatectl set-ntp true`)",
    );
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}
