//! Webhooks and rules in Inventory's settings. Zoho documents these calls for Books only
//! (<https://www.zoho.com/books/api/v3/webhooks/>), so any refusal is explained to the operator and leaves nothing half made.

use std::sync::Arc;
use std::time::Duration;

use shared::base::secret::Secret;
use shared::core::connection::Connection;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_cache::Tokens;
use shared::zoho::failure::{Failure as Refusal, FailureKind};
use shared::zoho::http::{Answer, Http, Method, Write};
use shared::zoho::inventory::webhook_rules::{
    Entry, Rule, Setting, activate_url, deleted, done, listed, made,
};
use tokio::time::Instant;

use crate::commands::installation::Opened;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// More pages than anybody's settings have.
const MAX_PAGES: u32 = 20;

/// The settings of one organisation.
pub(super) struct ZohoSettings {
    http: Http,
    token: Arc<AccessToken>,
    api: String,
    organization: String,
}

/// The rules that could not be made, and why.
pub(super) struct Refused {
    pub(super) reason: String,
    pub(super) left: Vec<Rule>,
}

/// The webhooks and workflow rules that exist.
struct Existing {
    webhooks: Vec<Entry>,
    workflows: Vec<Entry>,
}

impl Existing {
    /// The webhook of a rule.
    fn webhook(&self, rule: &Rule) -> Option<&Entry> {
        self.webhooks.iter().find(|entry| rule.is_webhook(entry))
    }

    /// What sets off a webhook.
    fn workflows<'a>(&'a self, rule: &'a Rule, webhook: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        self.workflows.iter().filter(|entry| rule.is_workflow(entry, &webhook.id))
    }

    /// Whether a rule is there with its webhook, and switched on.
    fn has(&self, rule: &Rule) -> bool {
        self.webhook(rule)
            .is_some_and(|webhook| self.workflows(rule, webhook).any(|workflow| !workflow.is_off))
    }
}

impl ZohoSettings {
    /// Opens them with the connection's own token, or says why that does not suffice.
    pub(super) async fn open(
        opened: &Opened,
        connection: &Connection,
        needed: &[&str],
    ) -> Result<Self, String> {
        let missing = needed.iter().copied().filter(|scope| !connection.scopes.allows(scope));
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            return Err(format!("the consent does not hold {}", missing.join(", ")));
        }
        let Some(organization) = &connection.organization else {
            return Err("the connection knows no organisation of Zoho Inventory".to_owned());
        };
        let services = &opened.services;
        let tokens =
            Tokens::new(services.stores.secrets.clone(), opened.token_refresh(), services.clock.clone());
        let token = tokens.current(&connection.name, Instant::now() + CALL_TIMEOUT).await;
        Ok(Self {
            http: services.http.clone(),
            token: token.map_err(|problem| problem.detail().to_owned())?,
            api: services.centres.api(connection.data_centre),
            organization: organization.id.clone(),
        })
    }

    /// Makes the missing rules, and says how many. Where the secret is new, existing webhooks sign with a lost one and are
    /// replaced.
    pub(super) async fn make(&self, rules: &[Rule], secret: &Secret, is_new: bool) -> Result<usize, Refused> {
        let before = self.existing().await.map_err(|reason| Refused { reason, left: rules.to_vec() })?;
        let mut count = 0;
        for (index, rule) in rules.iter().enumerate() {
            let exists = before.has(rule) && !is_new;
            if !exists {
                if let Err(reason) = self.make_one(rule, &before, secret, is_new).await {
                    let is_left = |rule: &&Rule| is_new || !before.has(rule);
                    let left = rules.iter().skip(index).filter(is_left).cloned().collect();
                    return Err(Refused { reason, left });
                }
                count += 1;
            }
        }
        Ok(count)
    }

    async fn make_one(
        &self,
        rule: &Rule,
        before: &Existing,
        secret: &Secret,
        is_new: bool,
    ) -> Result<(), String> {
        if is_new {
            self.end_one(rule, before).await?;
        }
        let known = before.webhook(rule).filter(|_| !is_new);
        if let Some(off) = known.and_then(|known| before.workflows(rule, known).next()) {
            return self.switch_on(off).await;
        }
        let made = async {
            let webhook = match known {
                Some(known) => known.id.clone(),
                None => self.post(Setting::Webhook, rule.webhook(secret)).await?,
            };
            self.post(Setting::Workflow, rule.workflow(&webhook)).await
        };
        let Err(reason) = made.await else { return Ok(()) };
        match self.take_back(rule, before).await {
            Ok(()) => Err(reason),
            Err(why) => Err(format!(
                "{reason}. What was made of “{}” could not be taken back ({why}): delete it in Zoho",
                rule.name
            )),
        }
    }

    /// Deletes the parts of a rule that did not exist before. It reads them from Zoho, because an answer may have been lost.
    async fn take_back(&self, rule: &Rule, before: &Existing) -> Result<(), String> {
        let is_in = |entries: &[Entry], id: &str| entries.iter().any(|entry| entry.id == id);
        let mut now = self.existing().await?;
        now.workflows.retain(|entry| !is_in(&before.workflows, &entry.id));
        for webhook in now.webhooks.iter().filter(|entry| rule.is_webhook(entry)) {
            for workflow in now.workflows(rule, webhook) {
                self.delete(Setting::Workflow, &workflow.id).await?;
            }
            if !is_in(&before.webhooks, &webhook.id) {
                self.delete(Setting::Webhook, &webhook.id).await?;
            }
        }
        Ok(())
    }

    /// Deletes these webhooks with their rules, and says how many there were.
    pub(super) async fn end(&self, rules: &[Rule]) -> Result<usize, String> {
        let existing = self.existing().await?;
        let mut count = 0;
        for rule in rules {
            count += self.end_one(rule, &existing).await?;
        }
        Ok(count)
    }

    async fn end_one(&self, rule: &Rule, existing: &Existing) -> Result<usize, String> {
        let mut count = 0;
        for webhook in existing.webhooks.iter().filter(|entry| rule.is_webhook(entry)) {
            // A rule with more actions is the operator's own.
            let only = |entry: &&Entry| entry.actions.as_ref().is_none_or(|actions| actions.len() < 2);
            for workflow in existing.workflows(rule, webhook).filter(only) {
                self.delete(Setting::Workflow, &workflow.id).await?;
            }
            self.delete(Setting::Webhook, &webhook.id).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn existing(&self) -> Result<Existing, String> {
        let (webhooks, workflows) = (self.list(Setting::Webhook).await?, self.list(Setting::Workflow).await?);
        Ok(Existing { webhooks, workflows })
    }

    async fn list(&self, setting: Setting) -> Result<Vec<Entry>, String> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let url = setting.url(&self.api, &self.organization, page);
            let answer = self.http.get(&url, &self.token.token, CALL_TIMEOUT).await.map_err(Refusal::from);
            let (entries, more) =
                answer.and_then(|answer| listed(&answer, setting)).map_err(|refusal| words(&refusal))?;
            all.extend(entries);
            if !more {
                break;
            }
        }
        Ok(all)
    }

    async fn post(&self, setting: Setting, body: String) -> Result<String, String> {
        let url = setting.url(&self.api, &self.organization, 1);
        let answer = self.write(Method::POST, &url, Some(body)).await;
        answer.and_then(|answer| made(&answer, setting)).map_err(|refusal| words(&refusal))
    }

    async fn switch_on(&self, workflow: &Entry) -> Result<(), String> {
        let url = activate_url(&self.api, &self.organization, &workflow.id);
        let answer = self.write(Method::POST, &url, None).await;
        answer.and_then(|answer| done(&answer)).map_err(|refusal| words(&refusal))
    }

    async fn delete(&self, setting: Setting, id: &str) -> Result<(), String> {
        let url = setting.one_url(&self.api, &self.organization, id);
        let answer = self.write(Method::DELETE, &url, None).await;
        answer.and_then(|answer| deleted(&answer)).map_err(|refusal| words(&refusal))
    }

    async fn write(&self, method: Method, url: &str, body: Option<String>) -> Result<Answer, Refusal> {
        let body = body.map(Into::into);
        let write =
            Write { method, token: &self.token.token, body, if_unmodified_since: None, external: None };
        self.http.write(url, write, CALL_TIMEOUT).await.map_err(Refusal::from)
    }
}

fn words(refusal: &Refusal) -> String {
    match &refusal.said {
        Some(said) => format!("Zoho says {}: {}", said.code, said.message),
        None => match refusal.kind {
            FailureKind::Http(error) => format!("of Zoho's answer is known that {error}"),
            kind => format!("Zoho gave no proper answer: {kind}"),
        },
    }
}
