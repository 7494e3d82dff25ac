//! What people and programs do with the connector.

use super::calls::Function;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// An agent reads an item.
    Item,
    /// An agent reads stock at a location.
    Stock,
    /// An agent reads deals.
    Deals,
    /// An agent reads, and Zoho has dropped the token.
    DeadToken,
    /// An agent makes an order.
    Order,
    /// An agent adds a note.
    Note,
    /// An agent adjusts stock.
    Adjustment,
    /// An agent moves stock from one location to another.
    Transfer,
    /// An agent has counts compared.
    Comparison,
    /// An agent applies counts that were compared.
    Application,
    /// An agent's read is passed through.
    PassedRead,
    /// An agent's write is passed through.
    PassedWrite,
    /// The schedule renews a token.
    Renewal,
    /// A person consents.
    Consent,
    /// A person chooses an organisation.
    Choice,
    /// The operator has CRM tell of changes.
    Channel,
    /// The schedule renews CRM's channel.
    ChannelRenewal,
    /// Inventory reports a change, and signs it.
    Webhook,
    /// CRM reports a change through its channel.
    Notification,
    /// Somebody else reports something, and signs it.
    CustomWebhook,
    /// Somebody else reports something as Standard Webhooks do, and signs it with its time.
    StandardWebhook,
    /// The agent is told of a change.
    Delivery,
}

impl Scene {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 22] = [
        Self::Item,
        Self::Stock,
        Self::Deals,
        Self::DeadToken,
        Self::Order,
        Self::Note,
        Self::Adjustment,
        Self::Transfer,
        Self::Comparison,
        Self::Application,
        Self::PassedRead,
        Self::PassedWrite,
        Self::Renewal,
        Self::Consent,
        Self::Choice,
        Self::Channel,
        Self::ChannelRenewal,
        Self::Webhook,
        Self::Notification,
        Self::CustomWebhook,
        Self::StandardWebhook,
        Self::Delivery,
    ];

    /// What it is, as a heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Item => "An agent reads an item",
            Self::Stock => "An agent reads stock at a location",
            Self::Deals => "An agent reads deals",
            Self::DeadToken => "An agent reads, and Zoho has dropped the token",
            Self::Order => "An agent makes an order",
            Self::Note => "An agent adds a note to a deal",
            Self::Adjustment => "An agent adjusts stock",
            Self::Transfer => "An agent moves stock to another location",
            Self::Comparison => "An agent has counts compared",
            Self::Application => "An agent applies counts that were compared",
            Self::PassedRead => "An agent's read is passed through",
            Self::PassedWrite => "An agent's write is passed through",
            Self::Renewal => "The schedule renews a token",
            Self::Consent => "A person consents",
            Self::Choice => "A person chooses an organisation",
            Self::Channel => "The operator has CRM tell of changes",
            Self::ChannelRenewal => "The schedule renews CRM's channel",
            Self::Webhook => "Zoho Inventory reports a change",
            Self::Notification => "Zoho CRM reports a change",
            Self::CustomWebhook => "Another sender reports something",
            Self::StandardWebhook => "Another sender reports something by Standard Webhooks",
            Self::Delivery => "The agent is told of a change",
        }
    }

    /// Whose work it is.
    pub fn function(self) -> Function {
        match self {
            Self::Item
            | Self::Stock
            | Self::Deals
            | Self::DeadToken
            | Self::Order
            | Self::Note
            | Self::Adjustment
            | Self::Transfer
            | Self::Comparison
            | Self::Application
            | Self::PassedRead
            | Self::PassedWrite => Function::ApiProxy,
            Self::Renewal | Self::Channel | Self::ChannelRenewal => Function::TokenRefresh,
            Self::Consent | Self::Choice => Function::OauthCallback,
            Self::Webhook | Self::Notification | Self::CustomWebhook | Self::StandardWebhook => {
                Function::WebhookIntake
            }
            Self::Delivery => Function::EventDelivery,
        }
    }

    /// In how many organisations of Inventory its person is.
    pub(super) fn organizations(self) -> usize {
        if self == Self::Choice { 2 } else { 1 }
    }
}
