//! Places by what people call them: by Zoho's id or exact name, or by another system's name that was mapped to one.

use shared::base::id::{ConnectionName, is_zoho_id};
use shared::base::problem::Problem;
use shared::core::mappings::Mappings;

/// No id of Zoho's is shorter.
const LENGTH_OF_IDS: usize = 15;

/// Zoho's name of a place that a caller named: another system's name becomes the id that it is mapped to, all else stays as it is.
pub(crate) async fn as_zoho_knows_it(
    mappings: &Mappings,
    connection: &ConnectionName,
    place: String,
) -> Result<String, Problem> {
    // A short number may be a name.
    if place.len() >= LENGTH_OF_IDS && is_zoho_id(&place) {
        return Ok(place);
    }
    let mapped = mappings.location(connection, &place).await?;
    Ok(mapped.map_or(place, |mapped| mapped.location_id))
}
