"""The catalogue in Django's admin, as quick on a million tracks as on ten.

Nothing counts a table or offers all of another in a list. Lists are in the order of an index and
end after `SHOWN_MAX` rows: beyond that one searches.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

import msgspec
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet, RestrictedError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from vivace.catalogue import changes, entries
from vivace.catalogue.additions import bare_isrc, lower
from vivace.catalogue.caching import changing, spoken_for
from vivace.catalogue.fields import KeyField
from vivace.catalogue.folding import fold
from vivace.catalogue.forms import HoldingAdmin, SeenForm
from vivace.catalogue.models import (
    Album,
    AlbumCredit,
    AlbumGenre,
    Artist,
    Genre,
    Track,
    TrackCredit,
    TrackGenre,
)
from vivace.catalogue.search import prefix_query, words_found

SHOWN_MAX = 1_000
HOLDING_MAX = 10
"""How many of the things in the way of a removal are named."""


class Pages(Paginator):  # type: ignore[type-arg]
    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """How many there are, looking no further than `SHOWN_MAX`."""
        # Unordered: else all of them would be put in order first.
        return self.object_list.order_by()[:SHOWN_MAX].count()


class IndexedList(ChangeList):
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """One column and the id in the same direction, as indexes have them."""
        options = self.model_admin
        first = str(super().get_ordering(request, queryset)[0])
        columns = options.get_sortable_by(request)
        if first.removeprefix("-") not in map(self.get_ordering_field, columns):
            first = str((options.ordering or ("pk",))[0])
        return [first, "-pk" if first.startswith("-") else "pk"]


# --- What may be written ---------------------------------------------------------------------


class RuledForm(SeenForm):
    """A form by the rules that hold for the API."""

    rules: ClassVar[type[msgspec.Struct]]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for field in msgspec.structs.fields(self.rules):
            if field.name not in data:
                continue
            try:
                msgspec.convert(data[field.name], field.type)
            except msgspec.ValidationError as error:
                self.add_error(field.name, wording(field.name, error))
        # As the API stores them.
        for name, stored in (("mbid", lower), ("isrc", bare_isrc)):
            if name in data:
                data[name] = stored(data[name])
        return data


SHAPES = {
    "mbid": "a MusicBrainz id (a UUID)",
    "isrc": "an ISRC such as GBAYE7300010",
    "release_date": "a date such as 1973, 1973-03 or 1973-03-01",
}


def wording(field: str, error: msgspec.ValidationError) -> str:
    """What a form says, in place of a pattern that nobody reads."""
    if "matching regex" not in str(error):
        return str(error)
    if field in SHAPES:
        return f"It is not {SHAPES[field]}"
    return "It has no character that shows, or one that cannot be stored"


class EntryForm(RuledForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not {"source", "source_id"} & self.errors.keys():
            if data.get("source") and not data.get("source_id"):
                self.add_error("source_id", "Which one is it in that collection?")
            if data.get("source_id") and not data.get("source"):
                self.add_error("source", "Of which collection is the id?")
        return data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            self.instance.fill_keys()
            for fault in changes.taken(self.instance):
                self.add_error((fault.pointer or "").removeprefix("/") or None, fault.detail)
            others = type(self.instance)._default_manager.exclude(pk=self.instance.pk)
            same = {name: getattr(self.instance, name) for name in ("source", "source_id")}
            if same["source_id"] and others.filter(**same).exists():
                self.add_error("source_id", "Another has this id in that collection")

    def _get_validation_exclusions(self) -> set[str]:
        """Unique ids are asked for above, in words of ours."""
        found: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return found | {"mbid", "source_id"}


class ArtistForm(EntryForm):
    rules = entries.ArtistChanges


class AlbumForm(EntryForm):
    rules = entries.AlbumChanges


class TrackForm(EntryForm):
    rules = entries.TrackChanges


class GenreRules(msgspec.Struct):
    name: entries.Name


class GenreForm(RuledForm):
    rules = GenreRules

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            others = Genre.objects.exclude(pk=self.instance.pk)
            if others.filter(name_key=fold(self.instance.name)).exists():
                self.add_error("name", "Another genre has this name")


class ListedFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Rows of a list, of which no two have the same of something that they may exchange."""

    own: ClassVar[str]
    """The name of that field."""

    def save_existing_objects(self, commit: bool = True) -> list[Any]:
        # Out of each other's way first, as it is checked row by row; what stays is put back.
        leaving = [
            form.instance.pk
            for form in self.initial_forms
            if form in self.deleted_forms or self.own in form.changed_data
        ]
        if commit and leaving:
            self.get_queryset().filter(pk__in=leaving).delete()
        found: list[Any] = super().save_existing_objects(commit)
        return found


class GenreFormSet(ListedFormSet):
    own = "genre"


class CreditFormSet(ListedFormSet):
    own = "position"

    def clean(self) -> None:
        super().clean()
        given = [form.cleaned_data for form in self.forms if form not in self.deleted_forms]
        placed = [data for data in given if data.get("position") is not None]
        first = min(placed, key=lambda data: data["position"], default=None)
        if first and first.get("artist") != getattr(self.instance, "artist", None):
            raise ValidationError("The first credit is not the artist")


# --- What each kind has in common --------------------------------------------------------------


class CatalogueAdmin(HoldingAdmin):
    show_full_result_count = False
    paginator = Pages
    list_per_page = 50
    list_max_show_all = 0
    # "Select all" would mean more than the list shows. Many are changed by an import or the API.
    actions = None
    formfield_overrides = {KeyField: {"widget": AdminTextInputWidget, "empty_value": None}}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IndexedList

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_fields(request, obj), "seen")

    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        # All of it is one transaction, which `save_related` ends.
        with spoken_for():
            return super().changeform_view(*args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The last of what is written, in the transaction of all of it."""
        with changing():
            super().save_related(request, form, formsets, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with changing():
            super().delete_model(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except RestrictedError:
            # It came to be held between the question and the answer.
            self.message_user(request, "It is still in use", messages.ERROR)
            return HttpResponseRedirect(request.path)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes, and some of what is in the way: there may be thousands, which Django names."""
        listed = [str(each) for each in objs]
        holding = [str(held) for each in objs for held in islice(self.holding(each), HOLDING_MAX)]
        return listed, {self.opts.verbose_name_plural: len(listed)}, set(), holding

    def holding(self, obj: Any) -> Iterator[Model]:
        """What has to go before."""
        yield from ()


def hold_referred(form: Mapping[str, str]) -> None:
    """The artist and album of an entry, before the entry itself, as the API does.

    It carries their names, and a change of them may not see the entry yet.
    """
    for field, model in changes.REFERRED:
        id_ = form.get(field.removesuffix("_id"), "")
        if re.search(entries.ID, id_):
            changes.hold(model, int(id_))


def some(rows: Any) -> QuerySet[Any]:
    found: QuerySet[Any] = rows.order_by()[:HOLDING_MAX]
    return found


class EntryAdmin(CatalogueAdmin):
    readonly_fields = ("created_at", "updated_at")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, *args, **kwargs)
        with transaction.atomic():
            hold_referred(request.POST)
            return super().changeform_view(request, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By the starts of words, of many that fit the ones that came first."""
        if not search_term.strip():
            return queryset, False
        found = words_found(self.model, "query").limited()
        rows = found.run({"query": prefix_query(search_term), "limit": SHOWN_MAX, "offset": 0})
        return queryset.filter(pk__in=[id_ for (id_,) in rows]), False


class GenreInline(admin.TabularInline):  # type: ignore[type-arg]
    fields = ("position", "genre")
    autocomplete_fields = ("genre",)
    formset = GenreFormSet
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("genre")


class CreditInline(admin.TabularInline):  # type: ignore[type-arg]
    fields = ("position", "artist", "credited_as", "role")
    autocomplete_fields = ("artist",)
    formset = CreditFormSet
    extra = 0


class AlbumGenres(GenreInline):
    model = AlbumGenre


class AlbumCredits(CreditInline):
    model = AlbumCredit


class TrackGenres(GenreInline):
    model = TrackGenre


class TrackCredits(CreditInline):
    model = TrackCredit


# --- Each kind ---------------------------------------------------------------------------------


@admin.register(Artist)
class ArtistAdmin(EntryAdmin):
    form = ArtistForm
    fields = (
        "name", "sort_name", "disambiguation", "mbid", "source", "source_id",
        "created_at", "updated_at",
    )  # fmt: skip
    list_display = ("shown", "disambiguation", "created_at", "updated_at")
    sortable_by = ("shown", "created_at", "updated_at")
    ordering = ("sort_key", "pk")
    search_fields = ("name",)

    @admin.display(description="name", ordering="sort_key")
    def shown(self, artist: Artist) -> str:
        return artist.name

    def holding(self, obj: Artist) -> Iterator[Model]:
        yield from some(obj.albums)
        yield from some(obj.tracks)
        yield from some(obj.album_credits)
        yield from some(obj.track_credits)


@admin.register(Album)
class AlbumAdmin(EntryAdmin):
    form = AlbumForm
    inlines = (AlbumCredits, AlbumGenres)
    autocomplete_fields = ("artist",)
    fields = (
        "title", "artist", "type", "release_date", "mbid", "source", "source_id",
        "created_at", "updated_at",
    )  # fmt: skip
    list_display = ("shown", "by", "release_year", "type", "created_at", "updated_at")
    list_select_related = ("artist",)
    sortable_by = ("shown", "by", "release_year", "created_at", "updated_at")
    ordering = ("title_key", "pk")
    search_fields = ("title",)

    @admin.display(description="title", ordering="title_key")
    def shown(self, album: Album) -> str:
        return album.title

    @admin.display(description="artist", ordering="artist_key")
    def by(self, album: Album) -> str:
        return album.artist.name

    def holding(self, obj: Album) -> Iterator[Model]:
        yield from some(obj.tracks)


@admin.register(Track)
class TrackAdmin(EntryAdmin):
    form = TrackForm
    inlines = (TrackCredits, TrackGenres)
    autocomplete_fields = ("artist", "album")
    fields = (
        "title", "artist", "album", "disc_number", "track_number", "duration_ms", "composer",
        "mbid", "isrc", "source", "source_id", "created_at", "updated_at",
    )  # fmt: skip
    list_display = ("shown", "by", "on", "disc_number", "track_number", "duration_ms", "updated_at")
    list_select_related = ("artist", "album")
    sortable_by = ("shown", "by", "on", "duration_ms", "updated_at")
    ordering = ("title_key", "pk")
    search_fields = ("title",)

    @admin.display(description="title", ordering="title_key")
    def shown(self, track: Track) -> str:
        return track.title

    @admin.display(description="artist", ordering="artist_key")
    def by(self, track: Track) -> str:
        return track.artist.name

    @admin.display(description="album", ordering="album_key")
    def on(self, track: Track) -> str:
        return track.album.title


@admin.register(Genre)
class GenreAdmin(CatalogueAdmin):
    """A new name shows at once on all that the genre is on."""

    form = GenreForm
    fields = ("name", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")
    list_display = ("shown", "created_at", "updated_at")
    ordering = ("name_key", "pk")
    search_fields = ("name",)

    @admin.display(description="name", ordering="name_key")
    def shown(self, genre: Genre) -> str:
        return genre.name

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        start = fold(search_term)
        if not start:
            return queryset, False
        # As a range, which an index answers on both databases.
        return queryset.filter(name_key__gte=start, name_key__lt=f"{start}\U0010ffff"), False

    def holding(self, obj: Genre) -> Iterator[Model]:
        for rows, of in ((AlbumGenre, "album"), (TrackGenre, "track")):
            for row in some(rows._default_manager.filter(genre=obj).select_related(of)):
                yield getattr(row, of)
