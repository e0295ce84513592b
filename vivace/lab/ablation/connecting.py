"""Optimisations of connections to the database, and of what they are told."""

from django.db import connection
from psycopg.pq import Format

from vivace.catalogue import statements
from vivace.lab.ablation.trials import ALL_ARTISTS, PAGE, Client, Trial, asking, replacing
from vivace.lab.ablation.writing import pragmas_without

LONGEST = "limit=10000"


def connection_kept(client: Client) -> Trial:
    return Trial(client.get("tracks", PAGE), asking(client.connection(CONN_MAX_AGE=0)))


def prepared_statements(client: Client) -> Trial:
    return Trial(client.get("tracks", PAGE), asking(client.tuned(prepare_threshold=None)))


def binary_results(client: Client) -> Trial:
    return Trial(client.get("artists", ALL_ARTISTS), replacing(statements, BINARY=Format.TEXT))


def cheap_random_pages(client: Client) -> Trial:
    return Trial(client.get("tracks", PAGE), asking(client.tuned(options=without("random_page"))))


def no_jit(client: Client) -> Trial:
    return Trial(client.get("tracks", LONGEST), asking(client.tuned(options=without("jit"))))


def without(setting: str) -> str:
    """What a connection to PostgreSQL is told at its start, but for one setting."""
    told: list[str] = connection.settings_dict["OPTIONS"]["options"].split("-c ")
    return "".join(f"-c {each}" for each in told if each.strip() and setting not in each)


def pages_in_memory(client: Client) -> Trial:
    usual = pragmas_without(connection.settings_dict["OPTIONS"], "cache_size")
    return Trial(client.get("tracks", LONGEST), asking(client.tuned(init_command=usual)))
