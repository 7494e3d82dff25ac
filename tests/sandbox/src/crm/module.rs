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
    /// All modules.
    pub(crate) const ALL: [Self; 4] = [Self::Deals, Self::Contacts, Self::Accounts, Self::Notes];

    /// Finds a module by its name in a path or a query.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.api_name() == name)
    }

    /// Its id.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Deals => "6100000000002181",
            Self::Contacts => "6100000000002179",
            Self::Accounts => "6100000000002177",
            Self::Notes => "6100000000002185",
        }
    }

    /// One record of it.
    pub(crate) fn singular(self) -> &'static str {
        match self {
            Self::Deals => "Deal",
            Self::Contacts => "Contact",
            Self::Accounts => "Account",
            Self::Notes => "Note",
        }
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
