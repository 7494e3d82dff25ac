//! Reads one page of a list.

use shared::core::zoho_client::Endpoint;
use shared::zoho::change_lists::{self, Page};
use shared::zoho::response;

use crate::polling::checkpoint::{Cursor, Part};
use crate::polling::list::{List, Source};
use crate::polling::pager::requested_since;
use crate::zoho_reads::{Purpose, ReadBudget, Reading, Target, ZohoReads};

pub(super) async fn fetch_page(
    zoho: &ZohoReads,
    list: &List,
    cursor: &Cursor,
    budget: &mut ReadBudget,
) -> Reading<Page> {
    let target = Target {
        connection: &list.connection,
        product: list.product(),
        scope: None,
        what: &list.record,
        purpose: match cursor.part {
            Part::Changes => Purpose::List,
            Part::Deletions => Purpose::Deleted,
        },
        if_modified_since: None,
    };
    match &list.source {
        Source::Crm(module) => {
            let since = change_lists::moment(requested_since(cursor));
            let target = Target { what: module, if_modified_since: Some(&since), ..target };
            let url = |endpoint: &Endpoint<'_>| match cursor.part {
                Part::Changes => change_lists::crm_url(endpoint.api, module, cursor.order, &cursor.at),
                Part::Deletions => change_lists::crm_deleted_url(endpoint.api, module, &cursor.at),
            };
            let judge = |answer: &_| {
                let answer = response::crm_since(answer)?;
                match cursor.part {
                    Part::Changes => change_lists::crm_page(answer, &cursor.at),
                    Part::Deletions => change_lists::crm_deleted_page(answer, &cursor.at),
                }
            };
            zoho.read(budget, &target, url, judge).await
        }
        Source::Inventory(kind) => {
            let target = Target { what: kind.path, scope: Some(kind.read_scope), ..target };
            let url = |endpoint: &Endpoint<'_>| {
                change_lists::inventory_url(endpoint.api, endpoint.organization, kind, &cursor.at)
            };
            let judge =
                |answer: &_| change_lists::inventory_page(response::inventory(answer)?, kind, &cursor.at);
            zoho.read(budget, &target, url, judge).await
        }
    }
}
