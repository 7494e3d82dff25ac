//! What is remembered of writes: their idempotency keys, previews, the audit, and which changes are our own.

pub mod audit;
pub mod idempotency;
pub mod own_writes;
pub mod preview;
pub mod turns;
pub mod twins;
