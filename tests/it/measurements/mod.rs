//! Measurements, and promises about time that only a quiet machine can keep. They are run by hand. What a start and a call cost
//! is measured by `tests/bench`.

mod deliveries;
mod overload;
mod two_megabytes;
mod waits;
