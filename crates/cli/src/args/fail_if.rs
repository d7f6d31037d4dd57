//! [`FailIf`]: the expression of `--fail-if`, checked before anything is sent.

use std::fmt;
use std::str::FromStr;

use jmespath::ast::Ast;
use jmespath::{DEFAULT_RUNTIME, ErrorReason, Expression, JmespathError, RuntimeError, Variable};

/// The longest expression, in bytes. The crate takes one apart by recursion, for which half a mebibyte of the stack
/// is enough then.
const LONGEST: usize = 500;
/// The largest index or step of a slice: the crate adds it to others, in 32 bits.
const MOST: u32 = 1_000_000_000;

/// A JMESPath expression that decides whether a command fails.
#[derive(Clone)]
pub(crate) struct FailIf(Expression<'static>);

impl FailIf {
    /// What the expression is of this JSON: true or false, or why it is neither.
    pub(crate) fn verdict(&self, json: &str) -> Result<bool, String> {
        let value = Variable::from_json(json)?;
        let found = self.0.search(value).map_err(|error| reason(&error))?;
        match found.as_boolean() {
            Some(verdict) => Ok(verdict),
            None => Err(format!("it is of type {}, not a boolean", found.get_type())),
        }
    }
}

impl FromStr for FailIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!(
                "it has {} bytes, and may have {LONGEST}",
                text.len()
            ));
        }
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        let expression = jmespath::compile(text).map_err(|error| match error.reason {
            ErrorReason::Parse(_) => format!(
                "{}\na number stands in backticks, a text in single quotes: rows > `20`, severity == 'high'",
                error.to_string().trim_end()
            ),
            ErrorReason::Runtime(_) => reason(&error),
        })?;
        if let Some(field) = meant_as_text(text) {
            return Err(format!(
                "{field} in double quotes is the name of a field; a text stands in single quotes, and such a field \
                 can be named as @.{field}"
            ));
        }
        check_calls(expression.as_ast())?;
        Ok(Self(expression))
    }
}

/// Refuses calls of functions that there are not, or with too many or too few arguments, which would
/// otherwise come out after the run.
fn check_calls(ast: &Ast) -> Result<(), String> {
    let parts: Vec<&Ast> = match ast {
        Ast::Function { offset, name, args } => {
            let nothing = || Ast::Literal {
                offset: *offset,
                value: Variable::Null.into(),
            };
            let call = Ast::Function {
                offset: *offset,
                name: name.clone(),
                args: args.iter().map(|_| nothing()).collect(),
            };
            let called = Expression::new("", call, &DEFAULT_RUNTIME).search(Variable::Null);
            if let Err(error) = called
                && let ErrorReason::Runtime(
                    RuntimeError::UnknownFunction(_)
                    | RuntimeError::TooManyArguments { .. }
                    | RuntimeError::NotEnoughArguments { .. },
                ) = error.reason
            {
                return Err(format!("{name}(…): {}", reason(&error)));
            }
            args.iter().collect()
        }
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition {
            predicate, then, ..
        } => vec![predicate, then],
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => vec![node],
        Ast::MultiList { elements, .. } => elements.iter().collect(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|pair| &pair.value).collect(),
        Ast::Index { idx, .. } => {
            check_numbers(&[*idx])?;
            vec![]
        }
        Ast::Slice {
            start, stop, step, ..
        } => {
            check_numbers(&[start.unwrap_or_default(), stop.unwrap_or_default(), *step])?;
            vec![]
        }
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Literal { .. } => vec![],
    };
    parts.into_iter().try_for_each(check_calls)
}

fn check_numbers(numbers: &[i32]) -> Result<(), String> {
    match numbers.iter().find(|number| number.unsigned_abs() > MOST) {
        Some(number) => Err(format!("{number} is no index: it may be {MOST} at most")),
        None => Ok(()),
    }
}

/// A name in double quotes that needs none, or that is compared by `==` or `!=`: nearly always a text is meant, and
/// a gate that compares a field that is not there would pass for ever.
fn meant_as_text(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let mark = rest.get(start..=start)?;
        let inside = rest.get(start + 1..)?;
        let mut escaped = false;
        let length = inside.find(|character: char| {
            let ends = !escaped && mark.contains(character);
            escaped = character == '\\' && !escaped;
            ends
        })?;
        let (before, behind) = (rest.get(..start)?, inside.get(length + 1..)?);
        let is_compared = ["==", "!="]
            .iter()
            .any(|sign| before.trim_end().ends_with(sign) || behind.trim_start().starts_with(sign));
        let name = inside.get(..length)?;
        let needs_none = name
            .starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_');
        let is_field = before.trim_end().ends_with('.') || behind.trim_start().starts_with(':');
        if mark == "\"" && (is_compared || needs_none) && !is_field {
            return rest.get(start..start + length + 2);
        }
        rest = behind;
    }
    None
}

/// Why an expression could not be evaluated, on one line.
fn reason(error: &JmespathError) -> String {
    error.reason.to_string()
}

impl fmt::Debug for FailIf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_true_or_false_or_says_why_it_is_neither() {
        let verdict = |expression: &str, json: &str| {
            let fail_if: FailIf = expression.parse().unwrap();
            fail_if.verdict(json)
        };
        let findings = r#"[{"rows": 29, "severity": "high"}, {"rows": 0}]"#;
        assert_eq!(verdict("length(@) > `0`", findings), Ok(true));
        assert_eq!(
            verdict("length([?rows > `100`]) > `0`", findings),
            Ok(false)
        );
        assert_eq!(verdict("contains([].severity, 'high')", findings), Ok(true));
        assert_eq!(verdict("ok == `false`", r#"{"ok": true}"#), Ok(false));
        for (expression, json, why) in [
            ("findings", "{}", "it is of type null, not a boolean"),
            ("length(@)", "[]", "it is of type number, not a boolean"),
            (
                "ok",
                r#"{"ok": "false"}"#,
                "it is of type string, not a boolean",
            ),
            (
                "[?rows > `0`]",
                findings,
                "it is of type array, not a boolean",
            ),
            (
                "length(@) > `0`",
                "1",
                "Runtime error: Argument 0 expects type array|object|string, given number",
            ),
        ] {
            assert_eq!(
                verdict(expression, json),
                Err(why.to_owned()),
                "{expression}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_no_boolean_unless_it_is_compared_as_null() {
        let verdict = |expression: &str| expression.parse::<FailIf>().unwrap().verdict("{}");
        let null = Err("it is of type null, not a boolean".to_owned());
        assert_eq!(verdict("rows"), null);
        assert_eq!(verdict("rows > `0`"), null);
        assert!(verdict("length(rows) > `0`").is_err());
        assert!(verdict("length([?rows > `0`]) > `0`").is_err());
        // As JMESPath has it, and the documentation says.
        assert_eq!(verdict("status == 'bad'"), Ok(false));
    }

    #[test]
    fn a_field_in_quotes_can_be_used() {
        for expression in [
            "@.\"a b\" == 'x'",
            "a == @.\"b c\"",
            "contains(\"a b\", 'x')",
            "a == '\"x\"'",
            "a == `\"x\"`",
            "\"a b\" > `1`",
            "{\"a\": b}.a",
            "@.\"a\" == 'x'",
        ] {
            assert!(expression.parse::<FailIf>().is_ok(), "{expression}");
        }
    }

    #[test]
    fn the_deepest_expression_is_evaluated() {
        // As much as a program has, and not a test; unoptimized code needs the most.
        let program = std::thread::Builder::new().stack_size(8 << 20);
        let evaluated = program.spawn(|| {
            for (open, close) in [("(", ")"), ("!", ""), ("[", "]"), ("a.", ""), ("a||", "")] {
                let depth = (LONGEST - 1) / (open.len() + close.len());
                let expression = format!("{}a{}", open.repeat(depth), close.repeat(depth));
                let parsed = expression.parse::<FailIf>().unwrap();
                let _ = parsed.verdict("{\"a\": 1}");
            }
        });
        evaluated.unwrap().join().unwrap();
    }

    #[test]
    fn what_can_never_be_evaluated_is_refused_at_once() {
        for (expression, why) in [
            (" ", "it is empty"),
            ("rows > 20", "a number stands in backticks"),
            (
                "severity == \"high\"",
                "\"high\" in double quotes is the name of a field",
            ),
            ("[?\"a\\\"b\" != c]", "can be named as @.\"a\\\"b\""),
            (
                "contains([].severity, \"high\")",
                "\"high\" in double quotes",
            ),
            ("severity == (\"high\")", "\"high\" in double quotes"),
            ("a == 'x\"' && \"b\"==c", "\"b\" in double quotes"),
            ("length(@", "Parse error"),
            ("a = b", "Parse error"),
            (
                "lenght(@) > `0`",
                "lenght(…): Runtime error: Call to undefined function lenght",
            ),
            ("a && b[?size(@) == `1`]", "size(…)"),
            (
                "length(a, b) == `2`",
                "length(…): Runtime error: Too many arguments",
            ),
            (
                "!contains(a)",
                "contains(…): Runtime error: Not enough arguments",
            ),
            ("sort_by(@, &nope(x))", "nope(…)"),
            ("{a: nope(b)}.a", "nope(…)"),
            ("[1::2147483647] == 'x'", "2147483647 is no index"),
            ("[-2147483647] == 'x'", "-2147483647 is no index"),
            ("@[:-1234567890]", "-1234567890 is no index"),
            (
                &"!".repeat(100_000),
                "it has 100000 bytes, and may have 500",
            ),
        ] {
            let refused = expression.parse::<FailIf>().unwrap_err();
            assert!(refused.contains(why), "{expression}: {refused}");
        }
    }
}
