"""A long message over pieces of audio: which piece carries what, and what is read from all of them."""

import pytest
import torch

from sanguinaria.audio.chunking import Chunking
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks._message_parts import MessageParts, expanded_message, weighted_mean

LONG = MessageParts(Chunking(100, 0), 2, 3)
MESSAGE = torch.tensor([0, 1, 1, 1, 0, 0])


def test_one_message_is_everybody_s_or_each_has_an_own_one():
    both = torch.stack([MESSAGE, 1 - MESSAGE])
    assert expanded_message(MESSAGE, 3, 6).tolist() == [MESSAGE.tolist()] * 3
    assert torch.equal(expanded_message(both, 2, 6), both)


@pytest.mark.parametrize("wrong", [None, MESSAGE[:5], torch.stack([MESSAGE] * 3), 2 * MESSAGE, MESSAGE / 2])
def test_another_message_is_refused(wrong):
    with pytest.raises(ValueError, match="6 bits of 0 and 1"):
        expanded_message(wrong, 2, 6)


def test_parts_come_again_after_the_last():
    # Three pieces and a bit: the first part again in the third, the second in the last, which is hardly there.
    first, second = MESSAGE[:3].tolist(), MESSAGE[3:].tolist()
    assert LONG.of(MESSAGE, 1, 310).tolist() == [[first, second, first, second]]


def test_a_part_is_the_mean_of_its_pieces_by_how_much_audio_they_have():
    read = torch.tensor([[[0.0, 1, 2], [6, 6, 6], [4, 4, 4], [1, 2, 3]]])
    # Pieces of 100, 100, 100 and 50 samples: (6 · 1 + 1 · ½) / 1½ = 4⅓, and so on.
    expected = torch.tensor([[2, 2.5, 3, 13 / 3, 14 / 3, 5]])
    torch.testing.assert_close(LONG.means(read, 350), expected)
    torch.testing.assert_close(weighted_mean(read, torch.tensor([1.0, 0, 0, 0])), read[:, 0])


def test_what_is_carried_is_what_is_read():
    carried = LONG.of(MESSAGE, 2, 999).double()
    torch.testing.assert_close(LONG.means(carried, 999), MESSAGE.expand(2, -1).double())


def test_audio_too_short_for_all_parts_is_told():
    assert LONG.of(MESSAGE, 1, 150).shape == (1, 2, 3)
    with pytest.raises(InputError, match=r"6 bits takes 2 pieces of 100 samples.*149 samples hold 1: shorten"):
        LONG.of(MESSAGE, 1, 149)
    assert MessageParts(Chunking(100, 0), 1, 6).of(MESSAGE, 1, 20).shape == (1, 1, 6)
