"""A small library, and what a search in it finds."""

from typing import Any

from tests import builders
from tests.client import Person


class Shelf:
    """A few records."""

    def __init__(self) -> None:
        self.maiden, self.adrian, self.bjork = builders.artists(
            [
                {"name": "Iron Maiden"},
                {"name": "Adrian Smith"},
                {"name": "Björk", "sort_name": "Guðmundsdóttir, Björk"},
            ]
        )
        self.piece = builders.album("Piece of Mind", by=self.maiden, genres=["Heavy Metal"])
        self.post = builders.album("Post", by=self.bjork, genres=["Electronic"])
        self.trooper = builders.track(
            "The Trooper",
            by=self.maiden,
            on=self.piece,
            composer="Steve Harris",
            genres=["Heavy Metal"],
            credits=[
                {"artist_id": self.maiden},
                {"artist_id": self.adrian, "role": "guitar"},
            ],
        )
        self.army = builders.track("Army of Me", by=self.bjork, on=self.post)


def found(person: Person, q: str, **query: str) -> dict[str, list[Any]]:
    reply = person.get("search", q=q, **query)
    assert reply.status == 200, reply
    answer: dict[str, list[Any]] = reply.json
    return answer


def named(hits: list[Any], kind: str) -> list[str]:
    return [hit[kind].get("name") or hit[kind]["title"] for hit in hits]
