//! Why a connection waits, as the words of its state begin. Whoever tells the operator what to do about it goes by them.

pub use crate::client_fault::GENERAL;

/// No answer came: of the network, or of Zoho.
pub const NOT_ASKED: &str = "Zoho's accounts server could not be asked";

/// Something answered in Zoho's place, or Zoho in an outage.
pub const NO_TOKEN: &str = "Zoho's accounts server answered with something that is no token";
