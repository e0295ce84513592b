"""Statements that differ in their values alone have the same shape."""

import re

TEXT = r"'(?:[^']|'')*'"
NUMBER = r"(?<![\w.\"])-?\d+(?:\.\d+)?\b"
VALUE = rf"(?:%s|\?|\$\d+|{TEXT}|{NUMBER}|NULL)"
VALUES = re.compile(VALUE)
LIST = re.compile(r"\((?:\?|\((?:\?, ?)*\?\))(?:, ?(?:\?|\((?:\?, ?)*\?\)))*\)")
ROWS = re.compile(r"(\(…\))(?:, ?\(…\))+")
SAVEPOINT = re.compile(r'((?:RELEASE |ROLLBACK TO )?SAVEPOINT) "?[\w-]+"?')
SPACES = re.compile(r"\s+")


def shape(sql: str) -> str:
    """The statement with `?` for each value and `(…)` for a list of them, however long."""
    if found := SAVEPOINT.match(sql):
        return found[1]
    plain = SPACES.sub(" ", VALUES.sub("?", sql)).strip()
    return ROWS.sub(r"\1", LIST.sub("(…)", plain))
