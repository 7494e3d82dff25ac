//! The pass-through: the rest of Zoho, as Zoho writes it, and nowhere else.

mod binary;
mod permitted;
mod reads;
mod tricks;
mod writes;

use sandbox::{Fault, FaultKind, Recorded};
use serde_json::Value;
use tests::agent::Agent;
use tests::connector::Connector;

const GROUPS: &str = "/v1/zoho/inventory/itemgroups";
const IMAGE: &str = "/v1/zoho/inventory/items/3300000000070001/image";
const SCOPES: &str = "ZohoInventory.FullAccess.all,ZohoCRM.modules.ALL,ZohoCRM.org.READ";
const ALL: &str = "inventory:read,crm:read,zoho:*:inventory/**,zoho:*:crm/**";
const ORGANIZATION: &str = "organization_id=20098765432";

async fn all_of_zoho() -> (Connector, Agent) {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", SCOPES]).await;
    connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    let agent = connector.agent(&["--can", ALL]).await;
    (connector, agent)
}

/// The calls to Zoho's products whose path contains this.
fn sent(connector: &Connector, path: &str) -> Vec<Recorded> {
    let requests = connector.zoho.sandbox.requests().into_iter();
    requests.filter(|request| request.path.contains("/api/") && request.path.contains(path)).collect()
}

fn fault(connector: &Connector, path: &str, kind: FaultKind) {
    connector.zoho.sandbox.inject(Fault { path_contains: path.to_owned(), times: 1, kind });
}

/// Bytes that are no text, and differ.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes().get(3).copied().unwrap_or_default()
    };
    std::iter::repeat_with(next).take(size).collect()
}

const BOUNDARY: &str = "----zoho-connector-0123456789";

fn upload(image: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"oak.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), image, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

async fn post_image(agent: &Agent, path: &str, headers: &[(&str, &str)], image: &[u8]) -> (u16, Value) {
    post_form(agent, path, headers, upload(image), BOUNDARY).await
}

/// Posts an upload with another boundary.
async fn post_form(
    agent: &Agent,
    path: &str,
    headers: &[(&str, &str)],
    mut form: Vec<u8>,
    boundary: &str,
) -> (u16, Value) {
    let own = BOUNDARY.as_bytes();
    while let Some(at) = form.windows(own.len()).position(|here| here == own).filter(|_| boundary != BOUNDARY)
    {
        form.splice(at..at + own.len(), boundary.bytes());
    }
    let kind = format!("multipart/form-data; boundary={boundary}");
    let headers = [headers, &[("content-type", kind.as_str())]].concat();
    let (status, _, body) = agent.bytes("POST", path, &headers, form).await;
    (status, serde_json::from_slice(&body).unwrap())
}
