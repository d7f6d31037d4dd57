//! [`TypedAhead`]: what was typed before there was a prompt.

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypedAhead {
    /// It is offered at the prompt, unsent; empty where nothing was typed.
    Line(String),
    /// It is left out: at the prompt nobody would know what Enter sends.
    Lines,
}

impl TypedAhead {
    /// What the terminal has kept. Keys that are no text count for nothing there.
    pub(super) fn of(typed: &[u8]) -> Self {
        let typed = String::from_utf8_lossy(typed).replace('\r', "\n");
        let text = console::strip_ansi_codes(&typed);
        let text: String = text
            .chars()
            .map(|letter| if letter == '\t' { ' ' } else { letter })
            .filter(|letter| *letter == '\n' || !letter.is_control())
            .collect();
        let line = text.trim_matches('\n');
        match line.contains('\n') {
            true => Self::Lines,
            false => Self::Line(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_offered_without_what_is_no_text() {
        for (typed, line) in [
            ("", ""),
            ("\n\r\n", ""),
            ("and now?", "and now?"),
            ("\nand\tnow?\u{1b}[A\0\u{7f}\r", "and now?"),
        ] {
            assert_eq!(
                TypedAhead::of(typed.as_bytes()),
                TypedAhead::Line(line.to_owned())
            );
        }
        assert_eq!(
            TypedAhead::of(b"caf\xc3\xa9 \xff"),
            TypedAhead::Line("caf\u{e9} \u{fffd}".to_owned())
        );
    }

    #[test]
    fn more_than_one_are_left_out() {
        assert_eq!(TypedAhead::of(b"one\rtwo"), TypedAhead::Lines);
        assert_eq!(TypedAhead::of(b"one\n\ntwo\n"), TypedAhead::Lines);
    }
}
