//! COQL, CRM's query language: the queries that the connector makes itself. Callers' queries are in `bound`.
//! <https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html>

mod bound;
mod literal;

use serde_json::json;

use literal::quoted;

pub use bound::{Bound, Unusable, bind};
pub use literal::is_plain;

/// The scope of queries. Each query also needs the scope of its module.
pub const SCOPE: &str = "ZohoCRM.coql.READ";

/// The most rows that CRM gives for one query; beyond 200 they cost more of its credits.
pub const MAX_ROWS: u32 = 2_000;

/// The address to which queries are posted.
pub fn url(api: &str) -> String {
    format!("{api}/crm/v8/coql")
}

/// The JSON body that is posted.
pub fn body(query: &str) -> String {
    json!({ "select_query": query }).to_string()
}

/// The query for a page of a module: the records after an id, sorted by id. New or deleted records move no others across pages.
pub fn page(module: &str, fields: &str, conditions: &[String], after: Option<&str>, rows: u32) -> String {
    let mut joined = format!("id > {}", after.unwrap_or("0"));
    for condition in conditions {
        // COQL wants more than two conditions bracketed pair by pair.
        joined = format!("({condition} and {joined})");
    }
    let columns = columns(fields);
    format!("select {columns} from {module} where {joined} order by id asc limit {rows}")
}

/// The query for the contacts of an account, and for one more contact, who may belong to another account.
pub fn people_of(fields: &str, account: &str, contact: Option<&str>, rows: u32) -> String {
    let whose = format!("Account_Name = {}", quoted(account));
    let whose = contact.map_or(whose.clone(), |contact| format!("({whose} or id = {})", quoted(contact)));
    let columns = columns(fields);
    format!("select {columns} from Contacts where {whose} order by Modified_Time desc limit {rows}")
}

/// The query for the records that have a value in a field. Two rows are enough to see that the value is not unique.
pub fn having(module: &str, fields: &str, field: &str, value: &str) -> String {
    format!("select {} from {module} where {} limit 2", columns(fields), equals(field, value))
}

/// The query for how many records there are, and what a field of theirs adds up to, for each set of values of some columns.
pub fn sums(module: &str, by: &[&str], sum: Option<&str>, rows: u32) -> String {
    let grouped = if by.is_empty() { String::new() } else { format!(" group by {}", by.join(", ")) };
    let mut columns: Vec<String> = by.iter().map(|column| (*column).to_owned()).collect();
    columns.push(COUNT.to_owned());
    columns.extend(sum.map(sum_of));
    format!("select {} from {module} where id > 0{grouped} limit {rows}", columns.join(", "))
}

/// How many records there are, in a query and in its rows.
pub const COUNT: &str = "COUNT(id)";

/// What a column adds up to, in a query and in its rows.
pub fn sum_of(column: &str) -> String {
    format!("SUM({column})")
}

/// `field >= 'moment'`
pub fn since(field: &str, at: jiff::Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{field} >= {}", quoted(&at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()))
}

/// The id and these fields, each once: CRM refuses a column that is named twice.
fn columns(fields: &str) -> String {
    let mut columns = vec!["id"];
    for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        if !columns.contains(&field) {
            columns.push(field);
        }
    }
    columns.join(", ")
}

/// `field = 'text'`
pub fn equals(field: &str, text: &str) -> String {
    format!("{field} = {}", quoted(text))
}

/// `field like '%part%'`
pub fn contains(field: &str, part: &str) -> String {
    format!("{field} like {}", quoted(&format!("%{part}%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_named_once() {
        assert_eq!(columns("Deal_Name,id, Stage,Deal_Name"), "id, Deal_Name, Stage");
        assert_eq!(columns("id"), "id");
        assert_eq!(columns(""), "id");
    }

    #[test]
    fn pages_bracket_their_conditions_in_pairs() {
        let two = [equals("Stage", "Won"), contains("Deal_Name", "o'k")];
        assert_eq!(
            page("Deals", "Stage", &two, Some("61"), 200),
            "select id, Stage from Deals where (Deal_Name like '%o''k%' and (Stage = 'Won' and id > 61)) order by id asc limit 200"
        );
        assert_eq!(
            page("Deals", "Stage", &[], None, 5),
            "select id, Stage from Deals where id > 0 order by id asc limit 5"
        );
    }

    #[test]
    fn sums_are_grouped() {
        assert_eq!(
            sums("Deals", &["Stage", "Currency"], Some("Amount"), 200),
            "select Stage, Currency, COUNT(id), SUM(Amount) from Deals where id > 0 group by Stage, Currency limit 200"
        );
        assert_eq!(sums("Deals", &[], None, 9), "select COUNT(id) from Deals where id > 0 limit 9");
        assert_eq!(
            since("Modified_Time", "2026-07-08T18:30:00.75Z".parse().unwrap()),
            "Modified_Time >= '2026-07-08T18:30:00+00:00'"
        );
    }
}
