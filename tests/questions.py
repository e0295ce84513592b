"""What the query of a collection can ask, read from its type, so that tests miss nothing new."""

from typing import Literal, get_args, get_origin, get_type_hints

from vivace.api.pages import PAGING, PageQuery


def sorts(query: type[PageQuery]) -> set[str]:
    """Every value that `sort` takes."""
    for kind in get_args(get_type_hints(query)["sort"]):
        if get_origin(kind) is Literal:
            return set(get_args(kind))
    raise AssertionError(f"{query.__name__} lists no sorts")


def filters(query: type[PageQuery]) -> set[str]:
    return {*query.__struct_fields__} - PAGING
