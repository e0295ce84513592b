"""How often is the artist found whose name was misspelt?

python -m benchmarks.misspellings [--names 5000] [--artists 10000] [--seed 1] [--db postgresql]

In a generated library of its own, one random typo in each name: a letter left out, one too many,
another one, or two exchanged. Prints how often the artist is the first answer, and how often among
the first five, in all and by the length of the word that is wrong. Artists of the same name count
as the same. Exits with 1 below 90 % first or 97 % among the first five.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.trials import Trial
from vivace.lab import stacks
from vivace.lab.profile import own_database
from vivace.lab.results import DATABASES
from vivace.lab.trials import Measured
from vivace.lab.wording import STACK_NAMES, count

FIRST, FIVE = 90.0, 97.0
"""Percent."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Typo(NamedTuple):
    text: str
    size: int
    """Letters of the word that is wrong."""


def misspelt(name: str, chance: random.Random) -> Typo | None:
    """A name with one typo in a word of it; None where there is no word to be wrong in."""
    words = name.split(" ")
    wrong = [at for at, word in enumerate(words) if len(word) > 1 and word.isalpha()]
    if not wrong:
        return None
    # A letter of the name is as likely as another.
    at = chance.choices(wrong, [len(words[at]) for at in wrong])[0]
    word, place = words[at], chance.randrange(len(words[at]))
    letter = chance.choice(LETTERS)
    before, after = word[:place], word[place + 1 :]
    ways = [before + after, before + letter + word[place:], before + letter + after]
    if after:
        ways.append(before + after[0] + word[place] + after[1:])
    typed = chance.choice([way for way in ways if way != word] or ways)
    return Typo(" ".join([*words[:at], typed, *words[at + 1 :]]), len(word))


def ranks(names: int, artists: int, seed: int) -> list[tuple[int, int | None]]:
    """For each name the letters of the word that was wrong, and the place of the artist."""
    from vivace.catalogue.models import Artist
    from vivace.dataset.filling import fill
    from vivace.dataset.library import library
    from vivace.listening.search import search

    fill(library(artists, 1, 1, seed))
    chance = random.Random(seed)
    rows = list(Artist.objects.order_by("pk").values_list("name", "name_key"))
    found = []
    for name, key in chance.sample(rows, len(rows)):
        typo = misspelt(name, chance)
        if typo is None:
            continue
        hits = search(typo.text, ["artist"], 5, 0)["artist"].hits
        keys = [fold_of(str(hit.row[1])) for hit in hits]
        found.append((typo.size, keys.index(key) if key in keys else None))
        if len(found) == names:
            break
    return found


def fold_of(name: str) -> str:
    from vivace.catalogue.folding import fold

    return fold(name)


def told(found: Sequence[tuple[int, int | None]]) -> list[Measured]:
    """Prints what came of it by the length of the word; the percents of all."""
    by_size = Counter(size for size, _ in found)
    for size, names in sorted(by_size.items()):
        places = [place for each, place in found if each == size]
        first, five = places.count(0) / names, 1 - places.count(None) / names
        print(f"{size:3} letters {names:6,} names  first {first:6.1%}  among five {five:6.1%}")
    first, five = (
        100 * sum(place is not None and place < best for _, place in found) / len(found)
        for best in (1, 5)
    )
    what = "names with a typo, the artist"
    return [
        Measured(what=f"{what} first", value=first, unit="%", at_least=FIRST),
        Measured(what=f"{what} among the first five", value=five, unit="%", at_least=FIVE),
    ]


def main() -> int:
    trial = Trial("misspellings", __doc__)
    trial.parser.add_argument("--names", type=int, default=5_000)
    trial.parser.add_argument("--artists", type=int, default=10_000)
    trial.parser.add_argument("--seed", type=int, default=1)
    trial.parser.add_argument("--db", choices=DATABASES, default="sqlite")
    options = trial.parsed()
    with ExitStack() as stack:
        own = stack.enter_context(own_database(options.db))
        os.environ |= stacks.environment(own | {"DJANGO_SETTINGS_MODULE": "vivace.settings"})
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        found = ranks(options.names, options.artists, options.seed)
    server = f"{count(len(found))} names of {count(options.artists)} artists, each with a typo"
    return trial.concluded(options.db, f"{server}, {STACK_NAMES[options.db]}", told(found))


if __name__ == "__main__":
    sys.exit(main())
