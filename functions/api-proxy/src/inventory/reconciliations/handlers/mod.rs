//! What the calls of reconciliations do: counts are taken, compared as far as there is time, shown, and what drifted is adjusted.

pub(super) mod apply;
pub(super) mod compare;
pub(super) mod show;
pub(super) mod take;
