//! The known word that was probably meant by one that is not known.

/// Longer words are compared with none.
const LONGEST: usize = 40;

/// The known word that differs least, if it does by a third of its letters at most. Of several the
/// first.
pub(crate) fn did_you_mean<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return None;
    }
    let distances = known.iter().map(|known| {
        let known_letters: Vec<char> = known.chars().collect();
        (distance(&letters, &known_letters), known)
    });
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (nearest.chars().count() / 3).max(1)).then_some(*nearest)
}

/// How many letters are to be inserted, removed, replaced or swapped with the next one.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = vec![];
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.iter().enumerate() {
        let mut next = vec![place + 1];
        for (column, known) in other.iter().enumerate() {
            let replaced = row[column] + usize::from(letter != known);
            let mut least = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            let is_swapped =
                place > 0 && column > 0 && *letter == other[column - 1] && one[place - 1] == *known;
            if is_swapped {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_none_that_is_far() {
        let known = ["name", "role", "goal", "backstory", "model_family"];
        for (word, meant) in [
            ("gaol", Some("goal")),
            ("goals", Some("goal")),
            ("Role", Some("role")),
            ("back_story", Some("backstory")),
            ("modelfamily", Some("model_family")),
            ("temperature", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, &known), meant, "{word}");
        }
        assert_eq!(did_you_mean(&"role".repeat(3_000), &known), None);
        assert_eq!(did_you_mean("role", &[]), None);
    }
}
