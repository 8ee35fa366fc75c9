"""The last step of a claim: the commitment is checked, all is recomputed, and the test decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

from sanguinaria.ownership.answers import check_answers
from sanguinaria.ownership.owner_folder import OwnerFolder, load_claim, manifest_of
from sanguinaria.ownership.protocol import read_secret, require_commitment
from sanguinaria.ownership.publication import require_unaltered
from sanguinaria.ownership.query_audio import named_queries
from sanguinaria.ownership.suspects import Answer
from sanguinaria.ownership_methods import Terms

GENERAL_ASSUMPTIONS = (
    "The commitment was public before the suspect model existed, on the stated day, which others have to certify.",
    "Nobody but the owner knew the secret before the suspect model was trained.",
    "The answers are those of the suspect model.",
)
WITH_PUBLIC_VALUE = (
    "The public value is the one that the committed source states ({source}), and was unknown when the commitment was "
    "published."
)
WITHOUT_PUBLIC_VALUE = "The owner drew the secret at random and tried no others, as no public value was fixed after it."
NOT_SAID = (
    "It says that the model depends on the marked data. It does not say that the model was trained on them: one that "
    "was distilled from such a model depends on them, too.",
    "It does not say how much of the data was used, by whom, when, or whether this was lawful.",
    "A claim that is not confirmed is no evidence that the data were not used.",
)


@dataclass(frozen=True)
class Circumstances:
    """Facts outside the software, which the report states.

    Attributes:
        published: the published line of the commitment.
        published_on: the day of its publication.
        suspect_since: the day since which the suspect model is known.
        suspect: how the model was asked.
        other_labels: whether the model may predict labels that the protocol does not have.
    """

    published: str
    published_on: date
    suspect_since: date
    suspect: str
    other_labels: bool = False


def verify(
    folder: OwnerFolder, circumstances: Circumstances, ask: Callable[[], Mapping[str, Answer]]
) -> dict[str, Any]:
    """Verify a claim against a suspect model.

    Args:
        folder: of the claim, with the revealed secret.
        circumstances: of the claim.
        ask: function that returns the answers by query; it is not called before the commitment was checked.

    Returns:
        The verdict: plain values, as they are written to ``verdict.json``.

    Raises:
        InputError: the claim is refused, or the answers are invalid.
    """
    protocol = require_commitment(
        folder.commitment,
        read_secret(folder.secret),
        manifest_of(folder),
        circumstances.published,
        circumstances.published_on,
        circumstances.suspect_since,
    )
    claim = load_claim(folder)
    if folder.table.is_file() and folder.published.is_dir():
        require_unaltered(folder)
    named = named_queries(claim)
    answers = check_answers(ask(), named.names, protocol.labels, circumstances.other_labels)
    evidence = claim.method.evaluate(
        named.queries, answers, Terms(protocol.labels, claim.labels_by_id, protocol.alpha, claim.random)
    )
    public_value = claim.random.public_value
    of_value = WITH_PUBLIC_VALUE.format(source=protocol.public_source) if public_value else WITHOUT_PUBLIC_VALUE
    assumptions = [*claim.method.assumptions, *GENERAL_ASSUMPTIONS, of_value]
    return {
        "decision": "confirmed" if evidence.confirmed else "not confirmed",
        "p_value": evidence.p_value,
        "e_value": evidence.e_value,
        "alpha": protocol.alpha,
        "counts": dict(evidence.counts),
        "power": dict(evidence.power),
        "findings": list(evidence.findings),
        "assumptions": assumptions,
        "not_said": list(NOT_SAID),
        "method": protocol.method,
        "statistic": protocol.statistic,
        "mark": protocol.mark,
        "labels": list(protocol.labels),
        "queries": len(named.names),
        "answers": "labels" if answers.probabilities is None else "probabilities",
        "suspect": circumstances.suspect,
        "commitment": circumstances.published,
        "published_on": circumstances.published_on.isoformat(),
        "suspect_since": circumstances.suspect_since.isoformat(),
        "public_value": public_value,
        "public_source": protocol.public_source,
        "software": {"protocol": protocol.software, "verification": version("sanguinaria")},
    }
