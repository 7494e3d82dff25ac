//! Chance that can be had again: the same seed rolls the same numbers.

/// What the numbers of SplitMix64 step by.
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator of numbers from a seed (SplitMix64), so that what failed can be done again.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of so many.
    pub fn below(&mut self, many: usize) -> usize {
        usize::try_from(self.roll() % many.max(1) as u64).unwrap()
    }

    /// Whether one chance in so many comes true.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
