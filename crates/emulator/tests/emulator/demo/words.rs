//! The checker does what it is surely asked to do, and otherwise says what it can do.

use super::talk;

/// Asserts that a check of `stg_orders`, followed up like this, is answered with these texts; one
/// after a `!` must be missing.
pub(super) async fn assert_answers(cases: &[(&str, &[&str])]) {
    for (message, expected) in cases {
        let said = talk("Focus on stg_orders", &[message]).await.remove(1);
        for text in *expected {
            match text.strip_prefix('!') {
                Some(text) => assert!(!said.contains(text), "{message}: no {text} in: {said}"),
                None => assert!(said.contains(text), "{message}: {text} in: {said}"),
            }
        }
    }
}

const NONE: &[&str] = &["none of them fixed", "!I added"];

#[tokio::test]
async fn what_is_not_to_be_done_is_not_done() {
    let messages = [
        "Don't fix anything",
        "Don’t fix anything.",
        "Please do not fix the first one",
        "Never fix 2",
        "I don't want you to fix it",
        "Fix nothing",
        "No fixes, please. Don't change or repair it.",
        "You must not correct them",
        "Stop, and don't fix 1, 2 or 3",
        "Don't fix or repair it",
        "Never test and fix it",
    ];
    assert_answers(&messages.map(|message| (message, NONE))).await;
    assert_answers(&[
        ("Don't check stg_customers", &["!findings in stg_customers"]),
        ("No JSON, please", &["!```json"]),
        ("Don't explain it", &["!matters:"]),
        ("Don't forget to fix 2", &["Finding 2 is fixed"]),
    ])
    .await;
}

#[tokio::test]
async fn what_is_asked_or_stated_is_not_taken_for_an_order() {
    let messages = [
        "Is that correct?",
        "Correct!",
        "How do I fix it?",
        "Tell me how to test and fix it.",
        "Should I fix it?",
        "Did you fix the first one?",
        "What would you correct first?",
        "Which tests should I add?",
        "I will fix 1 myself",
        "Is there a fix for 2?",
        "If you fix it, what happens?",
        "Thanks for the fix",
        "Fix the CI pipeline",
        "Fix all the dashboards",
        "Add a column to the README",
        "Resolve the merge conflict with main",
        "Korrigiere den ersten Befund",
        "finding 2",
    ];
    assert_answers(&messages.map(|message| (message, NONE))).await;
    let understood_nothing = [
        "Fix the CI pipeline",
        "Korrigiere den ersten Befund",
        "Hello",
    ];
    let can: &[&str] = &["“Now fix the first one”", "“Why?”", "check"];
    assert_answers(&understood_nothing.map(|message| (message, can))).await;
}

#[tokio::test]
async fn an_order_is_understood_in_many_words() {
    let first: &[&str] = &["Finding 1 is fixed: stg_orders.order_id"];
    let messages = [
        "fix",
        "Fix it.",
        "FIX THE FIRST ONE!",
        "Can you fix the first one?",
        "ok, great. Now please fix finding #1",
        "Finding 1: fix it",
        "I'd like you to repair order_id, so that the dashboard works",
        "Let's add the missing not_null test",
        "Go ahead and fix the high one",
        "Fix the first one, ok?",
        "fix order_id in stg_orders",
        "Thanks! You can correct that now",
        "Tell me why it matters, then fix it",
    ];
    assert_answers(&messages.map(|message| (message, first))).await;
    assert_answers(&[
        (
            "Fix all but the first",
            &["finding 1 is open", "2 findings are fixed"],
        ),
        (
            "Fix everything except 2 and 3",
            &["Finding 1 is fixed", "2 and 3 are open"],
        ),
        (
            "Fix the first one, not the second",
            &["1 is fixed", "2 and 3 are open"],
        ),
        ("Fix 1, 2 and 3", &["all of them fixed"]),
        ("fix 1-3", &["all of them fixed"]),
        (
            "Fix the last two",
            &["finding 1 is open", "2 findings are fixed"],
        ),
        (
            "Don't fix 1, but fix 2",
            &["Finding 2 is fixed", "1 and 3 are open"],
        ),
        ("Fix the findings in stg_orders", &["all of them fixed"]),
        (
            "Explain findings 1 and 2",
            &["finding 1 matters", "finding 2 matters"],
        ),
        (
            "Which are open?",
            &["| 1 | order_id |", "none of them fixed"],
        ),
        (
            "Check stg_orders again",
            &["stg_orders", "none of them fixed"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn several_wishes_are_granted_together() {
    assert_answers(&[
        (
            "Fix the first one and check stg_customers",
            &[
                "Finding 1 is fixed: stg_orders.order_id",
                "3 findings in stg_customers",
            ],
        ),
        (
            "Fix it, then why?",
            &["Finding 1 is fixed", "finding 1 matters"],
        ),
    ])
    .await;
    let said = talk(
        "Check stg_orders and fix the first one",
        &["fix customer_id in stg_payments"],
    )
    .await;
    assert!(said[0].contains("3 findings in stg_orders"), "{}", said[0]);
    assert!(
        said[0].contains("Finding 1 is fixed: stg_orders.order_id"),
        "{}",
        said[0]
    );
    assert!(
        said[1].contains("Finding 5 is fixed: stg_payments.customer_id"),
        "{}",
        said[1]
    );
    assert!(
        said[1].contains("finding 1 and 5 are fixed")
            || said[1].contains("findings 1 and 5 are fixed"),
        "{}",
        said[1]
    );
}

#[tokio::test]
async fn an_order_that_leaves_something_out_is_understood_or_not_followed() {
    let first: &[&str] = &["Finding 1 is fixed", "findings 2 and 3 are open"];
    let messages = [
        "Only fix the first",
        "Please only fix 1",
        "Fix nothing else but the first",
        "Fix nothing but finding 1",
        "Fix nothing except the first one",
        "Don't fix anything but the first",
        "Don't fix anything except 1, please",
        "You should not fix 2 but 1",
        "Fix 1 rather than 2",
        "Fix the first instead of the second",
        "Fix the first and leave the others alone",
        "Fix it and leave the rest",
        "Leave 2 and 3 alone and fix 1",
        "Leave all but the first alone, and fix the first",
        "Don't touch 2 or 3. Fix the rest.",
        "Fix 1 and nothing else",
        "Fix the first, leave everything else alone",
        "Leave the README alone and fix 1",
    ];
    assert_answers(&messages.map(|message| (message, first))).await;
    let second: &[&str] = &["Finding 2 is fixed", "findings 1 and 3 are open"];
    let messages = [
        "You should not fix 1 but 2",
        "Don't fix the first one, but the second one",
        "Don't fix it, but fix 2",
        "Instead of 1, fix 2",
        "Skip the first and fix 2",
        "Leave 1 alone and fix the next one",
        "Leave 1 alone and fix the next",
        "Don't fix 1. Don't fix 3. Fix all.",
    ];
    assert_answers(&messages.map(|message| (message, second))).await;
    let others: &[&str] = &["findings 1 and 3 are fixed", "finding 2 is open"];
    let messages = [
        "Please leave the second one alone and fix the rest",
        "Leave the second one alone. Fix the rest.",
        "Ignore 2, fix all others",
        "Fix everything and leave 2 alone",
        "Don't fix 2. Fix the rest.",
        "Don't touch 2 and fix the rest",
        "I don't want you to fix 2, but please fix the others",
        "Fix 1 and 3 and nothing else",
        "Fix 1 and 3, leave everything else untouched",
    ];
    assert_answers(&messages.map(|message| (message, others))).await;
    let nothing: &[&str] = &["I change nothing", "none of them fixed", "!I added"];
    let messages = [
        "Leave it as it is",
        "Don't touch anything",
        "Don't change 2",
        "Don't fix anything, but thanks",
    ];
    assert_answers(&messages.map(|message| (message, nothing))).await;
    let unclear: &[&str] = &["none of them fixed", "!I added", "I can fix findings"];
    let messages = [
        "You should not fix order_id but what matters",
        "Do not just fix 1 but 2",
        "I could not fix 1 but 2",
        "Shouldn't you fix 1 but 2?",
        "Don't fix all but the first",
        "Leave the README alone and fix the rest",
        "Don't fix it, fix the rest",
        "Fix no more than 2",
        "Don't fix more than 1",
        "Fix all but 1, 2 and 3",
        "Leave 1 alone and fix it, or 1",
        "Change the first",
    ];
    assert_answers(&messages.map(|message| (message, unclear))).await;
    assert_answers(&[
        ("Don't just fix 1, fix all", &["all of them fixed"]),
        ("Don't leave anything out, fix all", &["all of them fixed"]),
        ("Why did you not fix 2. Fix all", &["all of them fixed"]),
        (
            "Leave stg_payments alone, check stg_customers",
            &["findings in stg_customers", "!findings in stg_payments"],
        ),
    ])
    .await;
}
