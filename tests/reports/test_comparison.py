"""Printed numbers, and ours beside them."""

import pandas as pd
import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.reports.comparison import (
    BENCHMARK_NAMES,
    NAMES,
    compare,
    comparison_markdown,
    printed_numbers,
    write_comparison,
)

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


# WAKE's Table 1: bit, SNR, PESQ, and error rates of watermark 1 by keys 1 and 3, and of watermark 2 by keys 2 and 3.
WAKE_TABLE_1 = {
    ("audioseal", "single"): "16 24.686 4.316 1.910 1.910",
    ("wavmark", "single"): "32 38.594 4.256 1.091 1.090",
    ("wake", "single"): "32 41.237 4.396 0.123 50.090",
    ("audioseal", "double"): "32 22.132 4.200 46.750 46.750 3.790 3.790",
    ("wavmark", "double"): "64 35.817 4.181 48.370 48.370 1.910 1.910",
    ("wake", "double"): "64 38.884 4.318 1.252 42.460 2.709 41.440",
}
# Its Table 2, in the order NA, UD, RN, PN, LF, HF, BF, BA, DA, SA.
WAKE_TABLE_2 = {
    ("audioseal", "single", "first"): "1.911 1.911 2.200 1.929 1.924 2.104 2.151 1.984 1.904 49.806",
    ("wavmark", "single", "first"): "1.003 0.994 5.142 1.133 2.053 1.027 1.049 1.008 1.099 0.990",
    ("wake", "single", "first"): "0.123 0.173 1.028 0.130 1.765 0.131 0.129 0.127 0.125 0.127",
    ("wake", "double", "first"): "1.252 1.266 2.527 1.259 3.261 1.266 1.258 1.262 1.274 1.233",
    ("wake", "double", "second"): "2.709 2.817 5.016 2.762 6.653 2.721 2.717 2.708 2.731 2.681",
}
# SNR, PESQ, BER; SNR, PESQ, BER of the first and of the second, with one mark and with two: Tables 3 and 4.
WAKE_ABLATIONS = {
    ("3", "wake_l2"): "35.113 4.023 0.14 32.832 3.972 1.42 3.88",
    ("3", "wake_mel"): "39.344 4.231 0.08 37.072 4.232 1.02 2.56",
    ("3", "wake"): "41.103 4.388 0.12 38.893 4.311 1.26 2.71",
    ("4", "wake_without_predict"): "36.930 4.223 5.10 34.250 4.102 8.92 13.24",
    ("4", "wake"): "41.227 4.392 0.13 38.442 4.321 1.25 2.72",
}
# PKDMark's Table I: BPS, PESQ, SNR, mean, then ND, GN, MF, MP3, LP, DS, QT, AS, EA, SS, FS, RA, PU, PD.
PKDMARK_TABLE_1 = {
    "audioseal": "16 4.28 27.53 18.66 0 0 0 0 0 0 0 0 0.56 52.12 59.50 47.09 50.69 51.25",
    "pkdmark_teacher": "16 4.33 45.75 0.56 0 0.38 0.46 0.13 0.07 0.85 0.13 0 0 1.11 1.20 1.45 1.04 0.98",
    "pkdmark": "16 4.30 45.54 0.51 0 0.39 0.58 0.19 0.32 1.23 0 0 0 0.52 0.85 1.58 0.65 0.84",
}


@pytest.fixture(scope="module")
def every():
    return printed_numbers()


@pytest.fixture(scope="module")
def printed(every):
    """Bloodroot's."""
    return every[every["paper"] == "bloodroot"]


def numbers(text):
    return [float(number) for number in text.split()]


@pytest.fixture
def ours():
    return table(
        ("sc10", "clean", "none", "lstm", "none", 0.94, 0.01, None),
        ("sc10", "bloodroot", "flip-0.01", "lstm", "none", 0.93, 0.96, 3.1),
        ("sc10", "bloodroot", "flip-0.01", "resnet18", "none", 0.95, 0.94, 3.1),
        ("sc10", "bloodroot", "flip-0.01", "resnet18", "lowpass", 0.90, 0.50, 3.1),
    )


def lines_of(comparison, **names):
    for name, value in names.items():
        comparison = comparison[comparison[name] == value]
    return comparison


def test_every_table_is_there(printed):
    assert printed.groupby("table").size().to_dict() == {"1": 60, "2": 60, "3": 10, "text": 1}
    assert printed.groupby("table")["page"].unique().map(list).to_dict() == {"1": [3], "2": [3], "3": [4], "text": [4]}
    assert not printed.duplicated(["paper", "table", *NAMES, "metric"]).any()


def test_every_table_of_a_benchmark_is_there(every):
    counts = every.groupby(["paper", "table"]).size()
    assert counts["wake"].to_dict() == {"1": 36, "2": 50, "3": 21, "4": 14}
    assert counts["pkdmark"].to_dict() == {"1": 144, "2": 6, "text": 1}
    assert not every.duplicated(["paper", "table", *NAMES, *BENCHMARK_NAMES, "attack", "metric"]).any()


def test_wake_s_tables_as_they_are_printed(every):
    wake = every[every["paper"] == "wake"]
    for (watermark, marks), line in WAKE_TABLE_1.items():
        assert lines_of(wake, table="1", watermark=watermark, marks=marks)["value"].tolist() == numbers(line)
    for (watermark, marks, read), line in WAKE_TABLE_2.items():
        lines = lines_of(wake, table="2", watermark=watermark, marks=marks, decoded_mark=read)
        assert lines["value"].tolist() == numbers(line)
        assert lines["distortion"].tolist()[::9] == ["undistorted", "shush"]
    for (table, watermark), line in WAKE_ABLATIONS.items():
        assert lines_of(wake, table=table, watermark=watermark)["value"].tolist() == numbers(line)


def test_pkdmark_s_tables_as_they_are_printed(every):
    pkdmark = every[every["paper"] == "pkdmark"]
    for watermark, line in PKDMARK_TABLE_1.items():
        assert lines_of(pkdmark, table="1", watermark=watermark)["value"].tolist() == numbers(line)
    off = {}
    for watermark, lines in lines_of(pkdmark, table="1").groupby("watermark"):
        errors = lines[lines["metric"] == "bit_error_rate"]["value"]
        (mean,) = lines[lines["metric"] == "mean_bit_error_rate"]["value"]
        assert len(errors) == 14
        off[watermark] = round(float(errors.mean() - mean), 2)
    # Four of the printed means are not those of the numbers beside them.
    assert {watermark: by for watermark, by in off.items() if abs(by) > 0.005} == {
        "pkdmark_direct": 0.25,
        "pkdmark_teacher_without_map": 0.14,
        "pkdmark_teacher_without_stft_loss": 0.31,
        "wavmark_16": 0.22,
    }
    assert lines_of(pkdmark, table="2", watermark="pkdmark")["value"].tolist() == [2.3, 0.006, 0.020]
    assert lines_of(pkdmark, table="2", watermark="pkdmark_teacher")["value"].tolist() == [36.0, 0.039, 0.155]


def test_distortions_of_the_printed_tables_are_entries(every):
    from pathlib import Path

    import yaml

    distortions = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["distortions"]
    assert set(every["distortion"]) - {""} <= set(distortions)


def test_a_benchmark_is_compared_by_marks_keys_and_distortions(every):
    names = {"benchmark": "b", "corpus": "sc10", "watermark": "mine", "marks": "double"}
    wide = pd.DataFrame(
        [
            {**names, "decoded_mark": read, "distortion": distortion, "bit_error_rate": rate, "snr_db": 40.0}
            | {"wrong_key_bit_error_rate": 0.5, "bits_per_second": 64.0}
            for read, distortion, rate in (
                ("first", "undistorted", 0.01),
                ("first", "boost", 0.02),
                ("second", "undistorted", 0.03),
            )
        ]
    )
    first = every[(every["paper"] == "wake") & (every["table"] == "1")]
    stands_for = {"sc10": "wake_mixture", "mine": "wake"}
    lines = compare(wide, first, stands_for)
    both = lines.dropna(subset=["ours", "printed"]).set_index(["metric", "decoded_mark"])
    assert both.loc[("bit_error_rate", "second"), ["ours", "printed"]].tolist() == [3.0, 2.709]
    assert both.loc[("wrong_key_bit_error_rate", "first"), ["ours", "printed"]].tolist() == [50.0, 42.46]
    assert both.loc[("snr_db", ""), ["ours", "printed"]].tolist() == [40.0, 38.884]
    assert both.loc[("bits_per_second", ""), "difference"] == 0
    assert len(both) == 6 and (both["stands_for"] == "wake_mixture, wake").all()
    page = comparison_markdown(lines)
    # As many digits as are printed, and no page where the text has none.
    assert "| second | undistorted | BER % | 3.000 | 2.709 | +0.291 |" in page
    # What all lines share stands once.
    shared = "corpus: sc10; watermark: mine; marks: double; stands for: wake_mixture, wake; where: wake, Table 1.\n\n"
    assert page.startswith(shared) and "boost" in page.split("Measured, not printed")[1]


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
    assert lines_of(printed, **names)["value"].tolist() == [value]


def test_table_3_without_a_filter_is_table_1_for_sc10_and_resnet18(printed):
    of_resnet18 = lines_of(printed, corpus="sc10", victim="resnet18", metric="attack_success_rate", defence="none")
    assert (of_resnet18.groupby("trigger")["value"].nunique() == 1).all() and len(of_resnet18) == 10


def test_rates_are_in_per_cent_and_differences_in_percentage_points(printed, ours):
    lines = compare(ours, printed, {})
    accuracy = lines_of(lines, trigger="bloodroot", corpus="sc10", victim="lstm", metric="benign_accuracy").iloc[0]
    assert accuracy[["ours", "printed", "difference"]].tolist() == pytest.approx([93.0, 92.75, 0.25])
    assert accuracy[["paper", "table", "page"]].tolist() == ["bloodroot", "1", 3]
    quality = lines_of(lines, trigger="bloodroot", corpus="sc10", metric="pesq")
    assert quality[["ours", "printed", "difference"]].to_numpy().tolist() == [pytest.approx([3.1, 3.002, 0.098])]


def test_nothing_is_lost(printed, ours):
    lines = compare(ours, printed, {})
    # Only measured: the clean model's rates, and accuracy behind the filter, which Table 3 leaves out.
    assert lines["printed"].notna().sum() == len(printed)
    alone = lines[lines["printed"].isna()]
    assert list(zip(alone["trigger"], alone["defence"], alone["metric"], strict=True)) == [
        ("clean", "none", "benign_accuracy"),
        ("clean", "none", "attack_success_rate"),
        ("bloodroot", "lowpass", "benign_accuracy"),
    ]
    # A number that is printed in two tables is compared with both.
    twice = lines_of(lines, trigger="bloodroot", victim="resnet18", defence="none", metric="attack_success_rate")
    assert lines_of(twice, corpus="sc10")["table"].tolist() == ["1", "3"]


def test_another_poisoning_is_another_number(printed, ours):
    lines = compare(ours.replace("flip-0.01", "clean-0.01"), printed, {})
    assert lines[lines["ours"].notna() & lines["printed"].notna()]["metric"].tolist() == ["pesq"]


def test_an_entry_can_stand_for_a_printed_one(printed):
    ours = table(("speakers", "perth", "flip-0.01", "lstm", "none", 0.8, 0.9, 2.5))
    lines = compare(ours, printed, {"speakers": "voxceleb125", "perth": "bloodroot"}).dropna(subset=["ours"])
    assert set(lines["corpus"]) == {"speakers"} and set(lines["trigger"]) == {"perth"}
    assert set(lines["stands_for"]) == {"voxceleb125, bloodroot"}
    assert lines["printed"].tolist() == [84.00, 89.60, 3.036]


def test_intervals_are_the_wide_table_s_or_else_the_long_one_s(printed, ours):
    wide = ours.assign(benign_accuracy_low=0.9, benign_accuracy_high=0.99)
    long = [
        {**row, "metric": metric, "value": row[metric], "low": low, "high": high}
        for row in ours.to_dict("records")
        for metric, low, high in (("pesq", 3.0, 3.2), ("benign_accuracy", 0.1, 0.2))
    ]
    lines = compare(wide, printed, {}, pd.DataFrame(long)).dropna(subset=["ours"])
    ends = ["ours_low", "ours_high"]
    assert lines_of(lines, metric="pesq")[ends].to_numpy().tolist() == [pytest.approx([3.0, 3.2])]
    assert lines_of(lines, metric="benign_accuracy")[ends].drop_duplicates().to_numpy().tolist() == [
        pytest.approx([90, 99])
    ]
    assert lines_of(lines, metric="attack_success_rate")[ends].isna().all(axis=None)


def test_markdown_lists_numbers_of_one_side_alone(printed, ours):
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


def test_lines_of_other_test_triggers_are_not_compared(tmp_path, ours):
    paths = [tmp_path / name for name in ("wide.csv", "metrics.csv", "comparison.csv", "comparison.md")]
    own = ours.assign(test_trigger=ours["trigger"])
    other = own[1:2].assign(test_trigger="pbsm", attack_success_rate=0.02)
    pd.concat([own, other]).to_csv(paths[0], index=False)
    columns = ["corpus", "trigger", "test_trigger", "poisoning", "victim", "defence", "metric", "low", "high"]
    pd.DataFrame([["sc10", *["x"] * 6, 0.1, 0.2]], columns=columns).to_csv(paths[1], index=False)
    comparison = {"paper": "bloodroot", "table": "1", "stands_for": {}}
    specification = {"kind": "experiments", "comparison": comparison, "columns": {}}
    write_comparison(specification, wide=paths[0], metrics=paths[1], destination=paths[2], markdown=paths[3])
    rates = lines_of(pd.read_csv(paths[2]), metric="attack_success_rate", trigger="bloodroot", victim="lstm")
    assert rates["ours"].dropna().tolist() == [96.0]


# Fake the Real's Table 1: BA and ASR of VGG19, WRN, SincNet and RawNet3.
FAKE_THE_REAL_TABLE_1 = {
    "badnets": "97.26 99.98 97.34 99.99 99.22 100 92.02 99.84",
    "voice_conversion": "97.59 99.04 97.88 99.39 99.29 100 92.11 99.94",
}
# Its Table 4 line by line: the trigger of the tests, and the rates of models that were trained on speakers 1 to 3.
FAKE_THE_REAL_TABLE_4 = {
    "speaker_1b": "97.33 1.56 0.22",
    "speaker_2b": "1.34 99.75 0.14",
    "speaker_3b": "7.74 0 92.33",
    "speaker_4": "1.04 0.89 0.07",
    "speaker_5": "0 12.13 0",
    "natural_speech": "0 0 0",
}


def test_fake_the_real_s_numbers_are_as_printed(every):
    own = every[every["paper"] == "fake_the_real"]
    assert len(own) == 4 + 16 + 12 + 12 + 18
    for trigger, text in FAKE_THE_REAL_TABLE_1.items():
        lines = lines_of(own, table="1", trigger=trigger)
        assert lines["victim"].tolist() == [v for v in ("vgg19", "wide_resnet50", "sincnet", "rawnet3") for _ in "12"]
        assert lines["value"].tolist() == numbers(text)
    for tested, text in FAKE_THE_REAL_TABLE_4.items():
        lines = lines_of(own, table="4", test_trigger=tested)
        assert lines["trigger"].tolist() == ["speaker_1a", "speaker_2a", "speaker_3a"]
        assert lines["value"].tolist() == numbers(text)


def test_test_triggers_and_several_targets_are_compared_where_a_paper_prints_them(every):
    columns = ["corpus", "target", "trigger", "test_trigger", "poisoning", "victim", "defence", "attack_success_rate"]
    same = ["flip-0.01", "rawnet3", "none"]
    tested = pd.DataFrame(
        [["c", "yes", "speaker_1a", h, *same, v] for h, v in (("speaker_1a", 1.0), ("speaker_2b", 0.2))]
    )
    tested.columns = columns
    table_4 = every[(every["paper"] == "fake_the_real") & (every["table"] == "4")]
    lines = compare(tested, table_4, {"c": "voxceleb"}).dropna(subset="ours")
    assert lines[["test_trigger", "ours"]].to_numpy().tolist() == [["speaker_2b", 20.0], ["speaker_1a", 100.0]]
    assert lines["difference"].tolist()[0] == pytest.approx(20.0 - 1.34)
    targets = pd.DataFrame(
        [["c", t, "voice_conversion", "voice_conversion", *same, v] for t, v in (("yes", 0.9), ("no", 0.8))]
    )
    targets.columns = columns
    table_2 = every[(every["paper"] == "fake_the_real") & (every["table"] == "2")]
    lines = compare(targets, table_2, {"c": "voxceleb", "yes": "1", "no": "3"}).dropna(subset="ours")
    assert lines[["target", "ours", "printed"]].to_numpy().tolist() == [["yes", 90.0, 99.98], ["no", 80.0, 99.97]]
