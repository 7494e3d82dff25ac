//! The modules of CRM.

/// All modules of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Module {
    Deals,
    Contacts,
    Accounts,
    Notes,
}

impl Module {
    /// Finds a module by its name in a path or a query.
    pub(crate) fn find(name: &str) -> Option<Self> {
        [Self::Deals, Self::Contacts, Self::Accounts, Self::Notes]
            .into_iter()
            .find(|module| module.api_name() == name)
    }

    /// Its name.
    pub(crate) fn api_name(self) -> &'static str {
        match self {
            Self::Deals => "Deals",
            Self::Contacts => "Contacts",
            Self::Accounts => "Accounts",
            Self::Notes => "Notes",
        }
    }

    /// The field a lookup shows.
    pub(crate) fn name_field(self) -> &'static str {
        match self {
            Self::Deals => "Deal_Name",
            Self::Contacts => "Full_Name",
            Self::Accounts => "Account_Name",
            Self::Notes => "Note_Title",
        }
    }
}
