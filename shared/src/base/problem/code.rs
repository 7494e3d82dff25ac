//! The table of all failures that a caller can see: code, status, whether a retry can help, whose fault it is, title, and what to
//! do next.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $retry:literal, $fault:ident, $title:literal, $hint:literal;)*) => {
        /// The codes of problems. Callers go by them, so a code never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row { code: $code, status: $status, retryable: $retry, fault: Party::$fault, title: $title, hint: $hint },)*
                }
            }
        }
    };
}

struct Row {
    code: &'static str,
    status: u16,
    retryable: bool,
    fault: Party,
    title: &'static str,
    hint: &'static str,
}

/// Who caused a problem, and so can prevent it. It is documentation only: callers do not get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The caller of the API: its request is wrong, or more than its key may.
    Agent,
    /// The operator of the connector: a key, a client, a consent or a scope is missing or wrong.
    Operator,
    /// The people who use Zoho: they changed the consent, their rights or the records.
    ZohoUser,
    /// Zoho: it fails, does not answer or throttles.
    Zoho,
    /// The sender of a webhook.
    Sender,
    /// The connector: its store, or a bug.
    Connector,
    /// Two requests collided, or a shared limit is reached.
    Nobody,
}

impl Party {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::ZohoUser => "user of Zoho",
            Self::Zoho => "Zoho",
            Self::Sender => "sender of the webhook",
            Self::Connector => "connector",
            Self::Nobody => "nobody",
        }
    }
}

codes! {
    // The caller's key
    /// No service key in the request.
    KeyMissing = "key_missing", 401, false, Agent, "No service key",
        "Send the header `Authorization: Bearer <service key>`. The operator makes one with `zoho-connector keys create --connections NAME`.";
    /// A key that is unknown, revoked or wrong.
    KeyInvalid = "key_invalid", 401, false, Agent, "Service key not accepted",
        "The key is mistyped, was revoked or belongs to another connector. Ask the operator for a new one (`zoho-connector keys create --connections NAME`).";
    /// A key past its end date.
    KeyExpired = "key_expired", 401, false, Operator, "Service key expired",
        "Ask the operator for a new key (`zoho-connector keys create --connections NAME`).";
    /// A key without the permission that the route needs.
    KeyNotAllowed = "key_not_allowed", 403, false, Agent, "Not allowed for this key",
        "Ask the operator for a key with the permission named in `detail`. Trying again with this key cannot help.";
    /// A key that has used its share of the day.
    KeyDailyLimit = "key_daily_limit", 429, true, Agent, "This key's share of the day is used up",
        "Try again after `retry_after` seconds, or ask the operator for a key with a larger share (`zoho-connector keys create --connections NAME --calls-per-day 5000`).";
    /// A call that the pass-through refuses for every key.
    PathDenied = "path_denied", 403, false, Agent, "Never passed through to Zoho",
        "No key can do this through the connector; `detail` says why. A person does it in Zoho itself, or the operator with `zoho-connector`.";

    // The request
    /// No such route.
    RouteNotFound = "route_not_found", 404, false, Agent, "No such route",
        "`GET /v1` lists the routes that your key may call, and its connections.";
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, false, Agent, "Method not allowed on this route",
        "Use a method that the header `Allow` names; `GET /v1` says what each does.";
    /// A parameter that is unknown or has an impossible value.
    InvalidParameter = "invalid_parameter", 400, false, Agent, "Parameter not accepted",
        "Correct or leave out the parameter named in `detail`. Unknown parameters are refused, because a filter that is silently ignored gives wrong answers.";
    /// A body that exceeds the route's limit.
    BodyTooLarge = "body_too_large", 413, false, Agent, "Body too large",
        "Send less at once; `detail` names the limit. A long text can be split over several notes.";
    /// The connection does not exist, or the key does not include it.
    ConnectionUnknown = "connection_unknown", 404, false, Agent, "No such connection",
        "`GET /v1/status` lists the connections of this key.";
    /// No connection of this key has the product.
    ProductNotConnected = "product_not_connected", 409, false, Operator, "Product not connected",
        "The connection in `detail`, or each of this key's, lacks this Zoho product. The operator adds it with `zoho-connector connect --connection NAME --products inventory,crm`, and with the `--access` that the connection has: a consent replaces the one before it.";
    /// More than one connection of this key has the product.
    ConnectionAmbiguous = "connection_ambiguous", 400, false, Agent, "More than one connection fits",
        "Send the header `Zoho-Connection: <name>` with one of the names in `detail`.";
    /// The organisation in the request is not the connection's.
    OrganizationMismatch = "organization_mismatch", 409, false, Agent, "Other organisation",
        "Leave out the header `Zoho-Organization`, or choose a connection of that organisation (`GET /v1/status`).";
    /// No record with that id.
    RecordNotFound = "record_not_found", 404, false, Agent, "No such record in Zoho",
        "Check the id; list the records to find it. Ids are strings of digits and differ between Inventory and CRM.";
    /// No item has that SKU.
    SkuNotFound = "sku_not_found", 404, false, Agent, "No item with this SKU",
        "SKUs are compared exactly, capitals and spaces included. `search=` finds items by a part of name or SKU.";
    /// Several items have that SKU.
    SkuAmbiguous = "sku_ambiguous", 409, false, ZohoUser, "Several items with this SKU",
        "Choose one of the item ids in `detail` and name the item by it: `item_id` in a body, or `/v1/inventory/items/{item_id}`. The SKUs should be made unique in Zoho.";
    /// Zoho ignored the filter, and there are too many items to search.
    SkuUnresolved = "sku_unresolved", 409, false, Zoho, "The SKU could not be looked up",
        "Find the item by listing `/v1/inventory/items`, then use `/v1/inventory/items/{item_id}`.";
    /// The only item with that SKU is inactive.
    SkuInactive = "sku_inactive", 409, false, ZohoUser, "The item with this SKU is inactive",
        "Do not sell or adjust it. `/v1/inventory/items/{item_id}` with the id in `detail` shows it; a person can activate it in Zoho.";

    /// No mapping has that product id.
    ProductUnmapped = "product_unmapped", 404, false, Agent, "No mapping for this product id",
        "`PUT /v1/inventory/mappings?product_id=` says which SKU or item it is, `POST /v1/inventory/mappings` imports many. Product ids are compared exactly.";
    /// The item of a mapping is gone, or another one by now.
    MappingStale = "mapping_stale", 409, false, ZohoUser, "The mapping no longer fits what Zoho has",
        "Nothing was remapped. Look at the item that `detail` names; then say what is right with `PUT /v1/inventory/mappings?product_id=`, or remove the mapping.";

    /// No location has that id or name.
    LocationNotFound = "location_not_found", 404, false, Agent, "No such location",
        "Use one of the names in `detail`, to the letter, or a `location_id` of `GET /v1/inventory/locations`.";

    // Stock
    /// The stock is no longer what the caller expected.
    StockChanged = "stock_changed", 409, false, Nobody, "The stock is not what you expected",
        "Nothing was written. Decide anew from the figure in `detail`, and send it as `expected`.";
    /// The item's stock cannot be adjusted or moved.
    ItemNotAdjustable = "item_not_adjustable", 409, false, ZohoUser, "The stock of this item cannot be moved so",
        "`detail` says why for each item. Nothing was written; leave these items out, or a person changes them in Zoho.";
    /// Another write moves stock.
    StockInProgress = "stock_in_progress", 409, true, Nobody, "Another stock write is at work",
        "Send the same request again after `retry_after` seconds, with the same `Idempotency-Key`.";

    // Reconciliations
    /// No reconciliation has that id.
    ReconciliationNotFound = "reconciliation_not_found", 404, false, Agent, "No such reconciliation",
        "`GET /v1/inventory/reconciliations` lists those of the connection, newest first.";
    /// The reconciliation is at another step.
    ReconciliationState = "reconciliation_state", 409, false, Agent, "The reconciliation is at another step",
        "`GET /v1/inventory/reconciliations` says how far each is; POST to its `next` to go on with it.";
    /// The comparison is too old to be applied.
    ReconciliationExpired = "reconciliation_expired", 409, false, Nobody, "The comparison is too old",
        "Count again and make a new reconciliation: what was compared is applied within 7 days.";
    /// More calls to Zoho than may be made without asking.
    CallsUnconfirmed = "calls_unconfirmed", 428, false, Agent, "This takes many of Zoho's calls of the day",
        "Nothing was done. If it may take the calls that `detail` names, send the same request again with `calls=ok` in the query.";

    // Writes
    /// A body that does not fit the route.
    BodyInvalid = "body_invalid", 400, false, Agent, "Body not accepted",
        "Correct what `detail` names. `GET /v1` shows the usual body of this route, `GET /openapi.json?for=key` all of its fields.";
    /// No customer has that name.
    CustomerNotFound = "customer_not_found", 404, false, Agent, "No customer of this name",
        "Names are compared exactly. `GET /v1/inventory/contacts?search=` finds customers by a part of the name; then send `customer_id`.";
    /// Several customers have that name.
    CustomerAmbiguous = "customer_ambiguous", 409, false, Agent, "Several customers of this name",
        "Send `customer_id` with one of the ids in `detail`.";
    /// A value that the field does not allow.
    ValueNotAllowed = "value_not_allowed", 422, false, Agent, "Value not allowed for this field",
        "Use one of the values in `detail`, to the letter.";
    /// A write without its required preview.
    PreviewRequired = "preview_required", 428, false, Agent, "This write needs a preview",
        "Send the same request with `?dry_run=true`, show what it answers to a person if in doubt, and send it again with the header `Idempotency-Key: <preview_id>` within 15 minutes.";
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, false, Agent, "Idempotency key used with another request",
        "Use a new `Idempotency-Key` for a new request; the old one belongs to the request it was first sent with, for 24 hours.";
    /// The first request with this idempotency key is still running.
    IdempotencyInProgress = "idempotency_in_progress", 409, true, Nobody, "The same request is at work",
        "Send the same request with the same `Idempotency-Key` after `retry_after` seconds to get its answer.";
    /// The record was changed after the time that the caller named.
    RecordModified = "record_modified", 412, false, Nobody, "The record was changed in the meantime",
        "Read the record again, decide anew, and send the change with its new `Modified_Time` in `If-Unmodified-Since`.";
    /// The record is locked.
    RecordLocked = "record_locked", 409, true, ZohoUser, "The record is locked in Zoho",
        "Try again after `retry_after` seconds. If it stays locked, a person must unlock it in Zoho.";
    /// It is not known whether Zoho performed the write.
    WriteUncertain = "write_uncertain", 502, false, Zoho, "It is not known whether Zoho did this",
        "Do not send it again as a new request: it could be done twice. Look for it in Zoho. Only where `detail` says so does the same request with the same `Idempotency-Key` look for it.";

    // The state of the connection
    /// The grant is dead.
    ReconnectRequired = "reconnect_required", 409, false, ZohoUser, "The connection to Zoho has ended",
        "A person must open `reconnect_url` (or run `zoho-connector connect --connection NAME`) and consent again. Until then every call will fail like this.";
    /// Client id or secret are wrong.
    ConnectionMisconfigured = "connection_misconfigured", 409, false, Operator, "The connection is misconfigured",
        "The operator must correct the client id, secret or data centre (`zoho-connector client set --id ID --data-centre DATA_CENTRE`). Trying again cannot help until then.";
    /// Zoho throttles token requests, or our own budget is spent.
    TokenCoolingDown = "token_cooling_down", 503, true, Zoho, "Waiting before Zoho gives a new access token",
        "Try again after `retry_after` seconds. Nothing is wrong with the connection.";
    /// A new access token is on its way.
    TokenPending = "token_pending", 503, true, Nobody, "A new access token is on its way",
        "Try again after `retry_after` seconds.";
    /// The token lacks a scope.
    ScopeMissing = "scope_missing", 403, false, Operator, "The connection lacks a Zoho scope",
        "The operator must connect again with the scope named in `detail`: `zoho-connector connect --connection NAME --access write` (`read` where nothing shall be written), or `--scopes` with all that the connection shall have. Trying again cannot help until then.";

    // Zoho's answers
    /// Zoho refused the request.
    ZohoRejected = "zoho_rejected", 400, false, Agent, "Zoho refused the request",
        "Read `zoho.message`: Zoho says there which value it did not accept.";
    /// The Zoho user may not do this.
    ZohoForbidden = "zoho_forbidden", 403, false, ZohoUser, "The Zoho user may not do this",
        "The person who connected Zoho lacks this right in Zoho itself. An administrator of Zoho must grant it, or another user must connect.";
    /// The organisation is not this user's.
    OrganizationRefused = "organization_refused", 409, false, ZohoUser, "Zoho does not accept the organisation",
        "The user who connected is no longer in this organisation. The operator must connect again (`zoho-connector connect --connection NAME`).";
    /// Too many calls in a short time.
    ZohoRateLimited = "zoho_rate_limited", 429, true, Nobody, "Zoho's rate limit is reached",
        "Try again after `retry_after` seconds. Ask for more rows per call (`per_page=200`) rather than for more calls.";
    /// The calls of the day are used up.
    ZohoDailyLimit = "zoho_daily_limit", 429, true, Nobody, "Zoho's daily limit is reached",
        "The organisation has used up its API calls of the day. Try again after `retry_after` seconds, or a person raises the plan in Zoho.";
    /// Zoho failed.
    ZohoUnavailable = "zoho_unavailable", 502, true, Zoho, "Zoho does not answer properly",
        "Nothing is wrong with the request. Try again after `retry_after` seconds.";
    /// Zoho did not answer in time.
    ZohoTimeout = "zoho_timeout", 504, true, Zoho, "Zoho did not answer in time",
        "Nothing is wrong with the request. Try again after `retry_after` seconds, or ask for fewer rows.";
    /// Zoho's answer is not the expected JSON.
    ZohoUnreadable = "zoho_unreadable", 502, true, Zoho, "Zoho's answer cannot be read",
        "Zoho sent something other than data, as it does during maintenance. Try again after `retry_after` seconds.";
    /// Zoho's answer exceeds the size limit.
    ResponseTooLarge = "response_too_large", 502, false, Agent, "Zoho's answer is too large",
        "Of a read, ask for fewer rows with `per_page=`, or for fewer fields with `fields=`. A write that `detail` says was done is not sent again: read the record.";

    // Events
    /// No event or delivery has that id.
    EventNotFound = "event_not_found", 404, false, Agent, "No such event",
        "`GET /v1/events` lists the events that are kept. Take ids as `POST /v1/events/claim` or the message about the events gave them, to the letter.";
    /// Another run has claimed the events.
    EventsClaimed = "events_claimed", 409, false, Nobody, "Another run has these events",
        "Do not work on them: the run that claimed them does. What it leaves undone can be claimed when its time is over, or comes in another delivery.";
    /// The caller holds no claim on the event.
    EventNotClaimed = "event_not_claimed", 409, false, Agent, "The event is not claimed by you",
        "Claim events with `POST /v1/events/claim` before you work on them. If your claim ran out, another run may have the event now: leave it.";

    // Webhooks
    /// No signature.
    WebhookUnsigned = "webhook_unsigned", 401, false, Sender, "Webhook without a signature",
        "Enter at the sender the secret that `zoho-connector webhooks rotate --connection NAME --source SOURCE` prints, so that it signs its calls. NAME and SOURCE stand in the URL.";
    /// A signature that does not fit.
    WebhookSignature = "webhook_signature_invalid", 401, false, Sender, "Webhook signature does not fit",
        "The secret at the sender and the one of this connection differ (`zoho-connector webhooks rotate --connection NAME --source SOURCE` makes a new one; NAME and SOURCE stand in the URL), or something on the way changed the body.";
    /// A token other than the channel's.
    WebhookToken = "webhook_token_invalid", 401, false, Sender, "Not the token of a channel",
        "The channel was made by somebody else, or its token was replaced. The operator removes the channel at Zoho CRM or sets it up anew.";
    /// No webhook source at this path.
    WebhookUnknown = "webhook_unknown", 404, false, Sender, "No such webhook source",
        "The path must be `/webhooks/<connection>/inventory/<event>`, `/webhooks/<connection>/crm` or `/webhooks/<connection>/custom/<event>`, and the connection must have a secret for that source.";
    /// A body that is neither JSON nor a form.
    WebhookUnreadable = "webhook_unreadable", 400, false, Sender, "Webhook body cannot be read",
        "Send JSON or a form: from Zoho Inventory the default payload or a form field `JSONString` holding it.";
    /// A query string where the source expects none.
    WebhookQuery = "webhook_query_refused", 400, false, Sender, "Webhook URL with a query string",
        "Remove the query string from the webhook's URL: what it would say belongs into the path. Where Zoho Inventory must have one, `zoho-connector webhooks rotate --connection NAME --query-string expected` allows it.";

    // The connector itself
    /// As many calls are under way as the connector takes at a time.
    ConnectorBusy = "connector_busy", 503, true, Nobody, "As many calls are under way as the connector takes",
        "Nothing was done: send the same request again after `retry_after` seconds, a write with the same `Idempotency-Key`.";
    /// The connector's store does not answer.
    StoreUnavailable = "store_unavailable", 503, true, Connector, "The connector's store does not answer",
        "Try again after `retry_after` seconds. The operator finds the cause in the log under `request_id`.";
    /// A bug in the connector.
    Internal = "internal_error", 500, false, Connector, "A fault in the connector",
        "This is a bug. Tell the operator the `request_id`: the log has the cause under it.";
}

impl Code {
    /// The code as callers see it.
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The kind of problem, in words.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Whether the same request can succeed later.
    pub const fn is_retryable(self) -> bool {
        self.row().retryable
    }

    /// Whose fault it is.
    pub const fn fault(self) -> Party {
        self.row().fault
    }

    /// What to do next.
    pub const fn hint(self) -> &'static str {
        self.row().hint
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_says_what_to_do() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let row = code.row();
            assert!(seen.insert(row.code), "{} stands twice", row.code);
            assert!((400..600).contains(&row.status), "{}", row.code);
            assert!(row.hint.len() > 15 && row.hint.ends_with('.'), "{}", row.code);
            assert!(!row.title.ends_with('.'), "{}", row.code);
        }
    }

    #[test]
    fn a_command_that_changes_a_connection_names_it() {
        for code in Code::ALL {
            for part in code.hint().split('`').skip(1).step_by(2) {
                let changes = |command: &str| {
                    let flags =
                        part.strip_prefix("zoho-connector ").and_then(|part| part.strip_prefix(command));
                    flags.is_some_and(|flags| flags.is_empty() || flags.starts_with(' '))
                };
                if ["connect", "webhooks"].into_iter().any(changes) {
                    assert!(part.contains(" --connection NAME"), "{part}: it would change the usual one");
                }
            }
        }
    }

    #[test]
    fn the_table_as_callers_see_it() {
        let table: Vec<_> = Code::ALL
            .iter()
            .map(|code| {
                let row = code.row();
                let again = if row.retryable { "retryable" } else { "final" };
                format!("{} {} {again}: {}. {}", row.status, row.code, row.title, row.hint)
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
