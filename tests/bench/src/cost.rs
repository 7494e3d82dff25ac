//! What a million calls cost on Lambda, reckoned from what was measured.

use crate::figures::Figures;

/// List prices of us-east-1 on x86: a million requests, and a GB for a second.
const REQUESTS: f64 = 0.20;
const GB_SECOND: f64 = 0.000_016_666_7;

/// How long Zoho is taken to need for an answer, in milliseconds, and which share of calls meets a cold start: an agent calls now and
/// then.
pub(crate) const ZOHO: f64 = 150.0;
pub(crate) const COLD: f64 = 0.05;

/// A function with this many MB has one whole processor.
const WHOLE_PROCESSOR: f64 = 1769.0;

/// The sizes that are considered: the first that is half as large again as what was used.
const SIZES: [f64; 4] = [128.0, 256.0, 512.0, 1024.0];

/// What a function costs.
pub(crate) struct Cost {
    /// In MB.
    pub(crate) memory: f64,
    /// What is billed of a warm event, and of a cold start with its event, in milliseconds.
    pub(crate) warm: f64,
    pub(crate) cold: f64,
    /// Dollars for a million calls.
    pub(crate) dollars: f64,
}

impl Cost {
    pub(crate) fn of(figures: &Figures) -> Self {
        let memory = SIZES.into_iter().find(|size| *size >= 1.5 * figures.peak).unwrap_or(2048.0);
        // After the start, a function has its share of a processor. While it starts, it has a whole one.
        let warm = (ZOHO + figures.cpu / 1e3 * WHOLE_PROCESSOR / memory).ceil();
        let after_init = (figures.cpu_first - figures.init).max(0.0);
        let cold = (ZOHO + figures.init + after_init * WHOLE_PROCESSOR / memory).ceil();
        let seconds = ((1.0 - COLD) * warm + COLD * cold) / 1e3;
        Self { memory, warm, cold, dollars: REQUESTS + 1e6 * seconds * memory / 1024.0 * GB_SECOND }
    }
}
