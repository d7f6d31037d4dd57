"""Tasks of a real Airflow, against the emulator: `dag.test()`, each try in a process of its own."""

import json
import os
import re
import signal
import unittest

from support import CANARIES, README, Airflow, Dag, Emulator, until

HOSTILE = "{{ 7 * 7 }} {% raw %} $(touch pwned) `touch pwned`; touch pwned & \"'\n::set-output name=a::b"

SOURCE = """
from datetime import datetime, timedelta
from airflow.sdk import dag
from dinoai_airflow import DinoaiRunOperator

@dag(dag_id=NAME, schedule=None, start_date=datetime(2026, 1, 1))
def it():
    def run(task_id="check", **options):
        options = {"agent": "a", "retries": 3, "retry_delay": timedelta(0), "dinoai_bin": DINOAI_BIN} | options
        return DinoaiRunOperator(task_id=task_id, **options)
    BODY

this = it()
if __name__ == "__main__":
    this.test(use_executor=True)
"""
# A run that works until the clock is moved.
SLOW = "{stages: [{status: RUNNING, seconds: 100}, {status: COMPLETED, messages: [{content: Done.}]}]}"


class Operator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.airflow = Airflow()
        cls.addClassCleanup(cls.airflow.close)

    def emulator(self, agents, *options):
        scenario = self.airflow.folder / f"{self._testMethodName}.yml"
        scenario.write_text("agents:\n" + "".join(f"  {name}: {run}\n" for name, run in agents.items()))
        emulator = Emulator("--scenario", str(scenario), *options)
        self.addCleanup(emulator.close)
        return emulator

    def dag(self, body, connection, **machine):
        return Dag(self.airflow, self._testMethodName, SOURCE.replace("BODY", body), connection, **machine)

    def test_the_example_of_the_readme_runs_verbatim(self):
        [source] = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
        emulator = Emulator()
        self.addCleanup(emulator.close)
        dag = Dag(self.airflow, "nightly_quality", source, emulator.connection()).wait()
        self.assertEqual(dag.process.returncode, 0, dag.printed())
        [run] = emulator.runs()
        self.assertEqual(dag.tries(), ("success", 1))
        self.assertRegex(run["message"], r"^Focus on stg_orders, as of manual__\d{4}")
        self.assertEqual(dag.xcom(), {
            "session_id": run["session_id"], "status": "COMPLETED", "return_value": run["messages"][-1]["content"]})
        self.assertEqual(dag.tries("report"), ("success", 1))

    def test_killed_while_it_waits_it_goes_on_on_another_machine(self):
        emulator = self.emulator({"a": SLOW}, "--stopped-clock")
        dag = self.dag("run(message='Check it')", emulator.connection(), apart=True)
        until("the task waits", lambda: dag.stored() and any(call[2][0] == "watch" for call in dag.calls()))
        [first] = {parent for parent, _, _ in dag.calls()}
        os.kill(first, signal.SIGKILL)
        until("another try waits", lambda: any(call[0] != first and call[2][0] == "watch" for call in dag.calls()))
        emulator.advance(100)
        dag.wait()
        [run] = emulator.runs()
        self.assertEqual(dag.tries(), ("success", 2), dag.printed())
        self.assertEqual(dag.xcom(), {"session_id": run["session_id"], "status": "COMPLETED", "return_value": "Done."})
        self.assertEqual([call[2][0] for call in dag.calls()], ["run", "watch", "get", "watch"])

    def killed_before_the_id_is_stored(self, with_its_command):
        emulator = self.emulator({"a": SLOW}, "--stopped-clock", "--latency", "3")
        dag = self.dag("run(message='Check it')", emulator.connection())
        until("the emulator has the trigger", emulator.runs)
        [(task, command, _)] = dag.calls()
        self.assertEqual(dag.stored(), [])
        # As Airflow does.
        os.killpg(task, signal.SIGKILL)
        if with_its_command:
            os.kill(command, signal.SIGKILL)
        return emulator, dag

    def test_killed_before_the_id_is_stored_it_finds_its_run_by_the_key(self):
        emulator, dag = self.killed_before_the_id_is_stored(with_its_command=False)
        until("another try waits", lambda: any(call[2][0] == "watch" for call in dag.calls()))
        emulator.advance(100)
        dag.wait()
        [run] = emulator.runs()
        self.assertEqual(dag.tries(), ("success", 2), dag.printed())
        self.assertEqual(dag.xcom()["session_id"], run["session_id"])
        self.assertEqual([call[2][0] for call in dag.calls()], ["run", "run", "watch"])

    def test_killed_with_its_command_before_the_id_is_known_it_fails_for_good(self):
        emulator, dag = self.killed_before_the_id_is_stored(with_its_command=True)
        dag.wait()
        self.assertEqual(dag.tries(), ("failed", 2), dag.printed())
        self.assertEqual(len(emulator.runs()), 1)
        self.assertIn("dinoai resolve KEY SESSION", dag.printed())

    def test_a_signal_leaves_the_run_or_stops_it(self):
        # A second signal would end the command before the stop is answered.
        emulator = self.emulator({"left": SLOW, "stopped": SLOW}, "--stopped-clock", "--latency", "1")
        dag = self.dag("run('left', agent='left', retries=0) >> run("
                       "'stopped', agent='stopped', on_interrupt='stop', retries=0, trigger_rule='all_done')",
                       emulator.connection())
        for number in [0, 1]:
            until("the command reads the run", lambda: emulator.runs()[number:] and emulator.is_read(number))
            waits = [call for call in dag.calls() if call[2][0] == "watch"]
            # As Airflow does.
            os.killpg(waits[number][0], signal.SIGTERM)
        dag.wait()
        self.assertEqual([(run["agent"], run["status"]) for run in emulator.runs()],
                         [("left", "RUNNING"), ("stopped", "STOPPED")], dag.printed())
        self.assertRegex(dag.printed(), r"the run \w+ was stopped")

    def test_failures_are_tried_again_where_that_helps(self):
        failed = "{stages: [{status: FAILED, messages: [{content: No grant.}]}]}"
        emulator = self.emulator({"never": failed, "failed": failed})
        after = ", trigger_rule='all_done', retries=1)"
        dag = self.dag(f"run('never', agent='never', retries=1) >> run('failed', agent='failed', restart='failed'{after}"
                       f" >> run('usage', agent='unused', message='Check it', model_family=' '{after}",
                       emulator.connection()).wait()
        self.assertEqual([run["agent"] for run in emulator.runs()], ["never", "failed", "failed"], dag.printed())
        self.assertEqual(dag.tries("never"), ("failed", 2))
        self.assertEqual(dag.tries("failed"), ("failed", 2))
        self.assertEqual(dag.tries("usage"), ("failed", 1), dag.printed())
        self.assertEqual(dag.xcom("never")["status"], "FAILED")
        self.assertNotIn("return_value", dag.xcom("never"))
        self.assertIn("No grant.", dag.printed())

    def test_refused_credentials_are_not_tried_again_nor_shown(self):
        emulator = self.emulator({"a": SLOW})
        # Also where the command shows them, which it does not.
        dag = self.dag("run()", emulator.connection("canary-secret"), leaking=True).wait()
        self.assertEqual(dag.tries(), ("failed", 1), dag.printed())
        self.assertIn("HTTP 401", dag.printed())
        # What Airflow writes to its own console is not masked by it.
        dag.printed_to.unlink()
        kept = self.airflow.everything()
        self.assertIn("leaked *** *** ***", kept)
        self.assertNotIn("canary-secret", kept)

    def test_hostile_text_is_passed_on_as_it_is(self):
        answer = json.dumps(HOSTILE)
        emulator = self.emulator({
            "a": f'{{stages: [{{status: COMPLETED, messages: [{{content: {answer}}}]}}]}}',
            "b": "{stages: [{status: COMPLETED}]}",
        })
        dag = self.dag("first = run()\n    run('second', agent='b', message=first.output)", emulator.connection()).wait()
        self.assertEqual(dag.xcom()["return_value"], HOSTILE, dag.printed())
        self.assertEqual([run["message"] for run in emulator.runs()], [None, HOSTILE])
        self.assertEqual(dag.xcom("second")["status"], "COMPLETED")
        self.assertNotIn("return_value", dag.xcom("second"))
        self.assertEqual([*self.airflow.folder.rglob("pwned")], [])

    def tearDown(self):
        kept = self.airflow.everything()
        for canary in CANARIES:
            self.assertNotIn(canary, kept)
        for calls in self.airflow.folder.glob("*.calls"):
            self.assertNotRegex(calls.read_text(), "|".join([*CANARIES, "canary-secret", "Check it", "pwned"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
