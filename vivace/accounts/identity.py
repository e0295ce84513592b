"""Who is asking."""

import msgspec

ROLES = ("listener", "editor", "admin")
"""Each may do all that the ones before it may."""


class Identity(msgspec.Struct, frozen=True):
    account_id: int
    role: str

    def has(self, role: str) -> bool:
        """Whether the account may do what the role may."""
        return ROLES.index(self.role) >= ROLES.index(role)
