//! Items from CSV with a header.

use super::item::{Item, line_at};

/// The columns that a table can have.
const COLUMNS: [&str; 6] = [
    "agent",
    "message",
    "slack_channel",
    "slack_thread",
    "base_branch",
    "model_family",
];

/// Reads all items of a table with a header, or says what is wrong in which line.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, String> {
    let first = text.lines().find(|line| !line.trim().is_empty());
    if first.is_some_and(|header| header.contains(';') && !header.contains(',')) {
        let line = text
            .lines()
            .take_while(|line| line.trim().is_empty())
            .count()
            + 1;
        return Err(format!(
            "line {line}: the columns are separated by semicolons; use commas"
        ));
    }
    // Before it is read, since the reader takes all that follows such a quote for one field.
    if let Some(place) = broken_quote(text) {
        return Err(format!(
            "line {}: the quote that begins here is not closed before the end of its field; \
             write a quote inside quotes twice",
            line_at(text, place)
        ));
    }
    let wrong = |error: ::csv::Error| match error.kind() {
        ::csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = line_of(pos.as_ref(), text);
            let (are, s) = if *len == 1 { ("is", "") } else { ("are", "s") };
            format!("line {line}: there {are} {len} field{s}, and {expected_len} in the header")
        }
        _ => format!("line 1: {error}"),
    };
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(wrong)?.clone();
    check_header(&header)
        .map_err(|problem| format!("line {}: {problem}", line_of(header.position(), text)))?;
    let mut items = vec![];
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let item = item(&header, &record);
        item.check()
            .map_err(|problem| format!("line {}: {problem}", line_of(record.position(), text)))?;
        items.push(item);
    }
    Ok(items)
}

fn check_header(header: &::csv::StringRecord) -> Result<(), String> {
    for (place, column) in header.iter().enumerate() {
        if !COLUMNS.contains(&column) {
            let columns = COLUMNS.join(", ");
            return Err(format!(
                "unknown column `{column}`; the columns are {columns}"
            ));
        }
        if header.iter().take(place).any(|other| other == column) {
            return Err(format!("the column `{column}` is given twice"));
        }
    }
    Ok(())
}

/// An item from its row. A blank field is none; only in a message do blanks at the ends count.
fn item(header: &::csv::StringRecord, record: &::csv::StringRecord) -> Item {
    let mut item = Item::default();
    for (column, field) in header.iter().zip(record) {
        if field.trim().is_empty() {
            continue;
        }
        let (place, field) = match column {
            "agent" => (&mut item.agent, field.trim()),
            "message" => (&mut item.message, field),
            "slack_channel" => (&mut item.slack_channel, field.trim()),
            "slack_thread" => (&mut item.slack_thread, field.trim()),
            "base_branch" => (&mut item.base_branch, field.trim()),
            "model_family" => (&mut item.model_family, field.trim()),
            _ => continue,
        };
        *place = Some(field.to_owned());
    }
    item
}

/// The place of a quote that begins a field and is not closed at its end: by the end of the text,
/// or since something else follows the quote that closes it.
fn broken_quote(text: &str) -> Option<usize> {
    enum Reading {
        FieldStart,
        Unquoted,
        /// In the field whose quote is at this place.
        Quoted(usize),
        /// After a second quote, which closes the field, or is one half of a quote in it.
        Closed(usize),
    }
    let mut reading = Reading::FieldStart;
    for (place, byte) in text.bytes().enumerate() {
        reading = match (reading, byte) {
            (Reading::FieldStart, b'"') => Reading::Quoted(place),
            (Reading::Quoted(start), b'"') => Reading::Closed(start),
            (Reading::Closed(start), b'"') | (Reading::Quoted(start), _) => Reading::Quoted(start),
            (_, b',' | b'\r' | b'\n') => Reading::FieldStart,
            (Reading::Closed(start), _) => return Some(start),
            (Reading::FieldStart | Reading::Unquoted, _) => Reading::Unquoted,
        };
    }
    match reading {
        Reading::Quoted(start) => Some(start),
        _ => None,
    }
}

/// The line that a record begins in. Its position is that of the empty lines before it.
fn line_of(position: Option<&::csv::Position>, text: &str) -> usize {
    let start = position.and_then(|position| usize::try_from(position.byte()).ok());
    let start = start.unwrap_or_default().min(text.len());
    let rest = text.as_bytes().iter().skip(start);
    let empty = rest.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    line_at(text, start + empty.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_by_the_line_that_it_begins_in() {
        let rows = "agent,message\na,\"two\nlines\"\n\n\r\n";
        for (row, problem) in [
            (" ,\n", "line 6: neither an agent nor a message is given"),
            (
                "a,\"m\nm\",x\n",
                "line 6: there are 3 fields, and 2 in the header",
            ),
        ] {
            let refusal = parse(&format!("{rows}{row}a,m\n")).unwrap_err();
            assert_eq!(refusal, problem);
        }
    }

    #[test]
    fn a_header_is_checked_by_name() {
        for (header, problem) in [
            ("\nagent,mesage\n", "line 2: unknown column `mesage`; the"),
            (
                "agent, agent \n",
                "line 1: the column `agent` is given twice",
            ),
            (
                "\n\"agent\";\"message\"",
                "line 2: the columns are separated by semicolons",
            ),
        ] {
            let refusal = parse(header).unwrap_err();
            assert!(refusal.starts_with(problem), "{refusal}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_is_refused_where_it_begins() {
        for (rows, line) in [
            ("a,\"m\nb,m\n", 2),
            ("a,m\nb,\"m\nc,\"m\"\n", 3),
            ("a,\"m\"m\n", 2),
            ("a,\"m\" ,\n", 2),
            ("\"two\nlines\",\"\"\"", 3),
        ] {
            let refusal = parse(&format!("agent,message\n{rows}")).unwrap_err();
            assert!(
                refusal.starts_with(&format!("line {line}: the quote")),
                "{refusal}"
            );
        }
        for row in [
            "a,say \"hi\"",
            "\"a\"\"\",\"\"",
            "\"a,\r\n\"\"b\"\"\",",
            "a,6\" or \"7",
        ] {
            assert!(
                parse(&format!("agent,message\r\n{row}\r\n")).is_ok(),
                "{row}"
            );
        }
    }
}
