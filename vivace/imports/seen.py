"""Which tracks of a file its keys may stand for, in 24 to 48 bytes a key.

A dict would take four times that, most of it for the numbers as objects.
"""

from array import array

SMALLEST = 1 << 12


class Seen:
    """Hash of a key → ids, which are above 0. Keys of one hash share them.

    Two columns of one table: a hash is at the place of its last bits, or else in the next that
    was free, and the first of its ids beside it. What more it has is rare and kept apart.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.count = 0
        self.more: dict[int, dict[int, None]] = {}
        self.make_room(SMALLEST)

    def make_room(self, places: int) -> None:
        self.mask = places - 1
        self.hashes = array("q", bytes(8 * places))
        self.first = array("q", bytes(8 * places))

    def __len__(self) -> int:
        return self.count

    def place(self, key: int) -> int:
        """Where a hash is, or else where it would go: there the id is 0."""
        mask, hashes, first = self.mask, self.hashes, self.first
        place = key & mask
        while first[place] and hashes[place] != key:
            place = (place + 1) & mask
        return place

    def ids(self, key: int) -> list[int]:
        place = self.place(key)
        if not self.first[place]:
            return []
        return [self.first[place], *self.more.get(key, ())]

    def add(self, key: int, id_: int) -> None:
        place = self.place(key)
        if not self.first[place]:
            self.hashes[place], self.first[place] = key, id_
            self.count += 1
            if 3 * self.count > 2 * self.mask:
                self.grow()
        elif id_ != self.first[place]:
            self.more.setdefault(key, {})[id_] = None

    def grow(self) -> None:
        hashes, first = self.hashes, self.first
        self.make_room(2 * len(hashes))
        for key, id_ in zip(hashes, first, strict=True):
            if id_:
                place = self.place(key)
                self.hashes[place], self.first[place] = key, id_
