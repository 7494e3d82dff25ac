//! What a person does at the browser.

use axum::body::Body;
use axum::http::{Request, header};
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::connection::consent::Consents;
use tokio::time::timeout;
use url::Url;

use super::{Jar, LONGEST_ANSWER, Play, Seen};
use crate::faults::world::{PUBLIC, wish};
use crate::in_process::ask;

const FORM: &str = "application/x-www-form-urlencoded";

/// What is chosen, of two.
const CHOSEN: &str = "20098765432";
const THE_CHOICE: &str = "“Which organisation?”";

/// What a person sees who may choose, or choose once more, in the same browser.
const GOES_ON: [&str; 5] = ["ok", "no answer", THE_CHOICE, "“Choose once more”", "“The connector failed”"];

/// What a person sees whose choice is over.
const OVER: &str = "“Nothing to show here”";

impl Play {
    /// A page of oauth-callback, with what the browser keeps of it.
    async fn visit(&self, path: &str, form: Option<&str>, jar: &mut Jar) -> Option<(Option<String>, String)> {
        let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form {
            None => Request::get(path),
            Some(_) => Request::post(path).header(header::CONTENT_TYPE, FORM),
        };
        let request = request.header(header::COOKIE, cookies.join("; "));
        let request =
            request.body(form.map_or_else(Body::empty, |form| Body::from(form.to_owned()))).unwrap();
        let served = self.world.oauth();
        let answering = self.world.calls.live(served.process, ask(&served.router, request));
        let told = timeout(LONGEST_ANSWER, answering).await.ok()?;
        for cookie in told.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        let location = told.headers.get(header::LOCATION);
        let location = location.map(|location| location.to_str().unwrap().to_owned());
        Some((location, told.text().into_owned()))
    }

    /// The page, or the one to which it leads.
    async fn shown(&self, visited: Option<(Option<String>, String)>, jar: &mut Jar) -> Seen {
        match visited {
            None => Seen::nothing(),
            Some((None, page)) => self.page(page),
            Some((Some(clean), _)) => {
                let clean = Url::parse(PUBLIC).unwrap().join(&clean).unwrap();
                match self.visit(clean.path(), None, jar).await {
                    None => Seen::nothing(),
                    Some((_, page)) => self.page(page),
                }
            }
        }
    }

    /// A person with a new link of the operator's, up to the page at the end.
    pub(super) async fn consent(&self) -> Seen {
        self.consent_with(&mut Jar::new()).await
    }

    async fn consent_with(&self, jar: &mut Jar) -> Seen {
        let consents = Consents::new(self.world.stores.state.clone(), self.world.shared_clock());
        let link = consents.make_link(&wish()).await.unwrap();
        let start = format!("/oauth/start?link={}", link.expose());
        let zoho = match self.visit(&start, None, jar).await {
            None => return Seen::nothing(),
            Some((None, page)) => return self.page(page),
            Some((Some(zoho), _)) => zoho,
        };
        let request = Request::post(&zoho)
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from("decision=accept"))
            .unwrap();
        let accepted = self.world.outside.zoho(request).await;
        let back = accepted.headers.get(header::LOCATION).expect("Zoho leads back");
        let back = Url::parse(back.to_str().unwrap()).unwrap();
        let path = format!("{}?{}", back.path(), back.query().unwrap_or_default());
        let visited = self.visit(&path, None, jar).await;
        self.shown(visited, jar).await
    }

    /// A person who consented, and has the organisations before their eyes.
    pub(super) async fn come_to_the_choice(&self) {
        let mut jar = Jar::new();
        let seen = self.consent_with(&mut jar).await;
        assert_eq!(seen.text, THE_CHOICE, "{seen:?}");
        *self.choosing.lock().unwrap() = Some(jar);
    }

    /// A person who chooses, and chooses again whatever befell the first answer; once the time for it is over, with a new link.
    pub(super) async fn choose(&self) -> Seen {
        let known = self.choosing.lock().unwrap().clone();
        let is_known = known.is_some();
        let mut jar = known.unwrap_or_default();
        if !is_known {
            let seen = self.consent_with(&mut jar).await;
            if seen.text != THE_CHOICE {
                return seen;
            }
        }
        let form = format!("organization={CHOSEN}");
        let visited = self.visit("/oauth/organization", Some(&form), &mut jar).await;
        let seen = self.shown(visited, &mut jar).await;
        let is_to_choose = GOES_ON.contains(&seen.text.as_str());
        // Nobody else consents or chooses: in its time, a choice is taken, or was taken.
        if is_known && !is_to_choose && seen.text != OVER {
            self.breaks(format!("who chooses is told {}: {}", seen.text, seen.body));
        }
        *self.choosing.lock().unwrap() = Some(jar).filter(|_| is_to_choose);
        seen
    }

    /// The connection is the new one, for the organisation that was chosen.
    pub(super) async fn check_choice(&self) {
        let found = connection::get(&*self.world.stores.state, &ConnectionName::default()).await;
        let found = found.unwrap().expect("it is connected");
        let chosen = found.organization.map(|organization| organization.id);
        if found.generation < 2 || chosen.as_deref() != Some(CHOSEN) {
            self.breaks(format!("connected for {chosen:?}, by consent {}", found.generation));
        }
    }

    /// A page must have a heading, which says in a few words what happened.
    fn page(&self, page: String) -> Seen {
        let title = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        let Some(title) = title.map(str::to_owned) else {
            self.breaks(format!("a page without a heading: {page}"));
            return Seen::nothing();
        };
        match title.as_str() {
            "Connected" => Seen::good(page),
            _ => Seen::bad(&format!("“{title}”"), true, page),
        }
    }
}
