//! What is wrong with a client, in words that say what to correct.

use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::Refusal;

/// What `general_error` means. No document of Zoho's says it.
pub(crate) const GENERAL: &str = "Zoho's accounts server refused with `general_error`, which names no cause: the client may be of another kind or data centre, or \
     switched off in Zoho's API console";

/// `home` is where the client is registered, as far as the operator said it.
pub(crate) fn client_fault(refusal: &Refusal, dc: DataCentre, home: DataCentre) -> String {
    match refusal {
        Refusal::InvalidClient if dc == home => format!(
            "Zoho's data centre {dc} does not know the client id, although it is set as the client's own: the id is mistyped, deleted in \
             Zoho's API console, or registered in another data centre (`zoho-connector client set --id ID --data-centre DATA_CENTRE` says in which)"
        ),
        Refusal::InvalidClient => format!(
            "Zoho's data centre {dc} does not know the client id: switch on Multi-DC for it in Zoho's API console"
        ),
        _ => format!(
            "the client secret is wrong for Zoho's data centre {dc}: Zoho can give one secret for all, or one for each"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multi_dc_is_the_matter_elsewhere_only() {
        let told = |dc| client_fault(&Refusal::InvalidClient, dc, DataCentre::Us);
        assert!(told(DataCentre::Eu).contains("Multi-DC") && !told(DataCentre::Us).contains("Multi-DC"));
        assert!(told(DataCentre::Us).contains("mistyped"));
    }
}
