//! Each demo agent goes as the documentation says, on a clock that only the test moves.

use std::time::Duration;

use dinoai_emulator::{Backend, Scenario, Stage};
use serde_json::{Value, json};

use super::{
    CHECKER, MOMENT, answer, ask, block, demo, follow_up, run, started, table, talk, until_ended,
};
use crate::caller::{STEPS, TRIGGER, call, read, said};

#[tokio::test]
async fn a_check_boots_line_by_line_works_step_by_step_and_ends_within_a_quarter_of_a_minute() {
    let emulator = started().await;
    let id = ask(&emulator, Some(CHECKER), Some("Focus on stg_orders")).await;
    let mut checklists = vec![];
    let mut steps = vec![];
    let mut statuses = vec![];
    for _ in 0..60 {
        let variables = json!({ "id": id, "includeToolIo": true });
        let answer = call(&emulator, STEPS, variables).await;
        let seen = answer.root();
        let checklist = seen["startupSteps"].as_array().unwrap().clone();
        let done = checklist.iter().filter(|line| line["done"] == true).count();
        checklists.push((checklist.len(), done));
        steps.push(seen["steps"].as_array().unwrap().len());
        statuses.push(seen["status"].as_str().unwrap().to_owned());
        if seen["status"] == "COMPLETED" {
            for step in seen["steps"].as_array().unwrap() {
                match step["role"].as_str().unwrap() {
                    "AGENT" => assert!(step["content"].as_str().unwrap().contains("stg_orders")),
                    role => {
                        assert_eq!(role, "TOOL");
                        let input = step["toolInput"].as_str().unwrap();
                        serde_json::from_str::<Value>(input).expect(input);
                        assert_ne!(step["content"], json!(null), "{step}");
                    }
                }
            }
            break;
        }
        emulator.advance(MOMENT);
    }
    checklists.dedup();
    assert_eq!(checklists, [(3, 0), (3, 1), (3, 2), (3, 3)]);
    steps.dedup();
    assert_eq!(steps, [0, 1, 2, 3, 4, 5, 6], "one after the other");
    statuses.dedup();
    assert_eq!(statuses, ["QUEUED", "RUNNING", "COMPLETED"]);
    assert!(emulator.elapsed() < Duration::from_secs(13));
    assert!(emulator.elapsed() > Duration::from_secs(8));
}

#[tokio::test]
async fn the_answer_is_about_what_was_asked_with_a_table_and_a_block_of_findings() {
    for (message, models) in [
        ("Focus on stg_orders", &["stg_orders"][..]),
        (
            "Check `dim_customers` for missing not_null tests.",
            &["dim_customers"],
        ),
        (
            "Check fct_orders and stg_payments",
            &["fct_orders", "stg_payments"],
        ),
        ("Which tests fail?", &["stg_orders"]),
    ] {
        let said = talk(message, &[]).await.remove(0);
        assert!(said.starts_with("## "), "{said}");
        assert!(said.contains(&message.replace('`', "'")), "{said}");
        let findings = block(&said);
        let rows = table(&said);
        assert_eq!(findings.len(), 3 * models.len());
        assert_eq!(rows.len(), findings.len());
        for (finding, row) in findings.iter().zip(rows) {
            let text = |key: &str| finding[key].as_str().unwrap();
            assert!(models.contains(&text("model")), "{finding}");
            assert!(row.contains(text("column")), "{row}");
            assert!(row.contains(text("test")), "{row}");
            assert!(row.contains(&finding["rows"].to_string()), "{row}");
        }
    }
    let one = talk("Focus on stg_orders", &[]).await;
    assert_eq!(
        one,
        talk("Focus on stg_orders", &[]).await,
        "the same again"
    );
}

#[tokio::test]
async fn follow_ups_refer_to_what_was_said() {
    let said = talk(
        "Focus on stg_orders",
        &[
            "Now fix the first one",
            "why?",
            "Why does customer_id matter?",
            "fix it",
            "Fix finding 2",
            "Now also check stg_customers and post a summary to Slack.",
            "why?",
            "fix the rest",
            "fix 9",
            "The findings as JSON, please",
            "Thanks a lot",
        ],
    )
    .await;
    let has = |number: usize, parts: &[&str]| {
        for part in parts {
            assert!(said[number].contains(part), "{part}: {}", said[number]);
        }
    };
    let found = block(&said[0]);
    let rows = |number: usize| format!("{} rows", found[number]["rows"]);
    has(
        1,
        &[
            "Finding 1 is fixed: stg_orders.order_id",
            "- not_null",
            &rows(0),
            "findings 2 and 3 are open",
        ],
    );
    has(2, &["finding 1 matters: stg_orders.order_id", &rows(0)]);
    has(3, &["finding 2 matters: stg_orders.customer_id", &rows(1)]);
    has(
        4,
        &[
            "Finding 2 is fixed: stg_orders.customer_id",
            "ref('stg_customers')",
            "finding 3 is open",
        ],
    );
    has(5, &["finding 2 is fixed already"]);
    has(
        6,
        &[
            "3 findings in stg_customers",
            "Now also check stg_customers",
            "| 4 | ",
        ],
    );
    assert!(
        block(&said[6])
            .iter()
            .all(|finding| finding["model"] == "stg_customers")
    );
    has(7, &["finding 4 matters: stg_customers.customer_id"]);
    has(
        8,
        &[
            "4 findings are fixed",
            "| 3 | stg_orders.status |",
            "all of them fixed",
        ],
    );
    has(9, &["no finding 9", "6 findings"]);
    assert!(block(&said[10]).is_empty(), "nothing is open");
    has(11, &["“Thanks a lot”", "6 findings", "all of them fixed"]);
}

#[tokio::test]
async fn any_number_of_follow_ups_of_any_kind_is_answered() {
    let emulator = started().await;
    let id = ask(&emulator, Some(CHECKER), None).await;
    until_ended(&emulator, &id);
    let long = "why ".repeat(10_000);
    let odd = [
        "fix 0",
        "fix 99999999999999999999999999",
        "fix",
        "fix all",
        "fix",
        "\u{202e}`|`",
        "json",
        long.as_str(),
    ];
    for number in 0..40 {
        let message = odd[number % odd.len()];
        let said = follow_up(&emulator, &id, message).await;
        assert!(
            said.contains("finding") || said.starts_with("```json"),
            "{message}: {said}"
        );
        assert!(said.len() < 2_000, "{said}");
    }
    assert_eq!(run(&emulator, &id).messages.len(), 1 + 2 * 40);
    for number in 0..20 {
        let said = follow_up(&emulator, &id, &format!("Check model_{number}")).await;
        assert!(
            said.contains(&format!("3 findings in model_{number}")),
            "{said}"
        );
    }
    let said = follow_up(&emulator, &id, "Thanks").await;
    assert!(
        said.contains("63 findings in 21 models: findings 1, 2 and 3 are fixed, 60 are open"),
        "{said}"
    );
}

#[tokio::test]
async fn a_reviewer_waits_for_the_two_runs_that_it_starts() {
    let emulator = started().await;
    let message = "Review the change of fct_orders";
    let id = ask(&emulator, Some("pull-request-reviewer"), Some(message)).await;
    while run(&emulator, &id).children.len() < 2 {
        emulator.advance(MOMENT);
        assert!(emulator.elapsed() < Duration::from_secs(15));
    }
    let of_agents: Vec<_> = emulator.runs()[1..]
        .iter()
        .map(|run| run.agent.clone().unwrap())
        .collect();
    assert_eq!(of_agents, ["lineage-reader", CHECKER]);
    until_ended(&emulator, &id);
    let runs = emulator.runs();
    for child in &runs[1..] {
        assert_eq!(child.parent.as_ref(), Some(&id));
        assert_eq!(child.status, "COMPLETED");
        assert!(child.ended < runs[0].ended, "waited for");
        assert!(
            child
                .messages
                .last()
                .unwrap()
                .content
                .contains("fct_orders")
        );
    }
    let said = answer(&emulator, &id);
    assert!(said.contains("fct_orders"), "{said}");
    assert_eq!(table(&said).len(), 2);
    assert_eq!(block(&said).len(), 2);
    let said = follow_up(&emulator, &runs[2].session_id, "fix the first one").await;
    assert!(
        said.contains("Finding 1 is fixed: fct_orders.order_id"),
        "{said}"
    );
}

#[tokio::test]
async fn a_report_fails_with_its_reason_and_again_when_it_is_tried_again() {
    let emulator = started().await;
    let id = ask(
        &emulator,
        Some("warehouse-cost-reporter"),
        Some("This week"),
    )
    .await;
    until_ended(&emulator, &id);
    assert_eq!(run(&emulator, &id).status, "FAILED");
    assert!(answer(&emulator, &id).contains("may not read"));
    let said = follow_up(&emulator, &id, "Try again").await;
    assert!(
        said.contains("“Try again”") && said.contains("may not read"),
        "{said}"
    );
    assert_eq!(run(&emulator, &id).status, "FAILED");
}

#[tokio::test]
async fn a_writer_is_still_in_progress_after_a_minute() {
    let emulator = started().await;
    let id = ask(&emulator, Some("docs-writer"), None).await;
    emulator.advance(Duration::from_secs(60));
    assert_eq!(run(&emulator, &id).status, "RUNNING");
    let took = until_ended(&emulator, &id);
    assert!(took < Duration::from_secs(60), "{took:?}");
    let said = answer(&emulator, &id);
    assert_eq!(table(&said).len(), block(&said).len());
}

#[tokio::test]
async fn any_other_agent_and_a_message_alone_do_something_too() {
    let emulator = started().await;
    for (agent, message) in [
        (Some("my-agent"), Some("Look at stg_refunds")),
        (None, Some("Look at stg_refunds")),
    ] {
        let id = ask(&emulator, agent, message).await;
        let took = until_ended(&emulator, &id);
        assert!(took < Duration::from_secs(12), "{took:?}");
        let said = answer(&emulator, &id);
        assert!(said.contains("Look at stg_refunds"), "{said}");
        assert!(
            said.contains(agent.unwrap_or("the workspace's agent")),
            "{said}"
        );
        assert_eq!(block(&said)[0]["model"], "stg_refunds");
        let said = follow_up(&emulator, &id, "And then?").await;
        assert!(
            said.contains("“And then?”") && said.contains("Look at stg_refunds"),
            "{said}"
        );
        let said = follow_up(&emulator, &id, "Oh").await;
        assert!(
            said.contains("“Oh”") && said.contains("“And then?”"),
            "{said}"
        );
    }
    let odd = format!("a|`\n{}", "x".repeat(100_000));
    // An agent's name has 255 characters at most.
    let id = ask(&emulator, Some(&odd[..255]), Some(&odd)).await;
    until_ended(&emulator, &id);
    assert!(answer(&emulator, &id).len() < 1_000);
}

#[tokio::test]
async fn scenarios_come_before_the_demo_agents_and_known_agents_alone_are_known() {
    let emulator = demo()
        .agent(CHECKER)
        .agent("mine")
        .scenario("mine", Scenario::new().stage(Stage::new("EXPIRED")))
        .backend(Backend::PagesOnly)
        .start()
        .await
        .unwrap();
    let mine = ask(&emulator, Some("mine"), None).await;
    assert_eq!(read(&emulator, &mine).await["status"], "EXPIRED");
    let checker = ask(&emulator, Some(CHECKER), None).await;
    until_ended(&emulator, &checker);
    assert_eq!(said(&read(&emulator, &checker).await).len(), 1);
    let variables = json!({ "agent": "docs-writer" });
    let refused = call(&emulator, TRIGGER, variables).await;
    assert_eq!(
        refused.messages(),
        ["No DinoAI agent 'docs-writer' was found. Known agents: data-quality-checker, mine."]
    );

    let emulator = demo()
        .default_scenario(Scenario::new())
        .start()
        .await
        .unwrap();
    let id = ask(&emulator, Some(CHECKER), None).await;
    emulator.advance(Duration::from_secs(600));
    assert_eq!(run(&emulator, &id).status, "QUEUED", "a default is for all");
}
