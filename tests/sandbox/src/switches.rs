//! Switches: one for each fact about Zoho that could not be verified.

use std::time::Duration;

use crate::met::Met;

/// What a deal's amounts are in, where the organisation has several currencies.
pub(crate) const CURRENCY: &str = "Currency";

/// The behaviour of this Zoho where sources disagree or say nothing. The default is the better documented reading.
#[derive(Debug, Clone)]
pub struct Switches {
    /// The doubts that were met.
    pub(crate) met: Met,
    // Accounts
    /// The token throttle comes under HTTP 200 instead of 400.
    pub throttle_status_200: bool,
    /// The message of the token throttle is in Chinese.
    pub throttle_localised: bool,
    /// How long a grant stays throttled after a refused mint, besides the window; seen: 15-30 min.
    pub throttle_lock: Duration,
    /// The code exchange counts as one of the 10 mints.
    pub exchange_counts_as_mint: bool,
    /// Access tokens alive per refresh token: 15, elsewhere 30.
    pub alive_access_tokens: usize,
    /// Refresh tokens per user and client.
    pub refresh_tokens_per_user: usize,
    /// Codes that a client gets in ten minutes.
    pub codes_per_window: usize,
    /// Life of a code: 60 s, elsewhere 2 or 3 minutes.
    pub code_life: Duration,
    /// An exchange never returns a refresh token.
    pub drop_refresh_token: bool,
    /// An exchange returns the refresh token that the user gave this client before.
    pub same_refresh_token: bool,
    /// `scope` is left out of token answers.
    pub scope_left_out: bool,
    /// `api_domain` is the `https://api.zoho.com` some Accounts pages print.
    pub api_domain_accounts_page: bool,
    /// `expires_in` in milliseconds beside `expires_in_sec`.
    pub legacy_milliseconds: bool,
    /// Only the newer revoke path, with Basic authentication, works.
    pub revoke_newer_path: bool,
    /// A challenge of PKCE is taken and never looked at again.
    pub pkce_ignored: bool,
    /// A consent with a challenge of PKCE is refused.
    pub pkce_refused: bool,
    // Both APIs
    /// `Authorization: Bearer` is refused.
    pub bearer_refused: bool,
    /// Limits carry `Retry-After` with this many seconds.
    pub retry_after: Option<u64>,
    // Inventory
    /// A dead token is code 14 instead of 57.
    pub dead_token_code_14: bool,
    /// `sku=` is ignored: the whole list comes back.
    pub sku_filter_ignored: bool,
    /// `sku=` finds every SKU that contains the text.
    pub sku_filter_substring: bool,
    /// `sku=` ignores case.
    pub sku_filter_any_case: bool,
    /// `last_modified_time=` is ignored in the list of items.
    pub modified_filter_ignored: bool,
    /// Lists have `locations[]` and no stock numbers, as the official file says.
    pub stock_in_list_locations: bool,
    /// Stock per location is text, as the official file says.
    pub location_stock_as_text: bool,
    /// An older organisation: `warehouses[]` instead of `locations[]`, and no `/locations`.
    pub legacy_warehouses: bool,
    /// `per_page` above 200 is refused (code 2) instead of taken as 200.
    pub per_page_over_200_refused: bool,
    /// The most rows in a page of Inventory, whatever `per_page` asks for, so that few records make a long list.
    pub rows_in_a_page: usize,
    /// `has_more_page` is false on every page, also on those that are not the last.
    pub more_pages_denied: bool,
    /// Code 1002 comes under 400 instead of 404.
    pub missing_is_400: bool,
    /// Lists of Inventory cannot be sorted by the last change.
    pub sort_by_change_ignored: bool,
    /// Orders and packages come under the keys of the official file (`sales_order`, `purchase_order`, `packagea`,
    /// `shipment_order`, a package in an array) instead of those that live clients read.
    pub official_file_keys: bool,
    /// The list of sales orders ignores every filter: the official file has none.
    pub order_filters_ignored: bool,
    /// `date_start` and `date_end` of that list do nothing.
    pub order_dates_ignored: bool,
    /// `search_text` of that list does not search `reference_number`.
    pub order_search_without_reference: bool,
    /// Automatic numbering is off: `salesorder_number` is required, as the official file says.
    pub order_number_needed: bool,
    /// A number sent without `ignore_auto_number_generation` is replaced instead of refused.
    pub order_number_replaced: bool,
    /// A confirmed or voided order also moves `last_modified_time` of its items and fires their webhooks.
    pub orders_change_items: bool,
    /// The list of contacts ignores every filter.
    pub contact_filters_ignored: bool,
    /// Filters of that list find every contact that contains the text.
    pub contact_filters_substring: bool,
    /// The list of packages ignores every filter, as probes found.
    pub package_filters_ignored: bool,
    /// A list that was searched does not say for what: no `search_criteria`.
    pub search_criteria_left_out: bool,
    /// `/settings/webhooks` and `/settings/workflows` are there; no official file has them.
    pub settings_api: bool,
    // Inventory's stock
    /// An organisation that never had more than one place: no `locations` in items, no `/locations`.
    pub without_locations: bool,
    /// A place that a request names in such an organisation is refused instead of ignored.
    pub location_refused_without_locations: bool,
    /// An older organisation drops `location_id` of an adjustment silently, so that its stock moves at the primary place.
    pub legacy_location_ignored: bool,
    /// The ids of places that the user may read, and not write to.
    pub read_only_locations: Vec<String>,
    /// The last locked day.
    pub lock_date: Option<String>,
    /// Documents may still be written on the lock date itself.
    pub lock_date_itself_open: bool,
    /// A date in the future, or before the organisation or the item began, is refused.
    pub odd_dates_refused: bool,
    /// The decimals of a quantity.
    pub quantity_decimals: u32,
    /// Names of units and the decimals of their quantities.
    pub unit_decimals: Vec<(String, u32)>,
    /// A quantity with more decimals is refused instead of rounded.
    pub decimals_refused: bool,
    /// How long reads of items show the figures from before a movement.
    pub stock_lag: Duration,
    /// A movement of stock by a document also moves `last_modified_time` of its items and fires their webhooks.
    pub stock_moves_item_time: bool,
    /// The status of a new adjustment or transfer order: 200, as the official files say, or 201.
    pub stock_create_status: u16,
    /// An adjustment that takes a place's stock below zero is refused.
    pub adjustment_negative_refused: bool,
    /// A `reference_number` that another adjustment has is refused.
    pub adjustment_reference_unique: bool,
    /// The most lines of an adjustment.
    pub adjustment_line_cap: usize,
    /// Lines that cannot be adjusted are dropped silently, and the others are booked.
    pub adjustment_bad_line_dropped: bool,
    /// Adjustments are listed by `date`, so that a back-dated one is not among the first.
    pub adjustments_sorted_by_date: bool,
    /// The list of adjustments has filters, and can be sorted.
    pub adjustment_filters_honoured: bool,
    /// The list of adjustments has a row for each line.
    pub adjustment_row_per_line: bool,
    /// `status: draft` of an adjustment is ignored.
    pub adjustment_draft_ignored: bool,
    /// Adjustments have to be approved before their stock moves.
    pub adjustment_approval: bool,
    /// Those of the API need no approval.
    pub approval_bypassed: bool,
    /// An adjustment without the serial numbers or batches that its items need is taken.
    pub adjustment_tracked_bare_taken: bool,
    /// One item on two lines for one place is refused.
    pub same_item_twice_refused: bool,
    /// An adjustment whose places differ, or that names one twice, is refused.
    pub adjustment_places_must_agree: bool,
    /// A reason that the organisation does not have, or one of more than 100 letters, is refused.
    pub reason_refused: bool,
    /// An adjustment of a kit is taken, and moves nothing.
    pub kit_moves_nothing: bool,
    /// An adjustment whose stock is no longer there cannot be deleted.
    pub adjustment_delete_refused: bool,
    /// Webhooks are also sent for adjustments of the API.
    pub adjustment_webhook: bool,
    /// A write for an item that is being written by another call is refused with code 900001 under 500.
    pub concurrent_adjustment_refused: bool,
    /// Automatic numbering of transfer orders is off: without a number they are refused.
    pub transfer_number_needed: bool,
    /// A number sent without `ignore_auto_number_generation` is replaced instead of refused.
    pub transfer_number_replaced: bool,
    /// The most lines of a transfer order.
    pub transfer_line_cap: usize,
    /// `markastransferred` for a transfer that is not in transit is refused.
    pub transfer_mark_repeated_refused: bool,
    /// A transfer of more than the source has is refused.
    pub transfer_shortage_refused: bool,
    /// A transfer from a place to itself is taken, and moves nothing.
    pub transfer_same_place_taken: bool,
    /// A transfer that has moved stock cannot be deleted.
    pub transfer_delete_refused: bool,
    /// The list of transfer orders ignores every filter.
    pub transfer_filters_ignored: bool,
    /// Messages about adjustments and transfers are in the user's language.
    pub messages_localised: bool,
    /// A write that exceeds the limit on requests in progress is performed all the same.
    pub concurrent_limit_after_write: bool,
    /// Requests per minute and organisation; `None` = no limit.
    pub per_minute_limit: Option<usize>,
    /// The limit counts minutes of the clock, not the last 60 seconds.
    pub per_minute_fixed_window: bool,
    /// Requests per (UTC) day and organisation; `None` = no limit.
    pub per_day_limit: Option<usize>,
    /// Requests in progress; `None` = no limit.
    pub concurrent_limit: Option<usize>,
    /// Refusals by a limit come under 200, and only the code shows them.
    pub limits_status_200: bool,
    // CRM
    /// API credits in 24 hours.
    pub crm_credits: usize,
    /// Requests in progress; `None` = no limit.
    pub crm_concurrent_limit: Option<usize>,
    /// A missing scope is 403 instead of 401.
    pub crm_scope_mismatch_403: bool,
    /// A missing parameter is named in `api_name` instead of `param_name`.
    pub crm_missing_param_api_name: bool,
    /// A record that does not exist is 400 `INVALID_DATA` instead of 204.
    pub crm_unknown_id_invalid_data: bool,
    /// The status of a write that created records: 201, in the official file 200.
    pub crm_create_status: u16,
    /// The status of a write whose records are all refused. If only some are refused it is 207, unless this differs from the 400
    /// of Zoho's examples.
    pub crm_refused_record_status: u16,
    /// A conditional update that comes too late is `RECORD_MODIFIED` at the top instead of `ALREADY_MODIFIED` in its row.
    pub crm_modified_at_top: bool,
    /// A picklist takes any text.
    pub crm_picklists_unchecked: bool,
    /// `If-Unmodified-Since` does nothing: no official file has it.
    pub crm_unmodified_since_ignored: bool,
    /// How long the search index takes to see a change.
    pub crm_index_lag: Duration,
    /// Notes of a record come newest first, as a user can set it.
    pub crm_notes_newest_first: bool,
    /// COQL without a hit is 200 with an empty list instead of 204.
    pub crm_coql_empty_200: bool,
    /// `=` of COQL ignores case.
    pub crm_coql_any_case: bool,
    /// COQL gives only the ids of lookups.
    pub crm_coql_lookup_id_only: bool,
    /// COQL gives the id only where it is selected, as one of Zoho's two examples has it.
    pub crm_coql_id_if_selected: bool,
    /// Fields that the profile hides: not described, not read, not written, and a query with one is refused.
    pub crm_hidden_fields: Vec<String>,
    /// The organisation has several currencies: deals have the field `Currency`.
    pub crm_currencies: bool,
    /// The fields do not say what each stage is: no `probability`, no `forecast_type`.
    pub crm_stages_untold: bool,
    // CRM's channels and deleted records
    /// The longest life of a channel: a week, up to v3 a day. A request for more gets an hour.
    pub crm_longest_channel: Duration,
    /// The status for a channel that does not exist: 202, as the official file has for such entries, or 400.
    pub crm_not_subscribed_status: u16,
    /// Deleted records come oldest first. No source names their order.
    pub crm_deleted_oldest_first: bool,
    /// Lists ignore `If-Modified-Since`.
    pub crm_modified_since_ignored: bool,
    /// A list without records newer than `If-Modified-Since` is 204 instead of 304.
    pub crm_nothing_newer_204: bool,
    // Deliveries
    /// CRM's notifications and Inventory's webhooks are sent. Without it, changes are never reported.
    pub deliver_notifications: bool,
    /// JSON deliveries claim to be a form, as in Commerce's published sample.
    pub webhook_json_claims_form: bool,
}

impl Switches {
    /// Whether nobody sees this field of CRM.
    pub(crate) fn hides(&self, field: &str) -> bool {
        self.crm_hidden_fields.iter().any(|name| name == field) || field == CURRENCY && !self.crm_currencies
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            met: Met::default(),
            throttle_status_200: false,
            throttle_localised: false,
            throttle_lock: Duration::ZERO,
            exchange_counts_as_mint: false,
            alive_access_tokens: 15,
            refresh_tokens_per_user: 20,
            codes_per_window: 10,
            code_life: Duration::from_secs(60),
            drop_refresh_token: false,
            same_refresh_token: false,
            scope_left_out: false,
            api_domain_accounts_page: false,
            legacy_milliseconds: false,
            revoke_newer_path: false,
            pkce_ignored: false,
            pkce_refused: false,
            bearer_refused: false,
            retry_after: None,
            dead_token_code_14: false,
            sku_filter_ignored: false,
            sku_filter_substring: false,
            sku_filter_any_case: false,
            modified_filter_ignored: false,
            stock_in_list_locations: false,
            location_stock_as_text: false,
            legacy_warehouses: false,
            per_page_over_200_refused: false,
            rows_in_a_page: 200,
            more_pages_denied: false,
            missing_is_400: false,
            sort_by_change_ignored: false,
            official_file_keys: false,
            order_filters_ignored: false,
            order_dates_ignored: false,
            order_search_without_reference: false,
            order_number_needed: false,
            order_number_replaced: false,
            orders_change_items: false,
            contact_filters_ignored: false,
            contact_filters_substring: false,
            package_filters_ignored: true,
            search_criteria_left_out: false,
            settings_api: true,
            without_locations: false,
            location_refused_without_locations: false,
            legacy_location_ignored: false,
            read_only_locations: Vec::new(),
            lock_date: None,
            lock_date_itself_open: false,
            odd_dates_refused: false,
            quantity_decimals: 2,
            unit_decimals: Vec::new(),
            decimals_refused: false,
            stock_lag: Duration::ZERO,
            stock_moves_item_time: true,
            stock_create_status: 200,
            adjustment_negative_refused: false,
            adjustment_reference_unique: false,
            adjustment_line_cap: 1000,
            adjustment_bad_line_dropped: false,
            adjustments_sorted_by_date: false,
            adjustment_filters_honoured: false,
            adjustment_row_per_line: false,
            adjustment_draft_ignored: false,
            adjustment_approval: false,
            approval_bypassed: false,
            adjustment_tracked_bare_taken: false,
            same_item_twice_refused: false,
            adjustment_places_must_agree: false,
            reason_refused: false,
            kit_moves_nothing: false,
            adjustment_delete_refused: false,
            adjustment_webhook: true,
            concurrent_adjustment_refused: false,
            transfer_number_needed: false,
            transfer_number_replaced: false,
            transfer_line_cap: 1000,
            transfer_mark_repeated_refused: false,
            transfer_shortage_refused: false,
            transfer_same_place_taken: false,
            transfer_delete_refused: false,
            transfer_filters_ignored: false,
            messages_localised: false,
            concurrent_limit_after_write: false,
            per_minute_limit: Some(100),
            per_minute_fixed_window: false,
            per_day_limit: None,
            concurrent_limit: None,
            limits_status_200: false,
            crm_credits: 50_000,
            crm_concurrent_limit: None,
            crm_scope_mismatch_403: false,
            crm_missing_param_api_name: false,
            crm_unknown_id_invalid_data: false,
            crm_create_status: 201,
            crm_refused_record_status: 400,
            crm_modified_at_top: false,
            crm_picklists_unchecked: false,
            crm_unmodified_since_ignored: false,
            crm_index_lag: Duration::ZERO,
            crm_notes_newest_first: false,
            crm_coql_empty_200: false,
            crm_coql_any_case: false,
            crm_coql_lookup_id_only: false,
            crm_coql_id_if_selected: false,
            crm_hidden_fields: Vec::new(),
            crm_currencies: false,
            crm_stages_untold: false,
            crm_longest_channel: Duration::from_secs(7 * 86_400),
            crm_not_subscribed_status: 202,
            crm_deleted_oldest_first: false,
            crm_modified_since_ignored: false,
            crm_nothing_newer_204: false,
            deliver_notifications: true,
            webhook_json_claims_form: false,
        }
    }
}
