"""Who is asking: a login with the real hash of its password, and the check of a token."""

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import describe, read, timed
from benchmarks.requests import LOGIN, PASSWORD, App
from vivace.accounts import bearer

CHECKS = 500
"""A round: one takes a few microseconds."""


def test_login(benchmark: BenchmarkFixture, app: App) -> None:
    describe(benchmark, "Login", "login", rows=1)
    body = msgspec.json.encode({"login": LOGIN, "password": PASSWORD})
    answer = read(benchmark, lambda: app.post("/auth/login", body))
    assert msgspec.json.decode(answer)["token_type"] == "Bearer"


def test_token_check(benchmark: BenchmarkFixture, app: App) -> None:
    describe(benchmark, "Check of an access token", "login", rows=1)
    field = f"Bearer {app.token}"
    timed(benchmark, lambda: bearer.identify(field), rounds=100, iterations=CHECKS)
    assert bearer.identify(field) == app.editor
