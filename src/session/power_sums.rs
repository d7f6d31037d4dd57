//! [`PowerSums`]: a multiset of hashes in bounded memory, precise enough to say which of a read are not
//! in it, and [`Listing`]: whether two reads list the same.
//!
//! A multiset is remembered by the sums of its members' powers: of the members themselves, of their
//! squares, and so on, modulo a prime. If a read lists all of it and some more, the sums of the read
//! less those are the power sums of what is new alone. Newton's identities make of them the
//! polynomial whose roots are the new members, so each that is listed is tried as a root. A
//! multiset of which something is missing in the read gives a polynomial that has other roots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::MessageKey;

/// How many sums are kept. Of fewer new members than that each is found.
const SUMS: usize = 64;
/// What the sums are modulo of: a Mersenne prime.
const PRIME: u64 = (1 << 61) - 1;

/// A message, or a key, as a member of a multiset.
pub(super) fn member(key: MessageKey, text: Option<u64>) -> u64 {
    let author = u64::from(key.is_from_user);
    // Each part is mixed: sums of plain hashes of similar messages can be equal.
    let key = mix(mix(key.ts().to_bits()).wrapping_add(author));
    text.map_or(key, |text| mix(key ^ mix(text))) % PRIME
}

/// Each bit depends on all (the finalizer of `SplitMix64`).
fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// How many messages a read lists, and the sum of them, in whatever order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Listing {
    count: usize,
    sum: u64,
}

impl Listing {
    pub(super) fn add(&mut self, member: u64) {
        self.count += 1;
        self.sum = plus(self.sum, member);
    }

    pub(super) fn of(keys: &[MessageKey]) -> Self {
        keys.iter().map(|key| member(*key, None)).collect()
    }
}

impl FromIterator<u64> for Listing {
    fn from_iter<I: IntoIterator<Item = u64>>(members: I) -> Self {
        let mut listing = Self::default();
        members.into_iter().for_each(|member| listing.add(member));
        listing
    }
}

/// A multiset, by its number of members and the sums of their powers.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct PowerSums {
    count: usize,
    sums: [u64; SUMS],
}

impl Default for PowerSums {
    fn default() -> Self {
        Self {
            count: 0,
            sums: [0; SUMS],
        }
    }
}

impl FromIterator<u64> for PowerSums {
    fn from_iter<I: IntoIterator<Item = u64>>(members: I) -> Self {
        let mut sums = Self::default();
        members.into_iter().for_each(|member| sums.add(member));
        sums
    }
}

impl PowerSums {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, member: u64) {
        self.count += 1;
        let mut power = member;
        for sum in &mut self.sums {
            *sum = plus(*sum, power);
            power = times(power, member);
        }
    }

    /// Adds all members of another multiset.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, other) in self.sums.iter_mut().zip(other.sums) {
            *sum = plus(*sum, other);
        }
    }

    /// Whether it has as many members as are listed, with the same sum.
    pub(super) fn is(&self, listing: Listing) -> bool {
        (self.count, self.sums[0]) == (listing.count, listing.sum)
    }

    /// Which of the listed members are not in the multiset, each as often as it is new; `None` if
    /// that cannot be found out: something of the multiset is not listed, or too much is new.
    pub(super) fn new_members(&self, listed: &[u64]) -> Option<Vec<u64>> {
        let count = listed.len().checked_sub(self.count)?;
        // One sum more than there are new members, as a proof.
        let mut sums = vec![0; count + 1];
        if sums.len() > SUMS {
            return None;
        }
        for member in listed {
            let mut power = *member;
            for sum in &mut sums {
                *sum = plus(*sum, power);
                power = times(power, *member);
            }
        }
        for (sum, known) in sums.iter_mut().zip(self.sums) {
            *sum = minus(*sum, known);
        }
        let mut polynomial = polynomial(&sums);
        if polynomial.pop() != Some(0) {
            return None;
        }
        let mut distinct = listed.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut new = vec![];
        for member in distinct {
            while polynomial.len() > 1 && value(&polynomial, member) == 0 {
                polynomial = divided(&polynomial, member);
                new.push(member);
            }
        }
        (new.len() == count).then_some(new)
    }
}

/// The polynomial whose roots have these power sums, the highest power first, by Newton's identities.
fn polynomial(sums: &[u64]) -> Vec<u64> {
    let mut coefficients = vec![1];
    for degree in 1..=sums.len() {
        let sum = (0..degree).fold(0, |sum, lower| {
            plus(sum, times(coefficients[lower], sums[degree - 1 - lower]))
        });
        coefficients.push(minus(0, times(sum, inverse(degree as u64))));
    }
    coefficients
}

fn value(polynomial: &[u64], at: u64) -> u64 {
    let horner = |value, coefficient: &u64| plus(times(value, at), *coefficient);
    polynomial.iter().fold(0, horner)
}

/// A polynomial without one of its roots.
fn divided(polynomial: &[u64], root: u64) -> Vec<u64> {
    let mut value = 0;
    let quotient = polynomial[..polynomial.len() - 1]
        .iter()
        .map(|coefficient| {
            value = plus(times(value, root), *coefficient);
            value
        });
    quotient.collect()
}

fn plus(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum < PRIME { sum } else { sum - PRIME }
}

fn minus(a: u64, b: u64) -> u64 {
    plus(a, PRIME - b)
}

/// Modulo a Mersenne prime: the bits above it count as if they were below.
#[allow(clippy::cast_possible_truncation)] // both parts have 61 bits
fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    plus((product >> 61) as u64, product as u64 & PRIME)
}

/// By Fermat's little theorem.
fn inverse(number: u64) -> u64 {
    let (mut result, mut power, mut exponent) = (1, number, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, power);
        }
        power = times(power, power);
        exponent >>= 1;
    }
    result
}

/// A text, since numbers can change a little on their way through a reader of doubles.
impl From<PowerSums> for String {
    fn from(stored: PowerSums) -> Self {
        let sums = stored.sums.iter().map(|sum| format!(" {sum:016x}"));
        format!("{}{}", stored.count, sums.collect::<Self>())
    }
}

impl TryFrom<String> for PowerSums {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for PowerSums {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(' ');
        let count = words.next().and_then(|word| word.parse().ok());
        let sums: Option<Vec<u64>> = words
            .map(|word| u64::from_str_radix(word, 16).ok())
            .map(|sum| sum.filter(|sum| *sum < PRIME))
            .collect();
        let sums = sums.and_then(|sums| sums.try_into().ok());
        match (count, sums) {
            (Some(count), Some(sums)) => Ok(Self { count, sums }),
            _ => Err(format!("not a number and {SUMS} sums: {text:?}")),
        }
    }
}

impl fmt::Debug for PowerSums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PowerSums({} members)", self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(numbers: &[u64]) -> Vec<u64> {
        numbers.iter().map(|number| mix(*number) % PRIME).collect()
    }

    fn sorted(mut members: Vec<u64>) -> Vec<u64> {
        members.sort_unstable();
        members
    }

    proptest! {
        #[test]
        fn each_new_member_is_found_however_often_it_is_listed(
            known in prop::collection::vec(0..20_u64, 0..100),
            new in prop::collection::vec(0..40_u64, 0..SUMS),
            place in any::<usize>(),
        ) {
            let (known, new) = (members(&known), members(&new));
            let mut listed = [known.clone(), new.clone()].concat();
            if !listed.is_empty() {
                let place = place % listed.len();
                listed.rotate_left(place);
            }
            let sums: PowerSums = known.into_iter().collect();
            prop_assert_eq!(sums.new_members(&listed), Some(sorted(new)));
        }

        #[test]
        fn nothing_is_new_where_something_is_missing(
            missing in 1..5_usize,
            new in 0..SUMS as u64,
        ) {
            let known = members(&(100..200).collect::<Vec<_>>());
            let listed = [&known[missing..], &members(&(0..new).collect::<Vec<_>>())].concat();
            let sums: PowerSums = known.into_iter().collect();
            prop_assert_eq!(sums.new_members(&listed), None);
        }
    }

    #[test]
    fn more_than_can_be_found_is_not_guessed() {
        let many = members(&(0..SUMS as u64).collect::<Vec<_>>());
        assert_eq!(PowerSums::default().new_members(&many), None);
        let sorted = sorted(many[1..].to_vec());
        assert_eq!(PowerSums::default().new_members(&many[1..]), Some(sorted));
    }

    #[test]
    fn sums_survive_json_and_what_is_none_is_refused() {
        let sums: PowerSums = members(&[1, 2, 3]).into_iter().collect();
        let json = serde_json::to_string(&sums).unwrap();
        assert_eq!(serde_json::from_str::<PowerSums>(&json).unwrap(), sums);
        for bad in ["", "3", "x 1", &format!("{} 1", String::from(sums))] {
            assert!(bad.parse::<PowerSums>().is_err(), "{bad}");
        }
    }
}
