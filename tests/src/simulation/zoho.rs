//! Zoho's accounts servers and the two reads of a probe, as far as tokens go: a small model of its own, that knows nothing
//! of ours. It never says `invalid_code` of a living grant; all else that it can say is in `trouble`.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{End, What, Who, Witness};

/// The client's id.
pub const CLIENT: &str = "1000.SIMULATED";
/// Where Zoho sends browsers back to.
pub const REDIRECT: &str = "https://connector.example/oauth/callback";

const SECOND: i64 = 1000;
const CODE_LIVES: i64 = 60 * SECOND;
const TOKEN_LIVES: i64 = 3600 * SECOND;
const WINDOW: i64 = 600 * SECOND;
const MINTS: usize = 10;
const TOKENS: usize = 15;
const GRANTS: usize = 20;

/// All that Zoho knows.
pub struct Zoho {
    count: u64,
    secret: String,
    users: Vec<User>,
    codes: BTreeMap<String, Code>,
    grants: BTreeMap<String, Grant>,
    tokens: BTreeMap<String, Token>,
}

/// A user, with their Inventory organisations.
struct User {
    organizations: Vec<String>,
}

struct Code {
    user: usize,
    connection: String,
    made: i64,
    offline: bool,
    grant: Option<String>,
    used: bool,
}

struct Grant {
    user: usize,
    connection: String,
    born: u64,
    alive: bool,
    mints: Vec<i64>,
}

struct Token {
    user: usize,
    grant: Option<String>,
    number: u64,
    made: i64,
    alive: bool,
}

impl Default for Zoho {
    fn default() -> Self {
        Self {
            count: 0,
            secret: "secret-0".to_owned(),
            users: Vec::new(),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }
}

/// What Zoho answers: a status and a body.
pub type Said = (u16, String);

fn refused(word: &str) -> Said {
    (200, format!(r#"{{"error":"{word}"}}"#))
}

impl Zoho {
    fn fresh(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("1000.{kind}.{}", self.count)
    }

    /// The user of that number, who is in as many organisations.
    pub fn add_user(&mut self, organizations: usize) -> usize {
        let user = self.users.len();
        let organizations =
            (0..organizations).map(|index| format!("{}", 1000 * (user + 1) + index)).collect();
        self.users.push(User { organizations });
        user
    }

    /// The organisations of a user.
    pub fn organizations(&self, user: usize) -> &[String] {
        &self.users[user].organizations
    }

    /// The client's secret at Zoho.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Gives the client another secret.
    pub fn change_secret(&mut self) {
        self.secret = self.fresh("secret");
    }

    /// A user consents for a connection; without `offline` there will be no refresh token.
    pub fn consent(&mut self, user: usize, connection: &str, offline: bool, at: i64) -> String {
        let code = self.fresh("code");
        let connection = connection.to_owned();
        self.codes
            .insert(code.clone(), Code { user, connection, made: at, offline, grant: None, used: false });
        code
    }

    /// The grant that a code became.
    pub fn grant_of(&self, code: &str) -> Option<String> {
        self.codes.get(code)?.grant.clone()
    }

    /// The connection that a token call is about: by its code or its refresh token.
    pub fn connection_of(&self, form: &[(&str, &str)]) -> Option<String> {
        let code = field(form, "code").and_then(|code| self.codes.get(code)).map(|code| &code.connection);
        let grant = field(form, "refresh_token").and_then(|grant| self.grants.get(grant));
        code.or(grant.map(|grant| &grant.connection)).cloned()
    }

    /// Whether a grant lives.
    pub fn lives(&self, grant: &str) -> bool {
        self.grants.get(grant).is_some_and(|grant| grant.alive)
    }

    /// The grants that live, with the connections they were for, oldest first.
    pub fn living(&self) -> Vec<(String, String)> {
        let mut living: Vec<_> = self.grants.iter().filter(|(_, grant)| grant.alive).collect();
        living.sort_by_key(|(_, grant)| grant.born);
        living.into_iter().map(|(name, grant)| (name.clone(), grant.connection.clone())).collect()
    }

    /// Whether the API takes a token.
    pub fn takes(&self, token: &str, at: i64) -> bool {
        self.tokens.get(token).is_some_and(|token| {
            let granted = token.grant.as_ref().is_none_or(|grant| self.lives(grant));
            token.alive && granted && at < token.made + TOKEN_LIVES
        })
    }

    /// Zoho forgets access tokens: those of one connection.
    pub fn evict_tokens(&mut self, connection: &str) {
        let grants: BTreeSet<_> = self
            .grants
            .iter()
            .filter(|(_, grant)| grant.connection == connection)
            .map(|(name, _)| name)
            .collect();
        for token in self.tokens.values_mut() {
            if token.grant.as_ref().is_some_and(|grant| grants.contains(grant)) {
                token.alive = false;
            }
        }
    }

    /// A grant ends, with its tokens.
    pub fn end(&mut self, world: &dyn Witness, who: Who, grant: &str, end: End) -> bool {
        let Some(found) = self.grants.get_mut(grant) else { return false };
        let alive = std::mem::replace(&mut found.alive, false);
        if alive {
            world.note(who, What::GrantEnded { grant: grant.to_owned(), end });
        }
        alive
    }

    /// A new grant of a user; the 21st drops the oldest.
    pub fn grant(&mut self, world: &dyn Witness, who: Who, user: usize, connection: &str) -> String {
        let name = self.fresh("grant");
        let grant = Grant {
            user,
            connection: connection.to_owned(),
            born: self.count,
            alive: true,
            mints: Vec::new(),
        };
        self.grants.insert(name.clone(), grant);
        let connection = connection.to_owned();
        world.note(who, What::Born { grant: name.clone(), connection, user });
        loop {
            let mine = self.grants.iter().filter(|(_, grant)| grant.alive && grant.user == user);
            let mine: Vec<_> = mine.map(|(name, grant)| (grant.born, name.clone())).collect();
            if mine.len() <= GRANTS {
                return name;
            }
            let oldest = mine.into_iter().min().unwrap().1;
            self.end(world, Who::Zoho, &oldest, End::Evicted);
        }
    }

    fn mint(&mut self, world: &dyn Witness, who: Who, user: usize, grant: Option<&str>, at: i64) -> String {
        let token = self.fresh("token");
        let number = self.count;
        let made = Token { user, grant: grant.map(str::to_owned), number, made: at, alive: true };
        self.tokens.insert(token.clone(), made);
        let Some(grant) = grant else { return token };
        self.grants.get_mut(grant).unwrap().mints.push(at);
        world.note(who, What::Minted { token: token.clone(), grant: grant.to_owned(), number });
        let mut mine: Vec<_> = self
            .tokens
            .values_mut()
            .filter(|token| {
                token.alive && token.grant.as_deref() == Some(grant) && at < token.made + TOKEN_LIVES
            })
            .collect();
        mine.sort_by_key(|token| std::cmp::Reverse(token.number));
        mine.into_iter().skip(TOKENS).for_each(|oldest| oldest.alive = false);
        token
    }

    /// An accounts server's answer to a form.
    pub fn form(&mut self, world: &dyn Witness, who: Who, path: &str, form: &[(&str, &str)]) -> Said {
        let at = world.at();
        if path.contains("/revoke") {
            let token = field(form, "token").unwrap_or_default();
            if let Some(found) = self.tokens.get_mut(token) {
                found.alive = false;
                return (200, r#"{"status":"success"}"#.to_owned());
            }
            return match self.end(world, who, token, End::Revoked) {
                true => (200, r#"{"status":"success"}"#.to_owned()),
                false => refused("invalid_token"),
            };
        }
        assert!(path.ends_with("/oauth/v2/token"), "{path}");
        let connection = self.connection_of(form).unwrap_or_default();
        if field(form, "client_id") != Some(CLIENT) {
            world.note(who, What::InvalidClient { connection });
            return refused("invalid_client");
        }
        if field(form, "client_secret") != Some(&self.secret) {
            world.note(who, What::InvalidClient { connection });
            return refused("invalid_client_secret");
        }
        match field(form, "grant_type") {
            Some("authorization_code") => self.exchange(world, who, form, at),
            Some("refresh_token") => self.renew(world, who, form, at),
            _ => refused("unsupported_grant_type"),
        }
    }

    fn exchange(&mut self, world: &dyn Witness, who: Who, form: &[(&str, &str)], at: i64) -> Said {
        if field(form, "redirect_uri") != Some(REDIRECT) {
            return refused("invalid_redirect_uri");
        }
        let name = field(form, "code").unwrap_or_default();
        let Some(code) = self.codes.get_mut(name) else { return refused("invalid_code") };
        if std::mem::replace(&mut code.used, true) || at > code.made + CODE_LIVES {
            return refused("invalid_code");
        }
        let (user, connection, offline) = (code.user, code.connection.clone(), code.offline);
        if !offline {
            let token = self.mint(world, who, user, None, at);
            return (200, format!(r#"{{"access_token":"{token}","expires_in":3600}}"#));
        }
        let grant = self.grant(world, who, user, &connection);
        self.codes.get_mut(name).unwrap().grant = Some(grant.clone());
        let token = self.mint(world, who, user, Some(&grant), at);
        (200, format!(r#"{{"access_token":"{token}","refresh_token":"{grant}","expires_in":3600}}"#))
    }

    fn renew(&mut self, world: &dyn Witness, who: Who, form: &[(&str, &str)], at: i64) -> Said {
        let name = field(form, "refresh_token").unwrap_or_default().to_owned();
        let Some(grant) = self.grants.get(&name).filter(|grant| grant.alive) else {
            world.note(who, What::InvalidCode { grant: name });
            return refused("invalid_code");
        };
        if grant.mints.iter().filter(|made| **made > at - WINDOW).count() >= MINTS {
            world.note(who, What::TooMany { grant: name });
            return (400, super::trouble::Saying::Throttle(400).answer().1.to_owned());
        }
        let user = grant.user;
        let token = self.mint(world, who, user, Some(&name), at);
        (200, format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#))
    }

    /// The API's answer to a read.
    pub fn read(&self, path: &str, token: &str, at: i64) -> Said {
        let inventory = path.contains("/inventory/");
        if !self.takes(token, at) {
            let body = match inventory {
                true => r#"{"code":57,"message":"You are not authorized to perform this operation"}"#,
                false => r#"{"code":"INVALID_TOKEN","message":"invalid oauth token","status":"error"}"#,
            };
            return (401, body.to_owned());
        }
        let user = self.tokens[token].user;
        let organizations = &self.users[user].organizations;
        let body = if path.contains("/users/me") {
            format!(
                r#"{{"code":0,"user":{{"email_ids":[{{"email":"{user}@example.com","is_selected":true}}]}}}}"#
            )
        } else if inventory {
            let each = |id: &String| format!(r#"{{"organization_id":"{id}","name":"Organisation {id}"}}"#);
            let all: Vec<_> = organizations.iter().map(each).collect();
            format!(r#"{{"code":0,"organizations":[{}]}}"#, all.join(","))
        } else {
            format!(r#"{{"org":[{{"zgid":"7{user}","company_name":"Company {user}"}}]}}"#)
        };
        (200, body)
    }
}

fn field<'a>(form: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    form.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
}
