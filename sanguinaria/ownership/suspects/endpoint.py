"""An HTTP endpoint: one POST for each query, with JSON in and out.

The request is ``{"query": "q0001", "audio": "<FLAC, base64>"}``; the response ``{"label": "…"}`` or
``{"probabilities": {"…": 0.7, …}}``, or both.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.suspects import Answer, Suspect

# Seconds of waiting before each repetition of a request that failed.
WAITS = (1.0, 2.0, 4.0, 8.0)
TIMEOUT = 60.0
# Status of a request that may succeed later: rate limits and failures of the server.
PASSING = (408, 425, 429, *range(500, 600))


class Endpoint(Suspect):
    """A model behind HTTP.

    Args:
        url: of the endpoint.
        per_second: largest number of requests in a second.
        sleep: function that waits so many seconds.
    """

    batch_size = 1

    def __init__(self, url: str, per_second: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url, self._interval, self._sleep = url, 1 / per_second, sleep
        self._session = requests.Session()
        self._last = -float("inf")

    def answer(self, files: Sequence[Path]) -> list[Answer]:
        return [self._answer(path) for path in files]

    def _answer(self, path: Path) -> Answer:
        audio = base64.b64encode(path.read_bytes()).decode("ascii")
        response = self._post({"query": path.stem, "audio": audio})
        try:
            content = response.json()
        except ValueError as error:
            raise InputError(f"{self._url}: the response to {path.stem} is no JSON") from error
        return _parse(content, f"{self._url}: the response to {path.stem}")

    def _post(self, body: Mapping[str, str]) -> requests.Response:
        """The response with status 200; failures that may pass are repeated after growing waits."""
        cause = ""
        for wait in (*WAITS, None):
            self._sleep(max(0.0, self._last + self._interval - time.monotonic()))
            self._last = time.monotonic()
            try:
                response = self._session.post(self._url, json=body, timeout=TIMEOUT)
                if response.status_code == 200:
                    return response
                cause = f"status {response.status_code}"
                if response.status_code not in PASSING:
                    break
            except requests.RequestException as error:
                cause = type(error).__name__
            if wait is not None:
                self._sleep(wait)
        raise InputError(f"{self._url}: no answer to {body['query']} ({cause})")


def _parse(content: object, place: str) -> Answer:
    """The answer of a response, whose label must be the most probable one where it has both."""
    if not isinstance(content, dict):
        raise InputError(f"{place} is no object with `label` or `probabilities`")
    label, probabilities = content.get("label"), content.get("probabilities")
    if isinstance(probabilities, dict) and probabilities:
        if not all(isinstance(value, int | float) for value in probabilities.values()):
            raise InputError(f"{place} has probabilities that are no numbers")
        values = {str(name): float(value) for name, value in probabilities.items()}
        if isinstance(label, str) and values.get(label, -1.0) < max(values.values()):
            raise InputError(f"{place} has the label {label!r}, which is not the most probable one")
        return values
    if isinstance(label, str):
        return label
    raise InputError(f"{place} is no object with `label` or `probabilities`")
