"""Plots: they say what they show, escape it, and take few bytes."""

import re

import pytest

from vivace.lab import plots
from vivace.lab.results import Second

pytestmark = pytest.mark.any_database


def test_a_plot_names_itself_its_axes_and_its_lines() -> None:
    lines = [plots.Line("list tracks", [(10_000, 0.91), (1_000_000, 1.37)])]
    drawn = plots.growth(lines, 'Cost on "SQLite" <b>')
    assert drawn.startswith('<svg viewBox="0 0 ')
    assert 'role="img"><title>Cost on &quot;SQLite&quot; &lt;b&gt;</title>' in drawn
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert {"records", "ms", "list tracks", "10,000", "1,000,000"} <= set(words)
    assert not re.search("#0[0-9]0[0-9]0[0-9]", drawn)


def test_the_grid_of_a_plot_is_one_path_beneath_all_else() -> None:
    drawn = plots.growth([plots.Line("list tracks", [(10, 1), (1_000, 300)])], "Cost")
    paths = re.findall(r'<path d="([^"]*)"[^>]* style="([^"]*)"', drawn)
    grid, axes, *others = [(path, look) for path, look in paths if "--rule" in look]
    # Three powers of ten across and three up; the two axes.
    assert (grid[0].count("M"), axes[0].count("M"), others) == (6, 2, [])
    assert paths[:2] == [grid, axes]


def test_what_was_not_measured_is_shaded_to_the_end_at_most() -> None:
    timeline = [
        Second(
            second=at, users=1, requests=9, failures=0, refusals=0,
            server_cpu=0, server_mb=0, generator_cpu=0,
        )
        for at in range(6)
    ]  # fmt: skip
    broken_off = plots.over_time(timeline, 60, "A run")
    assert broken_off == plots.over_time(timeline, 5, "A run")
    assert broken_off != plots.over_time(timeline, 2, "A run")


@pytest.mark.parametrize(
    ("path", "shorter"),
    [
        ("M10 20L30 20L30 5.5", "M10 20h20v-14.5"),
        ("M10 20L10 20L12.5 17L11 19", "M10 20l2.5-3l-1.5 2"),
        ("M1 2L9 2.04L17 1.98L25 3", "M1 2h8h8l8 1"),
        ("M1 2L3 4 M5 6L5.5 -7", "M1 2l2 2 M5 6l0.5-13"),
        ("M0 8L1 8L2 8L3 8L4 9", "M0 8h1h2l1 1"),
    ],
)
def test_a_path_goes_step_by_step(path: str, shorter: str) -> None:
    assert plots.step_by_step(path) == shorter


def test_ticks_are_at_least_three_where_a_range_is_short() -> None:
    assert plots.ticks(0.9, 1_100) == [1, 10, 100, 1_000]
    assert plots.ticks(0.9, 12) == pytest.approx([1, 3, 10])
    assert plots.ticks(1.1, 4) == pytest.approx([1.5, 2, 3])
