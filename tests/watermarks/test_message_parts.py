"""A long message over several chunks of audio: the part that each chunk carries, and decoding from all chunks."""

import pytest
import torch

from sanguinaria.audio.chunking import Chunking
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks._message_parts import MessageParts, expanded_message, weighted_mean

LONG = MessageParts(Chunking(100, 0), 2, 3)
MESSAGE = torch.tensor([0, 1, 1, 1, 0, 0])


def test_one_message_for_all_utterances_or_one_for_each():
    both = torch.stack([MESSAGE, 1 - MESSAGE])
    assert expanded_message(MESSAGE, 3, 6).tolist() == [MESSAGE.tolist()] * 3
    assert torch.equal(expanded_message(both, 2, 6), both)


@pytest.mark.parametrize("message", [None, MESSAGE[:5], torch.stack([MESSAGE] * 3), 2 * MESSAGE, MESSAGE / 2])
def test_an_invalid_message_is_refused(message):
    with pytest.raises(ValueError, match="6 bits of 0 and 1"):
        expanded_message(message, 2, 6)


def test_parts_are_repeated_after_the_last():
    # Three chunks and a bit: the first part again in the third, the second in the last, which is hardly filled.
    first, second = MESSAGE[:3].tolist(), MESSAGE[3:].tolist()
    assert LONG.of(MESSAGE, 1, 310).tolist() == [[first, second, first, second]]


def test_a_part_is_the_mean_of_its_chunks_weighted_by_their_audio():
    decoded = torch.tensor([[[0.0, 1, 2], [6, 6, 6], [4, 4, 4], [1, 2, 3]]])
    # Chunks of 100, 100, 100 and 50 samples: (6 · 1 + 1 · ½) / 1½ = 4⅓, and so on.
    expected = torch.tensor([[2, 2.5, 3, 13 / 3, 14 / 3, 5]])
    torch.testing.assert_close(LONG.means(decoded, 350), expected)
    torch.testing.assert_close(weighted_mean(decoded, torch.tensor([1.0, 0, 0, 0])), decoded[:, 0])


def test_carried_bits_are_decoded():
    carried = LONG.of(MESSAGE, 2, 999).double()
    torch.testing.assert_close(LONG.means(carried, 999), MESSAGE.expand(2, -1).double())


def test_audio_too_short_for_all_parts_is_an_error():
    assert LONG.of(MESSAGE, 1, 150).shape == (1, 2, 3)
    with pytest.raises(InputError, match=r"6 bits takes 2 chunks of 100 samples.*149 samples hold 1: shorten"):
        LONG.of(MESSAGE, 1, 149)
    assert MessageParts(Chunking(100, 0), 1, 6).of(MESSAGE, 1, 20).shape == (1, 1, 6)
