"""The API against its own OpenAPI document, by Schemathesis: no failure in any of its checks.

`schemathesis.toml` says how, and what it may be refused. By hand, with more examples:

    st run http://127.0.0.1:8000/api/openapi.json -H 'Authorization: Bearer …' -n 200 --seed 4
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import CHECKOUT, Live, live_server

SEED = 1
# Enough for a change that breaks the contract to be seen, and not for CI to wait.
EXAMPLES = {"sqlite": 9, "postgresql": 3}
FEW = 3
# Nine in ten requests are those of the coverage phase. How one is read is the same for everyone who
# is let in, so it is run with an editor, and with nobody where nobody is let in.
WITHOUT_COVERAGE = ["--phases", "examples,fuzzing,stateful"]
OPEN_TO_ALL = ["--phases", "coverage", "--include-path-regex", "/auth/"]
LAST_LINES = 400


@pytest.fixture
def live(small_library: str, tmp_path: Path) -> Iterator[Live]:
    with live_server(small_library, tmp_path) as started:
        yield started


# What differs between the databases does not differ by role.
@pytest.mark.any_database
@pytest.mark.parametrize("role", ["listener", "nobody"])
def test_every_answer_is_as_the_document_says(role: str, live: Live) -> None:
    holds(live, authorization(live, role), FEW, *WITHOUT_COVERAGE)


@pytest.mark.any_database
def test_every_answer_to_who_wants_to_be_let_in_is_too(live: Live) -> None:
    holds(live, authorization(live, "nobody"), FEW, *OPEN_TO_ALL)


def test_every_answer_to_who_may_write_is_too(live: Live, request: pytest.FixtureRequest) -> None:
    examples = EXAMPLES[request.config.getoption("db")]
    holds(live, authorization(live, "editor"), examples)


def authorization(live: Live, role: str) -> list[str]:
    return [] if role == "nobody" else ["--header", f"Authorization: Bearer {live.token(role)}"]


def holds(live: Live, who: list[str], examples: int, *phases: str) -> None:
    command = [str(Path(sys.executable).with_name("st")), "run", "--no-color"]
    bounds = ["--seed", str(SEED), "--max-examples", str(examples), "--workers", "1"]
    document = f"{live.base}/api/openapi.json"
    run = subprocess.run(
        [*command, *bounds, *phases, *who, document],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    end = "\n".join((run.stdout + run.stderr).splitlines()[-LAST_LINES:])
    assert run.returncode == 0, end
