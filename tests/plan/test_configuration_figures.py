"""Figures, and comparisons with printed numbers, in a configuration."""

import pytest
from configured import VALID, merged, overlay_problems, write

from sanguinaria.plan.configuration import load

pytestmark = pytest.mark.usefixtures("working_folder")


FIGURE = "panels: [{x: rate, y: attack_success_rate}]"


def test_a_sound_figure():
    text = f"{VALID}figures:\n  curves: {{experiment: demo, {FIGURE}, series: {{ours: {{trigger: [tone]}}}}}}\n"
    figure = load(merged(write("sound.yaml", text))).figures["curves"]
    assert (figure.experiment, figure.panels[0].x, figure.panels[0].order_by) == ("demo", "rate", None)
    assert figure.series == {"ours": {"trigger": ("tone",)}}


def test_a_figure_may_be_of_several_experiments():
    other = "  other: {corpus: spoken, target: left, triggers: [clean], victims: [lstm]}\n"
    text = f"{VALID}{other}figures:\n  curves: {{experiment: [demo, other], {FIGURE}}}\n"
    assert load(merged(write("sound.yaml", text))).figures["curves"].experiments == ("demo", "other")
    assert overlay_problems(f"figures:\n  curves: {{experiment: [demo, dmo], {FIGURE}}}\n") == [
        "overlay.yaml:2: figures.curves.experiment[1]: unknown entry of experiments 'dmo'; did you mean 'demo'?"
    ]


def test_mistakes_of_figures_have_places():
    assert overlay_problems(
        f"""
        figures:
          lost: {{experiment: dmo, {FIGURE}}}
          demo: {{experiment: demo, {FIGURE}}}
          figure: {{experiment: demo, {FIGURE}}}
          2nd: {{experiment: demo, {FIGURE}}}
          empty:
          none: {{experiment: demo, panels: []}}
          orphan: {{{FIGURE}}}
          panels:
            experiment: demo
            panels:
              - {{x: rate, y: pesq, wher: {{victim: lstm}}}}
              - x: rate
                order_by: 3
                where: {{victim: {{lstm: 1}}}}
        """
    ) == [
        "overlay.yaml:2: figures.lost.experiment: unknown entry of experiments 'dmo'; did you mean 'demo'?",
        "overlay.yaml:3: figures.demo: 'demo' is an experiment's name, too: choose another one",
        "overlay.yaml:4: figures.figure: 'figure' is the name of a rule of the workflow: choose another one",
        "overlay.yaml:5: figures.2nd: a name consists of letters, digits and underscores, and starts with no digit",
        "overlay.yaml:6: figures.empty: needs settings, at least: experiment, panels",
        "overlay.yaml:7: figures.none.panels: should not be empty",
        "overlay.yaml:8: figures.orphan.experiment: is missing",
        "overlay.yaml:12: figures.panels.panels[0].wher: unknown setting 'wher'; did you mean 'where'?",
        "overlay.yaml:13: figures.panels.panels[1].y: is missing",
        "overlay.yaml:14: figures.panels.panels[1].order_by: YAML reads this as the number 3: put quotes around it; "
        "or: should be a list, not 3",
        "overlay.yaml:15: figures.panels.panels[1].where.victim: should be a valid string, not {'lstm': 1}; "
        "or: should be a valid number, not {'lstm': 1}; or: should be a list, not {'lstm': 1}",
    ]


def test_mistakes_of_a_comparison_have_places():
    assert overlay_problems(
        """
        experiments:
          demo:
            comparison: {paper: bloodroot, tabel: 1}
          other: {corpus: spoken, target: left, triggers: [clean], victims: [lstm], comparison: bloodroot}
        """
    ) == [
        "overlay.yaml:3: experiments.demo.comparison.tabel: unknown setting 'tabel'; did you mean 'table'?",
        "overlay.yaml:3: experiments.demo.comparison.table: is missing",
        "overlay.yaml:4: experiments.other.comparison: should map settings to values, not 'bloodroot'",
    ]
