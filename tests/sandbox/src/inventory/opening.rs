//! The hand-written shop at the start of a sandbox. Its earlier orders are made like new ones.

use super::contacts::data as contacts;
use super::groups::data as groups;
use super::items::Items;
use super::purchasing::data as purchasing;
use super::salesorders::data as salesorders;
use super::shipping::data as shipping;
use super::shop::Shop;

/// The shop, with orders for these items.
pub(crate) fn shop(items: &Items) -> Shop {
    let mut shop = Shop::new();
    shop.contacts = contacts::all();
    shop.purchaseorders = purchasing::all();
    shop.packages = shipping::packages();
    shop.shipments = shipping::shipments();
    shop.groups = groups::all();
    salesorders::fill(&mut shop, items);
    shop
}
