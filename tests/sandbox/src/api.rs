//! The types with which tests and the demo use the sandbox.

use std::time::Duration;

use jiff::Timestamp;

use crate::gate::Gate;

/// The setup of a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// Public base of this sandbox, no trailing slash: accounts-server, `api_domain` and pages start with it.
    pub base_url: String,
    /// Data centre the Zoho user's account lives in.
    pub user_data_centre: String,
    /// Generated items besides the hand-written ones.
    pub extra_items: usize,
    /// Generated deals besides the hand-written ones.
    pub extra_deals: usize,
    /// Inventory organisations of the user; only the first has data.
    pub organizations: usize,
    /// What the first is called.
    pub organization: String,
    /// The time at which its clock stands until a test moves it. Without it, the clock follows the machine's.
    pub standing: Option<Timestamp>,
}

impl Options {
    /// One organisation, a user in the EU, hand-written data only.
    pub fn new(base_url: impl Into<String>) -> Self {
        let base_url = base_url.into().trim_end_matches('/').to_owned();
        Self {
            base_url,
            user_data_centre: "eu".to_owned(),
            extra_items: 0,
            extra_deals: 0,
            organizations: 1,
            organization: "Nordlicht Moebel".to_owned(),
            standing: None,
        }
    }
}

/// An app registered in Zoho's API console.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// Client id.
    pub id: String,
    /// Secret of the home data centre, and of all others without an entry in `secrets`.
    pub secret: String,
    /// Redirect URIs, compared character by character.
    pub redirect_uris: Vec<String>,
    /// Data centre where the app is registered.
    pub home: String,
    /// Whether users of other data centres may connect.
    pub multi_dc: bool,
    /// Own secrets per data centre: (data centre, secret).
    pub secrets: Vec<(String, String)>,
}

/// A workflow rule with a webhook action.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The address to which it is sent.
    pub url: String,
    /// Signing secret; empty = no signature header.
    pub secret: String,
    /// The module the rule watches.
    pub entity: Entity,
    /// How the payload is wrapped.
    pub body: BodyForm,
    /// How the signature is written; Zoho does not document it.
    pub encoding: SignatureEncoding,
}

/// The module a workflow rule watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entity {
    /// Inventory items.
    Item,
    /// Inventory sales orders.
    SalesOrder,
    /// Inventory adjustments.
    Adjustment,
}

/// How a webhook wraps its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// The default payload, JSON.
    Json,
    /// A form with the JSON in `JSONString`.
    Form,
}

/// How a webhook writes its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Lower-case hexadecimal, as in working third-party code.
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// An edit that a person makes in Zoho's own pages.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ItemChange {
    /// Stock of the primary location moves by this much.
    Stock(f64),
    /// A new name.
    Rename(String),
    /// A new SKU.
    Sku(String),
    /// A new selling rate, digits kept.
    Rate(String),
    /// Active or inactive.
    Active(bool),
    /// The item is gone; the webhook carries little more than its id.
    Delete,
}

/// The true stock of an item at a place, as decimal text; reads may show it late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceStock {
    /// The place's id.
    pub location_id: String,
    /// Its name.
    pub location_name: String,
    /// What Zoho calls stock on hand.
    pub on_hand: String,
    /// By invoices and bills.
    pub accounting: String,
    /// By shipments and receipts.
    pub physical: String,
    /// Promised to confirmed orders.
    pub committed: String,
    /// On its way to this place.
    pub in_transit: String,
}

/// One delivery as it was sent, and its answer.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The address.
    pub url: String,
    /// The receiver's status; `None` if it could not be reached.
    pub status: Option<u16>,
    /// Body sent.
    pub body: String,
    /// Signature sent.
    pub signature: String,
    /// Body of the answer, or why there was none.
    pub answer: String,
}

/// One request the sandbox received.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// HTTP method.
    pub method: String,
    /// Path below the base.
    pub path: String,
    /// Query string as sent.
    pub query: String,
    /// Headers in order; names lower case.
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
    /// Status answered; 0 if none was (still working, or the connection was dropped).
    pub status: u16,
}

/// A fault that happens `times` times, on paths that contain a text.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Text the path (with its query) must contain; empty = every path.
    pub path_contains: String,
    /// How many requests it hits.
    pub times: usize,
    /// The kind of fault.
    pub kind: FaultKind,
}

/// The kind of a fault. Unless a kind says otherwise, the request was not performed.
#[derive(Debug, Clone)]
pub enum FaultKind {
    /// The request is performed late. If the caller leaves meanwhile, nothing is changed.
    Slow(Duration),
    /// The request is performed at once, but the answer comes late.
    SlowAfter(Duration),
    /// The request is performed when the gate is opened.
    Held(Gate),
    /// The request is performed at once, and answered when the gate is opened.
    HeldAfter(Gate),
    /// The connection closes, and the request was not performed.
    ResetBefore,
    /// The request was performed, but the connection closes without an answer.
    ResetAfter,
    /// This status with an HTML body. The request was not performed.
    Status(u16),
    /// The request was performed, but the answer is this status with an HTML body.
    StatusAfter(u16),
    /// An HTML maintenance page under 200. The request was not performed.
    Html200,
    /// The request was performed, but the answer is an HTML page under 200.
    Html200After,
    /// A limit is reached.
    RateLimit(Limit),
    /// 200 with JSON that breaks off.
    GarbageJson,
    /// Any answer: status, content type, text.
    Body(u16, String, String),
    /// The same with more headers, named in small letters.
    Told(u16, Vec<(&'static str, String)>, String),
}

/// Zoho's API limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Inventory code 44.
    PerMinute,
    /// Inventory code 45.
    PerDay,
    /// Inventory code 1070.
    Concurrent,
    /// CRM `TOO_MANY_REQUESTS`.
    CrmTooMany,
}
