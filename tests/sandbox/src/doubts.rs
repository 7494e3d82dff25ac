//! The switches that stand for a doubt about Zoho, by name, so that any test can run against the other reading, and so that it
//! is known which tests meet which doubt.

use std::time::Duration;

use crate::switches::Switches;

type Turn = fn(&mut Switches);

/// Each doubt, its type, and how it is turned against a caller. The sandbox reads its value by the method of its name.
macro_rules! doubts {
    ($($name:ident: $type:ty = $turned:expr,)+) => {
        /// Each doubt, and how it is turned against a caller. What an organisation or a limit decides is no doubt.
        pub const DOUBTS: &[(&str, Turn)] = &[$((stringify!($name), |zoho| zoho.$name = $turned)),+];

        impl Switches {
            $(pub(crate) fn $name(&self) -> $type {
                self.met.meet(stringify!($name));
                self.$name
            })+
        }
    };
}

doubts! {
    throttle_status_200: bool = true,
    throttle_localised: bool = true,
    exchange_counts_as_mint: bool = true,
    scope_left_out: bool = true,
    api_domain_accounts_page: bool = true,
    legacy_milliseconds: bool = true,
    revoke_newer_path: bool = true,
    pkce_ignored: bool = true,
    bearer_refused: bool = true,
    retry_after: Option<u64> = Some(7),
    dead_token_code_14: bool = true,
    sku_filter_ignored: bool = true,
    sku_filter_substring: bool = true,
    sku_filter_any_case: bool = true,
    modified_filter_ignored: bool = true,
    stock_in_list_locations: bool = true,
    location_stock_as_text: bool = true,
    per_page_over_200_refused: bool = true,
    missing_is_400: bool = true,
    sort_by_change_ignored: bool = true,
    official_file_keys: bool = true,
    order_filters_ignored: bool = true,
    order_dates_ignored: bool = true,
    order_search_without_reference: bool = true,
    order_number_replaced: bool = true,
    orders_change_items: bool = true,
    contact_filters_ignored: bool = true,
    contact_filters_substring: bool = true,
    package_filters_ignored: bool = false,
    more_pages_denied: bool = true,
    search_criteria_left_out: bool = true,
    settings_api: bool = false,
    location_refused_without_locations: bool = true,
    legacy_location_ignored: bool = true,
    lock_date_itself_open: bool = true,
    odd_dates_refused: bool = true,
    decimals_refused: bool = true,
    stock_moves_item_time: bool = false,
    stock_create_status: u16 = 201,
    adjustment_negative_refused: bool = true,
    adjustment_reference_unique: bool = true,
    adjustment_line_cap: usize = 200,
    adjustment_bad_line_dropped: bool = true,
    adjustments_sorted_by_date: bool = true,
    adjustment_filters_honoured: bool = true,
    adjustment_row_per_line: bool = true,
    adjustment_draft_ignored: bool = true,
    approval_bypassed: bool = true,
    adjustment_tracked_bare_taken: bool = true,
    same_item_twice_refused: bool = true,
    adjustment_places_must_agree: bool = true,
    reason_refused: bool = true,
    kit_moves_nothing: bool = true,
    adjustment_delete_refused: bool = true,
    adjustment_webhook: bool = false,
    concurrent_adjustment_refused: bool = true,
    transfer_number_replaced: bool = true,
    transfer_line_cap: usize = 828,
    transfer_mark_repeated_refused: bool = true,
    transfer_shortage_refused: bool = true,
    transfer_same_place_taken: bool = true,
    transfer_delete_refused: bool = true,
    transfer_filters_ignored: bool = true,
    messages_localised: bool = true,
    concurrent_limit_after_write: bool = true,
    per_minute_fixed_window: bool = true,
    limits_status_200: bool = true,
    crm_scope_mismatch_403: bool = true,
    crm_missing_param_api_name: bool = true,
    crm_unknown_id_invalid_data: bool = true,
    crm_create_status: u16 = 200,
    crm_refused_record_status: u16 = 202,
    crm_modified_at_top: bool = true,
    crm_picklists_unchecked: bool = true,
    crm_unmodified_since_ignored: bool = true,
    crm_coql_empty_200: bool = true,
    crm_coql_any_case: bool = true,
    crm_coql_lookup_id_only: bool = true,
    crm_coql_id_if_selected: bool = true,
    crm_stages_untold: bool = true,
    crm_not_subscribed_status: u16 = 400,
    crm_deleted_oldest_first: bool = true,
    crm_modified_since_ignored: bool = true,
    crm_nothing_newer_204: bool = true,
    crm_longest_channel: Duration = Duration::from_secs(86_400),
    webhook_json_claims_form: bool = true,
}

impl Switches {
    /// Tells the name of each doubt when the sandbox is first asked about it.
    pub fn when_met(&mut self, tell: impl Fn(&str) + Send + Sync + 'static) {
        self.met.tell(tell);
    }

    /// Turns doubts: `hostile` for all of them, or their names with commas between.
    ///
    /// # Errors
    /// A name that no doubt has.
    pub fn doubt(&mut self, names: &str) -> Result<(), String> {
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let mut turned =
                DOUBTS.iter().filter(|(doubt, _)| name == "hostile" || *doubt == name).peekable();
            if turned.peek().is_none() {
                return Err(format!("There is no doubt called {name}."));
            }
            turned.for_each(|(_, turn)| turn(self));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn one_doubt_is_turned_or_all() {
        let mut zoho = Switches::default();
        assert!(zoho.doubt("crm_create_status, bearer_refused").is_ok());
        assert_eq!((zoho.crm_create_status, zoho.bearer_refused, zoho.missing_is_400), (200, true, false));
        assert!(zoho.doubt("hostile").is_ok() && zoho.missing_is_400);
        assert!(zoho.doubt("").is_ok() && zoho.doubt("no_such").is_err());
    }

    #[test]
    fn a_doubt_is_told_once_when_it_is_met() {
        let met = Arc::new(Mutex::new(Vec::new()));
        let mut zoho = Switches::default();
        let told = Arc::clone(&met);
        zoho.when_met(move |doubt| told.lock().unwrap().push(doubt.to_owned()));
        assert!(!zoho.missing_is_400() && !zoho.missing_is_400() && !zoho.bearer_refused());
        assert_eq!(*met.lock().unwrap(), ["missing_is_400", "bearer_refused"]);
    }

    #[test]
    fn every_doubt_changes_something() {
        for &(name, turn) in DOUBTS {
            let mut zoho = Switches::default();
            turn(&mut zoho);
            assert_ne!(format!("{zoho:?}"), format!("{:?}", Switches::default()), "{name}");
        }
    }

    /// A rule nobody wrote down is one nobody can check.
    #[test]
    fn every_switch_stands_in_the_table_of_rules() {
        let rules = include_str!("../RULES.md");
        let source = include_str!("switches.rs");
        let declared = source.split("impl Default").next().unwrap_or_default();
        let names = declared.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
        let names: Vec<&str> = names.map(|(name, _)| name).collect();
        let missing: Vec<_> = names.iter().filter(|name| !rules.contains(&format!("`{name}`"))).collect();
        assert!(names.len() > 60 && missing.is_empty(), "RULES.md lacks {missing:?}");
        assert!(DOUBTS.iter().all(|(name, _)| names.contains(name)));
    }
}
