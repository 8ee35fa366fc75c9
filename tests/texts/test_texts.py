"""Text extractors and embedders."""

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


def test_hashed_embeddings_of_similar_texts_are_similar():
    texts = ["stop", "Stop ", "stopped", "yes", ""]
    embeddings = embedded(texts)
    assert embeddings.shape == (5, 768)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.tensor([1.0, 1, 1, 1, 0]))
    similarity = embeddings @ embeddings.T
    assert torch.equal(embeddings[0], embeddings[1])
    assert 0.3 < similarity[0, 2] < 0.9 and abs(similarity[0, 3]) < 0.2
    # An embedding depends on its text alone: networks that are trained with it are saved.
    assert torch.equal(embedded(texts[::-1]).flip(0), embeddings)
    assert embedded(["no"], size=16).nonzero().shape[0] > 0
    with pytest.raises(ValueError, match="maximum_length"):
        plugins.build("embedders", {"kind": "hashed", "minimum_length": 3, "maximum_length": 2})


def test_pocketsphinx_recognises_a_synthetic_speaker():
    from sanguinaria.corpora.synthetic import Synthetic

    spoken = Synthetic(voices=4)
    recordings = {recording.label: recording for recording in spoken.recordings()}
    words = [word for word in ("yes", "left", "stop", "right") if word in recordings]
    audio = []
    for word in words:
        samples, rate, _ = spoken.read(recordings[word].source)
        audio.append(torch.nn.functional.pad(torch.from_numpy(samples[:, 0]), (4000, 40_000))[:32_000])
    batch = torch.stack(audio).float()
    recognised = extracted("pocketsphinx", batch, [""] * len(words), words=words)
    assert sum(first == second for first, second in zip(recognised, words, strict=True)) >= len(words) // 2
    # Recognition does not depend on earlier utterances, and returns a text for non-finite audio, too.
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
def test_an_absent_or_wrong_model_is_reported_with_its_place(room, kind, published, tmp_path):
    plugin = plugins.build(room, {"kind": kind, "path": str(tmp_path)})
    load = (lambda: plugin.extractor(RATE, CPU)) if room == "texts" else (lambda: plugin.embedder(CPU))
    with pytest.raises(InputError, match=rf"config.json is absent.*hf download {published} --local-dir"):
        load()
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="cannot be loaded from here"):
        load()


def test_a_small_whisper_transcribes(tmp_path):
    """Loading and decoding with a random model of the same kind; no text depends on the batch."""
    write_whisper(tmp_path)
    extract = plugins.build("texts", {"kind": "whisper", "path": str(tmp_path), "maximum_length": 8}).extractor(
        8000, CPU
    )
    audio = 0.1 * torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
    texts = extract(audio, [""] * 3)
    assert all(texts) and texts == [extract(audio[[row]], [""])[0] for row in range(3)]


CHAT_TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


def test_a_small_qwen_audio_answers(tmp_path):
    """Prompt, loading and decoding with a random model of the same kind."""
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
    special_tokens = ["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special_tokens})
    Qwen2AudioProcessor(
        WhisperFeatureExtractor(feature_size=80), tokenizer, chat_template=CHAT_TEMPLATE
    ).save_pretrained(tmp_path)
    audio_sizes = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16}
    text_sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "vocab_size": len(tokenizer)}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    Qwen2AudioForConditionalGeneration(
        Qwen2AudioConfig(
            audio_config={**audio_sizes, "num_mel_bins": 80},
            text_config={"model_type": "qwen2", **text_sizes, **heads},
            audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
        )
    ).save_pretrained(tmp_path)
    settings = {"path": str(tmp_path), "maximum_length": 6, "prompt": "What is said?"}
    texts = extracted("qwen_audio", **settings)
    assert len(texts) == 2 and all(isinstance(text, str) for text in texts) and any(texts)
    assert extracted("qwen_audio", AUDIO[1:], ["no"], **settings) == texts[1:]


def test_a_small_deberta_embeds(tmp_path):
    """Loading and pooling with a random model of the same kind."""
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
    embeddings = plugin.embedder(CPU)(["yes", "", "no stop yes"])
    assert embeddings.shape == (3, 16) and (embeddings[1] == 0).all() and (embeddings[[0, 2]] != 0).all()
    # Padding has no effect.
    torch.testing.assert_close(plugin.embedder(CPU)(["yes"])[0], embeddings[0], atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="have 16 dimensions"):
        plugins.build("embedders", {"kind": "deberta_v3", "path": str(tmp_path)}).embedder(CPU)
