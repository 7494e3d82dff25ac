//! Each connection: its state, the age of its token, its organisation.

use shared::base::clock::{SignedDuration, Timestamp, earlier};
use shared::base::settings::Home;
use shared::core::connection::consent::Wish;
use shared::core::connection::{self, Connection, PauseCause, State};
use shared::core::grant::client::Clients;
use shared::zoho::scope::Product;

use super::report::Report;
use crate::commands::client::set_client_of;
use crate::commands::installation::Opened;
use crate::commands::serve_command;
use crate::terminal::counted;

/// The schedule renews a token half an hour before its end: with less than this left, it has missed several turns.
const RENEWED_BY: SignedDuration = SignedDuration::from_mins(15);

/// Looks at all of them, and gives those that are there.
pub(super) async fn check(report: &mut Report, opened: &Opened) -> Vec<Connection> {
    let all = match connection::list(&*opened.services.stores.state).await {
        Ok(all) => all,
        Err(error) => {
            report.bad("Connections", error.to_string(), "see the check of the store");
            return Vec::new();
        }
    };
    if all.is_empty() {
        report.bad("Connections", "nothing is connected", "`zoho-connector connect`");
    }
    // The check of the client says why they cannot be read.
    let clients = Clients::read(&*opened.services.stores.secrets).await.map(|(clients, _)| clients);
    let clients = clients.unwrap_or_default();
    for found in &all {
        check_one(report, opened, found, &clients);
    }
    all
}

fn check_one(report: &mut Report, opened: &Opened, found: &Connection, clients: &Clients) {
    let (check, now) = (format!("Connection {}", found.name), opened.services.clock.now());
    match mend(opened, found, clients) {
        Some(mend) => {
            let notice = found.notice().unwrap_or_else(|| found.state.as_str().to_owned());
            report.bad(&check, format!("{}: {notice}", found.state.as_str()), mend);
        }
        None => report.good(&check, described(found)),
    }
    check_organization(report, found);
    check_token(report, opened, found, now);
}

/// What the operator can do about its state. `None` if it is well.
fn mend(opened: &Opened, found: &Connection, clients: &Clients) -> Option<String> {
    let name = &found.name;
    Some(match &found.state {
        State::Healthy if found.clock_ahead.is_none() => return None,
        State::Healthy => match &opened.services.settings.home {
            Home::Folder(_) => {
                "set the clock of the machine that runs `serve` right: `timedatectl set-ntp true`".to_owned()
            }
            Home::Stack(_) => {
                "nothing: AWS sets its own clocks, and the notice goes with the next renewal".to_owned()
            }
        },
        State::CoolingDown { until, cause, .. } => {
            format!("wait until {until}: it goes on by itself. {}", against_pauses(*cause))
        }
        State::Exhausted { until } => format!("wait until {until}: it goes on by itself"),
        State::Misconfigured { .. } => {
            format!(
                "`zoho-connector {}`, then `zoho-connector refresh --connection {name}`",
                set_client_of(found, clients)
            )
        }
        State::Disconnecting => format!("`zoho-connector disconnect --connection {name}` ends it"),
        State::ReconnectRequired { .. } if Wish::again(found).is_some() => format!(
            "its user opens {}{}, or you run `zoho-connector connect --connection {name}`",
            opened.public_url.as_str(),
            Wish::path_again(name)
        ),
        State::ReconnectRequired { .. } => format!("`zoho-connector connect --connection {name}`"),
    })
}

/// What keeps a pause of this cause from coming again.
fn against_pauses(cause: PauseCause) -> &'static str {
    match cause {
        PauseCause::NoAnswer => {
            "Where it comes again, let what renews the tokens reach Zoho over HTTPS: network, DNS, firewall"
        }
        PauseCause::NoToken => {
            "Where it comes again, look whether a proxy answers in Zoho's place; else it is Zoho that fails"
        }
        PauseCause::Throttled => "Where it comes again, let no other program renew tokens with this client",
        PauseCause::GeneralError => "Where it comes again, look at the client in Zoho's API console",
        PauseCause::OtherRefusal => {
            "Where it comes again, look at the client in Zoho's API console, and let no other program renew tokens with it"
        }
        PauseCause::Unknown => "Where the next try fails as well, look here again: it says why",
    }
}

fn described(found: &Connection) -> String {
    let organizations = [&found.organization, &found.crm_organization];
    let mut names: Vec<_> = organizations.into_iter().flatten().map(|found| found.name.as_str()).collect();
    names.dedup();
    let names = if names.is_empty() { "connected".to_owned() } else { names.join(" and ") };
    format!("{names}, data centre {}, {}", found.data_centre, counted(found.scopes.iter().count(), "scope"))
}

fn check_organization(report: &mut Report, found: &Connection) {
    let check = format!("Organisation {}", found.name);
    if !found.scopes.products().contains(&Product::Inventory) {
        return;
    }
    match &found.organization {
        Some(organization) => report.good(check, format!("Zoho Inventory works on {}", organization.id)),
        None => report.bad(
            check,
            "no organisation of Zoho Inventory is chosen, so that no call of Inventory can be made",
            format!(
                "`zoho-connector connect --connection {} --organization ID` (its id stands in Zoho Inventory under Manage Organizations)",
                found.name
            ),
        ),
    }
}

fn check_token(report: &mut Report, opened: &Opened, found: &Connection, now: Timestamp) {
    let check = format!("Token {}", found.name);
    if found.state != State::Healthy {
        return;
    }
    let Some(end) = found.token_expires else {
        return report.neutral(check, "none has been made yet");
    };
    if now < earlier(end, RENEWED_BY) {
        let made = found.token_renewed_at.map(|at| format!(", made {at}")).unwrap_or_default();
        return report.good(check, format!("good until {end}{made}"));
    }
    let mend = match &opened.services.settings.home {
        Home::Folder(folder) => {
            format!(
                "let `{}` run all the time: it has the schedule inside",
                serve_command::for_folder(folder, &opened.public_url)
            )
        }
        Home::Stack(stack) => format!(
            "switch the rule of {}-token-refresh on in EventBridge (rate: 5 minutes); `sam deploy` puts it back where it is gone",
            stack.name
        ),
    };
    report.bad(
        check,
        format!("it ends {end}, and the schedule has not renewed it: the schedule is off"),
        mend,
    );
}
