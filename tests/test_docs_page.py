"""The pages about the API, in a real browser: complete, and without any other server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Page, browser
from tests.databases import sqlite
from tests.live import Live, live_server
from vivace import problems
from vivace.api.documents import document, operations

pytestmark = pytest.mark.any_database

# The summary of an operation opens it; the form is open then, and is sent by its button.
SEND = """
    document.querySelector("#operations-artists-getArtists .opblock-summary-control").click();
    new Promise(go => setTimeout(go, 500)).then(() =>
        document.querySelector("#operations-artists-getArtists button.execute").click())
"""
READY = "document.documentElement?.classList.contains('ready')"
ANSWER = """
    document.querySelector("#operations-artists-getArtists .live-responses-table .response")
        ?.textContent
"""
GIVE_TOKEN = """
    document.querySelector(".auth-wrapper .authorize").click();
    new Promise(go => setTimeout(go, 500)).then(() => {{
        const field = document.querySelector(".auth-container input");
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(
            field, "{token}");
        field.dispatchEvent(new Event("input", {{bubbles: true}}));
        document.querySelector(".auth-btn-wrapper .authorize").click();
        document.querySelector(".auth-btn-wrapper .btn-done").click();
    }})
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    with live_server(sqlite(folder, "library"), folder) as started:
        yield started


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("width", [1280, 390])
def test_all_operations_are_shown_by_this_server_alone(page: Page, live: Live, width: int) -> None:
    page.show(f"{live.base}/api/docs", width)
    page.wait_for(READY)
    shown = set(page.run("[...document.querySelectorAll('.opblock')].map(each => each.id)"))
    described = {
        f"operations-{tag}-{operation['operationId']}"
        for _, _, operation in operations(document())
        for tag in operation["tags"]
    }
    assert shown == described
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.errors == []
    others = [url for url in page.requested if not url.startswith((live.base, "data:"))]
    assert others == []


def test_an_operation_can_be_tried_out_with_a_token(page: Page, live: Live) -> None:
    page.show(f"{live.base}/api/docs")
    page.wait_for(READY)
    page.run(GIVE_TOKEN.format(token=live.token("listener")))
    page.run(SEND)
    answer = page.wait_for(ANSWER)
    assert answer.startswith("200")
    assert "Nina Simone" in answer


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_of_problems_has_each_where_its_type_leads(
    page: Page, live: Live, width: int
) -> None:
    page.show(f"{live.base}/api/docs/problems#conflict", width)
    page.wait_for("document.readyState === 'complete' && document.querySelector('dt')?.id")
    codes = page.run("[...document.querySelectorAll('dt')].map(each => each.id)")
    assert sorted(codes) == sorted(kind.code for kind in problems.KINDS)
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.errors == []
