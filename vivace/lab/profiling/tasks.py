"""What the process of a profiled project is told, and what it tells."""

from msgspec import Struct

from vivace.lab.profile_results import Profiles


class Task(Struct, kw_only=True):
    is_vivace: bool
    operations: list[str]
    """Names of Vivace's, paths of another project's; all where there is none."""
    headers: dict[str, str] = {}
    """Sent with every request to another project."""


class Chosen(Struct, tag="chosen"):
    count: int


class Begun(Struct, tag="begun"):
    operation: str


class Done(Struct, tag="done"):
    profiles: Profiles


class Failed(Struct, tag="failed"):
    why: str


Line = Chosen | Begun | Done | Failed
