//! Session ids: 16 lower-case letters and digits, unique in the process.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const LENGTH: u32 = 16;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A session id that this process has not used before.
pub(crate) fn next() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static SEED: OnceLock<u64> = OnceLock::new();
    // Differs between processes, so that an id of an earlier one is most likely unknown here.
    let seed = *SEED.get_or_init(|| RandomState::new().hash_one(LENGTH));
    let number = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(seed);
    // 36^16 is more than 2^82: the low 64 bits make the id unique, 18 more fill its last letters.
    let fill = u128::from(mix(!number) >> 46) << 64;
    spell(fill + u128::from(mix(number)))
}

/// A bijection of the 64-bit words (the finaliser of SplitMix64): neighbours look unrelated.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn spell(mut number: u128) -> String {
    let mut id = String::new();
    for _ in 0..LENGTH {
        let digit = usize::try_from(number % 36).unwrap_or_default();
        id.push(char::from(ALPHABET[digit]));
        number /= 36;
    }
    id
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_look_like_the_vendors() {
        let ids: HashSet<String> = (0..10_000).map(|_| super::next()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| {
            id.len() == 16
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        }));
    }
}
