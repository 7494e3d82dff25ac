//! The tools, as `tools.json` defines them: each is one call of the API. Its arguments go by their names: those in braces into the path,
//! some into headers and the query, the rest into the query of a read and the body of a write.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::base::problem::Problem;
use shared::base::public_url::PublicUrl;
use shared::base::web::Deadline;
use shared::core::access::key::ServiceKey;
use shared::core::access::permission::Permission;
use shared::zoho::value::query_of;

use crate::openapi::packed::{self, unpacked};
use crate::request::caller::Caller;
use crate::request::did_you_mean::{question, short};
use crate::request::params::invalid;

/// The arguments that are headers, and whether the header of the client's own request stands for one that is not there.
const HEADERS: [(&str, &str, bool); 3] = [
    ("connection", "zoho-connection", true),
    ("organization", "zoho-organization", true),
    ("idempotency_key", "idempotency-key", false),
];

/// The arguments of a write that go into the query, where they are not its body.
const QUERY: [&str; 3] = ["dry_run", "calls", "fields"];

/// The argument that is the whole path of a call, with its query.
const WHOLE: &str = "{path}";

/// What a model may have left as it is in such a path.
const UNESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A tool.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    /// Method and path, like `GET /v1/crm/deals/{id}/brief`.
    call: String,
    /// The permissions of which a key must have one. Where there are none, any key has it.
    needs: Vec<Permission>,
    /// The argument that is the body, in place of all that go nowhere else.
    body: Option<String>,
    /// What clients are told of it.
    tool: Value,
}

/// All tools, read for the first caller. A test reads them, too, so a build whose tools cannot be read does not pass.
pub(super) static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let text = unpacked(packed::TOOLS).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
});

impl Tool {
    pub(super) fn name(&self) -> Option<&str> {
        self.tool.get("name").and_then(Value::as_str)
    }

    /// Its arguments, with their schemas.
    fn arguments(&self) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.tool.pointer("/inputSchema/properties").and_then(Value::as_object);
        all.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The values that an argument can have, where they are given.
    fn choices(&self, argument: &str) -> Option<&Vec<Value>> {
        let (_, schema) = self.arguments().find(|(name, _)| *name == argument)?;
        schema.get("enum").and_then(Value::as_array)
    }

    /// Whether a key has a permission that it needs.
    fn is_for(&self, key: &ServiceKey) -> bool {
        self.needs.is_empty() || self.needs.iter().any(|needed| key.demand(needed).is_ok())
    }

    /// Whether some argument goes into the body.
    fn takes_body(&self) -> bool {
        self.arguments().any(|(name, _)| {
            let is_header = HEADERS.iter().any(|(argument, ..)| *argument == name);
            let is_path = self.call.contains(&format!("{{{name}}}"));
            !is_header && !is_path && !self.is_in_query(name)
        })
    }

    /// Whether an argument of a write goes into the query.
    fn is_in_query(&self, argument: &str) -> bool {
        QUERY.contains(&argument) && self.body.as_deref() != Some(argument)
    }

    /// The path with its arguments, which are taken out.
    fn path(&self, template: &str, arguments: &mut Map<String, Value>) -> Result<String, Problem> {
        if template == WHOLE {
            return whole_path(&needed("path", arguments)?);
        }
        let mut path = String::new();
        for segment in template.split('/').skip(1) {
            path.push('/');
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                path.push_str(segment);
                continue;
            };
            let value = needed(name, arguments)?;
            match self.choices(name) {
                None => path.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC)),
                Some(choices) if choices.iter().any(|choice| choice.as_str() == Some(value.as_str())) => {
                    path.push_str(&value);
                }
                Some(choices) => {
                    let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
                    let meant = question(&value, choices.iter().copied());
                    return Err(invalid(format!(
                        "`{name}` cannot be `{}`.{meant} It is one of `{}`.",
                        short(&value),
                        choices.join("`, `")
                    )));
                }
            }
        }
        Ok(path)
    }

    /// The call of the API.
    pub(super) fn request(
        &self,
        mut arguments: Map<String, Value>,
        caller: &Caller,
        origin: &PublicUrl,
        headers: &HeaderMap,
    ) -> Result<Request, Problem> {
        self.demand_known(&arguments)?;
        // Models send null for what they leave out.
        arguments.retain(|_, value| !value.is_null());
        let (method, template) = self.call.split_once(' ').unwrap_or(("GET", self.call.as_str()));
        let path = self.path(template, &mut arguments)?;
        let mut sent = HeaderMap::new();
        for (argument, header, is_kept) in HEADERS {
            let header = HeaderName::from_static(header);
            if let Some(value) = arguments.shift_remove(argument) {
                let value = HeaderValue::try_from(text(argument, &value)?);
                let value =
                    value.map_err(|_| invalid(format!("`{argument}` must be one line of plain text.")))?;
                sent.insert(header, value);
            } else if let (true, Some(value)) = (is_kept, headers.get(&header)) {
                sent.insert(header, value.clone());
            }
        }
        let (mut pairs, mut body) = (Vec::new(), Map::new());
        for (name, value) in arguments {
            if method == "GET" || self.is_in_query(&name) {
                let value = text(&name, &value)?;
                pairs.push((name, value));
            } else {
                body.insert(name, value);
            }
        }
        let address = if pairs.is_empty() { path } else { query_of(path).extend_pairs(pairs).finish() };
        let body = match &self.body {
            Some(whole) => Some(body.remove(whole).unwrap_or_else(|| json!({}))),
            None if method != "GET" && self.takes_body() => Some(Value::Object(body)),
            None => None,
        };
        if let Some(key) = headers.get(header::AUTHORIZATION) {
            sent.insert(header::AUTHORIZATION, key.clone());
        }
        if body.is_some() {
            sent.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let mut request = Request::new(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|error| Problem::internal(error.to_string()))?;
        *request.uri_mut() = Uri::try_from(address).map_err(|_| invalid("This makes no path of the API."))?;
        *request.headers_mut() = sent;
        request.extensions_mut().insert(Deadline(caller.deadline));
        request.extensions_mut().insert(caller.place.clone());
        request.extensions_mut().insert(origin.clone());
        Ok(request)
    }

    /// Refuses arguments that it does not have: a filter that is ignored gives wrong answers.
    fn demand_known(&self, arguments: &Map<String, Value>) -> Result<(), Problem> {
        let known: Vec<&str> = self.arguments().map(|(name, _)| name).collect();
        match arguments.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) if known.is_empty() => {
                Err(invalid(format!("`{}` is unknown here, as is any other argument.", short(unknown))))
            }
            Some(unknown) => {
                let meant = question(unknown, known.iter().copied());
                let known = known.join("`, `");
                Err(invalid(format!(
                    "`{}` is unknown here.{meant} The arguments are `{known}`.",
                    short(unknown)
                )))
            }
        }
    }
}

/// A path as it was given, with its query.
fn whole_path(path: &str) -> Result<String, Problem> {
    let rest = path.trim().strip_prefix("/v1");
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
        return Ok(utf8_percent_encode(path.trim(), UNESCAPED).to_string());
    }
    Err(invalid("`path` begins with `/v1/`: the `next` of a list as it stands, or a path of the API."))
}

/// Takes an argument out that must be there.
fn needed(name: &str, arguments: &mut Map<String, Value>) -> Result<String, Problem> {
    let value = arguments.shift_remove(name).map(|value| text(name, &value)).transpose()?;
    value.filter(|value| !value.is_empty()).ok_or_else(|| invalid(format!("`{name}` is missing.")))
}

/// An argument as text. A list is separated by commas, as `fields` is.
fn text(name: &str, value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text.clone()),
        // Some models write whole numbers as 5.0.
        Value::Number(number) => {
            let digits = number.to_string();
            Ok(digits.strip_suffix(".0").map_or_else(|| digits.clone(), str::to_owned))
        }
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Array(list) => {
            let parts: Result<Vec<String>, Problem> = list.iter().map(|part| text(name, part)).collect();
            Ok(parts?.join(","))
        }
        Value::Null | Value::Object(_) => Err(invalid(format!("`{name}` must be text."))),
    }
}

/// The tools of a key. There are no further pages.
pub(super) fn list(key: &ServiceKey) -> Value {
    let tools: Vec<&Value> = TOOLS.iter().filter(|tool| tool.is_for(key)).map(|tool| &tool.tool).collect();
    json!({ "tools": tools })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::openapi::document;
    use crate::openapi::operation::{Operation, Way};
    use crate::routes::operations;
    use shared::zoho::scope::Access;

    /// What `tools/list` may have, so that it stays below 6,000 tokens: one of them is about four bytes of it.
    const MAX_BYTES: usize = 20_000;
    const MAX_TOOLS: usize = 25;

    fn tools() -> Vec<Tool> {
        serde_json::from_str(include_str!("tools.json")).unwrap()
    }

    fn tool(name: &str) -> Tool {
        tools().into_iter().find(|tool| tool.name() == Some(name)).unwrap()
    }

    /// The paths of a tool: one for each choice that stands in it.
    fn paths(tool: &Tool) -> Vec<String> {
        let (_, template) = tool.call.split_once(' ').unwrap();
        let mut paths = vec![template.to_owned()];
        for (name, _) in tool.arguments() {
            let placeholder = format!("{{{name}}}");
            let Some(choices) = tool.choices(name).filter(|_| template.contains(&placeholder)) else {
                continue;
            };
            let mut chosen = Vec::new();
            for path in &paths {
                for choice in choices {
                    chosen.push(path.replace(&placeholder, choice.as_str().unwrap()));
                }
            }
            paths = chosen;
        }
        paths
    }

    fn is_same(path: &str, other: &str) -> bool {
        let is_variable = |segment: &str| segment.starts_with('{');
        let (path, other): (Vec<_>, Vec<_>) = (path.split('/').collect(), other.split('/').collect());
        path.len() == other.len()
            && path
                .iter()
                .zip(&other)
                .all(|(one, other)| one == other || is_variable(one) && is_variable(other))
    }

    fn needs(operation: &Operation) -> Vec<String> {
        match operation.way {
            Way::Open | Way::Key | Way::Pass(_) => Vec::new(),
            Way::Own(permissions) => permissions.iter().map(|one| (*one).to_owned()).collect(),
            Way::Read(product) => vec![Permission::Product(product, Access::Read).to_string()],
            Way::Write(product, access) | Way::Work(product, access) => {
                vec![Permission::Product(product, access).to_string()]
            }
        }
    }

    /// The names that an operation takes in one part of the request, or in its body; none where the body is open.
    fn names(document: &Value, operation: &Operation) -> (HashSet<String>, Option<HashSet<String>>) {
        let resolved = |value: &Value| match value["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
            None => value.clone(),
        };
        let described = &document["paths"][&operation.path][operation.verb.as_str().to_lowercase()];
        let parameters = described["parameters"].as_array().into_iter().flatten().map(resolved);
        let query = parameters.filter(|one| one["in"] == "query" || one["in"] == "header");
        let query = query.map(|one| one["name"].as_str().unwrap().to_lowercase()).collect();
        let schema = resolved(&described["requestBody"]["content"]["application/json"]["schema"]);
        let fields = schema["properties"].as_object().map(|all| all.keys().cloned().collect());
        (query, fields)
    }

    #[test]
    fn tools_are_well_formed_and_few() {
        let tools = tools();
        assert!(tools.len() <= MAX_TOOLS, "{} tools", tools.len());
        let told: Vec<&Value> = tools.iter().map(|tool| &tool.tool).collect();
        let carried: Vec<&Value> = TOOLS.iter().map(|tool| &tool.tool).collect();
        assert_eq!(carried, told, "what the build packed is the file");
        let size = json!({ "tools": told }).to_string().len();
        assert!(size <= MAX_BYTES, "{size} bytes");
        let mut names = HashSet::new();
        for tool in &tools {
            let name = tool.name().unwrap();
            assert!(names.insert(name.to_owned()), "{name} stands twice");
            assert!(name.len() <= 48 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            let description = tool.tool["description"].as_str().unwrap();
            assert!(description.ends_with('.'), "{name}: {description}");
            let schema = &tool.tool["inputSchema"];
            assert_eq!(schema["type"], "object", "{name}");
            assert_eq!(schema["additionalProperties"], false, "{name}");
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(!schema["properties"][required.as_str().unwrap()].is_null(), "{name}: {required}");
            }
            let hints = &tool.tool["annotations"];
            if tool.call.starts_with("GET ") || name == "query_crm" {
                assert_eq!(*hints, json!({ "readOnlyHint": true }), "{name}");
            } else {
                for hint in ["readOnlyHint", "destructiveHint", "idempotentHint"] {
                    assert!(hints[hint].is_boolean(), "{name}: {hint}");
                }
                assert_eq!(hints["readOnlyHint"], false, "{name}");
            }
            // A result that does not fit a schema would turn a write that is done into a failure.
            assert!(tool.tool["outputSchema"].is_null(), "{name}");
        }
    }

    #[test]
    fn each_tool_is_a_call_of_the_api_with_arguments_that_this_takes() {
        let operations = operations();
        let document = document(&operations);
        for tool in tools() {
            let name = tool.name().unwrap().to_owned();
            if tool.call.ends_with(WHOLE) {
                continue;
            }
            let (method, template) = tool.call.split_once(' ').unwrap();
            let mut query: HashSet<String> = HashSet::new();
            let mut fields: HashSet<String> = HashSet::new();
            let mut needed: HashSet<String> = HashSet::new();
            for path in paths(&tool) {
                let operation = operations
                    .iter()
                    .find(|one| one.verb.as_str() == method && is_same(&one.path, &path))
                    .unwrap_or_else(|| panic!("{name}: there is no {method} {path}"));
                let (more, body) = names(&document, operation);
                query.extend(more);
                fields.extend(body.unwrap_or_default());
                needed.extend(needs(operation));
            }
            let own: HashSet<String> = tool.needs.iter().map(ToString::to_string).collect();
            assert_eq!(own, needed, "{name}");
            for (argument, _) in tool.arguments() {
                let header = HEADERS.iter().find(|(one, ..)| *one == argument).map(|(_, header, _)| *header);
                let is_known = if template.contains(&format!("{{{argument}}}")) {
                    true
                } else if let Some(header) = header {
                    query.contains(header)
                } else if method == "GET" || tool.is_in_query(argument) {
                    query.contains(argument)
                } else {
                    tool.body.as_deref() == Some(argument) || fields.contains(argument)
                };
                assert!(is_known, "{name}: {method} {template} takes no `{argument}`");
            }
        }
    }

    #[test]
    fn paths_are_made_of_arguments_and_of_nothing_else() {
        let path = |name: &str, arguments: Value| {
            let (tool, Value::Object(mut arguments)) = (tool(name), arguments) else { panic!("no object") };
            let (_, template) = tool.call.split_once(' ').unwrap();
            let path = tool.path(template, &mut arguments);
            path.map(|path| (path, arguments.len())).map_err(|problem| problem.detail().to_owned())
        };
        let fine = |path: &str| -> Result<(String, usize), String> { Ok((path.to_owned(), 0)) };
        assert_eq!(path("brief_deal", json!({ "id": "61" })), fine("/v1/crm/deals/61/brief"));
        assert_eq!(path("brief_deal", json!({ "id": 61 })), fine("/v1/crm/deals/61/brief"));
        assert_eq!(path("brief_deal", json!({ "id": "../a?b" })), fine("/v1/crm/deals/%2E%2E%2Fa%3Fb/brief"));
        assert_eq!(path("brief_deal", json!({})), Err("`id` is missing.".to_owned()));
        assert_eq!(path("brief_deal", json!({ "id": "" })), Err("`id` is missing.".to_owned()));
        assert_eq!(path("get_record", json!({ "kind": "crm/deals", "id": "61" })), fine("/v1/crm/deals/61"));
        let wrong = path("get_record", json!({ "kind": "crm/deal", "id": "61" })).unwrap_err();
        assert!(wrong.contains("Did you mean `crm/deals`?"), "{wrong}");
        let next = "/v1/inventory/items?per_page=2&cursor=p2";
        assert_eq!(path("get", json!({ "path": next })), fine(next));
        assert_eq!(
            path("get", json!({ "path": "/v1/crm/accounts?search=Grün & Co" })),
            fine("/v1/crm/accounts?search=Gr%C3%BCn%20&%20Co")
        );
        for elsewhere in ["/health", "v1/status", "https://example.com/v1/status", "/v12/status", "/mcp"] {
            assert!(path("get", json!({ "path": elsewhere })).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_body_is_sent_where_something_can_stand_in_it() {
        for (name, takes) in [
            ("create_order", true),
            ("claim_events", true),
            ("confirm_order", false),
            ("void_order", false),
            ("continue_count", false),
            ("apply_count", true),
        ] {
            assert_eq!(tool(name).takes_body(), takes, "{name}");
        }
    }

    #[test]
    fn fields_of_a_write_say_what_is_answered_unless_they_are_its_body() {
        for (name, is_in_query) in [
            ("create_order", true),
            ("confirm_order", true),
            ("adjust_stock", true),
            ("add_note", true),
            ("create_deal", false),
            ("update_deal", false),
        ] {
            assert_eq!(tool(name).is_in_query("fields"), is_in_query, "{name}");
        }
    }
}
