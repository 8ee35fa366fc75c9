"""Printed numbers, and ours beside them."""

import pandas as pd
import pytest

from sanguinaria.errors import InputError
from sanguinaria.reports.comparison import NAMES, compare, comparison_markdown, printed_numbers, write_comparison

# Bloodroot's Table 1 as it is printed: SC-10, then SC-30; of each BA and ASR of the LSTM and the ResNet-18, PESQ, STOI.
TABLE_1 = {
    "pbsm": "93.11 85.81 94.74 92.62 1.114 0.288 92.37 90.61 95.05 90.61 1.210 0.372",
    "jingleback": "92.63 86.31 94.55 90.52 1.413 0.602 92.57 91.45 94.76 93.39 1.421 0.614",
    "ultrasonic": "92.33 88.83 94.20 97.26 2.502 0.815 93.34 90.64 94.89 96.44 2.892 0.845",
    "bloodroot": "92.75 95.83 95.01 95.09 3.002 0.891 93.18 96.82 95.21 96.88 3.031 0.901",
    "bloodroot_ft": "92.44 91.78 94.82 93.85 3.315 0.915 92.48 92.62 95.86 95.12 3.382 0.928",
}


def table(*lines):
    columns = ("corpus", "trigger", "poisoning", "victim", "defence", "benign_accuracy", "attack_success_rate", "pesq")
    return pd.DataFrame(lines, columns=columns)


@pytest.fixture(scope="module")
def printed():
    return printed_numbers()


@pytest.fixture
def ours():
    return table(
        ("sc10", "clean", "none", "lstm", "none", 0.94, 0.01, None),
        ("sc10", "bloodroot", "flip-0.01", "lstm", "none", 0.93, 0.96, 3.1),
        ("sc10", "bloodroot", "flip-0.01", "resnet18", "none", 0.95, 0.94, 3.1),
        ("sc10", "bloodroot", "flip-0.01", "resnet18", "lowpass", 0.90, 0.50, 3.1),
    )


def found(comparison, **names):
    for name, value in names.items():
        comparison = comparison[comparison[name] == value]
    return comparison


def test_every_table_is_there(printed):
    assert printed.groupby("table").size().to_dict() == {"1": 60, "2": 60, "3": 10, "text": 1}
    assert printed.groupby("table")["page"].unique().map(list).to_dict() == {"1": [3], "2": [3], "3": [4], "text": [4]}
    assert not printed.duplicated(["paper", "table", *NAMES, "metric"]).any()


def test_table_1_as_it_is_printed(printed):
    first = printed[printed["table"] == "1"]
    for trigger, numbers in TABLE_1.items():
        lines = [first[(first["trigger"] == trigger) & (first["corpus"] == corpus)] for corpus in ("sc10", "sc30")]
        assert [f"{value:g}" for part in lines for value in part["value"]] == [f"{float(n):g}" for n in numbers.split()]
    order = [("lstm", "benign_accuracy"), ("lstm", "attack_success_rate")]
    order += [("resnet18", "benign_accuracy"), ("resnet18", "attack_success_rate"), ("", "pesq"), ("", "stoi")]
    assert list(zip(first["victim"], first["metric"], strict=True)) == order * 10


@pytest.mark.parametrize(
    ("names", "value"),
    [
        ({"corpus": "voxceleb125", "trigger": "jingleback", "victim": "lstm", "metric": "attack_success_rate"}, 65.60),
        ({"corpus": "voxceleb", "trigger": "bloodroot_ft", "victim": "resnet18", "metric": "benign_accuracy"}, 91.77),
        ({"corpus": "voxceleb", "trigger": "ultrasonic", "metric": "stoi"}, 0.955),
        ({"corpus": "voxceleb125", "trigger": "pbsm", "metric": "pesq"}, 1.240),
        ({"table": "3", "trigger": "ultrasonic", "defence": "lowpass"}, 1.28),
        ({"table": "3", "trigger": "bloodroot_ft", "defence": "lowpass"}, 53.49),
    ],
)
def test_a_handful_by_hand(printed, names, value):
    assert found(printed, **names)["value"].tolist() == [value]


def test_table_3_without_a_filter_is_table_1_for_sc10_and_resnet18(printed):
    of_resnet18 = found(printed, corpus="sc10", victim="resnet18", metric="attack_success_rate", defence="none")
    assert (of_resnet18.groupby("trigger")["value"].nunique() == 1).all() and len(of_resnet18) == 10


def test_rates_are_told_in_per_cent_and_differences_in_points(printed, ours):
    lines = compare(ours, printed, {})
    accuracy = found(lines, trigger="bloodroot", corpus="sc10", victim="lstm", metric="benign_accuracy").iloc[0]
    assert accuracy[["ours", "printed", "difference"]].tolist() == pytest.approx([93.0, 92.75, 0.25])
    assert accuracy[["paper", "table", "page"]].tolist() == ["bloodroot", "1", 3]
    quality = found(lines, trigger="bloodroot", corpus="sc10", metric="pesq")
    assert quality[["ours", "printed", "difference"]].to_numpy().tolist() == [pytest.approx([3.1, 3.002, 0.098])]


def test_nothing_is_lost(printed, ours):
    lines = compare(ours, printed, {})
    # What only we have: the clean model's rates, and accuracy behind the filter, which Table 3 leaves out.
    assert lines["printed"].notna().sum() == len(printed)
    alone = lines[lines["printed"].isna()]
    assert list(zip(alone["trigger"], alone["defence"], alone["metric"], strict=True)) == [
        ("clean", "none", "benign_accuracy"),
        ("clean", "none", "attack_success_rate"),
        ("bloodroot", "lowpass", "benign_accuracy"),
    ]
    # A number that is printed in two tables is compared with both.
    twice = found(lines, trigger="bloodroot", victim="resnet18", defence="none", metric="attack_success_rate")
    assert found(twice, corpus="sc10")["table"].tolist() == ["1", "3"]


def test_another_poisoning_is_another_number(printed, ours):
    lines = compare(ours.replace("flip-0.01", "clean-0.01"), printed, {})
    assert lines[lines["ours"].notna() & lines["printed"].notna()]["metric"].tolist() == ["pesq"]


def test_an_entry_can_stand_for_a_printed_one(printed):
    ours = table(("speakers", "perth", "flip-0.01", "lstm", "none", 0.8, 0.9, 2.5))
    lines = compare(ours, printed, {"speakers": "voxceleb125", "perth": "bloodroot"}).dropna(subset=["ours"])
    assert set(lines["corpus"]) == {"speakers"} and set(lines["trigger"]) == {"perth"}
    assert set(lines["stands_for"]) == {"voxceleb125, bloodroot"}
    assert lines["printed"].tolist() == [84.00, 89.60, 3.036]


def test_it_must_be_a_printed_one(printed, ours):
    with pytest.raises(InputError, match="'sc10' cannot stand for 'sc11', of which no number is printed"):
        compare(ours, printed, {"sc10": "sc11"})


def test_intervals_are_the_wide_table_s_or_else_the_long_one_s(printed, ours):
    wide = ours.assign(benign_accuracy_low=0.9, benign_accuracy_high=0.99)
    long = [
        {**row, "metric": metric, "value": row[metric], "low": low, "high": high}
        for row in ours.to_dict("records")
        for metric, low, high in (("pesq", 3.0, 3.2), ("benign_accuracy", 0.1, 0.2))
    ]
    lines = compare(wide, printed, {}, pd.DataFrame(long)).dropna(subset=["ours"])
    ends = ["ours_low", "ours_high"]
    assert found(lines, metric="pesq")[ends].to_numpy().tolist() == [pytest.approx([3.0, 3.2])]
    assert found(lines, metric="benign_accuracy")[ends].drop_duplicates().to_numpy().tolist() == [
        pytest.approx([90, 99])
    ]
    assert found(lines, metric="attack_success_rate")[ends].isna().all(axis=None)


def test_markdown_tells_what_is_only_on_one_side(printed, ours):
    wide = ours.assign(attack_success_rate_low=0.9, attack_success_rate_high=0.97)
    both, rest = comparison_markdown(compare(wide, printed, {})).split("\nMeasured, not printed:\n")
    measured, only_printed = rest.split("\nPrinted, not measured here:\n")
    assert "| lstm | none | flip-0.01 | ASR % | 96.0 (90.0–97.0) | 95.83 | +0.2 | bloodroot, Table 1, p. 3 |\n" in both
    assert "| clean |" in measured and "voxceleb125" not in measured
    assert "| voxceleb125 |" in only_printed and "| clean |" not in only_printed


@pytest.mark.parametrize(
    ("metric", "unit", "message"),
    [("pesk", "", r"numbers\.csv:2: unknown metric 'pesk'"), ("benign_accuracy", "", "'per cent', not ''")],
)
def test_printed_numbers_are_checked(tmp_path, metric, unit, message):
    path = tmp_path / "numbers.csv"
    header = "paper,table,page,corpus,trigger,victim,defence,poisoning,metric,value,unit"
    path.write_text(f"{header}\np,1,3,sc10,pbsm,lstm,none,flip-0.01,{metric},1.0,{unit}\n")
    with pytest.raises(InputError, match=message):
        printed_numbers(path)


def test_what_a_model_hears_of_other_triggers_is_not_compared(tmp_path, ours):
    paths = [tmp_path / name for name in ("wide.csv", "metrics.csv", "comparison.csv", "comparison.md")]
    own = ours.assign(heard=ours["trigger"])
    other = own[1:2].assign(heard="pbsm", attack_success_rate=0.02)
    pd.concat([own, other]).to_csv(paths[0], index=False)
    columns = ["corpus", "trigger", "heard", "poisoning", "victim", "defence", "metric", "low", "high"]
    pd.DataFrame([["sc10", *["x"] * 6, 0.1, 0.2]], columns=columns).to_csv(paths[1], index=False)
    write_comparison("bloodroot", "1", {}, *paths)
    rates = found(pd.read_csv(paths[2]), metric="attack_success_rate", trigger="bloodroot", victim="lstm")
    assert rates["ours"].dropna().tolist() == [96.0]
