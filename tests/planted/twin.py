"""The views of `defects` as they should be, under the same paths."""

import hashlib
import random
import threading
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Count, F, Max, Prefetch, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path

from tests.planted.models import Author, Book, Setting

PAGE = 20
FILLING = threading.Lock()


def listed(items: Any) -> JsonResponse:
    return JsonResponse({"items": list(items)})


def with_authors() -> Any:
    return Book.objects.select_related("author").defer("text").order_by("pk")[:PAGE]


def titles(books: Any) -> JsonResponse:
    return listed(books.values_list("title", flat=True)[:PAGE])


def joined(request: HttpRequest) -> HttpResponse:
    return listed({"title": b.title, "author": b.author.name} for b in with_authors())


def counted_together(request: HttpRequest) -> HttpResponse:
    authors = Author.objects.filter(pk__lte=PAGE).annotate(n=Count("books"))
    return listed({"name": author.name, "books": author.n} for author in authors)


def prefetched(request: HttpRequest) -> HttpResponse:
    recent = Book.objects.filter(year__gt=2000).only("title", "author_id")
    authors = Author.objects.prefetch_related(Prefetch("books", recent)).order_by("pk")[:PAGE]
    return listed({"name": a.name, "recent": [b.title for b in a.books.all()]} for a in authors)


def an_attribute_that_was_joined(request: HttpRequest) -> HttpResponse:
    return listed({"title": b.title, "author": b.author_name} for b in with_authors())


def got_together(request: HttpRequest) -> HttpResponse:
    keys = list(Book.objects.order_by("pk").values_list("pk", flat=True)[:PAGE])
    return listed(book.title for book in Book.objects.defer("text").in_bulk(keys).values())


def a_template_that_was_told(request: HttpRequest) -> HttpResponse:
    return render(request, "planted/books.html", {"books": with_authors()})


def asked_once(request: HttpRequest) -> HttpResponse:
    currency = Setting.objects.get(name="currency").value
    books = Book.objects.order_by("pk").values_list("title", "pages")[:3]
    return listed(f"{title}: {pages} {currency}" for title, pages in books)


def by_an_index(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.filter(isbn="978-0000777"))


def in_the_order_of_an_index(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.order_by("year", "title"))


def as_the_index_has_it(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.filter(shelf="A007"))


def by_a_range(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.filter(title__gte="Book 0777", title__lt="Book 0778"))


def by_either_of_two_indexes(request: HttpRequest) -> HttpResponse:
    authors = list(Author.objects.filter(pk=7).values_list("pk", flat=True))
    return titles(Book.objects.filter(Q(isbn="978-0000777") | Q(author__in=authors)))


def a_random_one(request: HttpRequest) -> HttpResponse:
    last = Book.objects.aggregate(last=Max("pk"))["last"]
    return titles(Book.objects.filter(pk__gte=random.randint(1, last)).order_by("pk"))


def one_more_than_a_page(request: HttpRequest) -> HttpResponse:
    books = list(Book.objects.order_by("pk").values_list("title", flat=True)[: PAGE + 1])
    return JsonResponse({"items": books[:PAGE], "more": len(books) > PAGE})


def after_a_key(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.filter(title__gt=request.GET.get("after", "")).order_by("title"))


def by_what_they_share(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.filter(year=1950))


def a_page(request: HttpRequest) -> HttpResponse:
    return titles(Book.objects.order_by("pk"))


def counted_by_the_database(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"books": Book.objects.count()})


def columns_that_are_read(request: HttpRequest) -> HttpResponse:
    return listed(book.title for book in Book.objects.only("title").order_by("pk")[:50])


def awake(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"awake": True})


def a_short_lock(request: HttpRequest) -> HttpResponse:
    # In a block of Django's own, which ends without a statement.
    Setting.objects.filter(pk__in=[0]).delete()
    with transaction.atomic():
        Book.objects.filter(pk=1).update(pages=F("pages") + 1)
    hashlib.pbkdf2_hmac("sha256", b"computed after it", b"", 200_000)
    return JsonResponse({"sold": True})


def one_transaction(request: HttpRequest) -> HttpResponse:
    Book.objects.filter(pk__lte=PAGE).update(pages=F("pages") + 1)
    return JsonResponse({"sold": PAGE})


def written_together(request: HttpRequest) -> HttpResponse:
    Author.objects.bulk_create(Author(name=f"New author {n}") for n in range(PAGE))
    return JsonResponse({"new": PAGE})


def a_cache_that_one_fills(request: HttpRequest) -> HttpResponse:
    found = cache.get("titles")
    if found is None:
        with FILLING:
            found = cache.get("titles")
            if found is None:
                books = Book.objects.order_by("pk").values_list("title", flat=True)
                found = list(books[:PAGE])
                cache.set("titles", found)
    return listed(found)


def a_connection_closed(request: HttpRequest) -> HttpResponse:
    another = connection.copy()
    another.ensure_connection()
    another.close()
    return JsonResponse({"open": False})


urlpatterns = [
    path("n-plus-one/relation/", joined),
    path("n-plus-one/count/", counted_together),
    path("n-plus-one/prefetched/", prefetched),
    path("n-plus-one/attribute/", an_attribute_that_was_joined),
    path("n-plus-one/get/", got_together),
    path("query-in-template/", a_template_that_was_told),
    path("repeated-query/", asked_once),
    path("missing-index/dropped/", by_an_index),
    path("missing-index/order/", in_the_order_of_an_index),
    path("defeated-index/function/", as_the_index_has_it),
    path("defeated-index/pattern/", by_a_range),
    path("defeated-index/or/", by_either_of_two_indexes),
    path("full-scan/", a_random_one),
    path("count-on-every-page/", one_more_than_a_page),
    path("deep-offset/", after_a_key),
    path("long-in-list/", by_what_they_share),
    path("unbounded-list/", a_page),
    path("rows-only-counted/", counted_by_the_database),
    path("unused-column/", columns_that_are_read),
    path("slow-serializer/", a_page),
    path("sleeping/", awake),
    path("lock-held/", a_short_lock),
    path("transaction-per-row/", one_transaction),
    path("write-per-row/", written_together),
    path("cache-stampede/", a_cache_that_one_fills),
    path("leaked-connection/", a_connection_closed),
]
