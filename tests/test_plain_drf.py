"""What Vivace is measured beside does the same: plain Django REST framework, of the benchmarks."""

import msgspec
import pytest

from benchmarks import drf
from benchmarks.requests import App, Application
from tests import builders
from vivace.catalogue.models import Artist


@pytest.fixture
def ours(transactional_db: None) -> App:
    return App()


@pytest.fixture
def plain(ours: App) -> Application:
    return Application(drf.Handler(), drf.PREFIX)


@pytest.mark.parametrize("path", ["/artists", "/tracks"])
def test_its_pages_have_the_same_items(ours: App, plain: Application, path: str) -> None:
    nina, other = builders.artists([{"name": "Nina Simone"}, {"name": "Rudy Stevenson"}])
    blues = builders.album(by=nina)
    builders.track(by=nina, on=blues, genres=["Jazz", "Blues"])
    builders.track(
        "Be My Husband", by=nina, on=blues, credits=[{"artist_id": nina}, {"artist_id": other}]
    )
    items = msgspec.json.decode(ours.get(path))["items"]
    assert len(items) == 2
    assert msgspec.json.decode(plain.get(path))["results"] == items


def test_it_adds_the_same_artists(ours: App, plain: Application) -> None:
    ours.post("/artists/bulk", msgspec.json.encode([{"name": "Nina Simone"}]))
    plain.post("/artists/bulk", msgspec.json.encode([{"name": "Cesária Évora"}]))
    found = Artist.objects.order_by("name_key").values_list("name", "sort_key")
    assert [*found] == [("Cesária Évora", "cesaria evora"), ("Nina Simone", "nina simone")]
