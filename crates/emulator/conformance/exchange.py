"""Credentials files between both commands: what `dinoai login` writes is read by `paradime`, and what
`paradime login` writes is read by `dinoai`."""

import os
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest import mock

from click.testing import CliRunner
from paradime.cli.login import login

from emulator import Emulator, ends, main

DINOAI = os.environ["DINOAI"]
HEADERS = ["X-API-KEY", "X-API-SECRET", "Authorization", "X-Paradime-Workspace"]
# Keys and secrets that would read back changed if they were written as they are.
QUOTED = [("a #b", "'a'"), ('"a"', 'a\'b #c"d\\'), ("'a\\", '"\\n"')]
# And such as would not.
PLAIN = [("key", "ab$cd"), ("a#b", "a'b\"c"), ("a\\nb", "${a"), ("a=b", "$a}")]


class Home:
    """A home folder, and both commands in it: what each wrote and sends."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._environment = {**os.environ, "HOME": self._folder.name}
        self.file = Path(self._folder.name, ".paradime", "credentials")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def run(self, *command, stdin=""):
        done = subprocess.run(
            command,
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    def dinoai_login(self, *answers):
        status, said = self.run(DINOAI, "login", stdin="".join(f"{answer}\n" for answer in answers))
        assert status == 0, said

    def paradime_login(self, *answers):
        with mock.patch.dict(os.environ, self._environment):
            done = CliRunner().invoke(login, input="".join(f"{answer}\n" for answer in answers))
        assert done.exit_code == 0, done.output


class Recorder:
    """A server that refuses every request, and keeps what it was sent to prove who calls."""

    def __enter__(self):
        recorded = self.recorded = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                recorded.append({name: self.headers.get(name) for name in HEADERS})
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/api/v1/a#b/graphql"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def sent_by(self, home, *command):
        """What the command sends; None if it finds nothing in the file that it could send."""
        self.recorded.clear()
        status, said = home.run(*command)
        assert status != 0 and len(self.recorded) <= 1, said
        return self.recorded[0] if self.recorded else None

    def sent_by_both(self, home):
        return (
            self.sent_by(home, "paradime", "dinoai", "--message", "m"),
            self.sent_by(home, DINOAI, "run", "--message", "m"),
        )


class Written(unittest.TestCase):
    def test_by_dinoai_it_lets_the_vendors_command_start_a_run(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "Hi.")}) as emulator, Home() as home:
            home.dinoai_login(emulator.secret, emulator.key, emulator.endpoint)
            status, said = home.run("paradime", "dinoai", "--message", "From the vendor's.")
            self.assertEqual(status, 0, said)
            self.assertEqual(emulator.runs()[0]["message"], "From the vendor's.")

    def test_by_the_vendors_command_it_lets_dinoai_start_a_run(self):
        with Emulator(scenarios={"default": ends("COMPLETED", "Hi.")}) as emulator, Home() as home:
            home.paradime_login(emulator.secret, emulator.key, emulator.endpoint)
            status, said = home.run(DINOAI, "run", "--message", "From ours.")
            self.assertEqual(status, 0, said)
            self.assertEqual(emulator.runs()[0]["message"], "From ours.")

    def test_by_either_it_is_the_same_text_where_no_quotes_are_needed(self):
        for answers in [
            ("secret", "key", "https://host/graphql"),
            ("prdm_wsp_token", "https://host/graphql"),
        ]:
            with Home() as ours, Home() as theirs:
                ours.dinoai_login(*answers)
                theirs.paradime_login(*answers)
                self.assertEqual(ours.file.read_text(), theirs.file.read_text())


class Read(unittest.TestCase):
    def test_by_both_what_dinoai_wrote_is_what_was_typed(self):
        with Recorder() as recorder:
            for key, secret in QUOTED + PLAIN:
                with self.subTest(key), Home() as home:
                    home.dinoai_login(secret, key, recorder.endpoint)
                    is_plain = f"API_KEY={key}\n" in home.file.read_text()
                    self.assertEqual(is_plain, (key, secret) in PLAIN)
                    for sent in recorder.sent_by_both(home):
                        self.assertEqual((sent["X-API-KEY"], sent["X-API-SECRET"]), (key, secret))

    def test_by_both_tokens_that_dinoai_wrote_are_what_was_typed(self):
        with Recorder() as recorder:
            for answers in [
                ("prdm_wsp_a #b", recorder.endpoint),
                ("prdm_cmp_a'b #c", "w1 #a", recorder.endpoint),
            ]:
                with self.subTest(answers[0]), Home() as home:
                    home.dinoai_login(*answers)
                    for sent in recorder.sent_by_both(home):
                        self.assertEqual(sent["Authorization"], f"Bearer {answers[0]}")
                        uid = answers[1] if len(answers) == 3 else None
                        self.assertEqual(sent["X-Paradime-Workspace"], uid)

    def test_by_both_what_the_vendors_command_wrote_is_the_same(self):
        with Recorder() as recorder:
            for key, secret in QUOTED + PLAIN:
                with self.subTest(key), Home() as home:
                    home.paradime_login(secret, key, recorder.endpoint)
                    theirs, ours = recorder.sent_by_both(home)
                    # Its own reader finds no secret in some of what it wrote.
                    self.assertEqual(ours, theirs)
                    if (key, secret) in PLAIN:
                        self.assertEqual((ours["X-API-KEY"], ours["X-API-SECRET"]), (key, secret))


if __name__ == "__main__":
    main()
