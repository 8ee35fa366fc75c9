"""Ownership methods: what is marked, what is asked, and exact decisions on simulated models."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.ownership_methods import Answers, Terms
from sanguinaria.ownership_methods.decoy_keys import DecoyKeys
from sanguinaria.ownership_methods.pairs import Pairs
from sanguinaria.ownership_methods.random_labels import RandomLabels

LABELS = ("a", "b", "c", "d")
CORPUS = {f"u{n:03}": LABELS[n % 4] for n in range(400)}
HELD_OUT = [f"q{n}" for n in range(20)]


def evidence(method, answers, random, names=HELD_OUT, alpha=0.01):
    terms = Terms(LABELS, {**CORPUS, **dict.fromkeys(HELD_OUT, LABELS[0])}, alpha, random)
    return method.evaluate(method.queries(names, random), answers, terms)


def predictions(method, random, model, names=HELD_OUT) -> Answers:
    return Answers(np.array([model(query) for query in method.queries(names, random)]))


def test_random_labels_marks_as_many_utterances_for_each_mark():
    method, random = RandomLabels(marks=5, share=0.1), KeyedRandom(b"s")
    markings = method.markings(CORPUS, LABELS, random)
    assert Counter(marking.key for marking in markings) == dict.fromkeys(range(5), 8)
    assert len({marking.utterance_id for marking in markings}) == 40
    assigned = method.assigned_labels(4, random)
    assert all(marking.label == LABELS[assigned[marking.key]] for marking in markings)
    with pytest.raises(InputError, match="less than one for each of 5 marks"):
        RandomLabels(marks=5, share=0.01).markings(CORPUS, LABELS, random)


def test_random_labels_confirms_a_model_that_learned_its_marks_and_no_other_owner_s():
    method, mine, other = RandomLabels(marks=10), KeyedRandom(b"mine"), KeyedRandom(b"other")
    learned = method.assigned_labels(4, mine)

    def model(query):
        return int(query.utterance_id[1:]) % 4 if query.key is None else learned[query.key]

    answers = predictions(method, mine, model)
    result = evidence(method, answers, mine)
    assert result.confirmed and result.counts["hits"] == 10 and result.p_value == pytest.approx(0.25**10)
    assert not evidence(method, answers, other).confirmed


def test_random_labels_p_values_of_fresh_secrets_on_one_clean_model_are_exact():
    method = RandomLabels(marks=6)
    answers = predictions(method, KeyedRandom(b"s"), lambda query: 1 if query.key in (0, 1, 2, 3) else 2)
    hits = [evidence(method, answers, KeyedRandom(str(n).encode())).counts["hits"] for n in range(800)]
    counts = np.bincount(np.minimum(hits, 4).astype(int), minlength=5)
    expected = np.append(stats.binom.pmf(range(4), 6, 0.25), stats.binom.sf(3, 6, 0.25))
    assert stats.chisquare(counts, expected * 800).pvalue > 0.01


def test_decoy_keys_marks_with_the_real_key_and_covers_with_keys_that_are_no_decoys():
    method, random = DecoyKeys(decoys=19, cover_keys=3, share=0.05), KeyedRandom(b"s", "B")
    markings = method.markings(CORPUS, LABELS, random)
    real = [marking for marking in markings if marking.key == method.real_key(random)]
    covers = [marking for marking in markings if marking.key > 19]
    assert len(real) == len(covers) == 20 and len(markings) == 40
    assert len({marking.label for marking in real}) == 1
    assert all(marking.label == CORPUS[marking.utterance_id] for marking in covers)
    assert method.real_key(random) != method.real_key(KeyedRandom(b"s", "C")) or method.keys == 23


def test_decoy_keys_ranks_the_real_pair():
    method, random = DecoyKeys(decoys=99), KeyedRandom(b"s", "B")
    real, label = method.real_key(random), random.integer("label", 4)
    answers = predictions(method, random, lambda query: label if query.key == real else 3 - label)
    result = evidence(method, answers, random)
    assert result.confirmed and result.p_value == 1 / 400
    same = predictions(method, random, lambda query: 3 - label if query.key is None else label)
    assert evidence(method, same, random).p_value == 100 / 400


def test_pairs_changes_no_label_and_tosses_a_coin_for_each_utterance():
    method, random = Pairs(share=0.5), KeyedRandom(b"s")
    markings = method.markings(CORPUS, LABELS, random)
    assert all(marking.label == CORPUS[marking.utterance_id] for marking in markings)
    assert stats.binomtest(sum(marking.key for marking in markings), 200).pvalue > 0.01
    with pytest.raises(InputError, match="8 pairs: a test needs 10 or more"):
        Pairs(share=0.02).markings(CORPUS, LABELS, random)


@pytest.mark.parametrize("sequential", [False, True])
def test_pairs_counts_wins_of_the_published_copies(sequential):
    method, random = Pairs(sequential=sequential), KeyedRandom(b"s")
    names = sorted(CORPUS)[:40]
    queries = method.queries(names, random)
    probabilities = np.full((80, 4), 0.2)
    for row, query in zip(probabilities, queries, strict=True):
        published = query.key == method.published_key(query.utterance_id, random)
        row[LABELS.index(CORPUS[query.utterance_id])] = 0.4 if published else 0.3
    result = evidence(method, Answers(probabilities.argmax(1), probabilities), random, names)
    assert result.confirmed
    if sequential:
        assert result.p_value is None and result.e_value >= 100 and result.counts["pairs"] == 9
    else:
        assert result.p_value == 0.5**40 and result.counts["wins"] == 40
    with pytest.raises(InputError, match="pairs need probabilities"):
        evidence(method, Answers(probabilities.argmax(1)), random, names)
