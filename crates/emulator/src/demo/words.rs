//! What a user's words name, and how they are quoted.

/// How many characters of a text are looked at.
const READ: usize = 2_000;

/// How many characters of a text are quoted.
const QUOTED: usize = 60;

/// How models are named that a dbt project has in its layers.
const LAYERS: [&str; 8] = [
    "base_", "stg_", "int_", "fct_", "fact_", "dim_", "mart_", "rpt_",
];

/// What else has an underscore: tests, and the endings of columns.
const TESTS: [&str; 2] = ["not_null", "accepted_values"];
const COLUMNS: [&str; 4] = ["_id", "_at", "_date", "_key"];

/// What is looked at where no model is named.
pub(super) const UNNAMED: &str = "stg_orders";

/// How many models are looked at in one turn.
pub(super) const MOST: usize = 3;

/// The longest name that is taken for a model's.
const LONGEST: usize = 40;

/// The start of a text: as much of it as is looked at.
pub(super) fn start(text: &str) -> &str {
    match text.char_indices().nth(READ) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The words of a text in lower case: letters, digits and underscores.
pub(super) fn words(text: &str) -> Vec<String> {
    start(text)
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The models that a text names, each once: those of a layer, else what is spelt like a model.
pub(super) fn models(text: &str) -> Vec<String> {
    let names: Vec<_> = words(text)
        .into_iter()
        .filter(|word| word.is_ascii() && word.len() <= LONGEST && word.contains('_'))
        .filter(|word| !TESTS.contains(&word.as_str()))
        .filter(|word| !COLUMNS.iter().any(|ending| word.ends_with(ending)))
        .collect();
    let in_layer = |name: &&String| LAYERS.iter().any(|layer| name.starts_with(layer));
    let mut found: Vec<String> = names.iter().filter(in_layer).cloned().collect();
    if found.is_empty() {
        found = names;
    }
    let mut models = Vec::new();
    for name in found {
        if !models.contains(&name) {
            models.push(name);
        }
    }
    models
}

/// The models that a text names, three at most; one where it names none.
pub(super) fn models_or_one(text: &str) -> Vec<String> {
    let mut models = models(text);
    models.truncate(MOST);
    if models.is_empty() {
        models.push(UNNAMED.to_owned());
    }
    models
}

/// What a model is about, as one of it: `order` for `stg_orders`.
pub(super) fn entity(model: &str) -> String {
    let layer = LAYERS.iter().find_map(|layer| model.strip_prefix(layer));
    let plural = layer.unwrap_or(model);
    match (plural.strip_suffix("ies"), plural.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => plural.to_owned(),
    }
}

/// A text on one line, in quotation marks; the start of one that is long.
pub(super) fn quoted(text: &str) -> String {
    format!("“{}”", short(text))
}

/// The same without the marks.
pub(super) fn short(text: &str) -> String {
    let line = start(text).split_whitespace().collect::<Vec<_>>().join(" ");
    // What would begin or end a piece of code, or a cell of a table, in Markdown.
    let line = line.replace(['`', '|'], "'");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_told_from_tests_and_columns() {
        for (text, expected) in [
            (
                "Check stg_orders for missing not_null tests.",
                &["stg_orders"][..],
            ),
            (
                "Add accepted_values to `fct_Payments`.status",
                &["fct_payments"],
            ),
            (
                "stg_orders, stg_orders and dim_customers",
                &["stg_orders", "dim_customers"],
            ),
            ("is customer_id of my_table unique?", &["my_table"]),
            ("my_table or stg_orders", &["stg_orders"]),
            ("Which tests fail?", &[]),
            ("", &[]),
        ] {
            assert_eq!(models(text), expected, "{text}");
        }
        assert_eq!(models(&format!("stg_{}", "x".repeat(100))), [""; 0]);
    }

    #[test]
    fn a_model_is_about_one_of_its_rows() {
        for (model, expected) in [
            ("stg_orders", "order"),
            ("dim_countries", "country"),
            ("fct_order_items", "order_item"),
            ("int_address", "address"),
            ("my_table", "my_table"),
        ] {
            assert_eq!(entity(model), expected);
        }
    }

    #[test]
    fn what_is_quoted_is_one_short_line_and_no_markdown() {
        assert_eq!(quoted("Fix\r\n  it"), "“Fix it”");
        assert_eq!(quoted("```\n| a |"), "“''' ' a '”");
        let long = quoted(&"ä".repeat(1_000_000));
        assert_eq!(long.chars().count(), QUOTED + 3);
    }
}
