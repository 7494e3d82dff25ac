//! COQL: what it finds, what it refuses.

use serde_json::{Value, json};

use crate::support::{Reply, Zoho};

async fn ask(zoho: &Zoho, token: &str, query: &str) -> Reply {
    zoho.post_crm("/coql", token, &json!({ "select_query": query })).await
}

async fn ids(zoho: &Zoho, token: &str, rest: &str) -> String {
    let reply = ask(zoho, token, &format!("select id from Deals where {rest}")).await;
    if reply.status == 204 {
        return String::new();
    }
    let rows = reply.json()["data"].as_array().cloned().unwrap_or_else(|| panic!("{rest}: {reply:?}"));
    let last = |row: &Value| row["id"].as_str().unwrap().replace("610000000045100", "");
    rows.iter().map(last).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn conditions_find_what_they_say() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    for (condition, expected) in [
        ("Stage = 'Qualification'", "1"),
        ("Stage = 'Qualif'", ""),
        ("Deal_Name = 'spring reorder'", ""),
        ("Deal_Name like 'spring%'", "1"),
        ("Deal_Name like '%r%' and Deal_Name not like '%a%'", "1 2 5"),
        ("Stage != 'Qualification'", "2 3 4 5 6"),
        ("Stage in ('Closed Lost', 'Qualification')", "1 6"),
        ("Stage not in ('Closed Lost', 'Qualification')", "2 3 4 5"),
        ("Amount > 4300", "2 4"),
        ("Amount >= 4300.00", "1 2 4"),
        ("Amount < 1", "5"),
        ("Amount <= 99.9", "5 6"),
        ("Amount between 99 and 4300", "1 6"),
        ("Amount not between 99 and 4300", "2 4 5"),
        ("Amount is null", "3"),
        ("Amount is not null", "1 2 4 5 6"),
        // Null is neither equal nor unequal.
        ("Amount != 4300", "2 4 5 6"),
        ("Closing_Date between '2026-12-12' and '2026-12-13'", "2 3"),
        ("Modified_Time > '2026-11-19T14:02:43+00:00'", "1 2 3 4 5 6"),
        ("Modified_Time > '2026-11-19T14:02:44+00:00'", ""),
        ("Account_Name = '6100000000440012'", "3 5"),
        ("Account_Name.Account_Name like 'harbor%'", "1 2 4"),
        ("Contact_Name.Email = 'lea@example.com'", "1 4"),
        ("id = 6100000000451003", "3"),
        ("id > '6100000000451004' ORDER BY id DESC", "6 5"),
        ("Stage = 'Qualification' or Amount = 0.1", "1 5"),
        ("((Amount > 100 and Amount < 5000) or (Stage = 'Closed Lost'))", "1 6"),
        ("(Amount is not null and Account_Name is null) and Stage = 'Closed Lost'", "6"),
        ("id is not null order by Amount desc limit 2", "4 2"),
        ("id is not null order by Stage asc, id desc limit 1, 2", "3 4"),
        ("id is not null limit 2 offset 4", "5 6"),
        ("id is not null offset 5", "6"),
    ] {
        assert_eq!(ids(&zoho, &token, condition).await, expected, "{condition}");
    }
    zoho.add_deal(json!({ "Deal_Name": "O'Brien", "id": "6100000000451009" }));
    assert_eq!(ids(&zoho, &token, "Deal_Name = 'O''Brien'").await, "9");
    zoho.switches(|switches| switches.crm_coql_any_case = true);
    assert_eq!(ids(&zoho, &token, "Deal_Name = 'spring REORDER'").await, "1");
}

#[tokio::test]
async fn rows_have_the_columns_asked_for_and_the_id() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let query = "select Deal_Name, Account_Name, Account_Name.Billing_City, Contact_Name from Deals where Amount > 4300 order by Amount limit 1";
    let reply = ask(&zoho, &token, query).await;
    assert_eq!(
        reply.json(),
        json!({ "data": [{ "Deal_Name": "Showroom fit-out", "Account_Name": { "name": "Harbor Interiors GmbH",
            "id": "6100000000440011" }, "Account_Name.Billing_City": "Hamburg", "Contact_Name": null,
            "id": "6100000000451002" }], "info": { "count": 1, "more_records": true } })
    );
    zoho.switches(|switches| switches.crm_coql_lookup_id_only = true);
    assert_eq!(
        ask(&zoho, &token, query).await.json()["data"][0]["Account_Name"],
        json!({ "id": "6100000000440011" })
    );
    let nothing = "select id from Deals where Amount = 7";
    let empty = ask(&zoho, &token, nothing).await;
    assert_eq!((empty.status, empty.text.as_str()), (204, ""));
    zoho.switches(|switches| switches.crm_coql_empty_200 = true);
    assert_eq!(ask(&zoho, &token, nothing).await.json()["data"], json!([]));
    let contacts =
        ask(&zoho, &token, "select Full_Name from Contacts where Email = 'joerg@example.com'").await;
    assert_eq!(contacts.at("/data/0/Full_Name"), "Jörg Grün");
}

#[tokio::test]
async fn records_are_counted_summed_and_grouped() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let rows = async |query: &str| ask(&zoho, &token, query).await.json()["data"].clone();
    assert_eq!(
        rows("select count(id), SUM(Amount) as total, MIN(Closing_Date), MAX(Amount), AVG(Probability) from Deals where Amount between 1000 and 20000").await,
        json!([{ "COUNT(id)": 2, "total": 22_550.0, "MIN(Closing_Date)": "2026-12-11", "MAX(Amount)": 18_250.0,
            "AVG(Probability)": 42.5 }])
    );
    let groups = rows(
        "select Account_Name.Account_Name as account, COUNT(id) as deals from Deals where id is not null \
                       group by Account_Name.Account_Name order by deals desc limit 2",
    )
    .await;
    assert_eq!(groups[0], json!({ "account": "Harbor Interiors GmbH", "deals": 3 }));
    assert_eq!(groups.as_array().unwrap().len(), 2);
    // Null is no value: it is counted by nobody.
    let query = "select COUNT(Amount), SUM(Amount) from Deals where Amount is null";
    assert_eq!(rows(query).await, json!([{ "COUNT(Amount)": 0, "SUM(Amount)": null }]));
    let alias = rows("select Deal_Name as name from Deals where Amount > 1000 order by name limit 1").await;
    assert!(alias[0]["name"].is_string() && alias[0].get("Deal_Name").is_none(), "{alias}");
    zoho.switches(|switches| switches.crm_coql_id_if_selected = true);
    let bare = rows("select Stage from Deals where id = 6100000000451001").await;
    assert_eq!(bare, json!([{ "Stage": "Qualification" }]));
}

#[tokio::test]
async fn the_fields_of_the_columns_come_along_where_asked_for() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let query = "select Stage from Deals where id = 6100000000451001";
    let body = json!({ "select_query": query, "include_meta": ["fields"] });
    let reply = zoho.post_crm("/coql", &token, &body).await.json();
    assert_eq!(reply["fields"]["Stage"]["data_type"], "picklist");
    assert!(ask(&zoho, &token, query).await.json().get("fields").is_none());
}

#[tokio::test]
async fn two_hundred_rows_unless_asked_for_up_to_two_thousand() {
    let zoho = Zoho::start_with(sandbox::Options { extra_deals: 2_500, ..sandbox::Options::new("") }).await;
    let token = zoho.connected().await;
    for (limit, count, more) in
        [("", "200", "true"), ("limit 2000", "2000", "true"), ("limit 2000 offset 2000", "506", "false")]
    {
        let reply = ask(&zoho, &token, &format!("select id from Deals where id is not null {limit}")).await;
        assert_eq!(
            (reply.at("/info/count").as_str(), reply.at("/info/more_records").as_str()),
            (count, more)
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let zoho = Zoho::start().await;
    let token = zoho.connected().await;
    let many = |count: usize| {
        // (((a or a) or a) or a) …
        (1..count).fold("Amount = 1".to_owned(), |inner, _| format!("({inner}) or Amount = 1"))
    };
    assert_eq!(ids(&zoho, &token, &many(25)).await, "");
    let (too_many, columns) = (many(26), vec!["id"; 51].join(","));
    for (query, code, pointer, expected) in [
        ("select id from Deals", "SYNTAX_ERROR", "/details/clause", "where"),
        ("select id from Deals order by id", "SYNTAX_ERROR", "/details/clause", "where"),
        ("select id", "SYNTAX_ERROR", "/details/clause", "from"),
        ("delete from Deals where id = 1", "SYNTAX_ERROR", "/details/near", "delete"),
        ("select * from Deals where id = 1", "SYNTAX_ERROR", "/details/column", "8"),
        (
            "select id from Deals where Stage = Qualification",
            "SYNTAX_ERROR",
            "/details/near",
            "Qualification",
        ),
        ("select id from Deals where Stage = 'Qualif", "SYNTAX_ERROR", "/details/column", "36"),
        ("select id from Deals where (Amount = 1", "SYNTAX_ERROR", "/details/line", "1"),
        (
            "select id from Deals where Amount = 1 and Amount = 2 and Amount = 3",
            "SYNTAX_ERROR",
            "/details/column",
            "54",
        ),
        ("select id from Deals where Amount = 1; drop", "SYNTAX_ERROR", "/details/near", ";"),
        ("select id from Deals where Amount = 1 limit many", "INVALID_QUERY", "/details/limit", "many"),
        (
            "select id from Deals where Amount = 1 limit 0",
            "INVALID_DATA",
            "/message",
            "limit should be greater than 0",
        ),
        ("select id from Deals where Amount = 1 limit 2001", "LIMIT_EXCEEDED", "/details/limit", "2000"),
        (&format!("select {columns} from Deals where id = 1"), "LIMIT_EXCEEDED", "/details/limit", "50"),
        (&format!("select id from Deals where {too_many}"), "LIMIT_EXCEEDED", "/details/limit", "25"),
        ("select Colour from Deals where id = 1", "INVALID_QUERY", "/details/column_name", "Colour"),
        ("select id from Deals where Colour = 'red'", "INVALID_QUERY", "/details/column_name", "Colour"),
        (
            "select id from Deals where id = 1 order by Colour",
            "INVALID_QUERY",
            "/details/column_name",
            "Colour",
        ),
        (
            "select Stage.Colour from Deals where id = 1",
            "INVALID_QUERY",
            "/details/column_name",
            "Stage.Colour",
        ),
        (
            "select id from Deals where Amount = 'much'",
            "INVALID_QUERY",
            "/message",
            "value given seems to be invalid for the column",
        ),
        ("select id from Deals where Deal_Name = 7", "INVALID_QUERY", "/details/column_name", "Deal_Name"),
        ("select id from Deals where Deal_Name > 'a'", "INVALID_QUERY", "/details/operator", ">"),
        ("select id from Deals where Amount like '1%'", "INVALID_QUERY", "/details/operator", "like"),
        (
            "select id from Deals where Modified_Time > 'today'",
            "INVALID_QUERY",
            "/details/column_name",
            "Modified_Time",
        ),
        (
            "select MEDIAN(Amount) from Deals where id = 1",
            "INVALID_DATA",
            "/details/column",
            "MEDIAN(Amount)",
        ),
        ("select Stage, Stage from Deals where id = 1", "DUPLICATE_DATA", "/details/column_name", "Stage"),
        (
            "select MAX(Amount), MAX(Amount) from Deals where id = 1",
            "DUPLICATE_DATA",
            "/details/aggregate",
            "MAX",
        ),
        (
            "select Stage as x, Deal_Name as x from Deals where id = 1",
            "DUPLICATE_ALIAS",
            "/details/referred_columns",
            r#"["Stage","Deal_Name"]"#,
        ),
        ("select Stage as '' from Deals where id = 1", "INVALID_ALIAS", "/details/column_name", "Stage"),
        (
            "select Stage as Deal_Name, Deal_Name from Deals where id = 1",
            "INVALID_QUERY",
            "/details/alias",
            "Deal_Name",
        ),
        (
            "select Stage, COUNT(id) from Deals where id = 1",
            "INVALID_QUERY",
            "/message",
            "unsupported column",
        ),
        ("select SUM(Stage) from Deals where id = 1", "INVALID_QUERY", "/message", "unsupported column"),
        ("select id from Trucks where id = 1", "INVALID_QUERY", "/details/module", "Trucks"),
    ] {
        let reply = ask(&zoho, &token, query).await;
        assert_eq!((reply.status, reply.at("/code").as_str()), (400, code), "{query}");
        assert_eq!(reply.at(pointer), expected, "{query}: {reply:?}");
    }
    let none = zoho.post_crm("/coql", &token, &json!({ "query": "select" })).await;
    assert_eq!(none.at("/code"), "MANDATORY_NOT_FOUND");
    let query = "select id from Deals where id = 1";
    for meta in [json!("fields"), json!(["columns"])] {
        let body = json!({ "select_query": query, "include_meta": meta });
        let reply = zoho.post_crm("/coql", &token, &body).await;
        let about = (reply.at("/code"), reply.at("/details/api_name"));
        assert_eq!(about, ("INVALID_DATA".to_owned(), "include_meta".to_owned()), "{meta}");
    }
}

#[tokio::test]
async fn a_query_needs_its_scope_and_the_modules() {
    let zoho = Zoho::start().await;
    for (scopes, status) in [
        ("ZohoCRM.coql.READ", 401),
        ("ZohoCRM.modules.deals.READ", 401),
        ("ZohoCRM.coql.READ,ZohoCRM.modules.contacts.READ", 401),
        ("ZohoCRM.coql.READ,ZohoCRM.modules.deals.READ", 200),
    ] {
        let (token, _) = zoho.connect(scopes).await;
        assert_eq!(
            ask(&zoho, &token, "select id from Deals where Amount > 0").await.status,
            status,
            "{scopes}"
        );
    }
}
