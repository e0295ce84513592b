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

# Enough for a change that breaks the contract to be seen, and not for CI to wait.
EXAMPLES = 3
SEEDS = 1, 2, 3
# Most of the requests are those of the coverage phase, and the same whatever the seed: it runs
# with one.
WITHOUT_COVERAGE = "examples,fuzzing,stateful"
LAST_LINES = 400


@pytest.fixture
def live(small_library: str, tmp_path: Path) -> Iterator[Live]:
    with live_server(small_library, tmp_path) as started:
        yield started


# What differs between the databases does not differ by role and seed.
@pytest.mark.any_database
@pytest.mark.parametrize("role", ["listener", "nobody"])
def test_every_answer_is_as_the_document_says(role: str, live: Live) -> None:
    who = authorization(live, role)
    for seed in SEEDS:
        holds(live, who, seed)


@pytest.mark.parametrize(
    "seed", [SEEDS[0], *(pytest.param(s, marks=pytest.mark.any_database) for s in SEEDS[1:])]
)
def test_every_answer_to_who_may_write_is_too(seed: int, live: Live) -> None:
    holds(live, authorization(live, "editor"), seed)


def authorization(live: Live, role: str) -> list[str]:
    return [] if role == "nobody" else ["--header", f"Authorization: Bearer {live.token(role)}"]


def holds(live: Live, who: list[str], seed: int) -> None:
    command = [str(Path(sys.executable).with_name("st")), "run", "--no-color"]
    bounds = ["--seed", str(seed), "--max-examples", str(EXAMPLES), "--workers", "1"]
    bounds += ["--phases", WITHOUT_COVERAGE] if seed > 1 else []
    document = f"{live.base}/api/openapi.json"
    run = subprocess.run(
        [*command, *bounds, *who, document],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
    )
    end = "\n".join((run.stdout + run.stderr).splitlines()[-LAST_LINES:])
    assert run.returncode == 0, end
