"""What the lab says was measured."""

import shutil
import subprocess
from pathlib import Path

import pytest

import vivace
from tests.lab_trees import committed, put
from vivace.lab.machine import git, vivace_version

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    for path in ("vivace/urls.py", "vivace/lab/machine.py", "deploy/nginx.conf", "docs/api.md"):
        put(tmp_path / path, "at first")
    put(tmp_path / "requirements/base.txt", "at first")
    return committed(tmp_path)


def head(checkout: Path) -> str:
    return f"{vivace.__version__} ({git(checkout, 'rev-parse', '--short=7', 'HEAD')})"


@pytest.mark.parametrize("path", ["vivace/urls.py", "deploy/nginx.conf", "requirements/base.txt"])
def test_a_change_of_what_is_measured_is_another_version(checkout: Path, path: str) -> None:
    before = vivace_version(checkout)
    assert before == head(checkout)
    put(checkout / path, "changed")
    first = vivace_version(checkout)
    assert first.startswith(before.replace(")", "-dirty-"))
    put(checkout / path, "changed again")
    assert vivace_version(checkout) not in {first, before}
    assert vivace_version(committed(checkout)) == head(checkout) != before


@pytest.mark.parametrize("path", ["vivace/lab/machine.py", "docs/api.md"])
def test_what_is_written_about_it_and_the_lab_do_not_change_the_version(
    checkout: Path, path: str
) -> None:
    before = vivace_version(checkout)
    put(checkout / path, "changed")
    assert vivace_version(checkout) == before
    assert vivace_version(committed(checkout)) == before != head(checkout)


def test_in_a_repository_of_others_the_version_stands_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    put(tmp_path / "shop/urls.py", "at first")
    assert vivace_version(committed(tmp_path) / "shop") == vivace.__version__


def test_without_a_repository_the_version_stands_alone(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path, "rev-parse", "HEAD")
    assert vivace_version(tmp_path) == vivace.__version__
