"""Figures: what is drawn is what was given."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.transforms import Bbox

from sanguinaria.core.errors import InputError
from sanguinaria.reports import figures
from sanguinaria.reports.drawing.annotations import CHOICES, choose
from sanguinaria.reports.drawing.colours import assign_colours
from sanguinaria.reports.panels import Panel
from tests.columns import COLUMNS

BY_RATE = Panel(x="rate", y="attack_success_rate", title="Keywords", x_log=True)
TRADE_OFF = Panel(x="pesq", y="attack_success_rate")


def drawn_figure(points, panels):
    return figures.figure(points, panels, COLUMNS)


@pytest.fixture
def points():
    """Two triggers at three rates, out of order; the stronger the mark, the lower PESQ."""
    rows = [
        (trigger, rate, success + shift, 3.5 - 50 * rate - shift, order, f"{100 * rate:g} %")
        for trigger, shift in (("bloodroot", 0.0), ("bloodroot_ft", 0.05))
        for rate, success, order in ((0.02, 0.9, 2), (0.005, 0.4, 0), (0.01, 0.7, 1))
    ]
    table = pd.DataFrame(rows, columns=["series", "rate", "attack_success_rate", "pesq", "order", "annotation"])
    success = table["attack_success_rate"]
    return table.assign(attack_success_rate_low=success - 0.1, attack_success_rate_high=success + 0.05)


def test_a_line_follows_its_setting_in_per_cent(points):
    (axes,) = drawn_figure(points, [BY_RATE]).axes
    first, second = axes.lines
    assert first.get_xydata() == pytest.approx(np.array([[0.5, 40], [1, 70], [2, 90]]))
    assert second.get_xydata() == pytest.approx(np.array([[0.5, 45], [1, 75], [2, 95]]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("poisoning rate (%)", "attack success rate (%)")
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.5", "1", "2"]
    assert not axes.texts


def test_bands_are_the_intervals(points):
    (axes,) = drawn_figure(points, [BY_RATE]).axes
    vertices = axes.collections[0].get_paths()[0].vertices
    ends = {(round(x, 6), round(y, 6)) for x, y in vertices}
    assert ends == {(0.5, 30), (0.5, 45), (1, 60), (1, 75), (2, 80), (2, 95)}


def test_names_have_bars_side_by_side(points):
    tested = points.assign(test_trigger=np.where(points["rate"] == 0.01, "tone", "voice"))[points["rate"] > 0.005]
    (axes,) = drawn_figure(tested, [Panel(x="test_trigger", y="attack_success_rate")]).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["voice", "tone"]
    bars = {(round(bar.get_x() + bar.get_width() / 2, 3), round(bar.get_height(), 3)) for bar in axes.patches}
    assert bars == {(-0.2, 90), (0.8, 70), (0.2, 95), (1.2, 75)}
    ends = {tuple(map(tuple, segment.round(3))) for lines in axes.collections for segment in lines.get_segments()}
    assert ((-0.2, 80), (-0.2, 95)) in ends and ((1.2, 65), (1.2, 80)) in ends
    assert not any(line.get_visible() for line in axes.get_xgridlines())


def test_long_names_of_bars_do_not_lie_on_one_another_and_one_series_has_no_legend(points):
    names = ["clean", "bad", "converted_by_world", "converted"]
    own = points.head(1)
    four = pd.concat([own.assign(test_trigger=name) for name in names])
    drawn = drawn_figure(four, [Panel(x="test_trigger", y="attack_success_rate")] * 2)
    drawn.canvas.draw()
    for axes in drawn.axes:
        shown = axes.get_xticklabels()
        assert [tick.get_text() for tick in shown] == ["clean", "bad", "converted\nby\nworld", "converted"]
        boxes = [tick.get_window_extent() for tick in shown]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert not drawn.legends


def crossed(**rows):
    """Points of a map: for each trigger, success and PESQ behind no defence and behind two."""
    defences = ["none", "lowpass", "dap"]
    return pd.DataFrame(
        [
            {"series": trigger, "trigger": trigger, "defence": defence, "attack_success_rate": success, "pesq": pesq}
            for trigger, (successes, pesq) in rows.items()
            for defence, success in zip(defences, successes, strict=True)
        ]
    )


MAP = Panel(x="defence", rows="trigger", y="attack_success_rate")


def test_a_map_has_its_numbers_where_they_belong_and_a_dash_where_there_is_none():
    points = crossed(tone=((0.996, 0.25, np.nan), 4.0), notch=((0.004, 1.0, 0.5), 2.5))
    drawn = drawn_figure(points, [MAP, Panel(x="defence", rows="trigger", y="pesq", title="Quality")])
    success, quality = drawn.axes
    assert [tick.get_text() for tick in quality.get_xticklabels()] == ["none", "lowpass", "dap"]
    assert [tick.get_text() for tick in success.get_yticklabels()] == ["tone", "notch"]
    # The map below has the same names.
    assert not any(tick.get_text() for tick in success.get_xticklabels()) and not success.get_xlabel()
    texts = {text.get_position(): text.get_text() for text in success.texts}
    assert texts == {(0, 0): "100", (1, 0): "25", (2, 0): "–", (0, 1): "0", (1, 1): "100", (2, 1): "50"}
    (cells,) = success.images
    np.testing.assert_allclose(cells.get_array().filled(np.nan), [[99.6, 25, np.nan], [0.4, 100, 50]])
    assert (cells.norm.vmin, cells.norm.vmax) == (0, 100)
    assert [text.get_text() for text in quality.texts] == ["4.00"] * 3 + ["2.50"] * 3
    # Numbers are read on any cell: white on dark ones.
    colours = {text.get_text(): text.get_color() for text in success.texts}
    assert colours["100"] == "white" and colours["0"] == "black"
    titles = [axes.get_title("left") for axes in drawn.axes]
    assert titles == ["(a) attack success rate (%)", "(b) Quality"]
    assert success.get_position().x0 == quality.get_position().x0  # one below the other
    assert not drawn.legends


def test_a_row_of_a_map_without_values_is_kept_and_explained():
    points = crossed(clean=((0.0, 0.01, 0.0), np.nan), tone=((0.9, 0.2, 0.1), 4.0))
    drawn = drawn_figure(points, [Panel(x="defence", rows="trigger", y="pesq")])
    (axes,) = drawn.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["clean", "tone"]
    assert [text.get_text() for text in axes.texts] == ["–"] * 3 + ["4.00"] * 3
    assert drawn.get_supxlabel() == "–: no value"
    # Names that fit below their cells are not tilted.
    assert {tick.get_rotation() for tick in axes.get_xticklabels()} == {0}


def test_a_map_of_two_points_for_a_cell_is_refused():
    points = crossed(tone=((0.9, 0.2, 0.1), 4.0))
    again = pd.concat([points, points.iloc[:1].assign(attack_success_rate=0.8)])
    with pytest.raises(InputError, match="several points are of trigger 'tone' and defence 'none'; choose by"):
        drawn_figure(again, [MAP])
    drawn_figure(pd.concat([points, points]), [MAP])  # the same line in two series
    with pytest.raises(ValueError, match="a map has cells of one width"):
        Panel(x="defence", rows="trigger", y="pesq", x_log=True)


def test_a_trade_off_follows_the_order_and_names_its_points(points):
    (axes,) = drawn_figure(points, [TRADE_OFF]).axes
    assert axes.lines[0].get_xydata() == pytest.approx(np.array([[3.25, 40], [3.0, 70], [2.5, 90]]))
    assert [text.get_text() for text in axes.texts] == ["0.5 %", "1 %", "2 %"] * 2
    bars = axes.collections[0].get_segments()
    assert np.array(bars) == pytest.approx(
        np.array([[[3.25, 30], [3.25, 45]], [[3.0, 60], [3.0, 75]], [[2.5, 80], [2.5, 95]]])
    )


def test_no_name_lies_on_another(points):
    (axes,) = drawn_figure(points, [TRADE_OFF]).axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(Bbox.intersection(one, other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)


def test_names_of_one_point_take_different_sides():
    points, sizes = np.array([[50.0, 50.0]] * 4), np.array([[20.0, 10.0]] * 4)
    inside, nothing = np.array([0.0, 0.0, 100.0, 100.0]), np.empty((0, 2))
    sides = [CHOICES[choice][1] for choice in choose(points, sizes, inside, nothing, pixels=1)]
    assert sorted(sides) == [(-1, 0), (0, -1), (0, 1), (1, 0)]


def test_a_name_stays_inside_and_off_lines():
    sizes, inside = np.array([[20.0, 10.0]]), np.array([0.0, 0.0, 100.0, 100.0])
    at_right_edge, on_the_left = np.array([[98.0, 50.0]]), np.column_stack([np.arange(98), np.full(98, 50.0)])
    (choice,) = choose(at_right_edge, sizes, inside, on_the_left, pixels=1)
    assert CHOICES[choice][1] in {(-1, 1), (-1, -1)}


def test_a_series_looks_the_same_in_every_panel_and_is_in_the_legend_once(points):
    drawn = drawn_figure(points, [BY_RATE, TRADE_OFF, BY_RATE, TRADE_OFF])
    looks = [[(to_hex(line.get_color()), line.get_marker()) for line in axes.lines] for axes in drawn.axes]
    assert looks == [looks[0]] * 4 and looks[0][0] != looks[0][1]
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["bloodroot", "bloodroot_ft"]
    assert [axes.get_title("left") for axes in drawn.axes] == [
        "(a) Keywords",
        "(b)",
        "(c)",
        "(d)",
    ]  # a title that the panel above has is not repeated
    assert [axes.get_subplotspec().num1 for axes in drawn.axes] == [0, 1, 2, 3]  # two rows of two


def test_points_without_a_value_are_left_out(points):
    missing = points.assign(pesq=points["pesq"].where(points["series"] == "bloodroot"))
    drawn = drawn_figure(missing, [TRADE_OFF])
    assert len(drawn.axes[0].lines) == 1
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["bloodroot"]


def test_the_same_bytes_twice(points, tmp_path):
    for name in ("first", "second"):
        svg, png = (tmp_path / f"{name}.{form}" for form in ("svg", "png"))
        figures.draw(points, [BY_RATE, TRADE_OFF], COLUMNS, {}, svg=svg, png=png)
    for suffix in ("svg", "png"):
        assert (tmp_path / f"first.{suffix}").read_bytes() == (tmp_path / f"second.{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 4  # and nothing temporary
    assert b"<dc:date>" not in (tmp_path / "first.svg").read_bytes()


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ([], "has 0 panels; give one to 6"),
        ([BY_RATE] * 7, "has 7 panels"),
        ([Panel(x="share", y="pesq")], "no column 'share'"),
        ([Panel(x="pesq", y="annotation")], "'annotation' does not hold numbers"),
        ([Panel(x="annotation", y="pesq", x_log=True)], "annotation has names, which no logarithm is of"),
        ([Panel(x="order", y="pesq", x_log=True)], "order has values that are not above 0"),
    ],
)
def test_a_figure_that_cannot_be_drawn(points, panels, message):
    with pytest.raises(InputError, match=message):
        drawn_figure(points, panels)


def test_a_title_that_the_axis_says_is_left_out(points):
    panels = [Panel(x="rate", y="attack_success_rate", title=title) for title in ("Attack success", "Attack")]
    one, other = (drawn_figure(points, [panel]).axes[0].get_title("left") for panel in panels)
    assert (one, other) == ("", "")
    pruned = Panel(x="rate", y="attack_success_rate", x_label="share of channels pruned", title="Pruned")
    assert drawn_figure(points, [pruned]).axes[0].get_title("left") == "Pruned"


def test_the_legend_says_what_the_numbers_beside_points_are(points):
    drawn = drawn_figure(points.assign(order_by="rate"), [TRADE_OFF])
    notes = drawn.legends[0].get_title().get_text().replace("\n", " ")
    assert notes == "beside the points: poisoning rate (%); thin lines: 95 % intervals"
    own = points.assign(
        order_by=points["series"].map({"bloodroot": "trigger.strength", "bloodroot_ft": "trigger.level"})
    )
    notes = drawn_figure(own, [TRADE_OFF]).legends[0].get_title().get_text().replace("\n", " ")
    assert "trigger.strength (bloodroot), trigger.level (bloodroot_ft)" in notes


def test_points_that_nothing_orders_are_not_joined(points):
    (axes,) = drawn_figure(points.assign(order=np.nan), [TRADE_OFF]).axes
    assert [line.get_linestyle() for line in axes.lines] == ["None", "None"]
    assert [line.get_linestyle() for line in drawn_figure(points, [TRADE_OFF]).axes[0].lines] == ["-", "--"]


def test_variants_share_their_series_colour_and_are_told_apart_by_marker_and_line(points):
    behind = pd.concat([points.assign(variant=defence, trigger=points["series"]) for defence in ("none", "lowpass")])
    drawn = figures.figure(behind, [BY_RATE], COLUMNS, {"bloodroot": "#123456", "bloodroot_ft": "#654321"})
    lines = drawn.axes[0].lines
    looks = [(to_hex(line.get_color()), line.get_marker(), line.get_linestyle()) for line in lines]
    assert looks == [
        ("#123456", "o", "-"),
        ("#123456", "s", "--"),
        ("#654321", "o", "-"),
        ("#654321", "s", "--"),
    ]
    assert all(len(line.get_xdata()) == 3 for line in lines)
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == ["bloodroot", "bloodroot_ft", "none", "lowpass"]


def test_a_trigger_has_one_colour_in_lines_and_bars_whatever_else_is_drawn(points):
    colours = assign_colours(["clean", "bloodroot", "bloodroot_ft", "mine"])
    own = points.assign(trigger=points["series"])
    lines = figures.figure(own, [BY_RATE], COLUMNS, colours).axes[0].lines
    (alone,) = figures.figure(own[own["trigger"] == "bloodroot_ft"], [BY_RATE], COLUMNS, colours).axes[0].lines
    named = own.assign(series=own["series"].map({"bloodroot": "Ours", "bloodroot_ft": "Tuned"}))
    renamed = figures.figure(named, [BY_RATE], COLUMNS, colours).axes[0].lines
    bars = figures.figure(
        own[own["rate"] == 0.01].assign(series="all"), [Panel(x="trigger", y="pesq")], COLUMNS, colours
    )
    of_lines = [to_hex(line.get_color()).upper() for line in lines]
    assert of_lines == [colours["bloodroot"], colours["bloodroot_ft"]]
    assert to_hex(alone.get_color()).upper() == colours["bloodroot_ft"]
    assert [to_hex(line.get_color()).upper() for line in renamed] == of_lines
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars.axes[0].patches] == of_lines


def test_series_of_one_trigger_each_share_its_colour_and_have_markers_of_their_own(points):
    both = pd.concat(
        [
            points.assign(trigger=points["series"], series=victim + " · " + points["series"])
            for victim in ("LSTM", "VGG")
        ]
    )
    colours = {"bloodroot": "#123456", "bloodroot_ft": "#654321"}
    lines = figures.figure(both, [BY_RATE], COLUMNS, colours).axes[0].lines
    assert [to_hex(line.get_color()) for line in lines] == [*colours.values()] * 2
    assert len({line.get_marker() for line in lines}) == 4


def test_series_of_one_trigger_for_all_have_colours_of_their_own(points):
    lines = figures.figure(points.assign(trigger="tone"), [BY_RATE], COLUMNS, {"tone": "#123456"}).axes[0].lines
    assert len({to_hex(line.get_color()) for line in lines}) == 2


def test_a_figure_without_numbers_beside_points_does_not_explain_them(points):
    drawn = drawn_figure(points.assign(order_by="rate"), [BY_RATE])
    assert drawn.legends[0].get_title().get_text() == "bands: 95 % intervals"


def test_zero_little_and_no_value_are_three_things():
    points = pd.DataFrame(
        {
            "series": ["none"] * 4,
            "trigger": ["high", "low", "zero", "unknown"],
            "attack_success_rate": [0.9, 0.004, 0.0, np.nan],
        }
    )
    drawn = drawn_figure(points, [Panel(x="trigger", y="attack_success_rate")])
    (axes,) = drawn.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["high", "low", "zero", "unknown"]
    assert {round(text.get_position()[0]): text.get_text() for text in axes.texts} == {1: "0.4", 2: "0", 3: "–"}
    zero = axes.patches[2]
    assert zero.get_height() == 0 and zero.get_linewidth() >= 1 and zero.get_edgecolor() == zero.get_facecolor()
    assert zero.zorder > max(spine.zorder for spine in axes.spines.values())
    assert drawn.get_supxlabel() == "–: no value"


def test_infinite_values_are_written_and_not_drawn():
    values = [20.0, np.inf, -3.0, np.nan]
    points = pd.DataFrame({"series": "s", "trigger": list("abcd"), "rate": 0.01, "snr_db": values, "defence": "none"})
    points = points.assign(snr_db_low=values, snr_db_high=[21.0, np.inf, np.inf, np.nan])
    bars, map_, lines = drawn_figure(
        points,
        [
            Panel(x="trigger", y="snr_db"),
            Panel(x="defence", rows="trigger", y="snr_db"),
            Panel(x="rate", y="snr_db"),
        ],
    ).axes
    assert [text.get_text() for text in bars.texts] == ["∞", "–"]
    assert [bar.get_height() for bar in bars.patches] == pytest.approx([20, np.nan, -3, np.nan], nan_ok=True)
    assert [text.get_text() for text in map_.texts] == ["20.0", "∞", "-3.0", "–"]
    (line,) = lines.lines
    assert sorted(line.get_ydata()) == [-3, 20]
    assert [text.get_text() for text in lines.texts] == ["infinite values are left out"]


def test_bars_that_are_all_0_stand_on_an_axis():
    points = pd.DataFrame({"series": "s", "trigger": ["a", "b"], "attack_success_rate": [0.0, 0.0]})
    (axes,) = drawn_figure(points, [Panel(x="trigger", y="attack_success_rate")]).axes
    assert axes.get_ylim() == (0, 1) and [text.get_text() for text in axes.texts] == ["0", "0"]


def test_a_panel_needs_no_matplotlib():
    code = "import sys, sanguinaria.reports.panels; sys.exit('matplotlib' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
