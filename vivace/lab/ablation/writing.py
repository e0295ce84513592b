"""Optimisations of bulk writes. Each round finds the library as it was before."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Model

from vivace.catalogue import additions, bulk, lists
from vivace.catalogue.additions import new
from vivace.catalogue.caching import changing
from vivace.catalogue.entries import NewArtist
from vivace.catalogue.listings import ARTISTS
from vivace.catalogue.models import Artist
from vivace.catalogue.search import WORDS, index_words
from vivace.catalogue.vocabulary import learn
from vivace.lab.ablation.trials import Client, Off, Trial, asking, replacing, together
from vivace.lab.profiling.indexes import run

MANY = 5_000
"""Artists that are sent together, if the library has as many."""
FEWER = 2_000
"""As many where each is written by itself, so that a round takes a second or two."""
STRIDE = 6_007
"""A prime number: names that are so far apart come in no order."""

OF_A_RUN = {"id", "created_at", "updated_at"}
"""Columns that are other ones each time."""

UNCHECKED = {
    "sqlite": ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON"),
    "postgresql": (
        "SET session_replication_role = replica",
        "SET session_replication_role = DEFAULT",
    ),
}
"""Statements around which references are not checked."""

insert = bulk.insert


def one_statement_for_many(client: Client) -> Trial:
    def one_by_one(artists: Sequence[NewArtist]) -> list[int]:
        with changing():
            made = [Artist(**fields(artist)) for artist in artists]
            for artist in made:
                artist.save()
        return [artist.pk for artist in made]

    return sent(client, FEWER, replacing(additions, add_artists=one_by_one))


def rows_without_models(client: Client) -> Trial:
    def created(artists: Sequence[NewArtist]) -> list[int]:
        made = [Artist(**fields(artist)) for artist in artists]
        for artist in made:
            artist.fill_keys()
        with changing():
            Artist.objects.bulk_create(made)
            index_words(
                Artist._meta.db_table,
                [artist.pk for artist in made],
                (artist.name_words for artist in made),
            )
        return [artist.pk for artist in made]

    return sent(client, MANY, replacing(additions, add_artists=created))


def fields(artist: NewArtist) -> dict[str, Any]:
    return {name: getattr(artist, name) for name in artist.__struct_fields__}


def hundreds_a_statement(client: Client) -> Trial:
    return sent(client, MANY, replacing(bulk, STATEMENT_ROWS=1))


def shared_values_once(client: Client) -> Trial:
    def in_each_row(
        model: type[Model], columns: Sequence[str], rows: Iterable[bulk.Row], same: Any = bulk.NONE
    ) -> None:
        shared = tuple(same.values())
        insert(model, (*columns, *same), [(*row, *shared) for row in rows])

    return sent(client, MANY, replacing(bulk, insert=in_each_row))


def in_the_order_sent(client: Client) -> Trial:
    def by_a_key(
        model: type[Model], columns: Sequence[str], rows: Iterable[bulk.Row], *unique: str
    ) -> None:
        key = itemgetter(*map(columns.index, unique))
        insert(model, columns, sorted(rows, key=lambda row: key(row) or ""), same=new())

    return sent(client, MANY, replacing(additions, insert_in_order=by_a_key))


def words_after_all(client: Client) -> Trial:
    copy, table = client.copy(), Artist._meta.db_table
    words, column = f"{table}_words", WORDS[table]
    run(
        copy,
        f"CREATE TRIGGER {words}_added AFTER INSERT ON {table} BEGIN"
        f" INSERT INTO {words} (rowid, {column}) VALUES (NEW.id, NEW.{column}); END",
    )

    def left_to_the_trigger(table: str, ids: Sequence[int], texts: Iterable[str]) -> None:
        learn(texts)

    untold = replacing(additions, index_words=left_to_the_trigger)
    return sent(client, MANY, together(asking(copy), untold))


def rare_checkpoints(client: Client) -> Trial:
    usual = pragmas_without(connection.settings_dict["OPTIONS"], "wal_autocheckpoint")
    return sent(client, MANY, asking(client.tuned(init_command=usual)))


def pragmas_without(options: dict[str, Any], *names: str) -> str:
    """What a connection to SQLite is told at its start, but for some of it."""
    told: list[str] = options["init_command"].split(";")
    return ";".join(each for each in told if not any(name in each for name in names))


# --- The request ------------------------------------------------------------------------------


def sent(client: Client, most: int, off: Off) -> Trial:
    count = min(most, Artist.objects.count())
    names = (f"Ablated {number * STRIDE % count:05}" for number in range(count))
    request = client.post("artists/bulk", [{"name": name} for name in names])
    request = request._replace(operation=f"{request.operation} ({count:,})")
    return Trial(request, off, *written())


def written() -> tuple[Callable[[bytes], Any], Callable[[], None]]:
    """What an answer says of the artists that were made and what they are; and their removal."""
    last = Artist.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    kept = sorted({field.name for field in Artist._meta.concrete_fields} - OF_A_RUN)

    def told(answer: bytes) -> tuple[Any, ...]:
        ids = list(map(int, msgspec.json.decode(answer)["ids"]))
        rows = Artist.objects.filter(pk__gt=last).values_list("pk", *kept)
        found = {id_: values for id_, *values in rows}
        return len(found), [found[id_] for id_ in ids], searched()

    def remove() -> None:
        with connection.cursor() as cursor:
            # Nothing refers to them, and no index would say so of the rows of genres.
            unchecked, checked = UNCHECKED[connection.vendor]
            cursor.execute(unchecked)
            cursor.execute(f"DELETE FROM {Artist._meta.db_table} WHERE id > %s", [last])
            cursor.execute(checked)

    return told, remove


def searched() -> int:
    """How many of the artists are found by their words."""
    return lists.count(ARTISTS, {"name": "ablated"})
