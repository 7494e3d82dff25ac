//! The operations as a running function knows them: what each needs, and what it takes in few words. The build makes the list of
//! the OpenAPI document (`build.rs`), so that no binary carries what describes a route.

/// An operation that needs a permission.
pub(crate) struct Listed {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// The permissions of a key, of which one is needed.
    pub(crate) permissions: &'static [&'static str],
    /// The scopes of a connection, all of which are needed.
    pub(crate) scopes: &'static [&'static str],
    /// The names of the parameters in its query that must be there.
    pub(crate) required: &'static [&'static str],
    /// The names of the others, but for those of every list by pages.
    pub(crate) optional: &'static [&'static str],
    /// The names in the body of an example: `{customer,line_items:[{sku,quantity}]}`; empty where it takes none.
    pub(crate) body: &'static str,
    /// Whether it is a write that can be previewed.
    pub(crate) is_write: bool,
}

/// All of them, but for what is passed through, in the order of the document.
pub(crate) static OPERATIONS: &[Listed] = include!(concat!(env!("OUT_DIR"), "/operations.rs"));
