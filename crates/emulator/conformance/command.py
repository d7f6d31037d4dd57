"""The vendor's command `paradime dinoai` against the emulator: what it prints, how it exits."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from emulator import Emulator, ends, main


def command(emulator, *arguments, stdin="", **environment):
    """Runs `paradime dinoai` as a shell would, and returns its exit status and all that it said."""
    done = subprocess.run(
        ["paradime", "dinoai", *arguments],
        env={**os.environ, **emulator.environment, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


class Message(unittest.TestCase):
    def test_a_message_is_one_turn_with_its_steps_and_the_answer(self):
        scenario = ends("COMPLETED", "Two tests fail.")
        scenario["stages"][0]["steps"] = [
            {"tool": {"name": "run_sql_query", "input": '{"query": "select 1"}', "output": "1"}},
            {"tool": {"name": "send_api_message", "input": "{}"}},
            {"tool": {"name": "get_lineage", "input": '{"model_name": "stg_orders"}'}},
        ]
        with Emulator(scenarios={"agents": {"checker": scenario}}) as emulator:
            status, said = command(emulator, "--agent", "checker", "--message", "Which tests fail?")
            self.assertEqual(status, 0, said)
            (run,) = emulator.runs()
            self.assertEqual((run["agent"], run["message"]), ("checker", "Which tests fail?"))
            self.assertIn(f"Session {run['session_id']}", said)
            self.assertIn("Ran a SQL query: select 1", said)
            self.assertIn("Traced the lineage: stg_orders", said)
            self.assertNotIn("Send api message", said)
            self.assertEqual(said.count("Two tests fail."), 1)

    def test_a_message_can_come_by_standard_input(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "Read.")}) as emulator:
            status, said = command(emulator, stdin="From a pipe.\n")
            self.assertEqual(status, 0, said)
            self.assertEqual(emulator.runs()[0]["message"], "From a pipe.")

    def test_a_failed_run_exits_with_1_and_its_reason(self):
        with Emulator(scenarios={"default": ends("FAILED", "The warehouse refused.")}) as emulator:
            status, said = command(emulator, "--message", "m")
            self.assertEqual(status, 1, said)
            self.assertIn("Run failed: The warehouse refused.", said)

    def test_an_expired_run_exits_with_1_at_once(self):
        with Emulator(scenarios={"default": ends("EXPIRED")}) as emulator:
            status, said = command(emulator, "--message", "m")
            self.assertEqual(status, 1, said)
            self.assertIn("never started (expired)", said)
            self.assertEqual(len(emulator.requests()), 2)

    def test_a_stopped_run_exits_with_1_once_it_had_started(self):
        scenario = {"stages": [{"status": "RUNNING"}, {"status": "STOPPED"}]}
        with Emulator(scenarios={"default": scenario}) as emulator:
            status, said = command(emulator, "--message", "m")
            self.assertEqual(status, 1, said)
            self.assertIn("was stopped before it finished", said)

    def test_an_undeclared_status_is_waited_out(self):
        scenario = ends("COMPLETED", "Awake.")
        scenario["stages"].insert(0, {"status": "HIBERNATING"})
        with Emulator(scenarios={"default": scenario}) as emulator:
            status, said = command(emulator, "--message", "m")
            self.assertEqual(status, 0, said)
            self.assertIn("Awake.", said)

    def test_an_unknown_model_family_shows_the_warning(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "Hi.")}) as emulator:
            status, said = command(emulator, "--model-family", "no-such", "--message", "m")
            self.assertEqual(status, 0, said)
            self.assertIn("Unknown model family 'no-such'", said)

    def test_repeated_and_reordered_messages_are_shown_once(self):
        scenario = ends("COMPLETED", "Only once.")
        scenario["stages"].insert(0, {"status": "RUNNING", "messages": [{"content": "I check the tests."}]})
        flags = ["--repeat-messages", "--reorder-messages"]
        with Emulator(*flags, scenarios={"default": scenario}) as emulator:
            status, said = command(emulator, "--message", "m")
            self.assertEqual(status, 0, said)
            self.assertEqual((said.count("I check the tests."), said.count("Only once.")), (1, 1))


class Session(unittest.TestCase):
    def test_a_session_is_replayed_and_continues_past_a_stale_status(self):
        answer = {"status": "COMPLETED", "messages": [{"content": "The second answer."}]}
        scenario = ends("COMPLETED", "The first answer.", follow_ups=[[answer]])
        with Emulator("--stale-reads", "1", scenarios={"default": scenario}) as emulator:
            session_id = emulator.trigger(None, "The first question.")
            status, said = command(
                emulator, "--session", session_id, "--message", "The second question."
            )
            self.assertEqual(status, 0, said)
            for text in ["The first question.", "The first answer.", "The second answer."]:
                self.assertEqual(said.count(text), 1, said)
            self.assertLess(said.index("The first answer."), said.index("The second answer."))
            (run,) = emulator.runs()
            self.assertEqual(run["follow_ups"], ["The second question."])

    def test_a_session_without_a_message_is_replayed_alone(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "The answer.")}) as emulator:
            session_id = emulator.trigger(None, "The question.")
            status, said = command(emulator, "--session", session_id)
            self.assertEqual(status, 0, said)
            self.assertIn(f"Session {session_id}", said)
            self.assertIn("The answer.", said)
            self.assertEqual(emulator.runs()[0]["follow_ups"], [])

    def test_an_unknown_session_fails(self):
        with Emulator() as emulator:
            status, said = command(emulator, "--session", "unknown", "--message", "m")
            self.assertNotEqual(status, 0)
            self.assertIn("No DinoAI agent session 'unknown' was found.", said)


class OldBackend(unittest.TestCase):
    def test_with_a_backend_of_the_pages_a_session_goes_on_without_steps(self):
        answer = {"status": "COMPLETED", "messages": [{"content": "Still here."}]}
        scenario = ends("COMPLETED", "Hello.", follow_ups=[[answer]])
        with Emulator("--backend", "pages", scenarios={"default": scenario}) as emulator:
            session_id = emulator.trigger("a")
            status, said = command(emulator, "--session", session_id, "--message", "m")
            self.assertEqual(status, 0, said)
            self.assertIn("Still here.", said)
            refused = [request for request in emulator.requests() if not request["executed"]]
            self.assertEqual(len(refused), 1, "one refusal, and then without steps")
            self.assertIn("steps", refused[0]["query"])

    def test_with_a_backend_before_steps_a_message_falls_back_by_itself(self):
        current = Path(os.environ["BACKENDS"], "current.graphql").read_text()
        older = "".join(
            line
            for line in current.splitlines(keepends=True)
            if not line.lstrip().startswith(("steps(", "startupSteps:"))
            and "Null, with an error" not in line
            and "while the agent's pod boots" not in line
        )
        self.assertNotEqual(older, current)
        with tempfile.NamedTemporaryFile("w", suffix=".graphql") as backend:
            backend.write(older)
            backend.flush()
            scenarios = {"default": ends("COMPLETED", "Without steps.")}
            with Emulator("--backend", backend.name, scenarios=scenarios) as emulator:
                status, said = command(emulator, "--message", "m")
                self.assertEqual(status, 0, said)
                self.assertIn("Without steps.", said)
                self.assertEqual(len(emulator.runs()), 1)


class Credentials(unittest.TestCase):
    def test_tokens_pass(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "Hi.")}) as emulator:
            for credentials in [
                {"PARADIME_API_SECRET": "prdm_wsp_demo"},
                {
                    "PARADIME_API_SECRET": "prdm_cmp_demo",
                    "PARADIME_WORKSPACE_UID": "demo-workspace",
                },
            ]:
                status, said = command(
                    emulator, "--message", "m", PARADIME_API_KEY="", **credentials
                )
                self.assertEqual(status, 0, said)

    def test_wrong_ones_fail_with_401(self):
        with Emulator() as emulator:
            status, said = command(emulator, "--message", "m", PARADIME_API_SECRET="wrong")
            self.assertNotEqual(status, 0)
            self.assertIn("Error: 401", said)
            self.assertEqual(emulator.runs(), [])


if __name__ == "__main__":
    main()
