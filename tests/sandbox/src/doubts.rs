//! The switches that stand for a doubt about Zoho, by name, so that any test can run against the other reading.

use std::time::Duration;

use crate::switches::Switches;

type Turn = fn(&mut Switches);

/// Each doubt, and how it is turned against a caller. What an organisation or a limit decides is no doubt.
#[rustfmt::skip]
pub const DOUBTS: [(&str, Turn); 51] = [
    ("throttle_status_200", |zoho| zoho.throttle_status_200 = true),
    ("throttle_localised", |zoho| zoho.throttle_localised = true),
    ("exchange_counts_as_mint", |zoho| zoho.exchange_counts_as_mint = true),
    ("scope_left_out", |zoho| zoho.scope_left_out = true),
    ("api_domain_accounts_page", |zoho| zoho.api_domain_accounts_page = true),
    ("legacy_milliseconds", |zoho| zoho.legacy_milliseconds = true),
    ("revoke_newer_path", |zoho| zoho.revoke_newer_path = true),
    ("bearer_refused", |zoho| zoho.bearer_refused = true),
    ("retry_after", |zoho| zoho.retry_after = Some(7)),
    ("dead_token_code_14", |zoho| zoho.dead_token_code_14 = true),
    ("sku_filter_ignored", |zoho| zoho.sku_filter_ignored = true),
    ("sku_filter_substring", |zoho| zoho.sku_filter_substring = true),
    ("sku_filter_any_case", |zoho| zoho.sku_filter_any_case = true),
    ("modified_filter_ignored", |zoho| zoho.modified_filter_ignored = true),
    ("stock_in_list_locations", |zoho| zoho.stock_in_list_locations = true),
    ("location_stock_as_text", |zoho| zoho.location_stock_as_text = true),
    ("per_page_over_200_refused", |zoho| zoho.per_page_over_200_refused = true),
    ("missing_is_400", |zoho| zoho.missing_is_400 = true),
    ("sort_by_change_ignored", |zoho| zoho.sort_by_change_ignored = true),
    ("official_file_keys", |zoho| zoho.official_file_keys = true),
    ("order_filters_ignored", |zoho| zoho.order_filters_ignored = true),
    ("order_dates_ignored", |zoho| zoho.order_dates_ignored = true),
    ("order_search_without_reference", |zoho| zoho.order_search_without_reference = true),
    ("order_number_replaced", |zoho| zoho.order_number_replaced = true),
    ("orders_change_items", |zoho| zoho.orders_change_items = true),
    ("contact_filters_ignored", |zoho| zoho.contact_filters_ignored = true),
    ("contact_filters_substring", |zoho| zoho.contact_filters_substring = true),
    ("package_filters_ignored", |zoho| zoho.package_filters_ignored = false),
    ("more_pages_denied", |zoho| zoho.more_pages_denied = true),
    ("search_criteria_left_out", |zoho| zoho.search_criteria_left_out = true),
    ("settings_api", |zoho| zoho.settings_api = false),
    ("per_minute_fixed_window", |zoho| zoho.per_minute_fixed_window = true),
    ("limits_status_200", |zoho| zoho.limits_status_200 = true),
    ("crm_scope_mismatch_403", |zoho| zoho.crm_scope_mismatch_403 = true),
    ("crm_missing_param_api_name", |zoho| zoho.crm_missing_param_api_name = true),
    ("crm_unknown_id_invalid_data", |zoho| zoho.crm_unknown_id_invalid_data = true),
    ("crm_create_status", |zoho| zoho.crm_create_status = 200),
    ("crm_refused_record_status", |zoho| zoho.crm_refused_record_status = 202),
    ("crm_modified_at_top", |zoho| zoho.crm_modified_at_top = true),
    ("crm_picklists_unchecked", |zoho| zoho.crm_picklists_unchecked = true),
    ("crm_unmodified_since_ignored", |zoho| zoho.crm_unmodified_since_ignored = true),
    ("crm_coql_empty_200", |zoho| zoho.crm_coql_empty_200 = true),
    ("crm_coql_any_case", |zoho| zoho.crm_coql_any_case = true),
    ("crm_coql_lookup_id_only", |zoho| zoho.crm_coql_lookup_id_only = true),
    ("crm_coql_id_if_selected", |zoho| zoho.crm_coql_id_if_selected = true),
    ("crm_not_subscribed_status", |zoho| zoho.crm_not_subscribed_status = 400),
    ("crm_deleted_oldest_first", |zoho| zoho.crm_deleted_oldest_first = true),
    ("crm_modified_since_ignored", |zoho| zoho.crm_modified_since_ignored = true),
    ("crm_nothing_newer_204", |zoho| zoho.crm_nothing_newer_204 = true),
    ("crm_longest_channel", |zoho| zoho.crm_longest_channel = Duration::from_secs(86_400)),
    ("webhook_json_claims_form", |zoho| zoho.webhook_json_claims_form = true),
];

impl Switches {
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
    fn every_doubt_changes_something() {
        for (name, turn) in DOUBTS {
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
