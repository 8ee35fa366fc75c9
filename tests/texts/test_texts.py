"""What is said: extractors and embedders."""

import pytest
import torch
from tiny_whisper import write_whisper
from toy_speech import RATE

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError

CPU = torch.device("cpu")
AUDIO = 0.1 * torch.randn(2, 4000)


def extracted(kind: str, audio=AUDIO, labels=("yes", "no"), **settings) -> list[str]:
    return plugins.build("texts", {"kind": kind, **settings}).extractor(RATE, CPU)(audio, labels)


def embedded(texts, **settings) -> torch.Tensor:
    return plugins.build("embedders", {"kind": "hashed", **settings}).embedder(CPU)(texts)


def test_a_transcript_is_the_label_and_none_is_empty():
    assert extracted("transcript") == ["yes", "no"]
    assert extracted("none") == ["", ""]


def test_hashed_texts_are_near_where_they_share_parts():
    texts = ["stop", "Stop ", "stopped", "yes", ""]
    found = embedded(texts)
    assert found.shape == (5, 768)
    torch.testing.assert_close(found.norm(dim=-1), torch.tensor([1.0, 1, 1, 1, 0]))
    likeness = found @ found.T
    assert torch.equal(found[0], found[1])
    assert 0.3 < likeness[0, 2] < 0.9 and abs(likeness[0, 3]) < 0.2
    # It depends on the text alone, and is what it was: its weights are kept on disk.
    assert torch.equal(embedded(texts[::-1]).flip(0), found)
    assert embedded(["no"], size=16).nonzero().shape[0] > 0
    with pytest.raises(ValueError, match="longest"):
        plugins.build("embedders", {"kind": "hashed", "shortest": 3, "longest": 2})


def test_pocketsphinx_understands_a_synthetic_speaker():
    from sanguinaria.corpora.synthetic import Synthetic

    spoken = Synthetic(voices=4)
    recordings = {recording.label: recording for recording in spoken.recordings()}
    words = [word for word in ("yes", "left", "stop", "right") if word in recordings]
    audio = []
    for word in words:
        samples, rate, _ = spoken.read(recordings[word].source)
        audio.append(torch.nn.functional.pad(torch.from_numpy(samples[:, 0]), (4000, 40_000))[:32_000])
    batch = torch.stack(audio).float()
    heard = extracted("pocketsphinx", batch, [""] * len(words), words=words)
    assert sum(first == second for first, second in zip(heard, words, strict=True)) >= len(words) // 2
    # An utterance is understood alike whatever was heard before it, and what is no audio is understood as something.
    extract = plugins.build("texts", {"kind": "pocketsphinx", "words": words}).extractor(rate, CPU)
    assert [extract(row[None], [""])[0] for row in batch.flip(0)] == extract(batch, [""] * len(words))[::-1]
    assert len(extract(torch.full((1, 16000), float("nan")), [""])) == 1
    with pytest.raises(InputError, match="dictionary has no 'qxzzy'"):
        plugins.build("texts", {"kind": "pocketsphinx", "words": ["qxzzy"]}).extractor(RATE, CPU)


@pytest.mark.parametrize(
    ("room", "kind", "published"),
    [
        ("texts", "whisper", "openai/whisper-base"),
        ("texts", "qwen_audio", "Qwen/Qwen2-Audio-7B-Instruct"),
        ("embedders", "deberta_v3", "microsoft/deberta-v3-base"),
    ],
)
def test_a_model_that_is_absent_or_another_is_told_with_its_place(room, kind, published, tmp_path):
    plugin = plugins.build(room, {"kind": kind, "path": str(tmp_path)})
    load = (lambda: plugin.extractor(RATE, CPU)) if room == "texts" else (lambda: plugin.embedder(CPU))
    with pytest.raises(InputError, match=rf"config.json is absent.*hf download {published} --local-dir"):
        load()
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="cannot be loaded from here"):
        load()


def test_a_small_whisper_writes(tmp_path):
    """The loading and the decoding, with a random model of the same kind; nothing depends on the batch."""
    write_whisper(tmp_path)
    extract = plugins.build("texts", {"kind": "whisper", "path": str(tmp_path), "longest": 8}).extractor(8000, CPU)
    audio = 0.1 * torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
    found = extract(audio, [""] * 3)
    assert all(found) and found == [extract(audio[[row]], [""])[0] for row in range(3)]


QUESTION = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


def test_a_small_qwen_audio_answers(tmp_path):
    """The question, the loading and the decoding, with a random model of the same kind."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        Qwen2Tokenizer,
        WhisperFeatureExtractor,
    )

    letters = {letter: place for place, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Qwen2Tokenizer(vocab=letters, merges=[])
    marks = ["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    Qwen2AudioProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer, chat_template=QUESTION).save_pretrained(
        tmp_path
    )
    hearing = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16}
    speaking = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "vocab_size": len(tokenizer)}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    Qwen2AudioForConditionalGeneration(
        Qwen2AudioConfig(
            audio_config={**hearing, "num_mel_bins": 80},
            text_config={"model_type": "qwen2", **speaking, **heads},
            audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
        )
    ).save_pretrained(tmp_path)
    found = extracted("qwen_audio", path=str(tmp_path), longest=6, prompt="What is said?")
    assert len(found) == 2 and all(isinstance(text, str) for text in found) and any(found)
    assert (
        extracted("qwen_audio", AUDIO[1:], ["no"], path=str(tmp_path), longest=6, prompt="What is said?") == found[1:]
    )


def test_a_small_deberta_embeds(tmp_path):
    """The loading and the pooling, with a random model of the same kind."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import DebertaV2Config, DebertaV2Model, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "yes", "no", "stop"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(tmp_path)
    config = DebertaV2Config(
        vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, pad_token_id=0
    )
    DebertaV2Model(config).save_pretrained(tmp_path)
    plugin = plugins.build("embedders", {"kind": "deberta_v3", "path": str(tmp_path), "size": 16})
    found = plugin.embedder(CPU)(["yes", "", "no stop yes"])
    assert found.shape == (3, 16) and (found[1] == 0).all() and (found[[0, 2]] != 0).all()
    # Padding has no say.
    torch.testing.assert_close(plugin.embedder(CPU)(["yes"])[0], found[0], atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="have 16 numbers"):
        plugins.build("embedders", {"kind": "deberta_v3", "path": str(tmp_path)}).embedder(CPU)
