//! The one item of a SKU or of another system's id.

use shared::base::problem::Problem;
use shared::zoho::inventory;
use shared::zoho::value::Object;

use super::params::ListParams;
use crate::app::App;
use crate::inventory::locations::as_zoho_knows_it;
use crate::inventory::lookup::named::{OneName, item_named};
use crate::inventory::lookup::sku::item_by_sku;
use crate::inventory::stock_at_location;
use crate::request::params::invalid;
use crate::zoho::Target;

/// Finds it, with the figures of one location where that is asked for.
pub(super) async fn one_named(
    app: &App,
    target: &Target<'_>,
    params: &ListParams,
) -> Result<Object, Problem> {
    let (sku, product_id) = (params.sku.as_deref(), params.product_id.as_deref());
    let (field, wanted) =
        sku.map(|sku| ("sku", sku)).or(product_id.map(|id| ("product_id", id))).unwrap_or_default();
    if wanted.is_empty() {
        return Err(invalid(format!("`{field}` is empty.")));
    }
    let rest = ListParams {
        sku: None,
        product_id: None,
        fields: None,
        details: false,
        location: None,
        ..params.clone()
    };
    if rest != ListParams::default() || sku.and(product_id).is_some() {
        return Err(invalid(format!(
            "`{field}` finds one item: leave out everything else but `fields`, `details` and `location`."
        )));
    }
    let mut item = match sku {
        Some(sku) if params.details || params.location.is_some() => {
            item_named(&app.zoho, &app.mappings, target, OneName::Sku(sku)).await?
        }
        Some(sku) => inventory::item(item_by_sku(&app.zoho, target, sku).await?),
        None => item_named(&app.zoho, &app.mappings, target, OneName::ProductId(wanted)).await?,
    };
    if let Some(location) = &params.location {
        let location = as_zoho_knows_it(&app.mappings, target.connection, location.clone()).await?;
        item = stock_at_location::item_at(&app.zoho, target, item, &location).await?;
    }
    Ok(item)
}
