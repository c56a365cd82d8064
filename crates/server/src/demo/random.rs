//! A small deterministic generator (splitmix64), so that the demo needs no randomness from
//! outside and no crate whose sequence could change with a new version.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Seed of the whole organisation. Another number gives another, equally valid organisation.
const SEED: u64 = 0x4861_7262_6f75_7246;

/// One sequence of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence that belongs to an actor (or a story) and a number, usually a day.
    pub(super) fn of(name: &str, number: i64) -> Self {
        Self(fingerprint(name, number))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Like [`Random::between`], small numbers more often: most files are small.
    pub(super) fn mostly_small(&mut self, low: u64, high: u64) -> u64 {
        self.between(low, high).min(self.between(low, high))
    }

    /// The place of one of several shares, large ones more often.
    pub(super) fn place(&mut self, shares: impl Iterator<Item = u64> + Clone) -> usize {
        let drawn = self.below(shares.clone().sum());
        let ends = shares.scan(0, |end, share| {
            *end += share;
            Some(*end)
        });
        ends.take_while(|end| *end <= drawn).count()
    }

    /// True `per_mille` times out of a thousand.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// 64 bits that stand for a name and a number; equal input, equal bits, on every machine.
pub(super) fn fingerprint(name: &str, number: i64) -> u64 {
    let named = name.bytes().fold(SEED, |state, byte| {
        mix(state.wrapping_add(GAMMA) ^ u64::from(byte))
    });
    mix(named.wrapping_add(GAMMA) ^ mix(number as u64))
}

/// The finaliser of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_sequences_repeat() {
        let mut random = Random::of("jane", 7);
        let drawn: Vec<u64> = (0..1000).map(|_| random.between(3, 9)).collect();
        assert!((3..=9).all(|n| drawn.contains(&n)));
        assert!(drawn.iter().all(|n| (3..=9).contains(n)));
        let mut again = Random::of("jane", 7);
        assert!(drawn.iter().all(|n| *n == again.between(3, 9)));
        let mut places = [0; 3];
        (0..1000).for_each(|_| places[random.place([1, 0, 9].into_iter())] += 1);
        assert!(
            places[0] > 50 && places[0] < 150 && places[1] == 0,
            "{places:?}"
        );
        assert_eq!(Random::of("jane", 7).below(0), 0);
        assert_ne!(fingerprint("jane", 7), fingerprint("jane", 8));
        assert_ne!(fingerprint("jane", 7), fingerprint("june", 7));
    }
}
