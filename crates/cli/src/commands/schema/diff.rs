//! `dinoai schema diff`: what changed in a schema for the documents in use.

use dinoai_emulator::changes::{Change, Changes, Level, changes};
use dinoai_emulator::documents::{Documents, Problems, Schema};
use serde::Serialize;

use super::problems::{Event, in_lines, is_unread, unusable};
use super::shipped;
use crate::args::{Format, SchemaDiffArgs};
use crate::output::Output;
use crate::report::{ExitStatus, Failure};

/// The documents in use, each with the schema that it was written for.
pub(super) struct InUse(Vec<Written>);

struct Written {
    documents: Documents,
    schema_name: String,
    schema: Schema,
}

impl InUse {
    /// This version's own documents, and those that the options name.
    pub(super) fn read(options: &SchemaDiffArgs) -> Result<Self, Failure> {
        let given = match &options.schema {
            Some(file) => {
                let schema = Schema::read(file).map_err(|it| unusable(&it))?;
                Some((file.display().to_string(), schema))
            }
            None => None,
        };
        let own = shipped::documents(|_| true);
        if options.paths.is_empty() {
            let schema = given.map_or_else(shipped_schema, Ok)?;
            return Ok(Self(vec![Written::of(own, schema)]));
        }
        let theirs = Documents::read(&options.paths).map_err(|it| unusable(&it))?;
        if theirs.is_empty() {
            return Err(Failure::usage(
                "there are no documents in the files and folders that are named",
            )
            .with_hint("for those of this version alone: dinoai schema diff"));
        }
        let names: Vec<_> = theirs.definition_names().map(str::to_owned).collect();
        let schema = match (given, theirs.own_schema()) {
            (Some(given), _) => given,
            (None, Ok(Some(schema))) => (names.join(", "), schema),
            (None, Ok(None)) => shipped_schema()?,
            (None, Err(problems)) => return Err(unusable(&problems)),
        };
        // The types of our own are made from our own schema, whatever is in the folder.
        Ok(Self(vec![
            Written::of(own, shipped_schema()?),
            Written::of(theirs, schema),
        ]))
    }

    fn count(&self) -> usize {
        self.0.iter().map(|it| it.documents.names().count()).sum()
    }

    /// The names of the schemas, each once.
    fn schemas(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.iter().map(|it| it.schema_name.as_str()).collect();
        names.dedup();
        names
    }
}

impl Written {
    fn of(documents: Documents, (schema_name, schema): (String, Schema)) -> Self {
        Self {
            documents,
            schema_name,
            schema,
        }
    }
}

fn shipped_schema() -> Result<(String, Schema), Failure> {
    let schema = shipped::schema().map_err(|it| unusable(&it))?;
    Ok((shipped::NAME.to_owned(), schema))
}

pub(super) fn against_file(
    options: &SchemaDiffArgs,
    output: &Output,
) -> Result<ExitStatus, Failure> {
    let documents = InUse::read(options)?;
    // There is one, or the API would be asked.
    let file = options
        .against
        .as_deref()
        .unwrap_or_else(|| std::path::Path::new(""));
    let new = Schema::read(file).map_err(|it| unusable(&it))?;
    compare(
        documents,
        &file.display().to_string(),
        &new,
        str::to_owned,
        output,
    )
}

/// Shows what the new schema means for the documents; `shown`: what may be shown of a text with names of it.
pub(super) fn compare(
    documents: InUse,
    new_name: &str,
    new: &Schema,
    shown: impl Fn(&str) -> String,
    output: &Output,
) -> Result<ExitStatus, Failure> {
    let mut found = Changes::default();
    for written in &documents.0 {
        let changes = changes(&written.schema, new, &written.documents);
        found = found.and(changes.map_err(|problems| invalid(written, &problems))?);
    }
    let lines = found.list().iter();
    let lines = lines.map(|change| ChangeLine::of(change, &shown)).collect();
    show(&documents, new_name, &found, lines, output);
    Ok(match found.breaks() {
        true => ExitStatus::Flawed,
        false => ExitStatus::Done,
    })
}

/// Documents that the schema refuses for which they were written.
fn invalid(written: &Written, problems: &Problems) -> Failure {
    if is_unread(problems) {
        return unusable(problems);
    }
    let schema = &written.schema_name;
    Failure::documents(format!(
        "the documents are not valid under the schema that they were written for, {schema}:\n{}",
        in_lines(problems)
    ))
    .with_hint("`dinoai schema check` says more; --schema names another schema")
}

/// What was compared, for programs.
#[derive(Serialize)]
struct Compared<'a, C> {
    /// The schemas that the documents were written for.
    old: &'a [&'a str],
    new: &'a str,
    /// How many documents.
    documents: usize,
    changes: C,
    /// How many further changes concern no document.
    unused: usize,
}

/// A change for programs.
#[derive(Serialize)]
struct ChangeLine<'a> {
    level: &'static str,
    coordinate: String,
    message: String,
    places: Vec<PlaceLine<'a>>,
}

#[derive(Serialize)]
struct PlaceLine<'a> {
    document: &'a str,
    line: usize,
    column: usize,
}

impl<'a> ChangeLine<'a> {
    fn of(change: &'a Change, shown: impl Fn(&str) -> String) -> Self {
        let places = change.places.iter().map(|place| PlaceLine {
            document: &place.document,
            line: place.line,
            column: place.column,
        });
        Self {
            level: change.level.word(),
            coordinate: shown(&change.coordinate),
            message: shown(&change.message),
            places: places.collect(),
        }
    }
}

fn show(
    documents: &InUse,
    new: &str,
    found: &Changes,
    lines: Vec<ChangeLine<'_>>,
    output: &Output,
) {
    let (old, count, unused) = (&*documents.schemas(), documents.count(), found.unused());
    match output.format {
        Format::Json => output.json(&Compared {
            old,
            new,
            documents: count,
            changes: lines,
            unused,
        }),
        Format::Jsonl => {
            for data in lines {
                let event = "change";
                output.json(&Event { event, data });
            }
            let data = Compared {
                old,
                new,
                documents: count,
                changes: found.list().len(),
                unused,
            };
            let event = "compared";
            output.json(&Event { event, data });
        }
        Format::Text => {
            for line in &lines {
                output.text(&block(line));
            }
            output.line(&summary(old, new, count, found));
        }
    }
}

/// A change and its places, with an empty line behind it.
fn block(change: &ChangeLine<'_>) -> String {
    let one_line = crate::sanitize::one_line;
    let (level, coordinate) = (change.level, one_line(&change.coordinate));
    let mut block = format!("{level}: {coordinate}: {}\n", one_line(&change.message));
    for place in &change.places {
        let document = one_line(place.document);
        block += &format!("  --> {document}:{}:{}\n", place.line, place.column);
    }
    block
}

fn summary(old: &[&str], new: &str, documents: usize, found: &Changes) -> String {
    let count = |level| found.list().iter().filter(|it| it.level == level).count();
    let counts = [Level::Breaking, Level::Dangerous, Level::Safe]
        .map(|level| format!("{} {}", count(level), level.word()));
    let documents = match documents {
        1 => "1 document".to_owned(),
        count => format!("{count} documents"),
    };
    let unused = match found.unused() {
        0 => String::new(),
        1 => "; 1 other change concerns no document".to_owned(),
        more => format!("; {more} other changes concern no document"),
    };
    format!(
        "{} from {} to {new}, for {documents}{unused}",
        counts.join(", "),
        old.join(" and ")
    )
}
