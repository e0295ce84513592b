"""The examples of docs/api.md, run as they stand there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import sqlite
from tests.live import CHECKOUT, Live, live_server

pytestmark = pytest.mark.any_database

GUIDE = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
LOGIN, *EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    with live_server(sqlite(folder, "library"), folder) as started:
        yield started


def answers(script: str, live: Live) -> list[Any]:
    """What a shell prints, which is JSON after JSON."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"VIVACE": live.base},
    )
    assert run.returncode == 0, (script, run.stdout, run.stderr)
    found, rest = [], run.stdout.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


def test_logging_in_shows_who_it_is(live: Live) -> None:
    (me,) = answers(LOGIN, live)
    assert (me["username"], me["role"]) == ("demo", "editor")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gets_an_answer(example: str, live: Live) -> None:
    _, *found = answers(LOGIN + example, live)
    assert found
    # An error would be a problem document, of which the guide has one on purpose.
    codes = [answer["code"] for answer in found if "code" in answer]
    assert codes == (["invalid"] if "limit=0" in example else [])
