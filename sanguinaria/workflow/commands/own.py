"""The command ``own``: mark recordings before release, and prove later that a model depends on them.

``own mark`` writes a commitment, then the marked copy; ``own queries`` the audio to ask a suspect model about; ``own
verify`` the verdict. Exit codes: 0 confirmed or written, 1 not confirmed, 2 bad input or a claim that is refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sanguinaria.core.errors import InputError
from sanguinaria.workflow.configuration_files import BASE, merged

if TYPE_CHECKING:
    from sanguinaria.corpora import Corpus
    from sanguinaria.ownership.suspects import Answer, Suspect

BAD_INPUT = 2


def main(arguments: Sequence[str]) -> None:
    """Run a command of an owner.

    Args:
        arguments: of the command line.

    Raises:
        SystemExit: with the exit code, where it is not 0.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (InputError, OSError) as error:  # a file that cannot be read or written is named by the system's error
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None
    if code:
        raise SystemExit(code)


def _mark(options: argparse.Namespace) -> int:
    from sanguinaria.ownership.commit import commit
    from sanguinaria.ownership.owner_folder import OwnerFolder
    from sanguinaria.ownership.publication import fix_public_value, publish
    from sanguinaria.ownership.quality import measure_quality

    folder = OwnerFolder(options.out)
    line = commit(
        folder,
        _corpus(options.source, options.configfile),
        method={"kind": options.method, **_settings(options.set)},
        mark={"kind": options.mark, **_settings(options.mark_set)},
        alpha=options.alpha,
        queries=options.queries,
        weights=options.weights,
        public_source=options.public_source,
    )
    if options.public_value is None and not options.without_public_value:
        print(
            "Publish this line where others certify its date. Then run the same command with --public-value VALUE, as "
            f"the committed source states it, or with --without-public-value where there is none:\n\n{line}\n\n"
            f"{folder.secret} is the secret: keep it, and show it to nobody before a verification."
        )
        return 0
    fix_public_value(folder, options.public_value or "")
    marked = publish(folder, options.weights, options.lossy)
    summary = measure_quality(folder, options.quality_clips)
    print(f"{marked} marked recordings in {folder.published}; publish this folder, and before it the line\n{line}")
    for name, values in summary.items():
        if isinstance(values, dict) and values["count"]:
            worst = ", ".join(values["worst_recordings"][:3])
            print(f"{name}: mean {values['mean']:.2f}, worst {values['worst']:.2f} ({worst})")
    return 0


def _queries(options: argparse.Namespace) -> int:
    from sanguinaria.ownership.owner_folder import OwnerFolder
    from sanguinaria.ownership.query_audio import write_queries

    folder = OwnerFolder(options.claim)
    count = write_queries(folder, options.weights)
    print(f"{count} queries in {folder.queries}; answer each of queries.csv: query and label, or one column per label")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from sanguinaria.ownership.owner_folder import OwnerFolder
    from sanguinaria.ownership.report import write_report
    from sanguinaria.ownership.verification import Circumstances, verify

    folder = OwnerFolder(options.claim)
    name, ask = _suspect(options, folder.root)
    circumstances = Circumstances(
        published=options.published,
        published_on=options.published_on,
        suspect_since=options.suspect_since,
        suspect=name,
        other_labels=options.other_labels,
    )
    verdict = verify(folder, circumstances, ask)
    write_report(verdict, options.out)
    value = "p" if verdict["p_value"] is not None else "e"
    number = verdict["p_value"] if value == "p" else verdict["e_value"]
    print(f"{verdict['decision']} ({value} = {number:.3g}): {options.out / 'verdict.html'}")
    return 0 if verdict["decision"] == "confirmed" else 1


def _suspect(options: argparse.Namespace, root: Path) -> tuple[str, Callable[[], Mapping[str, Answer]]]:
    """The name of the suspect model, and the function that asks it."""
    from sanguinaria.ownership.answers import ask, read_answers
    from sanguinaria.ownership.owner_folder import OwnerFolder
    from sanguinaria.ownership.query_audio import query_files

    if options.answers is not None:
        return str(options.answers), lambda: read_answers(options.answers)
    kind, place = next((kind, value) for kind in SUSPECTS if (value := getattr(options, kind)) is not None)
    identity = f"{kind} {place}"
    journal = options.out / "answers.jsonl"
    return identity, lambda: ask(
        SUSPECTS[kind](options, OwnerFolder(root).commitment), identity, query_files(OwnerFolder(root)), journal
    )


def _model(options: argparse.Namespace, commitment: Path) -> Suspect:
    from sanguinaria.ownership.suspects._waveforms import AudioFormat
    from sanguinaria.ownership.suspects.workflow_model import WorkflowModel

    return WorkflowModel(options.model, AudioFormat(options.sample_rate, options.duration))


def _function(options: argparse.Namespace, commitment: Path) -> Suspect:
    from sanguinaria.ownership.suspects._waveforms import AudioFormat
    from sanguinaria.ownership.suspects.function import Function

    audio = AudioFormat(options.sample_rate, options.duration)
    return Function(options.function, audio, _labels(options, commitment), options.outputs == "logits")


def _exported(options: argparse.Namespace, commitment: Path) -> Suspect:
    from sanguinaria.ownership.suspects._waveforms import AudioFormat
    from sanguinaria.ownership.suspects.exported import Exported

    audio = AudioFormat(options.sample_rate, options.duration)
    labels = _labels(options, commitment)
    return Exported(options.exported, options.front_end, audio, labels, options.outputs == "logits")


def _endpoint(options: argparse.Namespace, commitment: Path) -> Suspect:
    from sanguinaria.ownership.suspects.endpoint import Endpoint

    return Endpoint(options.endpoint, options.per_second)


SUSPECTS: dict[str, Callable[[argparse.Namespace, Path], Suspect]] = {
    "model": _model,
    "function": _function,
    "exported": _exported,
    "endpoint": _endpoint,
}


def _labels(options: argparse.Namespace, commitment: Path) -> Sequence[str]:
    """Labels in the order of a model's outputs: those of a file, or of the protocol."""
    from sanguinaria.ownership.protocol import read_commitment

    if options.labels is None:
        return read_commitment(commitment)[1].labels
    try:
        return [line for line in options.labels.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{options.labels}: the labels cannot be read ({error})") from error


def _corpus(source: str, overlays: Sequence[Path]) -> Corpus:
    """The corpus of a folder, a table, or an entry of the configuration."""
    from pydantic import ValidationError

    from sanguinaria.core import plugins
    from sanguinaria.corpora import Corpus

    path = Path(source)
    settings: dict[str, Any] = {"kind": "folder", "incomplete_labels": "allow"}
    if path.is_dir():
        settings["path"] = str(path.absolute())
    elif path.is_file():
        settings |= {"path": str(path.absolute().parent), "table": str(path.absolute())}
    else:
        entries = merged([BASE, *overlays]).get("corpora", {})
        if source not in entries:
            raise InputError(f"{source!r}: no folder, no table, and no entry of corpora; entries: {', '.join(entries)}")
        settings = entries[source]
    try:
        corpus = plugins.build("corpora", settings)
    except ValidationError as error:
        raise InputError(f"{source}: {error.errors()[0]['msg']}") from error
    assert isinstance(corpus, Corpus)
    return corpus


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings of the form ``name=value``, whose values are YAML."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"setting {pair!r}: give name=value")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"setting {pair!r}: its value is not YAML; put it in quotation marks") from error
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sanguinaria own", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="mark | queries | verify")
    _add_mark(commands.add_parser("mark", help="commitment, then a marked copy for publication"))
    queries = commands.add_parser("queries", help="query audio for a suspect model")
    queries.add_argument("claim", type=Path, metavar="FOLDER", help="of own mark --out")
    queries.add_argument("--weights", type=Path, help="of a watermark's generator")
    queries.set_defaults(run=_queries)
    _add_verify(commands.add_parser("verify", help="verdict on a suspect model"))
    return parser


def _add_mark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="folder, table (path, label, split), or entry of corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of the claim")
    parser.add_argument("--configfile", nargs="+", action="extend", type=Path, default=[], help="of an entry")
    parser.add_argument("--method", default="random_labels", help="random_labels, decoy_keys or pairs")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the method")
    parser.add_argument("--mark", default="tones", help="kind of a trigger with a key")
    parser.add_argument("--mark-set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="of the mark")
    parser.add_argument("--weights", type=Path, help="of a watermark's generator")
    parser.add_argument("--alpha", type=float, default=0.001, help="level of the test")
    parser.add_argument("--queries", type=int, default=100, help="number of test utterances that are asked about")
    parser.add_argument("--public-source", default="", metavar="TEXT", help="where the public value will be read")
    value = parser.add_mutually_exclusive_group()
    value.add_argument("--public-value", metavar="VALUE", help="of the source, once it is known")
    value.add_argument("--without-public-value", action="store_true", help="commitment and marked copy in one step")
    parser.add_argument("--lossy", choices=("refuse", "flac"), default="refuse", help="marked files of lossy formats")
    parser.add_argument("--quality-clips", type=int, default=200, help="number of marked recordings that are measured")
    parser.set_defaults(run=_mark)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("claim", type=Path, metavar="FOLDER", help="of own mark --out")
    parser.add_argument("--out", type=Path, required=True, help="folder of the verdict")
    parser.add_argument("--published", required=True, metavar="LINE", help="commitment as it is found in public")
    parser.add_argument("--published-on", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--suspect-since", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    suspect = parser.add_mutually_exclusive_group(required=True)
    suspect.add_argument("--answers", type=Path, help="CSV or Parquet: query and label, or one column per label")
    suspect.add_argument("--model", type=Path, help="model.safetensors of a victim")
    suspect.add_argument("--function", help="module:function from waveforms to labels or probabilities")
    suspect.add_argument("--exported", type=Path, help="TorchScript or .onnx, behind --front-end")
    suspect.add_argument("--endpoint", metavar="URL", help="HTTP: POST of JSON for each query")
    parser.add_argument("--front-end", default="log_mel", help="kind, or JSON of settings with kind")
    parser.add_argument("--labels", type=Path, help="a line for each output of the model; the protocol's by default")
    parser.add_argument("--outputs", choices=("logits", "probabilities"), default="probabilities", help="of the model")
    parser.add_argument("--other-labels", action="store_true", help="the model has classes that the protocol has not")
    parser.add_argument("--sample-rate", type=int, default=16000, help="Hz, of the model's audio")
    parser.add_argument("--duration", type=float, default=1.0, help="seconds, of the model's audio")
    parser.add_argument("--per-second", type=float, default=5.0, help="largest number of requests")
    parser.set_defaults(run=_verify)
