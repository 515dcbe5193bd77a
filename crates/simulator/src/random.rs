//! The simulator's own source of chance: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
//!
//! It is small, has no state beyond one word, and its output is fixed by the seed on every machine, which no external
//! generator promises across versions.

/// A seeded stream of numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

/// The letters Kubernetes draws generated names from: no vowels, nothing that reads as another letter.
const NAME_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Random {
    /// A stream for one purpose. Streams of one seed with different purposes are independent, so that drawing a name
    /// more never changes a lag.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for byte in purpose.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut random = Self { state: state ^ seed };
        // The first word separates seeds that differ in a single bit.
        random.state = random.word();
        random
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end` (0 if `end` is 0), by multiply-shift.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.word()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// `length` letters as Kubernetes appends them to a `generateName`.
    pub fn name_suffix(&mut self, length: usize) -> String {
        let letters = NAME_LETTERS.len() as u64;
        (0..length)
            .map(|_| {
                let index = usize::try_from(self.below(letters)).unwrap_or(0);
                NAME_LETTERS.get(index).map_or('b', |&letter| char::from(letter))
            })
            .collect()
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let high = (self.word() & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (self.word() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// Reorders `items` so that every order is as likely as any other (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let draw = |seed| {
            let mut random = Random::new(seed, "names");
            (random.uuid(), random.name_suffix(5), random.below(1000))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn purposes_are_independent() {
        assert_ne!(Random::new(7, "names").word(), Random::new(7, "lag").word());
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut random = Random::new(1, "test");
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[usize::try_from(random.below(7)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn a_uuid_has_version_and_variant() {
        let uuid = Random::new(3, "uid").uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
