//! The seeds of the fuzz targets, and variations of them: what holds for them is tried in every run of
//! the tests. The unit tests of the workspace's packages share it.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The seeds of a target, by name; none in the published package, which has no `fuzz/`. Says
/// so there, past the test harness, which shows nothing of a test that passes.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A package of the workspace is two folders below it.
    let mut roots = package.ancestors().take(3);
    let Some(folder) = roots.find(|root| root.join("fuzz/seeds").exists()) else {
        let line = format!("SKIPPED the seeds of {target}: there is no fuzz/ here\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return vec![];
    };
    let entries = fs::read_dir(folder.join("fuzz/seeds").join(target)).unwrap();
    let mut seeds: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
    seeds.sort();
    seeds
}

/// Shown as a text with escapes.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

/// A seed with pieces of it cut out, doubled or replaced by pieces of the others.
fn varied(mut seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    seeds.push(vec![]);
    let piece = prop_oneof![
        Just(vec![]),
        (select(seeds.clone()), any::<Index>(), 0..30_usize).prop_map(|(seed, start, length)| {
            let start = start.index(seed.len() + 1);
            seed[start..seed.len().min(start + length)].to_vec()
        }),
        vec(any::<u8>(), 1..4),
    ];
    let change = (any::<Index>(), 0..12_usize, piece);
    (select(seeds), vec(change, 0..4)).prop_map(|(mut bytes, changes)| {
        for (start, length, piece) in changes {
            let start = start.index(bytes.len() + 1);
            let end = bytes.len().min(start + length);
            bytes.splice(start..end, piece);
        }
        Input(bytes)
    })
}

/// Asserts that a property holds for each seed of its fuzz target, and for so many variations.
pub(crate) fn hold(target: &str, cases: u32, property: fn(&[u8])) {
    let fails = |seed: &[u8]| std::panic::catch_unwind(|| property(seed)).is_err();
    let seeds = seeds(target);
    let failed = seeds.iter().filter(|(_, seed)| fails(seed));
    let failed: Vec<_> = failed.map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "seeds of {target}: {failed:?}");
    let seeds = seeds.into_iter().map(|(_, seed)| seed).collect();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    proptest!(config, |(input in varied(seeds))| property(&input.0));
}
