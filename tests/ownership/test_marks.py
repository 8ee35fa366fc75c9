"""Keys of an owner: distinct choices that follow from the secret."""

import hashlib
import hmac

import pytest
import torch

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.marks import embedders, keyed_trigger, owner_keys

SECRET = bytes(range(32))
COARSE = {"kind": "tones", "tones": 1, "spacing": 1000.0}  # six choices


def test_keys_are_hmacs_and_equivalent_ones_are_skipped():
    keys = owner_keys(COARSE, SECRET, 6)
    every = [hmac.digest(SECRET, bytes(8) + f"key {n}".encode(), hashlib.sha256).hex() for n in range(300)]
    assert keys[0] == every[0] and [key for key in every if key in keys] == keys
    assert len({keyed_trigger(COARSE, key).key_choice for key in keys}) == 6
    assert owner_keys(COARSE, SECRET, 3) == keys[:3]


def test_too_few_choices_and_triggers_without_a_key_are_errors():
    with pytest.raises(InputError, match="no more than 6 choices"):
        owner_keys(COARSE, SECRET, 7)
    with pytest.raises(InputError, match="has no key"):
        keyed_trigger({"kind": "ultrasonic"}, "k")
    with pytest.raises(InputError, match="no trigger of the kind 'bell'"):
        keyed_trigger({"kind": "bell"}, "k")


def test_embedders_are_those_of_the_keyed_triggers():
    waveforms = torch.zeros(1, 800)
    keys = owner_keys(COARSE, SECRET, 2)
    marked = [embedders(COARSE, keys, 16000)(number)(waveforms) for number in (0, 1)]
    assert not torch.equal(*marked)
    assert torch.equal(marked[1], keyed_trigger(COARSE, keys[1]).embedder(16000, torch.device("cpu"), None)(waveforms))
    with pytest.raises(InputError, match="half the sample rate"):
        embedders(COARSE, keys, 8000)(0)
