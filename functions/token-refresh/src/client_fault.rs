//! What is wrong with a client, in words that say what to correct.

use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::Refusal;

pub(crate) fn client_fault(refusal: &Refusal, dc: DataCentre) -> String {
    if *refusal == Refusal::InvalidClient {
        format!(
            "Zoho's data centre {dc} does not know the client id: switch on Multi-DC for it in Zoho's API console"
        )
    } else {
        format!(
            "the client secret is wrong for Zoho's data centre {dc}: Zoho can give one secret for all, or one for each"
        )
    }
}
