"""The vendor's reader of credentials files: what it makes of each file in tests/credentials of the
library is what is written in expected.json beside them, which the library's own reader is held to.

With --write, writes expected.json instead.
"""

import json
import os
import sys
import unittest
from pathlib import Path
from unittest import mock

from dotenv import load_dotenv
from paradime.client.paradime_cli_client import get_optional_env_var_from_aliases

from emulator import main

FOLDER = Path(os.environ["CREDENTIALS_FILES"])
EXPECTED = FOLDER / "expected.json"
SETTINGS = ["API_ENDPOINT", "API_KEY", "API_SECRET", "WORKSPACE_UID"]
# What every file is read with.
ENVIRONMENT = {
    "HOST": "environment",
    "EMPTY": "",
    "WORKSPACE_UID": "environment",
    "PARADIME_API_SECRET": "",
}


def read(path):
    """What loading the file adds to the environment, and what the vendor's client then finds."""
    with mock.patch.dict(os.environ, ENVIRONMENT, clear=True):
        try:
            load_dotenv(dotenv_path=path)
        except ValueError as error:
            return {"fails": type(error).__name__}
        found = {
            name: get_optional_env_var_from_aliases([f"PARADIME_{name}", name]) for name in SETTINGS
        }
        sets = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
        return {"sets": sets, "finds": found}


def all_files():
    files = {path.stem: read(path) for path in sorted(FOLDER.glob("*.env"))}
    return {"environment": ENVIRONMENT, "files": files}


class Table(unittest.TestCase):
    maxDiff = None


def check(name):
    def test(self):
        expected = json.loads(EXPECTED.read_text("utf-8"))
        self.assertEqual(expected["environment"], ENVIRONMENT)
        self.assertEqual(expected["files"].get(name), read(FOLDER / f"{name}.env"))

    return test


for path in sorted(FOLDER.glob("*.env")):
    setattr(Table, "test_" + path.stem.replace("-", "_"), check(path.stem))


class Whole(unittest.TestCase):
    def test_there_are_many_files_and_each_is_in_the_table(self):
        names = sorted(json.loads(EXPECTED.read_text("utf-8"))["files"])
        self.assertEqual(names, sorted(path.stem for path in FOLDER.glob("*.env")))
        self.assertGreaterEqual(len(names), 25)


if __name__ == "__main__":
    if "--write" in sys.argv:
        text = json.dumps(all_files(), indent=2, ensure_ascii=True)
        EXPECTED.write_text(text + "\n", "utf-8")
    else:
        main()
