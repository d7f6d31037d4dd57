"""The vendor's SDK against the emulator: what its documentation publishes is what must happen."""

import logging
import os
import unittest
from unittest import mock

from paradime import Paradime
from paradime.apis.dinoai_agents.exception import DinoaiAgentRunFailedException
from paradime.apis.dinoai_agents.types import DinoaiAgentRunStatus
from paradime.client.api_exception import ParadimeAPIException
from paradime.client.paradime_cli_client import get_cli_client

from emulator import Emulator, ends, main

logging.disable(logging.CRITICAL)

WORKSPACE_TOKEN = "prdm_wsp_demo"
COMPANY_TOKEN = "prdm_cmp_demo"
WORKSPACE = "demo-workspace"


def client(emulator, **credentials):
    credentials = credentials or {"api_key": emulator.key, "api_secret": emulator.secret}
    return Paradime(api_endpoint=emulator.endpoint, **credentials)


class Trigger(unittest.TestCase):
    def test_a_trigger_sends_everything_and_answers_queued(self):
        with Emulator("--branch", "dev") as emulator:
            result = client(emulator).dinoai_agents.trigger_run(
                agent="data-quality-checker",
                message="Check stg_orders for missing not_null tests.",
                slack_channel="C0123456789",
                slack_thread="1714142436.001200",
                base_branch="dev",
                model_family="fast",
            )
            self.assertIs(result.ok, True)
            self.assertEqual(result.status, "queued")
            self.assertIsNone(result.warning)
            self.assertRegex(result.agent_session_id, r"\A[a-z0-9]{16}\Z")
            (run,) = emulator.runs()
            self.assertEqual(run["session_id"], result.agent_session_id)
            self.assertEqual(run["agent"], "data-quality-checker")
            self.assertEqual(run["message"], "Check stg_orders for missing not_null tests.")
            self.assertEqual(
                run["slack"], {"channel": "C0123456789", "thread_ts": "1714142436.001200"}
            )
            self.assertEqual((run["base_branch"], run["checked_out"]), ("dev", "dev"))
            self.assertEqual(run["model_family"], "fast")

    def test_an_agent_or_a_message_is_enough_and_one_of_them_is_needed(self):
        with Emulator() as emulator:
            agents = client(emulator).dinoai_agents
            agents.trigger_run(agent="a")
            agents.trigger_run(message="m")
            with self.assertRaisesRegex(ValueError, "At least one of"):
                agents.trigger_run()
            # Past the SDK's own check, the API says the same.
            with self.assertRaisesRegex(ParadimeAPIException, "At least one of"):
                agents.trigger_run(agent="", message="")
            self.assertEqual(
                [(run["agent"], run["message"]) for run in emulator.runs()],
                [("a", None), (None, "m")],
            )

    def test_an_unknown_model_family_warns_and_runs(self):
        with Emulator("--model-family", "big") as emulator:
            agents = client(emulator).dinoai_agents
            result = agents.trigger_run(agent="a", model_family="no-such-family")
            self.assertIn("no-such-family", result.warning)
            self.assertIsNone(agents.trigger_run(agent="a", model_family="big").warning)
            self.assertEqual(len(emulator.runs()), 2)

    def test_a_missing_base_branch_falls_back_silently(self):
        with Emulator("--branch", "dev") as emulator:
            result = client(emulator).dinoai_agents.trigger_run(agent="a", base_branch="gone")
            self.assertIs(result.ok, True)
            self.assertIsNone(result.warning)
            self.assertEqual(emulator.runs()[0]["checked_out"], "main")

    def test_an_unknown_agent_is_an_error_that_lists_the_known_ones(self):
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            agent = "name: known\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n"
            Path(folder, "known.yml").write_text(agent)
            with Emulator("--agents", folder) as emulator:
                agents = client(emulator).dinoai_agents
                agents.trigger_run(agent="known")
                with self.assertRaisesRegex(ParadimeAPIException, "'other'.*Known agents: known"):
                    agents.trigger_run(agent="other")


class TriggerAndWait(unittest.TestCase):
    def wait(self, scenario, *flags, **arguments):
        with Emulator(*flags, scenarios={"default": scenario}) as emulator:
            arguments = {"poll_interval": 0, "timeout": 30, **arguments}
            try:
                return client(emulator).dinoai_agents.trigger_run_and_wait(
                    agent="a", message="Check it.", **arguments
                )
            finally:
                self.assertEqual(len(emulator.runs()), 1)
                self.reads = len(emulator.requests()) - 1

    def test_completed_returns_the_whole_run(self):
        run = self.wait(
            {
                "stages": [
                    {"status": "QUEUED"},
                    {"status": "RUNNING"},
                    {"status": "COMPLETED", "messages": [{"content": "Done."}]},
                ]
            }
        )
        self.assertIs(run.ok, True)
        self.assertEqual(run.status, DinoaiAgentRunStatus.COMPLETED)
        self.assertEqual(
            [(message.role, message.content) for message in run.messages],
            [("user", "Check it."), ("assistant", "Done.")],
        )
        stamps = [float(message.ts) for message in run.messages]
        self.assertLess(stamps[0], stamps[1])
        self.assertGreater(stamps[0], 1.7e9)
        self.assertEqual(run.child_session_ids, [])
        self.assertEqual(run.workspace_uid, WORKSPACE)
        self.assertIsNone(run.steps)
        self.assertIsNone(run.startup_steps)
        self.assertEqual(self.reads, 3)

    def test_every_other_end_raises_with_the_status_and_the_last_message(self):
        for status, contents, last in [
            ("FAILED", ["The warehouse refused."], "The warehouse refused."),
            ("STOPPED", [], "Check it."),
            ("EXPIRED", [], "Check it."),
        ]:
            with self.subTest(status):
                expected = f"ended with status {status}. Last message: {last}"
                with self.assertRaisesRegex(DinoaiAgentRunFailedException, expected):
                    self.wait(ends(status, *contents))
                self.assertEqual(self.reads, 1)

    def test_a_run_that_does_not_end_times_out(self):
        with self.assertRaisesRegex(TimeoutError, "Timed out waiting.*RUNNING"):
            self.wait({"stages": [{"status": "RUNNING"}]}, timeout=0)

    def test_an_unknown_status_is_not_an_end(self):
        run = self.wait(
            {"stages": [{"status": "HIBERNATING", "reads": 3}, {"status": "COMPLETED"}]}
        )
        self.assertEqual(run.status, DinoaiAgentRunStatus.COMPLETED)
        self.assertEqual(self.reads, 4)


class FollowUp(unittest.TestCase):
    def test_a_follow_up_is_accepted_and_answered(self):
        scenario = ends(
            "COMPLETED",
            "First.",
            follow_ups=[[{"status": "RUNNING"}, {"status": "COMPLETED", "messages": [{"content": "Second."}]}]],
        )
        with Emulator("--stale-reads", "1", scenarios={"default": scenario}) as emulator:
            agents = client(emulator).dinoai_agents
            session_id = agents.trigger_run(message="One?").agent_session_id
            result = agents.send_message(agent_session_id=session_id, message="Two?")
            self.assertEqual(
                (result.ok, result.agent_session_id, result.status), (True, session_id, "queued")
            )
            runs = [agents.get_run(agent_session_id=session_id) for _ in range(3)]
            self.assertEqual(
                [run.status.value for run in runs], ["COMPLETED", "RUNNING", "COMPLETED"]
            )
            self.assertEqual(
                [(message.role, message.content) for message in runs[2].messages],
                [("user", "One?"), ("assistant", "First."), ("user", "Two?"), ("assistant", "Second.")],
            )
            self.assertEqual(emulator.runs()[0]["follow_ups"], ["Two?"])

    def test_a_session_that_is_unknown_or_idle_for_a_day_refuses(self):
        with Emulator("--stopped-clock") as emulator:
            agents = client(emulator).dinoai_agents
            with self.assertRaisesRegex(ParadimeAPIException, "unknown"):
                agents.send_message(agent_session_id="unknown", message="m")
            with self.assertRaisesRegex(ParadimeAPIException, "unknown"):
                agents.get_run(agent_session_id="unknown")
            session_id = agents.trigger_run(message="m").agent_session_id
            emulator.advance(24 * 60 * 60)
            with self.assertRaisesRegex(ParadimeAPIException, "no longer active"):
                agents.send_message(agent_session_id=session_id, message="m")


class GetRun(unittest.TestCase):
    STEPS = {
        "stages": [
            {
                "status": "QUEUED",
                "startup_steps": [
                    {"label": "Clone", "done": True},
                    {"label": "Start", "done": False},
                ],
                "steps": [
                    {"user": "Check it."},
                    {"agent": "I look at the tests."},
                    {"tool": {"name": "run_sql_query", "input": '{"query": "select 1"}', "output": "1" * 5000}},
                ],
            }
        ]
    }

    def read(self, *flags, **arguments):
        with Emulator(*flags, scenarios={"default": self.STEPS}) as emulator:
            agents = client(emulator).dinoai_agents
            session_id = agents.trigger_run(agent="a").agent_session_id
            return agents.get_run(agent_session_id=session_id, **arguments)

    def test_steps_come_only_when_asked_for(self):
        run = self.read()
        self.assertIsNone(run.steps)
        self.assertIsNone(run.startup_steps)
        run = self.read(include_steps=True)
        self.assertEqual(
            [(step.label, step.done) for step in run.startup_steps],
            [("Clone", True), ("Start", False)],
        )
        self.assertEqual(
            [(step.index, step.role, step.tool_name, step.tool_input, step.content) for step in run.steps],
            [
                (0, "USER", None, None, "Check it."),
                (1, "AGENT", None, None, "I look at the tests."),
                (2, "TOOL", "run_sql_query", None, None),
            ],
        )
        self.assertFalse(any(step.truncated for step in run.steps))

    def test_tool_input_and_output_come_only_when_asked_for_and_are_cut(self):
        tool = self.read(include_steps=True, include_tool_io=True).steps[2]
        self.assertEqual(tool.tool_input, '{"query": "select 1"}')
        self.assertTrue(tool.truncated)
        self.assertTrue(0 < len(tool.content) < 5000)

    def test_only_later_steps_come_after_an_index(self):
        run = self.read(include_steps=True, steps_after=1)
        self.assertEqual([step.index for step in run.steps], [2])
        self.assertEqual(self.read(include_steps=True, steps_after=2).steps, [])
        self.assertEqual(len(self.read(include_steps=True, steps_after=-1).steps), 3)

    def test_texts_are_cut_at_max_chars(self):
        steps = self.read(include_steps=True, include_tool_io=True, max_chars=6).steps
        self.assertEqual(
            [(step.content, step.truncated) for step in steps],
            [("Check ", True), ("I look", True), ("111111", True)],
        )
        self.assertEqual(steps[2].tool_input, '{"quer')

    def test_steps_that_cannot_be_read_leave_the_plain_run(self):
        with self.assertRaisesRegex(ParadimeAPIException, "could not be read"):
            self.read("--unreadable-steps", include_steps=True)
        self.assertEqual(self.read("--unreadable-steps").status, DinoaiAgentRunStatus.QUEUED)

    def test_children_are_runs_that_can_be_read(self):
        scenario = ends("COMPLETED", "Asked.", children=[{"scenario": ends("FAILED", "No.")}])
        with Emulator(scenarios={"default": scenario}) as emulator:
            agents = client(emulator).dinoai_agents
            run = agents.trigger_run_and_wait(agent="a", poll_interval=0, timeout=30)
            (child_id,) = run.child_session_ids
            child = agents.get_run(agent_session_id=child_id)
            self.assertEqual(child.status, DinoaiAgentRunStatus.FAILED)
            self.assertEqual(child.messages[-1].content, "No.")


class Credentials(unittest.TestCase):
    def test_every_kind_passes(self):
        with Emulator() as emulator:
            for credentials in [
                {"api_key": emulator.key, "api_secret": emulator.secret},
                {"api_key": emulator.key, "api_secret": emulator.secret, "workspace_uid": WORKSPACE},
                {"api_secret": WORKSPACE_TOKEN},
                {"api_secret": COMPANY_TOKEN, "workspace_uid": WORKSPACE},
            ]:
                with self.subTest(**credentials):
                    result = client(emulator, **credentials).dinoai_agents.trigger_run(agent="a")
                    self.assertIs(result.ok, True)
            self.assertEqual(len(emulator.runs()), 4)

    def test_wrong_ones_are_401_and_start_nothing(self):
        with Emulator() as emulator:
            for credentials in [
                {"api_key": emulator.key, "api_secret": "wrong"},
                {"api_key": "wrong", "api_secret": emulator.secret},
                {"api_secret": "prdm_wsp_wrong"},
                {"api_secret": "prdm_cmp_wrong", "workspace_uid": WORKSPACE},
                {"api_secret": COMPANY_TOKEN, "workspace_uid": "elsewhere"},
            ]:
                with self.subTest(**credentials):
                    agents = client(emulator, **credentials).dinoai_agents
                    with self.assertRaisesRegex(ParadimeAPIException, "Error: 401 - .*Unauthorized"):
                        agents.trigger_run(agent="a")
            self.assertEqual(emulator.runs(), [])
            self.assertNotIn(emulator.secret, str(emulator.requests()))

    def test_every_kind_lists_the_workspaces(self):
        with Emulator() as emulator:
            for credentials in [
                {"api_key": emulator.key, "api_secret": emulator.secret},
                {"api_secret": WORKSPACE_TOKEN},
                {"api_secret": COMPANY_TOKEN, "workspace_uid": WORKSPACE},
            ]:
                with self.subTest(**credentials):
                    (workspace,) = client(emulator, **credentials).workspaces.list_all()
                    self.assertEqual((workspace.uid, workspace.name), (WORKSPACE, "Demo workspace"))

    def test_a_key_that_lacks_a_capability_is_403(self):
        with Emulator("--without-capability", "trigger") as emulator:
            with self.assertRaisesRegex(ParadimeAPIException, "Error: 403 - .*dinoai:agent:trigger"):
                client(emulator).dinoai_agents.trigger_run(agent="a")
        with Emulator("--without-capability", "read") as emulator:
            agents = client(emulator).dinoai_agents
            session_id = agents.trigger_run(agent="a").agent_session_id
            with self.assertRaisesRegex(ParadimeAPIException, "Error: 403 - .*dinoai:agent:read"):
                agents.get_run(agent_session_id=session_id)

    def test_the_programs_exports_are_what_the_vendors_command_reads(self):
        with Emulator() as emulator, mock.patch.dict(os.environ, emulator.environment):
            get_cli_client().dinoai_agents.trigger_run(agent="a")
            self.assertEqual(len(emulator.runs()), 1)


class OldBackend(unittest.TestCase):
    def test_what_the_pages_do_not_have_is_refused_by_name(self):
        with Emulator("--backend", "pages", scenarios={"default": ends("COMPLETED", "Hi.")}) as emulator:
            agents = client(emulator).dinoai_agents
            # The SDK sends baseBranch always, so it cannot start a run there.
            with self.assertRaisesRegex(ParadimeAPIException, 'Unknown argument "baseBranch"'):
                agents.trigger_run(agent="a")
            self.assertEqual(emulator.runs(), [])
            session_id = emulator.trigger("a")
            with self.assertRaisesRegex(ParadimeAPIException, 'Cannot query field "steps"'):
                agents.get_run(agent_session_id=session_id, include_steps=True)
            run = agents.get_run(agent_session_id=session_id)
            self.assertEqual(run.status, DinoaiAgentRunStatus.COMPLETED)
            self.assertIs(agents.send_message(agent_session_id=session_id, message="m").ok, True)

    def test_refusals_with_400_and_422_are_errors_of_the_sdk(self):
        for status in ["400", "422"]:
            with Emulator("--backend", "pages", "--refusal-status", status) as emulator:
                with self.assertRaisesRegex(ParadimeAPIException, f"Error: {status} - "):
                    client(emulator).dinoai_agents.trigger_run(agent="a")


class Faults(unittest.TestCase):
    def test_faults_reach_the_sdk(self):
        import requests

        with Emulator() as emulator:
            agents = client(emulator).dinoai_agents
            for fault, kind, text in [
                ("unavailable", ParadimeAPIException, "Error: 503"),
                ("too_many_requests", ParadimeAPIException, "Error: 429"),
                ("internal_error", ParadimeAPIException, "Error: 500"),
                ("bad_gateway", ParadimeAPIException, "Error: 502 - <html>"),
                ("partial_data", ParadimeAPIException, "could not be read"),
                ("reset", requests.ConnectionError, "reset"),
                ("cut_body", requests.exceptions.RequestException, ""),
            ]:
                with self.subTest(fault):
                    emulator.add_faults({"fault": fault})
                    with self.assertRaisesRegex(kind, text):
                        agents.trigger_run(agent="a")
            # The last answers were lost after the run was started.
            self.assertEqual(len(emulator.runs()), 2)


if __name__ == "__main__":
    main()
