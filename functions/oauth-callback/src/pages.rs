//! What a person at the browser reads.

use axum::http::StatusCode;
use shared::base::html_page::{Escaped, Mood, Page};
use shared::core::connection::consent::{Choice, Ending};
use shared::core::connection::organization::Organization;

const NEW_LINK: &str =
    "Ask the operator for a new link: `zoho-connector connect --connection NAME` makes one.";

pub(crate) fn ending(ending: &Ending) -> Page {
    let mood = if ending.connected { Mood::Good } else { Mood::Bad };
    let page = Page::new(mood, &ending.title).facts(&ending.facts);
    ending.lines.iter().fold(page, Page::line)
}

pub(crate) fn choice(choice: &Choice) -> Page {
    ask(choice, Page::new(Mood::Plain, "Which organisation?"))
}

fn ask(choice: &Choice, page: Page) -> Page {
    let buttons: String = choice.organizations.iter().map(button).collect();
    let form = "<form class=\"choice\" method=\"post\" action=\"/oauth/organization\">";
    page.line("You are in several organisations of Zoho Inventory. The connection is for one of them:")
        .html(format_args!("{form}{buttons}</form>"))
        .soft("Without a choice within 15 minutes, the consent is given back to Zoho.")
}

fn button(organization: &Organization) -> String {
    let (id, name) = (Escaped(&organization.id), Escaped(&organization.name));
    format!("<button name=\"organization\" value=\"{id}\">{name}<small>{id}</small></button>")
}

pub(crate) fn choose_again(of: &Choice) -> Page {
    let page = Page::new(Mood::Bad, "Choose once more").status(StatusCode::SERVICE_UNAVAILABLE);
    ask(of, page.line("The connector was busy, and your choice may not be taken. Try again in some seconds: it counts once."))
}

pub(crate) fn link_unknown() -> Page {
    Page::new(Mood::Bad, "This link has expired")
        .status(StatusCode::GONE)
        .line("A link to connect Zoho is good for ten minutes and for one connection.")
        .line(NEW_LINK)
}

pub(crate) fn not_reconnectable() -> Page {
    Page::new(Mood::Plain, "There is nothing to reconnect here")
        .status(StatusCode::NOT_FOUND)
        .line("This address works only while a connection has ended and waits to be brought back.")
        .line(format!("Do you want to connect anew? {NEW_LINK}"))
}

pub(crate) fn only_by_the_operator() -> Page {
    Page::new(Mood::Plain, "Only the operator can connect this again")
        .status(StatusCode::FORBIDDEN)
        .line("The connection has ended, and the connector does not know which user of Zoho it belongs to.")
        .line(NEW_LINK)
}

pub(crate) fn too_many() -> Page {
    Page::new(Mood::Plain, "Too many consents of this connection are open")
        .status(StatusCode::TOO_MANY_REQUESTS)
        .line("This address was opened many times within ten minutes. Open it again later.")
        .line(format!("A link of the operator works at once. {NEW_LINK}"))
}

pub(crate) fn state_unknown() -> Page {
    refused("This consent is not known here")
        .line("It was begun more than ten minutes ago, was used already, or never began here.")
        .line("Opening this address sent nothing to Zoho and stored nothing.")
        .line(NEW_LINK)
}

pub(crate) fn other_browser() -> Page {
    refused("This consent belongs to another browser")
        .line(
            "It must end in the browser in which it began. Nothing was sent to Zoho and nothing was stored.",
        )
        .line("Open the link again and stay in one browser, with cookies allowed.")
}

pub(crate) fn hostile_server() -> Page {
    refused("This answer does not come from Zoho")
        .line("It names an accounts server that is none of Zoho's. Nothing was sent there and nothing was stored.")
        .line("If you did not begin this consent yourself, close this page and tell the operator.")
}

pub(crate) fn used_already() -> Page {
    refused("This consent was used already")
        .line("Each consent counts once. Nothing was sent to Zoho and nothing was stored this time.")
        .line(format!("Does the connection not work? {NEW_LINK}"))
}

pub(crate) fn incomplete() -> Page {
    refused("This answer of Zoho is not complete")
        .line("It carries no code, or carries something twice. Nothing was stored.")
        .line(NEW_LINK)
}

pub(crate) fn nothing_to_show() -> Page {
    Page::new(Mood::Plain, "Nothing to show here")
        .status(StatusCode::NOT_FOUND)
        .line("This page shows how a consent ended, for a quarter of an hour, in the browser where it took place.")
        .line("What is connected, the operator sees with `zoho-connector connections`.")
        .line(format!("Do you want to connect Zoho? {NEW_LINK}"))
}

pub(crate) fn our_fault() -> Page {
    Page::new(Mood::Bad, "The connector failed")
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .line("It could not finish this consent. The operator finds the cause in its log.")
        .line(NEW_LINK)
}

fn refused(title: &str) -> Page {
    Page::new(Mood::Bad, title).status(StatusCode::BAD_REQUEST)
}
