//! The schema as a backend of tomorrow may have it: changes of each kind, as edits of the one that is
//! shipped, and exactly what they mean for the documents that are.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// A schema that changed, and what is said of it.
pub(crate) struct ChangedSchema {
    pub(crate) name: &'static str,
    /// What stands in the schema once, and what takes its place.
    edits: &'static [(&'static str, &'static str)],
    /// What `schema diff` says: level, coordinate, message, and the places, without `dinoai/` and
    /// `.graphql`.
    pub(crate) changes: &'static [(
        &'static str,
        &'static str,
        &'static str,
        &'static [&'static str],
    )],
    /// How many changes concern no document.
    pub(crate) unused: usize,
    /// What `schema check` says of the documents: place and message.
    pub(crate) problems: &'static [(&'static str, &'static str)],
}

impl ChangedSchema {
    /// The schema's text, for a file or for a backend of the emulator.
    pub(crate) fn sdl(&self) -> String {
        let mut sdl = dinoai::SCHEMA.to_owned();
        for (before, after) in self.edits {
            let count = sdl.matches(before).count();
            assert_eq!(count, 1, "{}: {before}", self.name);
            sdl = sdl.replace(before, after);
        }
        sdl
    }

    /// The schema with several of these changes.
    pub(crate) fn with_edits_of(names: &[&str]) -> String {
        let edits = names.iter().flat_map(|name| changed_schema(name).edits);
        edits.fold(dinoai::SCHEMA.to_owned(), |sdl, (before, after)| {
            sdl.replace(before, after)
        })
    }

    /// A folder with the schema in it, `schema.graphql`, and its name.
    pub(crate) fn file(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schema.graphql");
        fs::write(&file, self.sdl()).unwrap();
        (folder, file)
    }
}

/// The change of this name.
pub(crate) fn changed_schema(name: &str) -> &'static ChangedSchema {
    let found = CHANGED_SCHEMAS.iter().find(|it| it.name == name);
    assert!(found.is_some(), "no {name}");
    found.unwrap()
}

pub(crate) const CHANGED_SCHEMAS: &[ChangedSchema] = &[
    ChangedSchema {
        name: "nothing changed",
        edits: &[],
        changes: &[],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "field removed",
        edits: &[(
            "  \"Workspace the run belongs to.\"\n  workspaceUid: String!\n",
            "",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.workspaceUid",
            "the field is removed",
            &["dinoai_agent_run:15:3"],
        )],
        unused: 0,
        problems: &[(
            "dinoai_agent_run:15:3",
            "Cannot query field \"workspaceUid\" on type \"DinoAiAgentRun\".",
        )],
    },
    ChangedSchema {
        name: "field renamed",
        edits: &[(
            "  childSessionIds: [String!]!\n",
            "  childIds: [String!]!\n",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.childSessionIds",
            "the field is removed",
            &["dinoai_agent_run:14:3", "dinoai_agent_run_digest:13:3"],
        )],
        unused: 1,
        problems: &[
            (
                "dinoai_agent_run:14:3",
                "Cannot query field \"childSessionIds\" on type \"DinoAiAgentRun\".",
            ),
            (
                "dinoai_agent_run_digest:13:3",
                "Cannot query field \"childSessionIds\" on type \"DinoAiAgentRun\".",
            ),
        ],
    },
    ChangedSchema {
        name: "field made nullable",
        edits: &[("  workspaceUid: String!\n", "  workspaceUid: String\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.workspaceUid",
            "the type `String!` became `String`: it may be null",
            &["dinoai_agent_run:15:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "items made nullable",
        edits: &[(
            "  messages: [DinoAiAgentMessage!]!\n",
            "  messages: [DinoAiAgentMessage]!\n",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.messages",
            "the type `[DinoAiAgentMessage!]!` became `[DinoAiAgentMessage]!`: an item may be null",
            &["dinoai_agent_run:11:3", "dinoai_agent_run_digest:10:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "field made non-null",
        edits: &[("  warning: String\n", "  warning: String!\n")],
        changes: &[(
            "safe",
            "TriggerDinoAiAgentRun.warning",
            "the type `String` became `String!`: it is never null",
            &["trigger_dinoai_agent_run_with_options:23:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "items of a nullable list made nullable",
        edits: &[("  ): [DinoAiAgentStep!]\n", "  ): [DinoAiAgentStep]\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.steps",
            "the type `[DinoAiAgentStep!]` became `[DinoAiAgentStep]`: an item may be null",
            &["dinoai_agent_run_steps:15:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "argument added optional",
        edits: &[(
            "    \"Return only steps with a greater index.\"\n",
            "    before: Int\n    \"Return only steps with a greater index.\"\n",
        )],
        changes: &[(
            "safe",
            "DinoAiAgentRun.steps(before:)",
            "an optional argument is added",
            &["dinoai_agent_run_steps:15:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "argument added required",
        edits: &[(
            "    \"Return only steps with a greater index.\"\n",
            "    before: Int!\n    \"Return only steps with a greater index.\"\n",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.steps(before:)",
            "a required argument is added",
            &["dinoai_agent_run_steps:15:3"],
        )],
        unused: 0,
        problems: &[(
            "dinoai_agent_run_steps:15:3",
            "Field \"steps\" argument \"before\" of type \"Int!\" is required, but it was not provided.",
        )],
    },
    ChangedSchema {
        name: "argument removed",
        edits: &[(
            "    \"The server cuts each text at this many characters.\"\n    maxChars: Int\n",
            "",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.steps(maxChars:)",
            "the argument is removed",
            &["dinoai_agent_run_steps:15:55"],
        )],
        unused: 0,
        problems: &[(
            "dinoai_agent_run_steps:15:55",
            "Unknown argument \"maxChars\" on field \"DinoAiAgentRun.steps\".",
        )],
    },
    ChangedSchema {
        name: "argument removed that some documents leave out",
        edits: &[(
            "    \"\"\"\n    Branch, tag or commit SHA that the agent checks out. A ref that is missing falls back to\n    the default branch, silently. Not on the vendor's pages.\n    \"\"\"\n    baseBranch: String\n",
            "",
        )],
        changes: &[(
            "breaking",
            "Mutation.triggerDinoaiAgentRun(baseBranch:)",
            "the argument is removed",
            &["trigger_dinoai_agent_run_with_options:12:5"],
        )],
        unused: 0,
        problems: &[(
            "trigger_dinoai_agent_run_with_options:12:5",
            "Unknown argument \"baseBranch\" on field \"Mutation.triggerDinoaiAgentRun\".",
        )],
    },
    ChangedSchema {
        name: "argument made required",
        edits: &[("    agent: String\n", "    agent: String!\n")],
        changes: &[(
            "breaking",
            "Mutation.triggerDinoaiAgentRun(agent:)",
            "the type `String` became `String!`",
            &[
                "trigger_dinoai_agent_run:6:25",
                "trigger_dinoai_agent_run_with_options:9:5",
            ],
        )],
        unused: 0,
        problems: &[
            (
                "trigger_dinoai_agent_run:2:3",
                "Variable \"$agent\" of type \"String\" used in position expecting type \"String!\".",
            ),
            (
                "trigger_dinoai_agent_run_with_options:2:3",
                "Variable \"$agent\" of type \"String\" used in position expecting type \"String!\".",
            ),
        ],
    },
    ChangedSchema {
        name: "argument made nullable",
        edits: &[(
            "    \"The session ID of the run to stop.\"\n    agentSessionId: String!\n",
            "    \"The session ID of the run to stop.\"\n    agentSessionId: String\n",
        )],
        changes: &[(
            "safe",
            "Mutation.stopDinoaiAgentRun(agentSessionId:)",
            "the type `String!` became `String`",
            &["stop_dinoai_agent_run:2:22"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "type of an argument changed",
        edits: &[(
            "    \"The session ID of the run to stop.\"\n    agentSessionId: String!\n",
            "    \"The session ID of the run to stop.\"\n    agentSessionId: ID!\n",
        )],
        changes: &[(
            "breaking",
            "Mutation.stopDinoaiAgentRun(agentSessionId:)",
            "the type `String!` became `ID!`",
            &["stop_dinoai_agent_run:2:22"],
        )],
        unused: 0,
        problems: &[(
            "stop_dinoai_agent_run:1:29",
            "Variable \"$agentSessionId\" of type \"String!\" used in position expecting type \"ID!\".",
        )],
    },
    ChangedSchema {
        name: "default of an argument added",
        edits: &[("    after: Int\n", "    after: Int = 0\n")],
        changes: &[(
            "dangerous",
            "DinoAiAgentRun.steps(after:)",
            "the default `0` is added",
            &["dinoai_agent_run_steps:15:9"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "enum value added",
        edits: &[("  STOPPED\n", "  STOPPED\n  PAUSED\n")],
        changes: &[(
            "dangerous",
            "DinoAiAgentRunStatus.PAUSED",
            "a value is added",
            &[
                "dinoai_agent_run:10:3",
                "dinoai_agent_run_digest:9:3",
                "dinoai_agent_run_status:9:3",
                "dinoai_agent_run_steps:14:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "enum value removed",
        edits: &[(
            "  \"Terminal: the agent's pod never started. Not on the vendor's pages.\"\n  EXPIRED\n",
            "",
        )],
        changes: &[(
            "safe",
            "DinoAiAgentRunStatus.EXPIRED",
            "the value is removed",
            &[
                "dinoai_agent_run:10:3",
                "dinoai_agent_run_digest:9:3",
                "dinoai_agent_run_status:9:3",
                "dinoai_agent_run_steps:14:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "enum value deprecated",
        edits: &[(
            "  EXPIRED\n",
            "  EXPIRED @deprecated(reason: \"It is FAILED.\")\n",
        )],
        changes: &[(
            "safe",
            "DinoAiAgentRunStatus.EXPIRED",
            "deprecated: It is FAILED.",
            &[
                "dinoai_agent_run:10:3",
                "dinoai_agent_run_digest:9:3",
                "dinoai_agent_run_status:9:3",
                "dinoai_agent_run_steps:14:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "type changed",
        edits: &[("  ts: Float!\n", "  ts: String!\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentMessage.ts",
            "the type `Float!` became `String!`: it is another type",
            &["dinoai_agent_run:19:3", "dinoai_agent_run_digest:17:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "field made a list",
        edits: &[("  workspaceUid: String!\n", "  workspaceUid: [String!]!\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.workspaceUid",
            "the type `String!` became `[String!]!`: it is a list now",
            &["dinoai_agent_run:15:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "object made a scalar",
        edits: &[(
            "  startupSteps: [DinoAiAgentStartupStep!]\n",
            "  startupSteps: String\n",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.startupSteps",
            "the type `[DinoAiAgentStartupStep!]` became `String`: it is no list any more",
            &["dinoai_agent_run_steps:18:3"],
        )],
        unused: 0,
        problems: &[(
            "dinoai_agent_run_steps:18:3",
            "Field \"startupSteps\" must not have a selection since type \"String\" has no subfields.",
        )],
    },
    ChangedSchema {
        name: "enum made a scalar",
        edits: &[("  status: DinoAiAgentRunStatus!\n", "  status: String!\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentRun.status",
            "the type `DinoAiAgentRunStatus!` became `String!`: it is another type",
            &[
                "dinoai_agent_run:10:3",
                "dinoai_agent_run_digest:9:3",
                "dinoai_agent_run_status:9:3",
                "dinoai_agent_run_steps:14:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "field deprecated",
        edits: &[(
            "  workspaceUid: String!\n",
            "  workspaceUid: String! @deprecated(reason: \"Use `workspace`.\")\n",
        )],
        changes: &[(
            "safe",
            "DinoAiAgentRun.workspaceUid",
            "deprecated: Use `workspace`.",
            &["dinoai_agent_run:15:3"],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "input field added required",
        edits: &[(
            "  threadTs: String!\n",
            "  threadTs: String!\n  team: String!\n",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentSlackInput.team",
            "a required field is added",
            &[
                "trigger_dinoai_agent_run:4:3",
                "trigger_dinoai_agent_run_with_options:4:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "input field added optional",
        edits: &[(
            "  threadTs: String!\n",
            "  threadTs: String!\n  team: String\n",
        )],
        changes: &[(
            "safe",
            "DinoAiAgentSlackInput.team",
            "an optional field is added",
            &[
                "trigger_dinoai_agent_run:4:3",
                "trigger_dinoai_agent_run_with_options:4:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "input field removed",
        edits: &[(
            "  \"Slack thread timestamp the run should reply in, for example `1714142436.001200`.\"\n  threadTs: String!\n",
            "",
        )],
        changes: &[(
            "breaking",
            "DinoAiAgentSlackInput.threadTs",
            "the field is removed",
            &[
                "trigger_dinoai_agent_run:4:3",
                "trigger_dinoai_agent_run_with_options:4:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "type of an input field changed",
        edits: &[("  threadTs: String!\n", "  threadTs: Float!\n")],
        changes: &[(
            "breaking",
            "DinoAiAgentSlackInput.threadTs",
            "the type `String!` became `Float!`: it takes other values",
            &[
                "trigger_dinoai_agent_run:4:3",
                "trigger_dinoai_agent_run_with_options:4:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "input field made nullable",
        edits: &[("  channel: String!\n", "  channel: String\n")],
        changes: &[(
            "safe",
            "DinoAiAgentSlackInput.channel",
            "the type `String!` became `String`: null is taken, too",
            &[
                "trigger_dinoai_agent_run:4:3",
                "trigger_dinoai_agent_run_with_options:4:3",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "type renamed that fragments name",
        edits: &[
            ("\ntype DinoAiAgentRun {\n", "\ntype Run {\n"),
            ("  ): DinoAiAgentRun\n", "  ): Run\n"),
        ],
        changes: &[
            (
                "breaking",
                "DinoAiAgentRun",
                "the type is named `Run` now",
                &[
                    "dinoai_agent_run:7:17",
                    "dinoai_agent_run_digest:7:23",
                    "dinoai_agent_run_status:7:23",
                    "dinoai_agent_run_steps:12:22",
                ],
            ),
            (
                "safe",
                "Query.dinoaiAgentRun",
                "the type `DinoAiAgentRun` became `Run`: it has another name",
                &[
                    "dinoai_agent_run:2:3",
                    "dinoai_agent_run_digest:2:3",
                    "dinoai_agent_run_status:2:3",
                    "dinoai_agent_run_steps:7:3",
                ],
            ),
        ],
        unused: 0,
        problems: &[
            ("dinoai_agent_run:7:17", "Unknown type \"DinoAiAgentRun\"."),
            (
                "dinoai_agent_run_digest:7:23",
                "Unknown type \"DinoAiAgentRun\".",
            ),
            (
                "dinoai_agent_run_status:7:23",
                "Unknown type \"DinoAiAgentRun\".",
            ),
            (
                "dinoai_agent_run_steps:12:22",
                "Unknown type \"DinoAiAgentRun\".",
            ),
        ],
    },
    ChangedSchema {
        name: "type of a variable renamed",
        edits: &[
            ("input DinoAiAgentSlackInput {\n", "input SlackInput {\n"),
            (
                "    slack: DinoAiAgentSlackInput\n",
                "    slack: SlackInput\n",
            ),
        ],
        changes: &[
            (
                "breaking",
                "DinoAiAgentSlackInput",
                "the type is named `SlackInput` now",
                &[
                    "trigger_dinoai_agent_run:4:11",
                    "trigger_dinoai_agent_run_with_options:4:11",
                ],
            ),
            (
                "breaking",
                "Mutation.triggerDinoaiAgentRun(slack:)",
                "the type `DinoAiAgentSlackInput` became `SlackInput`",
                &[
                    "trigger_dinoai_agent_run:6:59",
                    "trigger_dinoai_agent_run_with_options:11:5",
                ],
            ),
        ],
        unused: 0,
        problems: &[
            (
                "trigger_dinoai_agent_run:4:11",
                "Unknown type \"DinoAiAgentSlackInput\".",
            ),
            (
                "trigger_dinoai_agent_run_with_options:4:11",
                "Unknown type \"DinoAiAgentSlackInput\".",
            ),
        ],
    },
    ChangedSchema {
        name: "root type renamed",
        edits: &[(
            "\"Reads.\"\ntype Query {\n",
            "schema {\n  query: Reads\n  mutation: Mutation\n}\n\n\"Reads.\"\ntype Reads {\n",
        )],
        changes: &[(
            "safe",
            "Query",
            "the type is named `Reads` now",
            &[
                "dinoai_agent_run:1:1",
                "dinoai_agent_run_digest:1:1",
                "dinoai_agent_run_status:1:1",
                "dinoai_agent_run_steps:1:1",
                "list_workspaces:1:1",
            ],
        )],
        unused: 0,
        problems: &[],
    },
    ChangedSchema {
        name: "no mutations any more",
        edits: &[(
            "\"Reads.\"\ntype Query {\n",
            "schema {\n  query: Query\n}\n\n\"Reads.\"\ntype Query {\n",
        )],
        changes: &[(
            "breaking",
            "Mutation",
            "the schema has no mutations any more",
            &[
                "send_dinoai_agent_message:1:1",
                "stop_dinoai_agent_run:1:1",
                "trigger_dinoai_agent_run:1:1",
                "trigger_dinoai_agent_run_with_options:1:1",
            ],
        )],
        unused: 0,
        problems: &[
            (
                "send_dinoai_agent_message:1:1",
                "The schema has no mutations.",
            ),
            ("stop_dinoai_agent_run:1:1", "The schema has no mutations."),
            (
                "trigger_dinoai_agent_run:1:1",
                "The schema has no mutations.",
            ),
            (
                "trigger_dinoai_agent_run_with_options:1:1",
                "The schema has no mutations.",
            ),
        ],
    },
    ChangedSchema {
        name: "field added that no document selects",
        edits: &[("  label: String!\n", "  label: String!\n  seconds: Float\n")],
        changes: &[],
        unused: 1,
        problems: &[],
    },
];
