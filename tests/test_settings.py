"""Settings come from the environment: wrong ones stop the start, none at all are fine."""

import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import ConnectionHandler

import vivace
from tests.environment import OURS, SECRET_KEY
from vivace import settings

pytestmark = pytest.mark.any_database

TIMEOUT_SECONDS = 60

WRONG: dict[str, list[str]] = {
    "VIVACE_DATA_DIR": ["/dev/null/vivace"],
    "DATABASE_URL": [
        "vivace", "mysql://localhost/vivace", "sqlite://vivace.sqlite3", "sqlite:///",
        "postgresql://localhost", "postgresql://localhost:port/vivace",
        "postgresql://localhost:99999/vivace", "postgresql://[::1/vivace",
        "postgresql://localhost/vivace#x", "sqlite:////tmp/vivace?x", "sqlite:////tmp/vivace#x",
        *(
            f"postgresql://localhost/vivace?{query}"
            for query in (
                "prepare_threshold=0", "server_side_binding=true", "pool=true", "autocommit=0",
                "sslmode", "sslmode=", "ssl_mode=require", "sslmode=require&sslmode=disable",
                "sslmode=require&", "host=db", "dbname=other", "user=ada", "client_encoding=latin1",
            )
        ),
    ],
    "REDIS_URL": [
        "localhost", "http://localhost", "redis", "redis://cache:63x9/0",
        "redis://localhost/0?foo=1", "redis://localhost/0?socket_timeout=soon",
        "rediss://localhost/0?ssl_cert_reqs=bad", "redis://localhost/vivace", "redis://localhost/0/1",
        "redis://:pass#word@localhost/0", "redis://localhost/-1",
    ],
    "VIVACE_ALLOWED_HOSTS": [
        "https://music.example.org", "music.example.org:8000", ",", "a b", "example.org/api",
        "*.org", "example.org.", "::1",
    ],
    "VIVACE_CACHE": ["maybe", "2", "of"],
    "VIVACE_CACHE_MAX": ["0", "32MB", "much"],
    "VIVACE_SECRET_KEY": ["x", "x" * 49],
    "VIVACE_TRUSTED_PROXIES": ["proxy.example.org", "10.0.0.0/33", "10.0.0.1, 300.0.0.1"],
    "VIVACE_CORS_ORIGINS": [
        "*", "example.org", "https://", "https://example.org/", "ftp://x.org", "null",
        "https://*.example.org", "https://App.example.org", "HTTPS://app.example.org",
        "https://app.example.org:443", "http://app.example.org:80", "http://localhost:70000",
        "http://localhost:", "https://user@app.example.org", "https://app.example.org?x",
        "https://app.example.org#x", "https://björk.example.org", "http://[0::1]", "http://[:::]",
    ],
    "VIVACE_PUBLIC_READ": ["maybe"],
    "VIVACE_REGISTRATION": ["open"],
    "VIVACE_LOGIN_LIMIT": ["10", "10/", "0/300", "10/0", "-1/300", "10/5m", "1e1/300"],
    "VIVACE_IMPORT_MAX": ["0", "-1", "256MB", "1.5GiB", "MiB", "much"],
    "VIVACE_LOG": ["JSON", "lines"],
    "VIVACE_ACCESS_LOG": ["maybe"],
    "VIVACE_DEBUG": ["maybe"],
}  # fmt: skip


def bare() -> dict[str, str]:
    """What a process needs to run at all, and nothing of the developer's own."""
    names = ("PATH", "LANG", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def started(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env=bare() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def settings_with(**environment: str) -> Any:
    """The settings of a process of its own that are plain values."""
    show = (
        "import json, vivace.settings as s;"
        "print(json.dumps({k: v for k, v in vars(s).items() if k.isupper()}, default=str))"
    )
    ended = started("-c", show, **environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def test_every_variable_has_its_test() -> None:
    source = Path(settings.__file__).read_text(encoding="utf-8")
    assert {*WRONG} == {*re.findall(r'read\(\s*"(\w+)"', source)}
    assert all(name.startswith(OURS) for name in WRONG)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_stops_the_start_with_its_name(name: str, tmp_path: Path) -> None:
    right = {"VIVACE_DATA_DIR": str(tmp_path), "VIVACE_SECRET_KEY": SECRET_KEY}
    if name == "VIVACE_DATA_DIR":
        del right["VIVACE_SECRET_KEY"]
    ended = started("-m", "vivace", "check", **right | {name: WRONG[name][0]})
    assert (ended.returncode, ended.stdout) == (1, "")
    # One line that says which, and no traceback through us.
    (line,) = ended.stderr.splitlines()
    assert line.split(": ")[:2] == ["vivace", name]


@pytest.mark.parametrize("name", WRONG)
def test_no_wrong_value_is_taken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [variable for variable in os.environ if variable.startswith(OURS)]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("VIVACE_DATA_DIR", str(tmp_path))
    if name != "VIVACE_DATA_DIR":
        monkeypatch.setenv("VIVACE_SECRET_KEY", SECRET_KEY)
    for value in WRONG[name]:
        monkeypatch.setenv(name, value)
        with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
            runpy.run_path(settings.__file__)


def test_a_database_of_one_s_own_needs_a_key_of_one_s_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/library.sqlite3"
    ended = started("-m", "vivace", "check", VIVACE_DATA_DIR=str(tmp_path), DATABASE_URL=url)
    assert ended.returncode == 1
    assert ended.stderr.startswith("vivace: VIVACE_SECRET_KEY: ")
    assert [*tmp_path.iterdir()] == []


def test_nothing_set_is_a_good_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ended = started("-m", "vivace", "migrate", "--verbosity=0", HOME=str(home))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    (key,) = home.rglob("secret-key")
    assert {file.name for file in key.parent.iterdir()} >= {"secret-key", "vivace.sqlite3"}
    assert key.parent.name == "vivace"
    assert key.stat().st_mode & 0o777 == 0o600
    ended = started("-m", "vivace", "check", "--database=default", HOME=str(home))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nobody_else_on_the_machine_reads_the_library(tmp_path: Path) -> None:
    """Whoever has the key from elsewhere."""
    told = {"VIVACE_DATA_DIR": str(tmp_path / "a" / "b"), "VIVACE_SECRET_KEY": SECRET_KEY}
    ended = started("-m", "vivace", "migrate", "--verbosity=0", **told)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "vivace.sqlite3").exists()


@pytest.mark.parametrize("name", ["Vol #2", "what?", "50%25", "élan & co"])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    ended = started("-m", "vivace", "migrate", "--verbosity=0", VIVACE_DATA_DIR=str(folder))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {file.name for file in folder.iterdir()} >= {"secret-key", "vivace.sqlite3"}
    assert [*tmp_path.iterdir()] == [folder]


@pytest.mark.parametrize("hosts", ["music.example.org, .example.org", "*", "[::1],10.0.0.1", "a_b"])
def test_hosts_are_names_and_addresses(hosts: str, tmp_path: Path) -> None:
    found = settings_with(VIVACE_DATA_DIR=str(tmp_path), VIVACE_ALLOWED_HOSTS=hosts)
    assert found["ALLOWED_HOSTS"] == [host.strip() for host in hosts.split(",")]


def test_the_key_is_made_once(tmp_path: Path) -> None:
    folder = str(tmp_path / "new" / "folder")
    first, second = (settings_with(VIVACE_DATA_DIR=folder)["SECRET_KEY"] for _ in range(2))
    assert len(first) >= settings.SECRET_MIN_LENGTH
    assert first == second
    assert [file.name for file in Path(folder).iterdir()] == ["secret-key"]
    other = settings_with(VIVACE_DATA_DIR=str(tmp_path / "other"))["SECRET_KEY"]
    assert other != first


def test_first_starts_at_once_agree_on_the_key(tmp_path: Path) -> None:
    show = [sys.executable, "-c", "import vivace.settings as s; print(s.SECRET_KEY)"]
    environment = bare() | {"VIVACE_DATA_DIR": str(tmp_path / "new")}
    processes = [
        subprocess.Popen(show, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    keys = {process.communicate(timeout=TIMEOUT_SECONDS)[0].strip() for process in processes}
    assert len(keys) == 1
    assert len(keys.pop()) >= settings.SECRET_MIN_LENGTH


def test_a_kept_key_that_is_too_short_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("short")
    ended = started("-m", "vivace", "check", VIVACE_DATA_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.startswith("vivace: VIVACE_SECRET_KEY: ")


def test_what_is_set_is_taken(tmp_path: Path) -> None:
    found = settings_with(
        VIVACE_DATA_DIR=str(tmp_path),
        DATABASE_URL="postgresql://ada:l%40velace@db.example.org:5433/li%20brary?sslmode=require",
        REDIS_URL="redis://cache.example.org/3",
        VIVACE_SECRET_KEY=SECRET_KEY,
        VIVACE_ALLOWED_HOSTS="music.example.org, .example.com,",
        VIVACE_TRUSTED_PROXIES="10.0.0.0/8,::1,unix",
        VIVACE_CORS_ORIGINS="https://app.example.org, http://localhost:3000,http://[::1]:443",
        VIVACE_PUBLIC_READ="Yes",
        VIVACE_REGISTRATION="1",
        VIVACE_LOGIN_LIMIT="3/60",
        VIVACE_IMPORT_MAX="1GiB",
        VIVACE_DEBUG="off",
    )
    database = found["DATABASES"]["default"]
    assert {name: database[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "USER": "ada",
        "PASSWORD": "l@velace",
        "HOST": "db.example.org",
        "PORT": 5433,
        "NAME": "li brary",
    }
    assert database["OPTIONS"]["sslmode"] == "require"
    expected = {
        "REDIS_URL": "redis://cache.example.org/3",
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": ["music.example.org", ".example.com"],
        "TRUSTED_PROXIES": ["10.0.0.0/8", "::1", "unix"],
        "CORS_ORIGINS": ["https://app.example.org", "http://localhost:3000", "http://[::1]:443"],
        "PUBLIC_READ": True,
        "REGISTRATION": True,
        "LOGIN_LIMIT": [3, 60],
        "IMPORT_MAX": 1 << 30,
        "DEBUG": False,
    }
    assert {name: found[name] for name in expected} == expected


def test_parameters_of_postgresql_stand_beside_ours() -> None:
    query = "host=/run/db&connect_timeout=9&options=-c%20work_mem=64MB&sslmode=require"
    ours = settings.database("postgresql:///vivace")["OPTIONS"]
    assert settings.database(f"postgresql:///vivace?{query}")["OPTIONS"] == ours | {
        "host": "/run/db",
        "connect_timeout": "9",
        "sslmode": "require",
        "options": f"{ours['options']} -c work_mem=64MB",
    }


def test_a_connection_has_both(postgresql: str, django_db_blocker: Any) -> None:
    url = f"{postgresql}/postgres?options=-c%20work_mem=7MB&application_name=ours"
    own: Any = ConnectionHandler({"default": settings.database(url)})["default"]
    with django_db_blocker.unblock(), closing(own), own.cursor() as cursor:
        told = {}
        for name in ("jit", "random_page_cost", "work_mem", "application_name"):
            cursor.execute(f"SHOW {name}")
            [told[name]] = cursor.fetchone()
    expected = {"jit": "off", "random_page_cost": "1.1"}
    assert told == expected | {"work_mem": "7MB", "application_name": "ours"}


def test_doors_are_shut_unless_they_are_opened(tmp_path: Path) -> None:
    # An empty value, as a compose file gives for a variable that is not set, is none.
    empty = dict.fromkeys(WRONG, "")
    found = settings_with(**empty | {"VIVACE_DATA_DIR": str(tmp_path)})
    expected = {
        "DEBUG": False,
        "PUBLIC_READ": False,
        "REGISTRATION": False,
        "CORS_ORIGINS": [],
        "TRUSTED_PROXIES": [],
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "IMPORT_MAX": 256 << 20,
    }
    assert {name: found[name] for name in expected} == expected


def test_it_tells_its_own_version() -> None:
    ended = started("-m", "vivace", "--version")
    assert (ended.returncode, ended.stdout) == (0, f"{vivace.__version__}\n")
