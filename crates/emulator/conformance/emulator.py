"""The emulator as a program, for the checks in Python: started, steered, stopped."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.request


class Emulator:
    """A running emulator. `scenarios` is a scenario file as JSON, which is YAML, too."""

    def __init__(self, *flags, scenarios=None):
        arguments = [os.environ["DINOAI_EMULATOR"], "--port", "0", "--plain", *flags]
        self._file = None
        if scenarios is not None:
            self._file = tempfile.NamedTemporaryFile("w", suffix=".yml")
            json.dump(scenarios, self._file)
            self._file.flush()
            arguments += ["--scenario", self._file.name]
        self._program = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.environment = {}
        for _ in range(3):
            name, _, value = self._program.stdout.readline().strip().partition("=")
            self.environment[name.removeprefix("export ")] = value
        self.endpoint = self.environment["PARADIME_API_ENDPOINT"]
        self.key = self.environment["PARADIME_API_KEY"]
        self.secret = self.environment["PARADIME_API_SECRET"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._program.terminate()
        self._program.wait()
        self._program.stdout.close()
        if self._file is not None:
            self._file.close()

    def runs(self):
        return self._control("runs")

    def requests(self):
        return self._control("requests")

    def advance(self, seconds):
        self._control("clock", {"advance_seconds": seconds})

    def add_faults(self, *faults):
        self._control("faults", list(faults))

    def trigger(self, agent, message="Hello."):
        """Starts a run with what the vendor's page documents alone; returns its session id."""
        query = """mutation ($agent: String, $message: String) {
            triggerDinoaiAgentRun(agent: $agent, message: $message) { agentSessionId }
        }"""
        headers = {"X-API-KEY": self.key, "X-API-SECRET": self.secret}
        body = {"query": query, "variables": {"agent": agent, "message": message}}
        answer = self._exchange(self.endpoint, body, headers)
        return answer["data"]["triggerDinoaiAgentRun"]["agentSessionId"]

    def _control(self, path, body=None):
        origin = self.endpoint.split("/api/")[0]
        return self._exchange(f"{origin}/control/{path}", body, {})

    @staticmethod
    def _exchange(url, body, headers):
        data = None if body is None else json.dumps(body).encode()
        headers = {**headers, "Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)


def ends(status, *contents, **more):
    """A scenario that is at its end as soon as it is triggered."""
    messages = [{"content": content} for content in contents]
    return {"stages": [{"status": status, "messages": messages}], **more}


def main():
    """Runs the checks of the calling file, and ends with the line that the script counts."""
    program = unittest.main(exit=False, verbosity=2, testRunner=unittest.TextTestRunner)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(failed != 0)
