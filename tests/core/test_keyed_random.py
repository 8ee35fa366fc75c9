"""Draws from a secret: uniform, reproducible, and bound to name and public value."""

import hashlib
import hmac

import numpy as np
from scipy import stats

from sanguinaria.core.keyed_random import KeyedRandom


def test_a_digest_is_the_hmac_of_public_value_and_name():
    message = (2).to_bytes(8, "big") + b"BBkey 3"
    assert KeyedRandom(b"s", "BB").digest("key 3") == hmac.new(b"s", message, hashlib.sha256).digest()


def test_integers_are_uniform_and_independent_of_other_names():
    random = KeyedRandom(b"secret")
    values = [random.integer(f"label {number}", 7) for number in range(7000)]
    assert stats.chisquare(np.bincount(values, minlength=7)).pvalue > 0.01
    assert values[:50] != [KeyedRandom(b"secret", "B").integer(f"label {number}", 7) for number in range(50)]


def test_orders_do_not_depend_on_the_order_given():
    random = KeyedRandom(b"secret")
    assert random.order("utterances", "abcdef") == random.order("utterances", "fedcba") != list("abcdef")
    assert random.generator("ties").random() == random.generator("ties").random()
