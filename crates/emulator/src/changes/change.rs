//! A change and where it counts: [`Change`], [`Changes`], and how they are collected ([`Found`]).

use std::collections::{BTreeMap, BTreeSet};

/// What a change means for the documents in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A document is refused, or its response cannot be read by the types made before.
    Breaking,
    /// Valid and readable, but it may mean something else.
    Dangerous,
    /// It concerns what a document uses, and changes nothing of that.
    Safe,
}

impl Level {
    /// The level as a word.
    ///
    /// ```
    /// assert_eq!(dinoai_emulator::changes::Level::Breaking.word(), "breaking");
    /// ```
    pub fn word(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Dangerous => "dangerous",
            Self::Safe => "safe",
        }
    }
}

/// Where a document uses what changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Place {
    /// The document's name, as it was given.
    pub document: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in UTF-16 units, as GraphQL servers and most editors count.
    pub column: usize,
}

/// A change that concerns a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it means for the documents.
    pub level: Level,
    /// What changed, by its name in the old schema: `Type.field`, `Type.field(argument:)`, `Enum.VALUE`,
    /// `Type`, `@directive`; for a refusal that no single change explains, the operation or fragment.
    pub coordinate: String,
    /// How it changed, in a sentence.
    pub message: String,
    /// Where the documents use it, by document and place.
    pub places: Vec<Place>,
}

/// Everything that changed for the documents in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    list: Vec<Change>,
    /// The coordinates of all changes, whether a document uses them or not.
    all: BTreeSet<String>,
}

impl Changes {
    /// The changes that concern a document, by level and then by coordinate.
    ///
    /// ```
    /// assert!(dinoai_emulator::changes::Changes::default().list().is_empty());
    /// ```
    pub fn list(&self) -> &[Change] {
        &self.list
    }

    /// Whether any of them is breaking.
    ///
    /// ```
    /// assert!(!dinoai_emulator::changes::Changes::default().breaks());
    /// ```
    pub fn breaks(&self) -> bool {
        self.list.iter().any(|it| it.level == Level::Breaking)
    }

    /// How many further things changed that no document uses.
    ///
    /// ```
    /// assert_eq!(dinoai_emulator::changes::Changes::default().unused(), 0);
    /// ```
    pub fn unused(&self) -> usize {
        let used: BTreeSet<_> = self.list.iter().map(|it| it.coordinate.as_str()).collect();
        self.all
            .iter()
            .filter(|it| !used.contains(it.as_str()))
            .count()
    }

    /// These changes and those of other documents, which may have been written for another schema.
    ///
    /// ```
    /// use dinoai_emulator::changes::Changes;
    ///
    /// assert_eq!(Changes::default().and(Changes::default()), Changes::default());
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut found = Found::default();
        let all = self.all.into_iter().chain(other.all).collect();
        for change in self.list.into_iter().chain(other.list) {
            for place in change.places {
                found.add(change.level, &change.coordinate, &change.message, place);
            }
        }
        found.into_changes(all)
    }
}

/// The changes that have been found so far.
#[derive(Default)]
pub(super) struct Found(BTreeMap<(Level, String, String), BTreeSet<Place>>);

impl Found {
    pub(super) fn add(&mut self, level: Level, coordinate: &str, message: &str, place: Place) {
        let change = (level, coordinate.to_owned(), message.to_owned());
        self.0.entry(change).or_default().insert(place);
    }

    /// Each change once, at its worst level.
    pub(super) fn into_changes(self, all: BTreeSet<String>) -> Changes {
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for ((level, coordinate, message), places) in self.0 {
            if seen.insert((coordinate.clone(), message.clone())) {
                list.push(Change {
                    level,
                    coordinate,
                    message,
                    places: places.into_iter().collect(),
                });
            }
        }
        Changes { list, all }
    }
}
