//! Brings stored events to the agent. It puts them into the queue from which agents claim them and, where the agent has a hook,
//! tells the hook that they wait. It also polls Zoho's lists for changes that no webhook reported. Any number of processes may
//! run at the same time: each write is conditional on what was read.

mod batch_lifecycle;
mod enrich;
mod event_delivery;
mod give_up;
mod hook_delivery;
mod hook_retry;
mod message;
mod next_step;
mod polling;
mod queue;
mod send;
mod sweep;
mod sweep_order;
mod swept;
mod trigger;
mod trouble_events;
mod zoho_reads;

pub use crate::event_delivery::EventDelivery;
pub use crate::swept::Swept;
pub use crate::trigger::{Trigger, trigger_of};
