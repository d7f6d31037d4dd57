//! The summary of a step, in Markdown. What others wrote is in it as code, or as entities.

use super::outcome::Outcome;

use super::findings::Finding;
use crate::sanitize::excerpt;
use crate::sanitize::github::{block, inline};

/// How many findings are listed.
const MOST_FINDINGS: usize = 50;
/// How much of an answer is shown, in bytes: GitHub takes a mebibyte of all.
const LONGEST_ANSWER: usize = 100_000;

pub(super) fn of(title: &str, outcome: &Outcome<'_>, findings: &[Finding]) -> String {
    let mut markdown = format!("### DinoAI: {}\n\n", inline(title));
    let status = outcome.status.unwrap_or("not known");
    match outcome.session_id {
        Some(id) => markdown += &format!("Run {}: {}\n\n", inline(id.as_str()), inline(status)),
        None => markdown += "No run is known.\n\n",
    }
    if let Some(failure) = outcome.failure {
        markdown += &format!("**Failed**: {}\n\n", inline(&excerpt(&failure.message)));
    }
    if !findings.is_empty() {
        markdown += "| level | where | title | finding |\n| --- | --- | --- | --- |\n";
        for finding in findings.iter().take(MOST_FINDINGS) {
            let line = finding
                .line
                .map(|line| format!(":{line}"))
                .unwrap_or_default();
            let place = finding.file.as_ref().map(|file| format!("{file}{line}"));
            markdown += &format!(
                "| {} | {} | {} | {} |\n",
                finding.level.word(),
                inline(&place.unwrap_or_default()),
                inline(finding.title.as_deref().unwrap_or_default()),
                inline(&finding.message),
            );
        }
        if let Some(more @ 1..) = findings.len().checked_sub(MOST_FINDINGS) {
            markdown += &format!("\n{more} more are in the answer.\n");
        }
        markdown.push('\n');
    }
    if let Some(answer) = outcome.run.and_then(|run| run.answer()) {
        let (shown, rest) = answer.split_at(boundary(answer));
        markdown += &format!(
            "<details><summary>Answer</summary>\n\n{}\n</details>\n\n",
            block(shown)
        );
        if !rest.is_empty() {
            markdown += &format!("{} bytes more are left out.\n\n", rest.len());
        }
    }
    markdown
}

/// Where a text is cut.
fn boundary(text: &str) -> usize {
    let most = text.len().min(LONGEST_ANSWER);
    let is_within = |at: &usize| text.is_char_boundary(*at);
    (0..=most).rev().find(is_within).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use dinoai::{Message, Run, RunStatus};

    use super::*;
    use crate::github::findings;

    #[test]
    fn what_others_wrote_is_neither_markdown_nor_html() {
        let answer = "# Big\n```json\n[{\"file\": \"a|b.sql\", \"line\": 1, \"title\": \"<b>x</b>\", \
                      \"message\": \"![i](u) | @org\"}]\n```\n<img src=x>\n![i](https://example.com/x.png)\n````\n</details>";
        let mut run = Run::new("s1", RunStatus::Completed);
        run.messages.push(Message::new(1.0, "agent", answer));
        let found = findings::of_answer(&run, None);
        assert_eq!(found.len(), 1);
        let outcome = Outcome {
            session_id: Some(&run.session_id),
            status: Some("COMPLETED"),
            run: Some(&run),
            is_json: false,
            failure: None,
        };
        let markdown = of("my *agent*", &outcome, &found);
        let (before, block) = markdown.split_once("`````text\n").unwrap();
        let (inside, after) = block.split_once("\n`````\n").unwrap();
        assert_eq!(inside, answer);
        for outside in [before, after] {
            let outside = outside
                .replace("<details><summary>Answer</summary>", "")
                .replace("</details>", "");
            assert!(
                !outside.contains(['<', '!', '@', '*', '`', '[']),
                "{outside}"
            );
        }
        assert!(
            before.contains("| warning | a&#124;b&#46;sql&#58;1 | "),
            "{before}"
        );
    }

    #[test]
    fn a_long_answer_is_cut() {
        let mut run = Run::new("s1", RunStatus::Completed);
        run.messages
            .push(Message::new(1.0, "agent", "é".repeat(1_000_000)));
        let outcome = Outcome {
            session_id: None,
            status: None,
            run: Some(&run),
            is_json: false,
            failure: None,
        };
        let markdown = of("checker", &outcome, &[]);
        assert!(markdown.len() < 110_000);
        assert!(markdown.contains("1900000 bytes more are left out."));
    }
}
