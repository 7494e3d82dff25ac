//! Rows in DynamoDB: `pk` and `sk` are the key, `val` the document, `ver` the version, `exp` the end in milliseconds, and
//! `ttl` the same in seconds, by which DynamoDB cleans up some time later.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put as DynamoPut,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use tokio::time::sleep;

use super::error::unavailable;
use crate::base::clock::{SharedClock, Timestamp, jittered};
use crate::store::table::{check_limits, check_row};
use crate::store::{
    Condition, Key, Order, Outcome, Page, Put, Query, Row, StoreError, Table, Version, Write,
};

/// DynamoDB refuses one of two writes that touch a row at the same moment, where one of them is a transaction; that one is
/// sent again.
const MAX_TRIES: u32 = 8;

/// Why a transaction is cancelled that only has to be sent again.
const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

type Item = HashMap<String, AttributeValue>;

pub(super) struct DynamoTable {
    pub(super) client: Client,
    /// The table's name; the variable that should hold it, where it is not set.
    pub(super) name: Result<String, &'static str>,
    pub(super) clock: SharedClock,
}

/// A condition in DynamoDB's language.
struct Expression {
    text: &'static str,
    values: Item,
}

impl DynamoTable {
    fn name(&self) -> Result<&str, StoreError> {
        match &self.name {
            Ok(name) => Ok(name),
            Err(variable) => Err(StoreError::Unavailable(format!("{variable} is not set"))),
        }
    }

    fn now(&self) -> AttributeValue {
        number(self.clock.now().as_millisecond())
    }

    /// An expired row counts as absent, whether or not DynamoDB has removed it.
    fn expression(&self, condition: &Condition) -> Option<Expression> {
        let mut values = Item::from([(":now".to_owned(), self.now())]);
        let text = match condition {
            Condition::Any => return None,
            Condition::Absent => "attribute_not_exists(pk) OR exp <= :now",
            Condition::Version(version) => {
                values.insert(":ver".to_owned(), text(&version.0));
                "ver = :ver AND (attribute_not_exists(exp) OR exp > :now)"
            }
        };
        Some(Expression { text, values })
    }

    fn write(&self, step: &Write, version: &Version) -> Result<TransactWriteItem, StoreError> {
        let table = self.name()?;
        let broken = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable(error.to_string());
        let item = TransactWriteItem::builder();
        Ok(match step {
            Write::Put(put) => {
                let mut builder =
                    DynamoPut::builder().table_name(table).set_item(Some(item_of(put, version)));
                if let Some(expression) = self.expression(&put.condition) {
                    builder = builder
                        .condition_expression(expression.text)
                        .set_expression_attribute_values(Some(expression.values))
                        .return_values_on_condition_check_failure(OnFailure::AllOld);
                }
                item.put(builder.build().map_err(broken)?).build()
            }
            Write::Delete(key, condition) => {
                let mut builder = Delete::builder().table_name(table).set_key(Some(key_of(key)));
                if let Some(expression) = self.expression(condition) {
                    builder = builder
                        .condition_expression(expression.text)
                        .set_expression_attribute_values(Some(expression.values))
                        .return_values_on_condition_check_failure(OnFailure::AllOld);
                }
                item.delete(builder.build().map_err(broken)?).build()
            }
        })
    }

    fn refused(&self, step: usize, item: Option<Item>) -> Result<Outcome, StoreError> {
        let current = item.filter(|item| !item.is_empty()).map(row_of).transpose()?;
        let now = self.clock.now();
        Ok(Outcome::Refused { step, current: current.filter(|row| row.expires.is_none_or(|at| at > now)) })
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(self.name()?)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("GetItem", &error))?;
        let row = answer.item.map(row_of).transpose()?;
        let now = self.clock.now();
        Ok(row.filter(|row| row.expires.is_none_or(|at| at > now)))
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        check_limits(&steps)?;
        let versions: Vec<_> = steps.iter().map(|_| Version::fresh()).collect();
        let items = steps
            .iter()
            .zip(&versions)
            .map(|(step, version)| self.write(step, version))
            .collect::<Result<Vec<_>, _>>()?;
        for tried in 1..=MAX_TRIES {
            let answer =
                self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = answer else { return Ok(done(&steps, versions)) };
            let Some(reasons) = cancelled(&error) else {
                return Err(unavailable("TransactWriteItems", &error));
            };
            let failed = |reason: &&CancellationReason| reason.code() == Some("ConditionalCheckFailed");
            if let Some((step, reason)) = reasons.iter().enumerate().find(|(_, reason)| failed(reason)) {
                return self.refused(step, reason.item.clone());
            }
            if !reasons.iter().filter_map(CancellationReason::code).any(|code| PASSING.contains(&code)) {
                return Err(unavailable("TransactWriteItems", &error));
            }
            pause(tried).await;
        }
        Err(crowded("TransactWriteItems"))
    }

    async fn put(&self, put: Put) -> Result<Outcome, StoreError> {
        check_row(&put)?;
        let version = Version::fresh();
        let mut request =
            self.client.put_item().table_name(self.name()?).set_item(Some(item_of(&put, &version)));
        if let Some(expression) = self.expression(&put.condition) {
            request = request
                .condition_expression(expression.text)
                .set_expression_attribute_values(Some(expression.values))
                .return_values_on_condition_check_failure(OnFailure::AllOld);
        }
        for tried in 1..=MAX_TRIES {
            let answer = request.clone().send().await;
            let Err(error) = answer else { return Ok(Outcome::Done(Some(version))) };
            if is_in_a_transaction(&error) {
                pause(tried).await;
                continue;
            }
            return match error.into_service_error() {
                PutItemError::ConditionalCheckFailedException(failed) => {
                    // A call whose answer was lost and that was sent again finds its own row.
                    let stored = failed.item().and_then(|item| item.get("ver"));
                    let own = stored.is_some_and(|at| *at == text(&version.0));
                    if own { Ok(Outcome::Done(Some(version))) } else { self.refused(0, failed.item) }
                }
                other => Err(unavailable("PutItem", &other)),
            };
        }
        Err(crowded("PutItem"))
    }

    async fn delete(&self, key: Key, condition: Condition) -> Result<Outcome, StoreError> {
        let mut request = self.client.delete_item().table_name(self.name()?).set_key(Some(key_of(&key)));
        if let Some(expression) = self.expression(&condition) {
            request = request
                .condition_expression(expression.text)
                .set_expression_attribute_values(Some(expression.values))
                .return_values_on_condition_check_failure(OnFailure::AllOld);
        }
        for tried in 1..=MAX_TRIES {
            let Err(error) = request.clone().send().await else { return Ok(Outcome::Done(None)) };
            if is_in_a_transaction(&error) {
                pause(tried).await;
                continue;
            }
            return match error.into_service_error() {
                DeleteItemError::ConditionalCheckFailedException(failed) => {
                    // A call whose answer was lost and that was sent again finds nothing. A row of that version is gone, by whomever.
                    let is_gone = failed.item.as_ref().is_none_or(HashMap::is_empty);
                    if is_gone && matches!(condition, Condition::Version(_)) {
                        Ok(Outcome::Done(None))
                    } else {
                        self.refused(0, failed.item)
                    }
                }
                other => Err(unavailable("DeleteItem", &other)),
            };
        }
        Err(crowded("DeleteItem"))
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        let mut rows: Vec<Row> = Vec::new();
        let Some(start) = start_of(&query) else { return Ok(Page::default()) };
        let mut start = start.map(|sort| key_of(&Key::new(&query.partition, sort)));
        // One more than wanted tells whether there is more.
        'all: while rows.len() <= query.limit {
            let mut values =
                Item::from([(":pk".to_owned(), text(&query.partition)), (":now".to_owned(), self.now())]);
            let condition = match (&query.below, query.prefix.is_empty()) {
                (Some(below), _) if *below <= query.prefix => return Ok(Page::default()),
                (Some(below), true) => {
                    values.insert(":below".to_owned(), text(below));
                    "pk = :pk AND sk < :below"
                }
                (Some(below), false) => {
                    values.insert(":prefix".to_owned(), text(&query.prefix));
                    values.insert(":below".to_owned(), text(below));
                    "pk = :pk AND sk BETWEEN :prefix AND :below"
                }
                (None, true) => "pk = :pk",
                (None, false) => {
                    values.insert(":prefix".to_owned(), text(&query.prefix));
                    "pk = :pk AND begins_with(sk, :prefix)"
                }
            };
            let wanted = query.limit.saturating_add(1).saturating_sub(rows.len());
            let answer = self
                .client
                .query()
                .table_name(self.name()?)
                .key_condition_expression(condition)
                .filter_expression("attribute_not_exists(exp) OR exp > :now")
                .set_expression_attribute_values(Some(values))
                .scan_index_forward(query.order == Order::Ascending)
                .consistent_read(true)
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(|error| unavailable("Query", &error))?;
            for item in answer.items.unwrap_or_default() {
                let row = row_of(item)?;
                let within = row.key.sort.starts_with(&query.prefix)
                    && query.below.as_ref().is_none_or(|below| row.key.sort < *below);
                if within {
                    rows.push(row);
                }
            }
            match answer.last_evaluated_key {
                Some(key) if !key.is_empty() => start = Some(key),
                _ => break 'all,
            }
        }
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next = rows.last().filter(|_| more).map(|row| row.key.sort.clone());
        Ok(Page { rows, next })
    }

    async fn scan(&self, after: Option<Key>, limit: usize) -> Result<(Vec<Row>, Option<Key>), StoreError> {
        let answer = self
            .client
            .scan()
            .table_name(self.name()?)
            .filter_expression("attribute_not_exists(exp) OR exp > :now")
            .expression_attribute_values(":now", self.now())
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.as_ref().map(key_of))
            .send()
            .await
            .map_err(|error| unavailable("Scan", &error))?;
        let rows = answer.items.unwrap_or_default().into_iter().map(row_of).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        let lost = || StoreError::Unreadable("a table's last key has no partition".to_owned());
        Ok((rows, next.map(|key| read_key(key).ok_or_else(lost)).transpose()?))
    }
}

/// A key as DynamoDB gives it back.
fn read_key(mut item: Item) -> Option<Key> {
    match (item.remove("pk")?, item.remove("sk")?) {
        (AttributeValue::S(partition), AttributeValue::S(sort)) => Some(Key { partition, sort }),
        _ => None,
    }
}

/// Behind which row a query begins, where that is said; nothing where none can follow. `DynamoDB` refuses a start outside of what
/// is asked for.
fn start_of(query: &Query) -> Option<Option<&str>> {
    let Some(after) = query.after.as_deref() else { return Some(None) };
    let before_all = after < query.prefix.as_str();
    let behind_all = query.below.as_deref().is_some_and(|below| after >= below)
        || (!before_all && !after.starts_with(&query.prefix));
    let ascending = query.order == Order::Ascending;
    match (before_all, behind_all) {
        (true, _) => ascending.then_some(None),
        (_, true) => (!ascending).then_some(None),
        _ => Some(Some(after)),
    }
}

fn done(steps: &[Write], versions: Vec<Version>) -> Outcome {
    let first = steps.first().zip(versions.into_iter().next());
    Outcome::Done(first.and_then(|(step, version)| matches!(step, Write::Put(_)).then_some(version)))
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

/// The row is being written by somebody's transaction, which the SDK does not wait for.
fn is_in_a_transaction(error: &impl ProvideErrorMetadata) -> bool {
    error.code() == Some("TransactionConflictException")
}

async fn pause(tried: u32) {
    sleep(jittered(Duration::from_millis(20) * tried)).await;
}

fn crowded(call: &str) -> StoreError {
    StoreError::Unavailable(format!("{call}: too many others write the same rows"))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key_of(key: &Key) -> Item {
    Item::from([("pk".to_owned(), text(&key.partition)), ("sk".to_owned(), text(&key.sort))])
}

fn item_of(put: &Put, version: &Version) -> Item {
    let mut item = key_of(&put.key);
    item.insert("val".to_owned(), text(&put.value));
    item.insert("ver".to_owned(), text(&version.0));
    if let Some(at) = put.expires {
        item.insert("exp".to_owned(), number(at.as_millisecond()));
        item.insert("ttl".to_owned(), number(at.as_second() + 1));
    }
    item
}

fn row_of(mut item: Item) -> Result<Row, StoreError> {
    let mut take = |name: &str| match item.remove(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Some(text),
        _ => None,
    };
    let missing = || StoreError::Unreadable("a row lacks one of its attributes".to_owned());
    Ok(Row {
        key: Key { partition: take("pk").ok_or_else(missing)?, sort: take("sk").ok_or_else(missing)? },
        value: take("val").ok_or_else(missing)?,
        version: Version(take("ver").ok_or_else(missing)?),
        expires: take("exp")
            .and_then(|at| at.parse().ok())
            .and_then(|at| Timestamp::from_millisecond(at).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_begins_within_what_is_asked_for() {
        for (after, ascending, descending) in [
            ("a", Some(None), None),
            ("b", Some(Some("b")), Some(Some("b"))),
            ("b2", Some(Some("b2")), Some(Some("b2"))),
            ("b5", None, Some(None)),
            ("b6", None, Some(None)),
            ("c", None, Some(None)),
        ] {
            for (order, expected) in [(Order::Ascending, ascending), (Order::Descending, descending)] {
                let query = Query {
                    prefix: "b".to_owned(),
                    below: Some("b5".to_owned()),
                    after: Some(after.to_owned()),
                    order,
                    ..Query::partition("p", 1)
                };
                assert_eq!(start_of(&query), expected, "{after} {order:?}");
            }
        }
        let beyond =
            Query { after: Some("c".to_owned()), prefix: "b".to_owned(), ..Query::partition("p", 1) };
        assert_eq!(start_of(&beyond), None);
        assert_eq!(start_of(&Query::partition("p", 1)), Some(None));
    }
}
