"""An Airflow of its own in a scratch folder, and emulators for its tasks."""

import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

DINOAI = Path(os.environ["DINOAI"]).resolve()
README = Path(__file__).resolve().parent / "README.md"
SECONDS = 120  # for whatever is waited for
# What no log, table or command line may show: the emulator's key and secret, and the path of its endpoint.
CANARIES = ("demo-key", "demo-secret", "demo-company")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Stands for the command: notes the process that called it and with what, and may have a journal of its own for
# each process, as on another machine.
WRAPPER = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([os.getppid(), os.getpid(), sys.argv[1:]]), file=log)
if {leaking!r}:
    print("leaked", *(value for name, value in os.environ.items() if name.startswith("PARADIME_API_")), file=sys.stderr)
if {apart!r}:
    os.environ["XDG_STATE_HOME"] += str(os.getppid())
os.execv({program!r}, ["dinoai", *sys.argv[1:]])
"""


def until(what, condition):
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what}"
        time.sleep(0.05)
    return found


def fetch(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    with DIRECT.open(request, timeout=SECONDS) as response:
        return json.loads(response.read() or "null")


class Emulator:
    def __init__(self, *options):
        self.process = subprocess.Popen([DINOAI, "emulator", "--port", "0", *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.endpoint = re.search(r"=(\S+)", self.process.stdout.readline())[1]
        self.control = self.endpoint.partition("/api/")[0] + "/control/"

    def close(self):
        self.process.terminate()
        self.process.communicate()

    def runs(self):
        return fetch(self.control + "runs")

    def is_read(self, number):
        """Whether the run of this number was read already."""
        session_id = self.runs()[number]["session_id"]
        return any(session_id in json.dumps(one["variables"]) for one in fetch(self.control + "requests"))

    def advance(self, seconds):
        fetch(self.control + "clock", {"advance_seconds": seconds})

    def connection(self, secret="demo-secret"):
        return json.dumps({"conn_type": "generic", "host": self.endpoint, "login": "demo-key", "password": secret})


class Airflow:
    """With a database, and what executors talk to: `dag.test(use_executor=True)` runs each try in a process of its own."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name)
        self.dags, self.home = self.folder / "dags", self.folder / "home"
        self.dags.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AIRFLOW", "PARADIME_", "API_", "DINOAI"))}
        self.environment = kept | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "HOME": str(self.folder),
            "NO_PROXY": "127.0.0.1",
            "PATH": f"{DINOAI.parent}{os.pathsep}{os.environ['PATH']}",
        }
        airflow = [sys.executable, "-m", "airflow"]
        subprocess.run([*airflow, "db", "migrate"], env=self.environment, check=True, capture_output=True)
        self.server = subprocess.Popen(
            [*airflow, "api-server", "--apps", "execution", "--workers", "1", "--host", "127.0.0.1"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        until("the API server answers", lambda: self.serves(port))

    def serves(self, port):
        assert self.server.poll() is None, "the API server has ended"
        try:
            fetch(f"http://127.0.0.1:{port}/execution/health")
        except OSError:
            return False
        return True

    def close(self):
        os.killpg(self.server.pid, signal.SIGTERM)
        self.server.wait()
        self.scratch.cleanup()

    def rows(self, query, *values):
        with sqlite3.connect(self.home / "airflow.db", timeout=30) as database:
            return database.execute(query, values).fetchall()

    def everything(self):
        """All that Airflow has stored and logged, as one text."""
        texts = [path.read_text(errors="replace") for path in self.folder.rglob("*.log")]
        with sqlite3.connect(self.home / "airflow.db", timeout=30) as database:
            texts += database.iterdump()
        return "\n".join(texts)


class Dag:
    """A file of DAGs that runs itself, in a process of its own."""

    def __init__(self, airflow, name, source, connection, apart=False, leaking=False):
        self.airflow, self.name = airflow, name
        self.calls_log = airflow.folder / f"{name}.calls"
        wrapper = airflow.folder / f"{name}.dinoai"
        wrapper.write_text(WRAPPER.format(
            python=sys.executable, log=str(self.calls_log), apart=apart, leaking=leaking, program=str(DINOAI)))
        wrapper.chmod(0o755)
        file = airflow.dags / f"{name}.py"
        file.write_text(source.replace("DINOAI_BIN", repr(str(wrapper))).replace("NAME", repr(name)))
        self.printed_to = airflow.folder / f"{name}.log"
        self.log = open(self.printed_to, "w")
        environment = airflow.environment | {
            "AIRFLOW_CONN_DINOAI_DEFAULT": connection, "XDG_STATE_HOME": str(airflow.folder / f"{name}.state")}
        self.process = subprocess.Popen(
            [sys.executable, file], env=environment, stdout=self.log, stderr=subprocess.STDOUT)

    def calls(self):
        return [json.loads(line) for line in self.calls_log.read_text().splitlines()] if self.calls_log.exists() else []

    def wait(self):
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()
        return self

    def printed(self):
        return self.printed_to.read_text()

    def tries(self, task="check"):
        """The task's state, and how many tries it took."""
        [row] = self.airflow.rows(
            "SELECT state, try_number FROM task_instance WHERE dag_id = ? AND task_id = ?", self.name, task)
        return row

    def xcom(self, task="check"):
        return {key: json.loads(value) for key, value in self.airflow.rows(
            "SELECT key, value FROM xcom WHERE dag_id = ? AND task_id = ?", self.name, task)}

    def stored(self):
        return [json.loads(value) for [value] in self.airflow.rows(
            "SELECT value FROM task_state_store WHERE dag_id = ? AND key = 'dinoai_session_id'", self.name)]
