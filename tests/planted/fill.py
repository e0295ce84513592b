"""`python -m tests.planted.fill`: the tables and rows of the bookshop, in an empty database."""

import os

import django

AUTHORS, BOOKS = 200, 5_000
TEXT = "It was a dark and stormy night. "
DROPPED, REDUNDANT = "book_by_isbn", "book_by_year_alone"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.planted.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.planted.models import Author, Book, Setting

    call_command("migrate", run_syncdb=True, verbosity=0)
    Author.objects.bulk_create(Author(name=f"Author {n}") for n in range(AUTHORS))
    Book.objects.bulk_create(
        (
            Book(
                title=f"Book {n * 7_919 % BOOKS:05}",
                author_id=n % AUTHORS + 1,
                isbn=f"978-{n:07}",
                shelf=f"A{n % 500:03}",
                year=1900 + n % 120,
                pages=n * 31 % 4_999,
                text=f"{n}. {TEXT * 30}",
            )
            for n in range(BOOKS)
        ),
        batch_size=500,
    )
    Setting.objects.create(name="currency", value="ISK")
    with connection.cursor() as cursor:
        if os.environ["PLANTED_URLS"] == "defects":
            cursor.execute(f"DROP INDEX {DROPPED}")
            cursor.execute(f"CREATE INDEX {REDUNDANT} ON planted_book (year)")
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    main()
