//! The named hash by which a pod picks its rung.
//!
//! FNV-1a of 64 bits (Fowler, Noll, Vo) over the request's uid, reduced to the window by
//! multiply-shift (Lemire, "Fast random integer generation in an interval", 2019). Multiply-shift
//! looks at the high bits, which the last two bytes of a text hardly move: good for the random uids
//! of the API server, and not for texts that only count up at their end.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a 64 of `bytes`.
#[must_use]
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// A number below `window`, evenly spread over the hashes; 0 for an empty window.
#[must_use]
pub fn reduce(hash: u64, window: u32) -> u32 {
    // The product of a 64-bit and a 32-bit number, shifted right by 64, is below 2^32.
    u32::try_from((u128::from(hash) * u128::from(window)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_vectors_hold() {
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_place_of_the_window_is_reached_about_equally_often() {
        let mut hits = [0u32; 10];
        for n in 0..10_000u64 {
            // Like the random uids (RFC 9562, version 4) of the API server.
            let random = n
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let uid = format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                random >> 32,
                random & 0xffff,
                n % 4096,
                random % 4093,
                random >> 16
            );
            hits[usize::try_from(reduce(fnv1a64(uid.as_bytes()), 10)).unwrap()] += 1;
        }
        assert!(hits.iter().all(|hit| (850..1150).contains(hit)), "{hits:?}");
    }

    #[test]
    fn the_last_hash_stays_inside_the_window() {
        assert_eq!(reduce(u64::MAX, 500), 499);
        assert_eq!(reduce(u64::MAX, 0), 0);
        assert_eq!(reduce(0, 500), 0);
    }
}
