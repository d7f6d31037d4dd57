"""`DinoaiRunOperator`: a run of an agent as a task of Airflow."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from airflow.sdk import BaseOperator, Connection, ResumableJobMixin
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.log import mask_secret

from dinoai_airflow.command import Command, Result

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

ENDED = {"COMPLETED", "FAILED", "STOPPED", "EXPIRED"}
# Of the command's exit statuses: another try would end the same way, or might start a second run.
USAGE, REFUSED, UNKNOWN = 2, 3, 6


class DinoaiRunOperator(ResumableJobMixin, BaseOperator):
    """Starts a run of an agent, waits until it has ended, and returns its answer.

    A run is started once for each task of a DAG run, however often the task is killed and tried again. Two things
    see to that. Airflow keeps the session id beside the task, once it is known: a retry, also on another machine,
    goes on with that run. Until then the command's journal remembers the key under which the run was started.

    XCom has the `session_id` as soon as it is known, the `status` at the end, and the answer as the task's value.

    :param agent: The agent, by its name; without one the message alone is the task.
    :param message: What to ask for.
    :param base_branch: The branch, tag or commit that the agent works on.
    :param model_family: The model family.
    :param timeout: How long a try waits. The command's default is an hour.
    :param on_timeout: Whether the run is left or stopped at the timeout.
    :param on_interrupt: Whether the run is left or stopped when the task is killed by a signal: somebody marks it
        as failed or clears it, or its machine shuts down. By default it is left, since a retry goes on with it.
    :param restart: Whether a retry starts a further run once the run has `failed`, expired or was stopped. By
        default (`never`) it ends as that run has.
    :param key: The key of the run in the journal.
    :param journal: A file, `none`, or an address of PostgreSQL. Without it the variable `DINOAI_JOURNAL` of the
        worker counts.
    :param conn_id: The Connection with the endpoint (host), the API key (login) and the secret (password). With
        None the worker's environment and credentials file count.
    :param workspace: The workspace, if the credentials are for several.
    :param dinoai_bin: The program. By default `dinoai` beside this Python, or else of the PATH.
    """

    template_fields: Sequence[str] = ("agent", "message", "base_branch", "model_family", "key", "workspace")
    external_id_key = "dinoai_session_id"

    def __init__(
        self,
        *,
        agent: str | None = None,
        message: str | None = None,
        base_branch: str | None = None,
        model_family: str | None = None,
        timeout: timedelta | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_interrupt: Literal["leave", "stop"] = "leave",
        restart: Literal["never", "failed"] = "never",
        key: str = "airflow/{{ dag.dag_id }}/{{ run_id }}/{{ task.task_id }}/{{ ti.map_index }}",
        journal: str | None = None,
        conn_id: str | None = "dinoai_default",
        workspace: str | None = None,
        dinoai_bin: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.agent = agent
        self.message = message
        self.base_branch = base_branch
        self.model_family = model_family
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.on_interrupt = on_interrupt
        self.restart = restart
        self.key = key
        self.journal = journal
        self.conn_id = conn_id
        self.workspace = workspace
        self.dinoai_bin = dinoai_bin
        self._command: Command | None = None
        self._run: dict[str, Any] = {}

    def execute(self, context: Context) -> str | None:
        self._command = Command(self._program(), self._environment(), self.log.info)
        return self.execute_resumable(context)

    def on_kill(self) -> None:
        if self._command is not None:
            self._command.terminate()

    def submit_job(self, context: Context) -> str:
        """Starts the run, or finds what the key has started before."""
        arguments = ["--detach", f"--key={self.key}", f"--restart={self.restart}"]
        for option, value in [("base-branch", self.base_branch), ("model-family", self.model_family)]:
            arguments += [f"--{option}={value}"] if value else []
        arguments += ["--message-file=-"] if self.message else []
        # Last, since it may begin with a hyphen.
        arguments += ["--", self.agent] if self.agent else []
        result = self._call("run", *arguments, message=self.message or "")
        self._check(result)
        return result.document["agentSessionId"]

    def get_job_status(self, external_id: str, context: Context) -> str:
        return self._read("get", external_id, context)["status"]

    def is_job_active(self, status: str) -> bool:
        return status not in ENDED

    def is_job_succeeded(self, status: str) -> bool:
        return status == "COMPLETED"

    def poll_until_complete(self, external_id: str, context: Context) -> str | None:
        options = [f"--on-timeout={self.on_timeout}", f"--on-interrupt={self.on_interrupt}"]
        if self.timeout is not None:
            options.append(f"--timeout={self.timeout.total_seconds():.0f}s")
        self._read("watch", external_id, context, *options)
        # Of a run that goes on since an earlier try nothing else is asked for.
        return self.get_job_result(external_id, context)

    def get_job_result(self, external_id: str, context: Context) -> str | None:
        """The last message of the agent."""
        written = [message for message in self._run["messages"] if message["role"].lower() != "user"]
        return max(written, key=lambda message: message["ts"])["content"] if written else None

    def _read(self, name: str, session_id: str, context: Context, *options: str) -> dict[str, Any]:
        context["ti"].xcom_push(key="session_id", value=session_id)
        self.log.info("The run is %s", session_id)
        result = self._call(name, *options, session_id)
        self._run = result.document
        if "status" in self._run:
            self.log.info("Its status is %s", self._run["status"])
            context["ti"].xcom_push(key="status", value=self._run["status"])
        self._check(result)
        return self._run

    def _call(self, name: str, *arguments: str, message: str = "") -> Result:
        common = [f"--workspace={self.workspace}"] if self.workspace else []
        if self.conn_id is not None:
            # What the Connection leaves out is not taken from anywhere else.
            common.append(f"--credentials-file={os.devnull}")
        return self._command.call(name, *common, *arguments, message=message)

    def _check(self, result: Result) -> None:
        if result.status == UNKNOWN:
            raise AirflowFailException(
                f"{result.failure}. Whether the key {self.key} has started a run is unknown, so that no retry starts "
                "another one: look in the workspace, then say `dinoai resolve KEY SESSION` or `dinoai retry KEY` "
                "with this task's journal, and clear the task"
            )
        if result.status in (USAGE, REFUSED):
            raise AirflowFailException(result.failure)
        if result.status:
            raise AirflowException(result.failure)

    def _program(self) -> str:
        beside = Path(sys.executable).with_name("dinoai")
        return self.dinoai_bin or (str(beside) if beside.exists() else "dinoai")

    def _environment(self) -> dict[str, str]:
        """The worker's environment, with the credentials of the Connection in place of its own."""
        environment = dict(os.environ)
        if self.journal is not None:
            environment["DINOAI_JOURNAL"] = self.journal
            mask_secret(urlsplit(self.journal).password)
        if self.conn_id is None:
            return environment
        connection = Connection.get(self.conn_id)
        if "://" not in (connection.host or ""):
            raise AirflowFailException(f"the host of the Connection {self.conn_id} is not the whole URL of the endpoint")
        for name in [name for name in environment if name.startswith(("PARADIME_", "API_")) or name == "WORKSPACE_UID"]:
            del environment[name]
        credentials = {"ENDPOINT": connection.host, "KEY": connection.login, "SECRET": connection.password}
        environment |= {f"PARADIME_API_{name}": value for name, value in credentials.items() if value}
        # Its path holds a token.
        for secret in [*credentials.values(), urlsplit(connection.host).path]:
            mask_secret(secret)
        return environment
