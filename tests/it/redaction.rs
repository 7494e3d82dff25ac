//! Keys that see no data of contacts: what they are told is the same whatever that data is, and they neither write nor match it.
//! Numbers that people wrote into free text are not part of it.

use serde_json::{Value, json};
use tests::agent::Agent;
use tests::connector::Connector;
use tests::parallel::each_seed;
use tests::simulation::random::Random;
use tests::two_worlds::{EVENT, NEXT, PREVIEW, World};

/// Requests of one life of the two worlds: what is written makes them larger.
const LIFE: u64 = 500;

struct Ask {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

/// Words that somebody would look for who wants to know: parts of the data of both worlds, and harmless ones.
fn word(random: &Random, worlds: &[World; 2]) -> String {
    const PLAIN: &[&str] = &[
        "Lea",
        "Firm",
        "Deal 1",
        "Name2",
        "oak",
        "SO-",
        "W-1",
        "Sample",
        "l",
        "e",
        "43",
        "0",
        "@",
        "le",
        "Order of ",
    ];
    if random.chance(400) {
        return random.pick(PLAIN).to_owned();
    }
    let own = &worlds[usize::from(random.chance(500))].personal;
    let all = if random.chance(500) { &own.addresses } else { &own.numbers };
    let whole: Vec<char> = random.pick(&all.iter().collect::<Vec<_>>()).chars().collect();
    let length = u64::try_from(whole.len()).unwrap();
    let at = |low, high| usize::try_from(random.between(low, high)).unwrap();
    match random.between(0, 2) {
        0 => whole[..at(1, length)].iter().collect(),
        1 => whole[at(0, length - 1)..].iter().collect(),
        _ => whole.iter().collect(),
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

const READS: &[&str] = &[
    "/v1/inventory/contacts?per_page={n}",
    "/v1/inventory/contacts?search={w}&per_page={n}",
    "/v1/inventory/contacts?search={w}&fields=phone",
    "/v1/inventory/contacts?email={w}",
    "/v1/inventory/contacts/3300000000400003",
    "/v1/inventory/contacts/3300000000060210",
    "/v1/inventory/salesorders?search={w}",
    "/v1/inventory/salesorders?reference_number={w}",
    "/v1/inventory/salesorders?per_page={n}",
    "/v1/inventory/salesorders/3300000000080407",
    "/v1/inventory/items?search={w}&per_page={n}",
    "/v1/inventory/items?sku={w}",
    "/v1/inventory/items?sku=SAMPLE-1",
    "/v1/inventory/purchaseorders?search={w}",
    "/v1/inventory/packages",
    "/v1/crm/contacts?per_page={n}",
    "/v1/crm/contacts?search={w}&per_page={n}",
    "/v1/crm/contacts?phone={w}",
    "/v1/crm/contacts?search={w}&fields=Phone",
    "/v1/crm/accounts?search={w}",
    "/v1/crm/contacts/{id}",
    "/v1/crm/accounts/{id}",
    "/v1/crm/deals?search={w}&per_page={n}",
    "/v1/crm/deals?stage=Qualification&search={w}",
    "/v1/crm/deals?stage={w}",
    "/v1/crm/deals/{id}",
    "/v1/crm/deals/{id}/brief",
    "/v1/crm/deals/6100000000451001/brief",
    "/v1/crm/deals/{id}/notes?per_page={n}",
    "/v1/crm/fields?module=Contacts",
    "/v1/events?per_page={n}",
    "/v1/events/{event}",
    "/v1/audit?per_page={n}",
    "/v1/audit?per_page={n}&details=true",
    "/v1/audit?key=mine",
    "/v1/status",
    "/v1/zoho/inventory/contacts?phone_contains={w}",
    "/v1/zoho/inventory/contacts?{f}={w}",
    "/v1/zoho/inventory/contacts?page=1&per_page={n}",
    "/v1/zoho/inventory/contacts?sort_column={f}",
    "/v1/zoho/inventory/items?per_page={n}",
    "/v1/zoho/inventory/items?search_text={w}",
    "/v1/zoho/inventory/contacts/3300000000400002",
    "/v1/zoho/crm/Contacts?fields=Email,Phone,Last_Name&per_page={n}",
    "/v1/zoho/crm/Contacts/search?word={w}",
    "/v1/zoho/crm/Contacts/search?{f}={w}",
    "/v1/zoho/crm/Contacts?sort_by={f}&fields=id",
    "/v1/zoho/crm/Contacts/actions/count?criteria=(Phone:starts_with:{w})",
    "/v1/zoho/crm/Contacts/actions/count",
    "/v1/zoho/crm/Contacts/{id}",
    "/v1/zoho/crm/Deals/{id}",
    "/v1/zoho/crm/Deals/{id}/Notes?fields=Note_Content",
    "{next}",
    "{next}",
];

const FIELDS: &[&str] = &[
    "email",
    "phone",
    "mobile_contains",
    "contact_name",
    "contact_name_startswith",
    "criteria",
    "search_text",
    "word",
    "created_time",
    "Email",
    "Phone",
    "Last_Name",
    "id",
    "cell",
    "filter_by",
    "status",
    "customview_id",
];

const COLUMNS: &[&str] = &[
    "id",
    "Deal_Name",
    "Next_Step",
    "Amount",
    "Stage",
    "External_Order_ID",
    "Contact_Name.Email",
    "Contact_Name.Last_Name",
    "Created_Time",
];

fn query(random: &Random, word: &str) -> Value {
    let column = || random.pick(COLUMNS);
    let (module, column) = if random.chance(700) {
        ("Deals", column())
    } else {
        ("Contacts", random.pick(&["Last_Name", "Phone", "id", "Email"]))
    };
    let condition = match random.between(0, 6) {
        0 => format!("{column} = :v"),
        1 => format!("{column} like :v"),
        2 => format!("{column} > :v"),
        3 => format!("{column} between :v and :v"),
        4 => format!("{column} in (:v)"),
        5 => format!("{column} != :v"),
        _ => format!("({column} is not null and {column} <= :v)"),
    };
    let query = match random.between(0, 4) {
        0 => format!("select id, {column} from {module} where {condition} order by {column} desc limit 5"),
        1 => format!("select count(id) from {module} where {condition}"),
        2 => format!("select {column}, count(id) from {module} where id is not null group by {column}"),
        3 => format!("select max({column}) from {module} where {condition}"),
        _ => format!("select id, {column} from {module} where {condition}"),
    };
    let value = match random.between(0, 2) {
        0 => json!(word),
        1 => json!(format!("{word}%")),
        _ => json!(format!("%{word}%")),
    };
    if query.contains(":v") {
        json!({ "query": query, "params": { "v": value } })
    } else {
        json!({ "query": query })
    }
}

fn write(random: &Random, word: &str, id: &str) -> (&'static str, String, Value) {
    let dry = if random.chance(500) { "?dry_run=true" } else { "" };
    let amount = random.between(1, 99);
    match random.between(0, 9) {
        0 => (
            "POST",
            format!("/v1/crm/deals{dry}"),
            json!({ "Deal_Name": word, "Stage": "Qualification", "Amount": amount }),
        ),
        1 => ("PATCH", format!("/v1/crm/deals/{id}{dry}"), json!({ "Next_Step": word })),
        2 => ("PATCH", format!("/v1/crm/deals/{id}{dry}"), json!({ "External_Order_ID": word })),
        3 => {
            let by = random.pick(&["External_Order_ID", "Deal_Name", "Email"]);
            let fewer = json!({ "Deal_Name": "Upserted", "Stage": "Qualification", by: word });
            ("POST", format!("/v1/crm/deals/upsert?by={by}{}", dry.replace('?', "&")), fewer)
        }
        4 => ("POST", format!("/v1/crm/deals/{id}/notes{dry}"), json!({ "Note_Content": word })),
        5 => {
            let line = json!([{ "sku": "SAMPLE-1", "quantity": amount }]);
            (
                "POST",
                format!("/v1/inventory/salesorders{dry}"),
                json!({ "customer": word, "line_items": line }),
            )
        }
        6 => {
            let data = json!([{ "Last_Name": word, random.pick(&["Phone", "Email", "First_Name"]): word }]);
            ("POST", format!("/v1/zoho/crm/Contacts{dry}"), json!({ "data": data }))
        }
        7 => {
            let data = json!({ "data": [{ "Last_Name": "x" }], "duplicate_check_fields": ["Email"] });
            ("POST", "/v1/zoho/crm/Contacts/upsert".to_owned(), data)
        }
        8 => (
            "POST",
            "/v1/zoho/crm/coql".to_owned(),
            json!({ "select_query": format!("select id from Contacts where Phone like '{word}%'") }),
        ),
        _ => ("POST", "/v1/events/claim".to_owned(), json!({ "limit": amount })),
    }
}

fn ask(random: &Random, worlds: &[World; 2]) -> Ask {
    let word = word(random, worlds);
    let id = format!("61000000007000{:02}", random.between(1, 26));
    if random.chance(150) {
        return Ask {
            method: "POST",
            path: "/v1/crm/query".to_owned(),
            headers: Vec::new(),
            body: query(random, &word),
        };
    }
    if random.chance(200) {
        let (method, path, body) = write(random, &word, &id);
        let mut headers = Vec::new();
        if random.chance(300) {
            // Some are sent again, and some perform what was previewed.
            let key =
                if random.chance(500) { PREVIEW.to_owned() } else { format!("k{}", random.between(0, 9)) };
            headers.push(("idempotency-key", key));
        }
        return Ask { method, path, headers, body };
    }
    let path = random.pick(READS).replace("{w}", &encoded(&word)).replace("{f}", random.pick(FIELDS));
    let path = path.replace("{n}", &random.between(1, 9).to_string()).replace("{id}", &id);
    let method = if random.chance(30) { "HEAD" } else { "GET" };
    Ask { method, path, headers: Vec::new(), body: Value::Null }
}

/// Plays one life; how many requests were answered with data.
async fn life(seed: u64, requests: u64) -> u64 {
    let mut worlds = [World::new(seed, 0).await, World::new(seed, 1).await];
    let before = [worlds[0].data_of_people(), worlds[1].data_of_people()];
    let random = Random::new(seed ^ 0xFACE);
    let mut answered = 0;
    for number in 0..requests {
        let Ask { method, path, headers, body } = ask(&random, &worlds);
        let (first, second) = (
            worlds[0].ask(method, &path, &headers, &body).await,
            worlds[1].ask(method, &path, &headers, &body).await,
        );
        assert_eq!(first, second, "seed {seed}, request {number}: {method} {path} {headers:?} {body}");
        answered += u64::from(first.is_some_and(|told| told.status.is_success()));
    }
    for (world, before) in worlds.iter().zip(before) {
        let after = world.data_of_people();
        assert_eq!(after, before, "seed {seed}: such a key wrote data of people");
    }
    answered
}

#[test]
fn what_such_a_key_is_told_does_not_depend_on_data_of_people() {
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    if let Ok(seed) = std::env::var("REDACTION_SEED") {
        let seed = seed.parse().unwrap();
        each_seed(seed..seed + 1, async |seed| life(seed, LIFE).await);
        return;
    }
    let pairs: u64 = number("REDACTION_PAIRS", 10_000);
    let lives = 0..pairs.div_ceil(LIFE);
    let answered: u64 =
        each_seed(lives, async |seed| life(seed, LIFE.min(pairs - seed * LIFE)).await).iter().sum();
    println!("{pairs} pairs, {answered} answered with data");
    assert!(
        answered > pairs * 3 / 10,
        "only {answered} of {pairs} requests were answered: the test proves little"
    );
    assert!(READS.contains(&NEXT) && READS.iter().any(|path| path.contains(EVENT)));
}

const ALL: &str = "inventory:write,crm:write,events,zoho:*:crm/**,zoho:*:inventory/**";

/// A connector with somebody whose number is wanted, and a key that may not see it.
async fn attacked() -> (Connector, Agent) {
    let connector = Connector::start().await;
    connector.connect(&["--scopes", "ZohoInventory.FullAccess.all,ZohoCRM.modules.ALL,ZohoCRM.coql.READ,ZohoCRM.settings.fields.READ,ZohoSearch.securesearch.READ"]).await;
    connector.zoho.sandbox.switches(|switches| switches.per_minute_limit = None);
    connector.zoho.sandbox.add_contact(json!({
        "contact_name": "Wanted", "email": "wanted@example.com", "phone": "0431 555", "notes": "wanted@example.com",
    }));
    let agent = connector.agent(&["--redact", "contacts", "--can", ALL]).await;
    (connector, agent)
}

/// Whether a search finds something tells nothing of what is hidden.
async fn tells_apart(agent: &Agent, right: &str, wrong: &str) -> bool {
    let told = async |path: &str| {
        let answer = agent.get(path).await;
        (
            answer.status,
            answer.body["data"].clone(),
            answer.body["contacts"].clone(),
            answer.body["next"].is_null(),
        )
    };
    told(right).await != told(wrong).await
}

#[tokio::test]
async fn searching_recovers_no_number_and_no_address() {
    let (connector, agent) = attacked().await;
    for (right, wrong) in [
        ("/v1/inventory/contacts?search=wanted%40e", "/v1/inventory/contacts?search=wanted%40f"),
        ("/v1/inventory/contacts?search=0431", "/v1/inventory/contacts?search=0432"),
        ("/v1/inventory/contacts?search=nted%40", "/v1/inventory/contacts?search=ntex%40"),
        ("/v1/crm/contacts?search=5550100", "/v1/crm/contacts?search=5550101"),
        ("/v1/crm/contacts?search=lea%40", "/v1/crm/contacts?search=leb%40"),
    ] {
        assert!(!tells_apart(&agent, right, wrong).await, "{right}");
    }
    let found = agent.get("/v1/inventory/contacts?search=want").await.ok();
    assert_eq!(found["data"][0]["contact_name"], "Wanted", "names are found: {found}");
    let found = agent.get("/v1/crm/contacts?search=Sommer&fields=Phone").await.ok();
    assert_eq!(found["data"][0]["id"], "6100000000440025");
    // Who sees all searches as before.
    let open = connector.agent(&["--can", ALL]).await;
    assert_eq!(open.get("/v1/crm/contacts?search=5550100").await.ok()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn filters_of_zoho_recover_no_number() {
    let (connector, agent) = attacked().await;
    connector.zoho.sandbox.clear_requests();
    for path in [
        "inventory/contacts?phone_contains=0431",
        "inventory/contacts?email_startswith=w",
        "inventory/contacts?search_text=0431",
        "inventory/contacts?sort_column=email",
        "crm/Contacts/search?criteria=(Mobile:starts_with:%2B49)",
        "crm/Contacts/search?word=5550100",
        "crm/Contacts?sort_by=Mobile",
    ] {
        agent.get(&format!("/v1/zoho/{path}")).await.problem("key_not_allowed");
    }
    // No permission is missing, and the hint names none.
    let problem = agent.get("/v1/crm/contacts?email=wanted@example.com").await.problem("key_not_allowed");
    assert!(problem["hint"].as_str().unwrap().contains("without `--redact contacts`"), "{problem}");
    for (path, body) in [
        (
            "/v1/crm/deals/upsert?by=Email&dry_run=true",
            json!({ "Deal_Name": "x", "Stage": "Qualification", "Email": "wanted@example.com" }),
        ),
        (
            "/v1/zoho/crm/Contacts/upsert",
            json!({ "data": [{ "Last_Name": "x" }], "duplicate_check_fields": ["Email"] }),
        ),
        ("/v1/zoho/crm/Contacts", json!({ "data": [{ "Last_Name": "x", "Email": "lea" }] })),
        ("/v1/zoho/crm/coql", json!({ "select_query": "select id from Contacts where Mobile like '+49%'" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where Deal_Name like 'w%'" })),
        ("/v1/crm/query", json!({ "query": "select id from Deals where Deal_Name > 'w'" })),
        (
            "/v1/crm/query",
            json!({ "query": "select id from Deals where id is not null order by Next_Step desc" }),
        ),
    ] {
        agent.write("POST", path, &[], &body).await.problem("key_not_allowed");
    }
    let sent =
        connector.zoho.sandbox.requests().into_iter().filter(|call| !call.path.ends_with("/settings/fields"));
    assert_eq!(sent.count(), 0, "Zoho hears of none of it");
}
