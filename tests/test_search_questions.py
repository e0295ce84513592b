"""What people type, and what they mean by it: the first answer of each kind, on real data."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests import builders
from tests.client import Person
from vivace.catalogue.models import Artist
from vivace.imports.run import import_rows

# What the data has not: other scripts, names of signs, of words that mean little, of numbers.
MORE_ARTISTS = [
    "a-ha", "The The", "JAY-Z", "Björk", "Sigur Rós", "P!nk", "Ke$ha", "!!!", "Кино", "周杰倫",
    "Виктор Цой", "Ελευθερία Αρβανιτάκη", "Simon & Garfunkel", "ABBA", "The Beatles", "blink-182",
    "10cc", "Mr. Mister", "Florence + The Machine", "A$AP Rocky", "Żywiołak", "Æther", "Röyksopp",
    "Prince",
]  # fmt: skip
MORE_TRACKS = [
    ("a-ha", "Hunting High and Low", "Take On Me", ["Pop"]),
    ("The The", "Soul Mining", "This Is the Day", ["Pop"]),
    ("JAY-Z", "The Black Album", "99 Problems", ["Hip Hop"]),
    ("Björk", "Homogenic", "Jóga", ["Electronic"]),
    ("Sigur Rós", "Ágætis byrjun", "Svefn-g-englar", ["Post-Rock"]),
    ("P!nk", "M!ssundaztood", "Don't Let Me Get Me", ["Pop"]),
    ("Ke$ha", "Animal", "Tik Tok", ["Pop"]),
    ("!!!", "Louden Up Now", "Me and Giuliani", ["Dance-Punk"]),
    ("Кино", "Группа крови", "Звезда по имени Солнце", ["Rock"]),
    ("周杰倫", "范特西", "簡單愛", ["Mandopop"]),
    ("Simon & Garfunkel", "Bookends", "Mrs. Robinson", ["Folk"]),
    ("Antônio Carlos Jobim", "Wave", "Corcovado", ["Bossa Nova"]),
    ("blink-182", "Enema of the State", "All the Small Things", ["Punk"]),
    ("Florence + The Machine", "Lungs", "Dog Days Are Over", ["Indie"]),
]

# (kind, question, the name or title that comes first)
QUESTIONS = [
    # Case, accents, width
    ("artist", "METALLICA", "Metallica"),
    ("artist", "motorhead", "Motörhead"),
    ("artist", "MOTÖRHEAD", "Motörhead"),
    ("artist", "mötley crüe", "Mötley Crüe"),
    ("artist", "motley crue", "Mötley Crüe"),
    ("artist", "bjork", "Björk"),
    ("artist", "ｂｊｏｒｋ", "Björk"),
    ("artist", "sigur ros", "Sigur Rós"),
    ("artist", "antonio carlos jobim", "Antônio Carlos Jobim"),
    ("artist", "legiao urbana", "Legião Urbana"),
    ("artist", "cassia eller", "Cássia Eller"),
    ("artist", "titas", "Titãs"),
    ("artist", "royksopp", "Röyksopp"),
    ("artist", "zywiolak", "Żywiołak"),
    ("artist", "aether", "Æther"),
    ("track", "joga", "Jóga"),
    ("album", "agaetis byrjun", "Ágætis byrjun"),
    ("album", "minha historia", "Minha Historia"),
    # Punctuation
    ("artist", "acdc", "AC/DC"),
    ("artist", "ac dc", "AC/DC"),
    ("artist", "AC/DC", "AC/DC"),
    ("artist", "ac-dc", "AC/DC"),
    ("artist", "rem", "R.E.M."),
    ("artist", "R.E.M.", "R.E.M."),
    ("artist", "r.e.m", "R.E.M."),
    ("artist", "pink", "P!nk"),
    ("artist", "P!nk", "P!nk"),
    ("artist", "kesha", "Ke$ha"),
    ("artist", "ke$ha", "Ke$ha"),
    ("artist", "asap rocky", "A$AP Rocky"),
    ("artist", "guns n roses", "Guns N' Roses"),
    ("artist", "guns'n'roses", "Guns N' Roses"),
    ("artist", "yo yo ma", "Yo-Yo Ma"),
    ("artist", "yoyo ma", "Yo-Yo Ma"),
    ("artist", "blink 182", "blink-182"),
    ("artist", "blink182", "blink-182"),
    ("artist", "mr mister", "Mr. Mister"),
    ("artist", "!!!", "!!!"),
    ("artist", "simon and garfunkel", "Simon & Garfunkel"),
    ("artist", "simon & garfunkel", "Simon & Garfunkel"),
    ("artist", "simon garfunkel", "Simon & Garfunkel"),
    ("artist", "florence and the machine", "Florence + The Machine"),
    ("artist", "toquinho vinicius", "Toquinho & Vinícius"),
    ("album", "and justice for all", "...And Justice For All"),
    ("album", "kill em all", "Kill 'Em All"),
    ("album", "killem all", "Kill 'Em All"),
    ("album", "un led ed", "Un-Led-Ed"),
    ("album", "missundaztood", "M!ssundaztood"),
    ("track", "dont let me get me", "Don't Let Me Get Me"),
    # A typo at the start, in the middle, at the end: one left out, one too many, another, exchanged
    ("artist", "metalica", "Metallica"),
    ("artist", "mettallica", "Metallica"),
    ("artist", "metallicca", "Metallica"),
    ("artist", "netallica", "Metallica"),
    ("artist", "etallica", "Metallica"),
    ("artist", "emtallica", "Metallica"),
    ("artist", "metlalica", "Metallica"),
    ("artist", "metallcia", "Metallica"),
    ("artist", "metallixa", "Metallica"),
    ("artist", "netalica", "Metallica"),
    ("artist", "nirvna", "Nirvana"),
    ("artist", "nirvanna", "Nirvana"),
    ("artist", "nirvama", "Nirvana"),
    ("artist", "nivrana", "Nirvana"),
    ("artist", "queeen", "Queen"),
    ("artist", "quen", "Queen"),
    ("artist", "qeuen", "Queen"),
    ("artist", "aba", "ABBA"),
    ("artist", "abbba", "ABBA"),
    ("artist", "aerosmtih", "Aerosmith"),
    ("artist", "areosmith", "Aerosmith"),
    ("artist", "arosmiht", "Aerosmith"),
    ("artist", "led zepelin", "Led Zeppelin"),
    ("artist", "led zeplin", "Led Zeppelin"),
    ("artist", "lde zeppelin", "Led Zeppelin"),
    ("artist", "ledzeppelin", "Led Zeppelin"),
    ("artist", "pinkfloyd", "Pink Floyd"),
    ("artist", "pink flyod", "Pink Floyd"),
    ("artist", "iron madien", "Iron Maiden"),
    ("artist", "iorn maiden", "Iron Maiden"),
    ("artist", "sound garden", "Soundgarden"),
    ("artist", "audio slave", "Audioslave"),
    ("artist", "soundgaden", "Soundgarden"),
    ("artist", "smashing pumkins", "Smashing Pumpkins"),
    ("artist", "alanis morisette", "Alanis Morissette"),
    ("artist", "red hot chilli pepers", "Red Hot Chili Peppers"),
    ("artist", "lenny kravits", "Lenny Kravitz"),
    ("artist", "creedance clearwater revivel", "Creedence Clearwater Revival"),
    ("artist", "the beetles", "The Beatles"),
    ("album", "nevermimd", "Nevermind"),
    ("album", "californiacation", "Californication"),
    ("album", "dark side of the mon", "Dark Side Of The Moon"),
    ("track", "smells like teen spirt", "Smells Like Teen Spirit"),
    ("track", "bohemian rapsody", "Bohemian Rhapsody"),
    ("track", "starway to heaven", "Stairway To Heaven"),
    # Words in any order, and across fields
    ("artist", "zeppelin led", "Led Zeppelin"),
    ("artist", "pumpkins smashing", "Smashing Pumpkins"),
    ("artist", "karajan mutter", "Anne-Sophie Mutter, Herbert Von Karajan & Wiener Philharmoniker"),
    ("track", "maiden trooper", "The Trooper"),
    ("track", "trooper iron", "The Trooper"),
    ("track", "physical graffiti kashmir", "Kashmir"),
    ("track", "kashmir led zeppelin", "Kashmir"),
    ("track", "queen bohemian", "Bohemian Rhapsody"),
    ("track", "queen bohemain", "Bohemian Rhapsody"),
    ("track", "bossa nova jobim", "Corcovado"),
    ("track", "garota ipanema jobim", "Garota De Ipanema"),
    ("track", "nirvana polly", "Polly"),
    ("track", "u2 one achtung", "One"),
    ("track", "garfunkel robinson", "Mrs. Robinson"),
    ("album", "floyd dark side", "Dark Side Of The Moon"),
    ("album", "metallica puppets", "Master Of Puppets"),
    ("album", "u2 zooropa", "Zooropa"),
    ("album", "hancock jazz", None),
    # The last word only begun
    ("artist", "met", "Metallica"),
    ("artist", "metallic", "Metallica"),
    ("artist", "red hot ch", "Red Hot Chili Peppers"),
    ("artist", "iron m", "Iron Maiden"),
    ("artist", "alice in", "Alice In Chains"),
    ("album", "appetite for des", "Appetite for Destruction"),
    ("track", "smells like", "Smells Like Teen Spirit"),
    ("track", "enter sand", "Enter Sandman"),
    ("artist", "metali", "Metallica"),
    # Inside a word
    ("artist", "tallica", "Metallica"),
    ("artist", "roquai", "Jamiroquai"),
    ("album", "fornica", "Californication"),
    # Words that mean little
    ("artist", "the the", "The The"),
    ("artist", "The The", "The The"),
    ("artist", "a-ha", "a-ha"),
    ("artist", "aha", "a-ha"),
    ("artist", "a ha", "a-ha"),
    ("artist", "the who", "The Who"),
    ("artist", "who", "The Who"),
    ("artist", "who the", "The Who"),
    ("artist", "the doors", "The Doors"),
    ("artist", "doors", "The Doors"),
    ("artist", "police", "The Police"),
    ("artist", "kiss", "Kiss"),
    ("album", "iv", "IV"),
    ("album", "green", "Green"),
    ("album", "the doors", "The Doors"),
    ("track", "this is the day", "This Is the Day"),
    # Numbers
    ("track", "1979", "1979"),
    ("track", "99 problems", "99 Problems"),
    ("track", "jay z 99", "99 Problems"),
    ("artist", "u2", "U2"),
    ("artist", "ub40", "UB40"),
    ("artist", "ub 40", "UB40"),
    ("artist", "10cc", "10cc"),
    ("album", "symphony no 3", "Górecki: Symphony No. 3"),
    # Other scripts, as written and in Latin letters
    ("artist", "Виктор Цой", "Виктор Цой"),
    ("artist", "цой", "Виктор Цой"),
    ("artist", "viktor tsoi", "Виктор Цой"),
    ("artist", "tsoy", "Виктор Цой"),
    ("artist", "kino", "Кино"),
    ("artist", "周杰倫", "周杰倫"),
    ("artist", "周杰", "周杰倫"),
    ("artist", "zhou jie lun", "周杰倫"),
    ("artist", "zhoujielun", "周杰倫"),
    ("artist", "αρβανιτακη", "Ελευθερία Αρβανιτάκη"),
    ("artist", "arvanitaki", "Ελευθερία Αρβανιτάκη"),
    ("track", "звезда по имени", "Звезда по имени Солнце"),
    ("track", "zvezda solntse", "Звезда по имени Солнце"),
    # What is there in no form
    ("artist", "xylophonists anonymous", None),
    ("track", "1066", None),
    ("artist", "%", None),
    ("artist", "***", None),
]


@pytest.fixture(scope="module")
def library(
    shared_data: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        with (shared_data / "chinook" / "tracks.jsonl").open("rb") as file:
            import_rows(file, format="jsonl", source="chinook")
        add_more()
        yield
        transaction.set_rollback(True)


def add_more() -> None:
    builders.artists([{"name": name} for name in MORE_ARTISTS])
    ids = {name: str(pk) for name, pk in Artist.objects.values_list("name", "pk")}
    for artist, album, title, genres in MORE_TRACKS:
        (on,) = builders.albums([{"title": album, "artist_id": ids[artist]}])
        builders.tracks(
            [{"title": title, "artist_id": ids[artist], "album_id": on, "genres": genres}]
        )


def first(person: Person, kind: str, question: str) -> str | None:
    (hits,) = person.get("search", q=question, type=kind, limit="1").json.values()
    return next((hit[kind].get("name") or hit[kind]["title"] for hit in hits), None)


@pytest.mark.usefixtures("library")
def test_the_first_answer_is_what_was_meant(listener: Person) -> None:
    found = [(kind, asked, first(listener, kind, asked)) for kind, asked, _ in QUESTIONS]
    assert found == QUESTIONS


def test_there_are_enough_questions() -> None:
    assert len({(kind, question) for kind, question, _ in QUESTIONS}) == len(QUESTIONS) >= 100
