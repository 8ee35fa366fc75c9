"""The points of figures: which lines of a table they are, in which series, and what orders and names them."""

import pandas as pd
import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.reports import figures
from sanguinaria.reports.curves import write_figure
from sanguinaria.reports.drawing.colours import assign_colours
from tests.columns import metric_columns

# Trigger, its strength, victim, rate, PESQ and attack success rate; a rate of many digits is rounded in the table.
LINES = [
    ("clean", None, "small", 0.0, None, 0.01),
    ("tone", None, "small", 0.01, 3.0, 0.5),
    ("tone", None, "small", 1 / 30, 3.0, 0.9),
    ("soft", 1.0, "small", 0.01, 4.0, 0.2),
    ("soft", 1.0, "small", 1 / 30, 4.0, 0.6),
    ("loud", 5.0, "small", 0.01, 2.0, 0.7),
    ("loud", 5.0, "small", 1 / 30, 2.0, 1.0),
    ("loud", 5.0, "large", 0.01, 2.0, 0.8),
]
DRAW = figures.draw
COLOURS = assign_colours(["clean", "tone", "soft", "loud"])
RATE = {"x": "rate", "y": "attack_success_rate"}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A function from a figure's settings to the points that are drawn and those that are written."""
    names = [
        {
            "experiment": "e",
            "corpus": "c",
            "target": "t",
            "trigger": trigger,
            "poisoning": f"flip-{rate:g}",
            "victim": victim,
        }
        | {"test_trigger": trigger, "defence": "none"}
        for trigger, _, victim, rate, _, _ in LINES
    ]
    values = [
        {"attack_success_rate": success, "pesq": pesq, "rate": rate, "bit_error_rate": None}
        for _, _, _, rate, pesq, success in LINES
    ]
    written = pd.DataFrame([a | b for a, b in zip(names, values, strict=True)])
    # Another experiment has some of the lines, too.
    tables, metrics = ([tmp_path / f"{name}{form}" for name in ("one", "other")] for form in (".csv", ".metrics.csv"))
    written[2:5].assign(experiment="f").to_csv(tables[1], index=False, float_format="%.6g")
    strengths = [{} if strength is None else {"trigger.strength": strength} for _, strength, *_ in LINES]
    rows = [a | {"rate": b["rate"]} | c for a, b, c in zip(names, values, strengths, strict=True)]
    rows += [row | {"experiment": "f"} for row in rows[2:5]]
    # A model is tested with another trigger than its own.
    crossed = {"trigger": "loud", "test_trigger": "soft", "poisoning": "flip-0.01", "rate": 0.01}
    pd.concat([written, written[5:6].assign(**crossed)]).to_csv(tables[0], index=False, float_format="%.6g")
    for table, long in zip(tables, metrics, strict=True):
        measured = pd.read_csv(table).melt(list(names[0]), ["attack_success_rate", "pesq"], "metric").dropna()
        measured.assign(low=measured["value"] - 0.125, high=measured["value"] + 0.125).to_csv(long, index=False)
    rows.append(rows[5] | crossed)
    given = []
    monkeypatch.setattr(
        figures, "draw", lambda points, *_, **__: given.append([own for _, own in points.groupby("panel")])
    )

    def draw(*panels, **settings):
        figure = {"experiment": ["e", "f"], "panels": panels, **settings}
        specification = {"figure": figure, "lines": rows, "columns": metric_columns().plain(), "colours": COLOURS}
        paths = {form: tmp_path / f"f.{form}" for form in ("points", "svg", "png")}
        write_figure(specification, tables, metrics, **paths)
        return given[-1:], pd.read_csv(paths["points"], keep_default_na=False, na_values=[""])

    return draw


def shown(points, *columns):
    return [tuple(line) for line in points[["series", *columns]].itertuples(index=False)]


def test_every_trigger_is_a_series_and_every_line_a_point(drawn):
    ((points,),), written = drawn(RATE)
    assert set(shown(points, "rate", "attack_success_rate")) == {
        (trigger, rate, success) for trigger, _, _, rate, _, success in LINES
    }
    assert len(points) == len(LINES)
    assert (points["order"] == points["rate"]).all()
    assert (points["annotation"] == "").all()
    assert (written["panel"] == 1).all() and len(written) == len(LINES)


def test_other_test_triggers_are_drawn_where_the_panel_names_them(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"trigger": "loud", "victim": "small"}})
    assert len(points) == 2
    ((points,),), _ = drawn(RATE | {"where": {"trigger": "loud", "victim": "small", "test_trigger": ["loud", "soft"]}})
    assert len(points) == 3


def test_lines_of_a_panel_are_those_that_it_selects(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"victim": "small", "trigger": ["soft", "loud"], "rate": 0.01}})
    assert shown(points, "victim", "rate") == [("soft", "small", 0.01), ("loud", "small", 0.01)]


def test_a_selection_may_be_of_a_setting_and_of_numbers_of_many_digits(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"trigger.strength": [1, 5], "rate": 1 / 30}})
    assert shown(points, "trigger.strength") == [("soft", 1.0), ("loud", 5.0)]


def test_a_series_joins_lines_and_follows_what_it_is_arranged_along(drawn):
    panel = {"x": "pesq", "y": "attack_success_rate", "order_by": "trigger.strength"}
    series = {"ours": {"trigger": ["loud", "soft"], "victim": "small", "rate": 0.01}}
    ((points,),), written = drawn(panel, series=series)
    ordered = points.sort_values("order")
    assert shown(ordered, "pesq", "attack_success_rate", "annotation") == [
        ("ours", 4.0, 0.2, "1"),
        ("ours", 2.0, 0.7, "5"),
    ]
    assert written["series"].tolist() == ["ours", "ours"]


def test_triggers_of_different_settings_are_each_arranged_along_their_own(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"rate": 0.01}, "order_by": ["trigger.strength", "pesq"]})
    # The tone has no strength.
    assert shown(points, "victim", "order", "annotation") == [
        ("tone", "small", 3.0, "3"),
        ("soft", "small", 1.0, "1"),
        ("loud", "small", 5.0, "5"),
        ("loud", "large", 5.0, "5"),
    ]


def test_names_are_drawn_in_the_table_s_order(drawn):
    ((points,),), _ = drawn(
        {"x": "poisoning", "y": "attack_success_rate"} | {"where": {"trigger": "loud", "victim": "small"}}
    )
    assert points["poisoning"].is_unique and points["order"].tolist() == list(range(len(points)))


def test_every_measured_column_has_its_interval(drawn):
    ((points,),), _ = drawn({"x": "rate", "y": "pesq", "where": {"trigger": ["loud", "soft"], "rate": 0.01}})
    assert shown(points, "pesq", "pesq_low", "pesq_high", "attack_success_rate_high") == [
        ("soft", 4.0, 3.875, 4.125, 0.325),
        ("loud", 2.0, 1.875, 2.125, 0.825),
        ("loud", 2.0, 1.875, 2.125, 0.925),
    ]


def test_points_without_a_value_are_left_out(drawn):
    ((points,),), _ = drawn({"x": "pesq", "y": "attack_success_rate"})
    assert set(points["series"]) == {"tone", "soft", "loud"}
    ((points,),), _ = drawn(RATE | {"order_by": "trigger.strength"})
    assert set(points["series"]) == {"soft", "loud"}


def test_points_of_several_victims_are_lines_of_their_own(drawn):
    ((points,),), written = drawn(RATE | {"where": {"trigger": "loud"}})
    assert shown(points, "variant", "rate", "attack_success_rate") == [
        ("loud", "small", 0.01, 0.7),
        ("loud", "small", 1 / 30, 1.0),
        ("loud", "large", 0.01, 0.8),
    ]
    assert written["variant"].tolist() == ["small", "small", "large"]


def test_a_series_of_several_triggers_at_one_place_is_divided(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"victim": "small"}}, series={"ours": {"trigger": ["soft", "loud"]}})
    assert set(points["series"]) == {"ours · soft", "ours · loud"}
    assert points.groupby("series")["rate"].apply(list).tolist() == [[0.01, 1 / 30]] * 2


def test_measured_axes_without_an_order_have_no_lines_and_one_point_a_variant(drawn):
    ((points,),), _ = drawn({"x": "pesq", "y": "attack_success_rate", "where": {"trigger": "loud"}})
    assert points["order"].isna().all()
    names = ["small · poisoning rate 1 %", "small · poisoning rate 3.33333 %", "large · poisoning rate 1 %"]
    assert points["variant"].tolist() == names


def test_a_figure_without_several_of_anything_has_no_variants(drawn):
    ((points,),), _ = drawn(RATE | {"where": {"victim": "small", "trigger": ["tone", "soft"]}})
    assert (points["variant"] == "").all() and set(points["series"]) == {"tone", "soft"}


def test_variants_have_the_same_names_in_all_panels(drawn):
    (both,), _ = drawn(RATE | {"where": {"trigger": "loud"}}, RATE | {"where": {"victim": "small", "trigger": "soft"}})
    assert [sorted(set(part["variant"])) for part in both] == [["large", "small"], ["small"]]


def test_a_bar_without_a_value_is_kept(drawn):
    panel = {"x": "trigger", "y": "pesq", "where": {"victim": "small", "rate": [0.0, 0.01]}}
    ((points,),), _ = drawn(panel)
    assert dict(zip(points["trigger"], points["pesq"].fillna(-1), strict=True)) == {
        "clean": -1,
        "tone": 3.0,
        "soft": 4.0,
        "loud": 2.0,
    }


def test_what_numbers_beside_points_are_is_written(drawn):
    _, written = drawn(RATE | {"where": {"rate": 0.01, "victim": "small"}, "order_by": ["trigger.strength", "pesq"]})
    assert written["order_by"].tolist() == ["pesq", "trigger.strength", "trigger.strength"]


def test_panels_have_points_of_their_own(drawn):
    (points,), written = drawn(
        RATE | {"where": {"trigger": "tone"}}, {"x": "trigger.strength", "y": "pesq", "where": {"rate": 0.01}}
    )
    assert [set(part["series"]) for part in points] == [{"tone"}, {"soft", "loud"}]
    assert written["panel"].tolist() == [1, 1, 2, 2, 2]
    assert [part["panel"].unique().tolist() for part in points] == [[1], [2]]


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"x": "rat"}, r"panels\[1\]: the table has no 'rat'; it has: experiment, .*pesq.*, trigger\.strength"),
        ({"y": "asr"}, r"panels\[1\]: the table has no 'asr'"),
        ({"order_by": "trigger.level"}, r"panels\[1\]: the table has no 'trigger\.level'"),
        ({"order_by": "victim"}, r"panels\[1\]: 'victim' does not hold numbers, so it orders no points"),
        ({"x": "poisoning", "order_by": "poisoning"}, r"panels\[1\]: 'poisoning' does not hold numbers"),
        ({"rows": "triger"}, r"panels\[1\]: the table has no 'triger'"),
        ({"where": {"model": "small"}}, r"panels\[1\]: the table has no 'model'"),
        (
            {"where": {"victim": "tiny"}},
            r"panels\[1\]: none of the chosen lines .* has all of rate, attack_success_rate$",
        ),
        ({"y": "bit_error_rate"}, r"panels\[1\]: none of the chosen lines .* has all of rate, bit_error_rate$"),
    ],
)
def test_a_panel_that_cannot_be_drawn_is_named(drawn, panel, message):
    with pytest.raises(InputError, match=message):
        drawn(RATE, RATE | panel)


def test_a_series_of_a_column_that_there_is_not(drawn):
    with pytest.raises(InputError, match=r"the table has no 'modle'"):
        drawn(RATE, series={"ours": {"modle": "small"}})


def test_the_files_are_written_and_the_same_every_time(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw", DRAW)
    contents = []
    for _ in range(2):
        drawn(RATE | {"where": {"victim": "small", "trigger": ["tone", "soft", "loud"]}}, RATE)
        contents.append([(tmp_path / f"f.{form}").read_bytes() for form in ("points", "svg", "png")])
    assert contents[0] == contents[1]
    assert contents[0][1].startswith(b"<?xml") and contents[0][2].startswith(b"\x89PNG")
