//! The checker answers about the findings and the models that it is asked about, and names the others.

use super::words::assert_answers;
use super::{table, talk};

#[tokio::test]
async fn a_number_that_no_finding_has_is_answered_by_name() {
    assert_answers(&[
        ("fix -1", &["no finding -1", "none of them fixed"]),
        ("fix 0", &["no finding 0", "none of them fixed"]),
        ("fix 1.5", &["no finding 1.5", "none of them fixed"]),
        ("fix the 4th", &["no finding 4", "none of them fixed"]),
        ("why does 12 matter?", &["no finding 12"]),
        (
            "fix 99999999999999999999",
            &["no finding 99999999999999999999"],
        ),
        ("fix 2 and 9", &["no finding 9", "Finding 2 is fixed"]),
        ("fix 2-5", &["no finding 4", "findings are fixed"]),
    ])
    .await;
}

#[tokio::test]
async fn of_more_models_than_it_looks_at_it_names_the_others() {
    let said = talk(
        "Check stg_a1, stg_b1, stg_c1, stg_d1 and stg_e1",
        &["Go on", "Check stg_"],
    )
    .await;
    assert!(
        said[0].contains("9 findings in stg_a1, stg_b1, stg_c1"),
        "{}",
        said[0]
    );
    assert!(
        said[0].contains("not yet at `stg_d1`, `stg_e1`"),
        "{}",
        said[0]
    );
    assert!(
        said[1].contains("6 findings in stg_d1, stg_e1"),
        "{}",
        said[1]
    );
    assert!(
        !said[2].contains("findings in stg_\n"),
        "no name: {}",
        said[2]
    );
    for message in ["Check stg_", "Check it", "Check everything but stg_orders"] {
        let said = talk(message, &[]).await.remove(0);
        assert!(said.contains("No model is named"), "{said}");
        assert_eq!(
            said.contains("findings in stg_orders"),
            !message.contains("but"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn one_of_several_is_one_and_a_count_is_never_another_finding() {
    let one: &[&str] = &["Finding 1 is fixed", "findings 2 and 3 are open"];
    let messages = [
        "Fix one of them",
        "Fix one of these",
        "Just fix one of those findings",
        "Fix only one of the tests",
        "Fix 1 of the 3 findings",
        "Fix one in stg_orders",
        "Fix one of 1 and 2",
        "Fix either 1 or 2",
        "Fix one, not the others",
    ];
    assert_answers(&messages.map(|message| (message, one))).await;
    let unclear: &[&str] = &["none of them fixed", "!I added", "I can fix findings"];
    let messages = [
        "Fix two",
        "Fix three",
        "Fix two of them",
        "Fix 2 of them",
        "Fix 2 findings",
        "Fix these 2",
        "Fix two in stg_orders",
        "Fix the other one",
        "Fix the other 2",
        "Fix one of the others",
        "Fix all but one of them",
    ];
    assert_answers(&messages.map(|message| (message, unclear))).await;
    let two: &[&str] = &["findings 1 and 2 are fixed", "finding 3 is open"];
    let messages = [
        "Fix the first two",
        "Fix one and two",
        "Fix findings one and two",
        "Fix 1 and two",
        "Fix these: 1 and 2",
    ];
    assert_answers(&messages.map(|message| (message, two))).await;
    assert_answers(&[
        ("Fix two and three", &["findings 2 and 3 are fixed"]),
        ("Fix finding two", &["Finding 2 is fixed"]),
        ("Fix all three", &["all of them fixed"]),
        ("Fix all 3", &["all of them fixed"]),
        ("Fix all of the 3 findings", &["all of them fixed"]),
        ("Fix this one and all the others", &["all of them fixed"]),
        (
            "Explain one of them",
            &["finding 1 matters", "!finding 2 matters"],
        ),
        ("Explain two", &["!matters:", "I can fix findings"]),
    ])
    .await;
    let said = talk(
        "Check stg_orders and stg_payments",
        &[
            "Fix one of the findings in stg_payments",
            "Fix one of them",
            "Fix one of stg_orders",
        ],
    )
    .await;
    for (said, fixed) in said[1..].iter().zip(["4", "1", "2"]) {
        let fixed = format!("## Finding {fixed} is fixed");
        assert!(said.starts_with(&fixed), "{fixed}: {said}");
    }
}

#[tokio::test]
async fn lists_show_what_is_open_or_what_is_fixed_and_the_standing_once() {
    let open = ["Which are open?", "List them", "What is left?"];
    let not_fixed = [
        "Which are not fixed yet?",
        "List what is not fixed",
        "How many are left?",
    ];
    let fixed = [
        "Which are fixed?",
        "What is done?",
        "List the fixed ones",
        "How many are fixed?",
    ];
    let standings = |said: &str| said.matches("There are 3 findings").count();
    let asked = [&["Fix all"][..], &open].concat();
    let said = talk("Focus on stg_orders", &asked).await;
    for said in &said[2..] {
        assert_eq!(
            *said,
            "There are 3 findings in `stg_orders`, all of them fixed."
        );
    }
    let asked = [&["Fix 2"][..], &open, &not_fixed, &fixed].concat();
    let said = talk("Focus on stg_orders", &asked).await;
    let (of_open, of_fixed) = said[2..].split_at(open.len() + not_fixed.len());
    for said in of_open {
        let numbers: Vec<_> = table(said).iter().map(|row| &row[..5]).collect();
        assert_eq!(numbers, ["| 1 |", "| 3 |"], "{said}");
        assert_eq!(standings(said), 1, "{said}");
    }
    for said in of_fixed {
        let [row] = table(said)[..] else {
            panic!("{said}");
        };
        assert!(
            row.starts_with("| 2 | stg_orders.customer_id | relationships |"),
            "{row}"
        );
        assert!(said.starts_with("## 1 finding is fixed\n"), "{said}");
        assert_eq!(standings(said), 1, "{said}");
    }
    for message in fixed {
        let said = talk("Focus on stg_orders", &[message]).await.remove(1);
        assert_eq!(
            said,
            "There are 3 findings in `stg_orders`, none of them fixed yet."
        );
    }
    let said = talk(
        "Focus on stg_orders",
        &["Fix 1 and 3", "Which are fixed and which are open?"],
    );
    let said = said.await.remove(2);
    assert!(said.starts_with("## 2 findings are fixed\n"), "{said}");
    assert!(said.contains("| 2 | customer_id |"), "{said}");
    assert_eq!(standings(&said), 1, "{said}");
}
