"""The command `dinoai` as a child process. Knows nothing of Airflow."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Kinds of lines on standard error that are no failures.
NOTES = {"warning", "still_waiting", "left_out", "trace"}


@dataclass(frozen=True)
class Result:
    """What a call has ended with."""

    status: int
    """The exit status."""
    document: dict[str, Any]
    """What it wrote to standard output, if anything."""
    failure: str
    """What it says of its failure."""


class Command:
    """Calls `dinoai` with JSON as its output, without a shell."""

    def __init__(self, program: str, environment: Mapping[str, str], note: Callable[[str], None]) -> None:
        self._program = program
        self._environment = dict(environment)
        self._note = note
        self._child: subprocess.Popen[str] | None = None
        self._terminated = False

    def call(self, name: str, *arguments: str, message: str = "") -> Result:
        """Runs a command of it to its end. The message is its standard input: no list of processes shows it."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as sent, tempfile.TemporaryFile() as printed:
            sent.write(message)
            sent.seek(0)
            child = self._child = subprocess.Popen(
                [self._program, name, "--output=json", *arguments],
                stdin=sent,
                stdout=printed,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=self._environment,
                # Airflow kills the task's process group: the command is to record the run that it has started. And
                # for the command a second signal, as that of `terminate`, is an order to end at once.
                start_new_session=True,
            )
            if self._terminated:
                child.terminate()
            failure = ""
            with child.stderr as lines:
                for line in lines:
                    failure = self._read(line.strip()) or failure
            status = child.wait()
            self._child = None
            printed.seek(0)
            return Result(status, _json(printed.read()) or {}, failure or f"dinoai ended with {status}")

    def terminate(self) -> None:
        """Ends the command, which then stops or leaves its run, as it was asked to. A signal's handler may call it."""
        child, self._child = self._child, None
        self._terminated = True
        if child is not None:
            child.terminate()

    def _read(self, line: str) -> str | None:
        """Passes on a line of standard error, or returns the text of a failure."""
        said = _json(line) or {"message": line}
        text = said.get("message") or said.get("warning")
        if said.get("kind", "warning") not in NOTES:
            # Without its hint, which names options of this call.
            return text
        if text:
            self._note(text)
        return None


def _json(text: str | bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
