"""Views with one thing wrong each. The path begins with the rule that must find it."""

import time
from typing import Any

from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path

from tests.planted.models import Author, Book, Setting

PAGE = 20
LEFT_OPEN: list[Any] = []


def listed(items: Any) -> JsonResponse:
    return JsonResponse({"items": list(items)})


# --- Statements that come again and again ---


def a_relation_in_a_loop(request: HttpRequest) -> HttpResponse:
    books = Book.objects.defer("text").order_by("pk")[:PAGE]
    return listed(
        {"title": book.title, "author": book.author.name}  # planted
        for book in books
    )


def a_count_in_a_loop(request: HttpRequest) -> HttpResponse:
    authors = Author.objects.order_by("pk")[:PAGE]
    return listed(
        {"name": author.name, "books": author.books.count()}  # planted
        for author in authors
    )


def a_filter_on_what_was_prefetched(request: HttpRequest) -> HttpResponse:
    found = []
    for author in Author.objects.prefetch_related("books").order_by("pk")[:PAGE]:
        recent = author.books.filter(year__gt=2000).values_list("title", flat=True)
        found.append({"name": author.name, "recent": list(recent)})  # planted
    return listed(found)


def an_attribute_that_queries(request: HttpRequest) -> HttpResponse:
    books = Book.objects.defer("text").order_by("pk")[:PAGE]
    return listed({"title": book.title, "author": book.author_name} for book in books)


def a_get_in_a_loop(request: HttpRequest) -> HttpResponse:
    keys = Book.objects.order_by("pk").values_list("pk", flat=True)[:PAGE]
    return listed(
        Book.objects.defer("text").get(pk=key).title  # planted
        for key in list(keys)
    )


def a_template_that_queries(request: HttpRequest) -> HttpResponse:
    books = Book.objects.defer("text").order_by("pk")[:PAGE]
    return render(request, "planted/books.html", {"books": books})


def currency() -> str:
    return Setting.objects.get(name="currency").value  # planted: the_same_query_again


def the_same_query_again(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk").values_list("title", "pages")[:3]
    return listed(f"{title}: {pages} {currency()}" for title, pages in books)


# --- What the database does for them ---


def an_index_that_was_dropped(request: HttpRequest) -> HttpResponse:
    found = Book.objects.filter(isbn="978-0000777").values_list("title", flat=True)
    return listed(list(found))  # planted


def an_order_without_an_index(request: HttpRequest) -> HttpResponse:
    found = Book.objects.order_by("pages").values_list("title", flat=True)[:PAGE]
    return listed(list(found))  # planted


def an_index_behind_a_function(request: HttpRequest) -> HttpResponse:
    books = Book.objects.annotate(lower=Lower("shelf")).filter(lower="a007")
    return listed(list(books.values_list("title", flat=True)))  # planted


def an_index_behind_a_pattern(request: HttpRequest) -> HttpResponse:
    found = Book.objects.filter(title__contains="0777").values_list("title", flat=True)
    return listed(list(found))  # planted


def an_index_behind_an_or(request: HttpRequest) -> HttpResponse:
    either = Q(isbn="978-0000777") | Q(author__name="Author 7")
    found = Book.objects.filter(either).values_list("title", flat=True)
    return listed(list(found))  # planted


def a_random_order(request: HttpRequest) -> HttpResponse:
    found = Book.objects.order_by("?").values_list("title", flat=True)[:5]
    return listed(list(found))  # planted


def a_count_on_every_page(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk").values_list("title", flat=True)
    page = Paginator(books, PAGE).page(1)  # planted
    return JsonResponse({"items": list(page), "total": page.paginator.count})


def a_deep_offset(request: HttpRequest) -> HttpResponse:
    start = (int(request.GET.get("page", 1)) - 1) * PAGE
    books = Book.objects.order_by("year", "title").values_list("title", flat=True)
    return listed(list(books[start : start + PAGE]))  # planted


def a_long_list_of_values(request: HttpRequest) -> HttpResponse:
    chosen = Book.objects.filter(pk__in=range(1, 2_001), year=1950)
    return listed(list(chosen.values_list("title", flat=True)))  # planted


# --- What is fetched, and what becomes of it ---


def a_list_without_a_limit(request: HttpRequest) -> HttpResponse:
    titles = Book.objects.order_by("pk").values_list("title", flat=True)
    return listed(list(titles))  # planted


def rows_that_are_only_counted(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"books": len(Book.objects.defer("text"))})  # planted


def columns_that_nobody_reads(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk")[:50]
    return listed(book.title for book in books)  # planted


# --- Where time goes ---


def slowly_told(title: str) -> str:
    told = ""
    for number in range(20_000):  # planted: a_slow_serializer
        told = f"{title} {number}"  # planted: a_slow_serializer
    return told


def a_slow_serializer(request: HttpRequest) -> HttpResponse:
    titles = Book.objects.order_by("pk").values_list("title", flat=True)[:PAGE]
    return listed(slowly_told(title) for title in titles)


def a_view_that_sleeps(request: HttpRequest) -> HttpResponse:
    time.sleep(0.05)  # planted
    return JsonResponse({"awake": True})


@transaction.atomic
def a_lock_that_is_held(request: HttpRequest) -> HttpResponse:
    Book.objects.filter(pk=1).update(pages=F("pages") + 1)  # planted
    time.sleep(0.05)
    return JsonResponse({"sold": True})


def a_transaction_for_each_row(request: HttpRequest) -> HttpResponse:
    for key in range(1, PAGE + 1):
        with transaction.atomic():
            Book.objects.filter(pk=key).update(pages=F("pages") + 1)  # planted
    return JsonResponse({"sold": PAGE})


@transaction.atomic
def a_write_for_each_row(request: HttpRequest) -> HttpResponse:
    for key in range(1, PAGE + 1):
        Author.objects.create(name=f"New author {key}")  # planted
    return JsonResponse({"new": PAGE})


def a_cache_that_all_fill(request: HttpRequest) -> HttpResponse:
    titles = cache.get("titles")
    if titles is None:
        titles = list(Book.objects.order_by("pk").values_list("title", flat=True)[:PAGE])  # planted
        cache.set("titles", titles)
    return listed(titles)


def a_connection_left_open(request: HttpRequest) -> HttpResponse:
    another = connection.copy()
    another.ensure_connection()  # planted
    LEFT_OPEN.append(another)
    return JsonResponse({"open": True})


urlpatterns = [
    path("n-plus-one/relation/", a_relation_in_a_loop),
    path("n-plus-one/count/", a_count_in_a_loop),
    path("n-plus-one/prefetched/", a_filter_on_what_was_prefetched),
    path("n-plus-one/attribute/", an_attribute_that_queries),
    path("n-plus-one/get/", a_get_in_a_loop),
    path("query-in-template/", a_template_that_queries),
    path("repeated-query/", the_same_query_again),
    path("missing-index/dropped/", an_index_that_was_dropped),
    path("missing-index/order/", an_order_without_an_index),
    path("defeated-index/function/", an_index_behind_a_function),
    path("defeated-index/pattern/", an_index_behind_a_pattern),
    path("defeated-index/or/", an_index_behind_an_or),
    path("full-scan/", a_random_order),
    path("count-on-every-page/", a_count_on_every_page),
    path("deep-offset/", a_deep_offset),
    path("long-in-list/", a_long_list_of_values),
    path("unbounded-list/", a_list_without_a_limit),
    path("rows-only-counted/", rows_that_are_only_counted),
    path("unused-column/", columns_that_nobody_reads),
    path("slow-serializer/", a_slow_serializer),
    path("sleeping/", a_view_that_sleeps),
    path("lock-held/", a_lock_that_is_held),
    path("transaction-per-row/", a_transaction_for_each_row),
    path("write-per-row/", a_write_for_each_row),
    path("cache-stampede/", a_cache_that_all_fill),
    path("leaked-connection/", a_connection_left_open),
]
