"""FreeVC at a tiny size, from files in the published layouts: networks, conversion, and errors of other files."""

import re

import numpy as np
import pytest
import soundfile
import torch
from toy_speech import harmonic_tones
from transformers import WavLMConfig, WavLMModel

from sanguinaria.conversions.freevc import FreeVC
from sanguinaria.conversions.freevc.network import Flow, FreeVCNetwork, WaveNet
from sanguinaria.conversions.freevc.speaker_encoder import trim_silence
from sanguinaria.conversions.freevc.wavlm import content_features, load_wavlm
from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings
from sanguinaria.nn.ge2e import SpeakerEncoder, mel_energies, partial_starts
from sanguinaria.steps.target_speech import gather_from_file

CPU = torch.device("cpu")
RATE = 16_000
SIZES = {"channels": 8, "layers": 2, "decoder_channels": 32}
# As in the authors' checkpoint of WavLM-Large, but small.
CFG = {
    "extractor_mode": "layer_norm",
    "encoder_layers": 2,
    "encoder_embed_dim": 24,
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 2,
    "activation_fn": "gelu",
    "layer_norm_first": True,
    "conv_feature_layers": "[(16,10,5)] + [(16,3,2)] * 4 + [(16,2,2)] * 2",
    "conv_bias": False,
    "normalize": True,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "relative_position_embedding": True,
    "num_buckets": 32,
    "max_distance": 80,
    "gru_rel_pos": True,
}


def published_name(name):
    """A name in `transformers` as the authors of WavLM write it (WavLM.py and modules.py of their code)."""
    for ours, published in (
        ("feature_projection.layer_norm.", "layer_norm."),
        ("feature_projection.projection.", "post_extract_proj."),
        ("masked_spec_embed", "mask_emb"),
        ("pos_conv_embed.conv.parametrizations.weight.original0", "pos_conv.0.weight_g"),
        ("pos_conv_embed.conv.parametrizations.weight.original1", "pos_conv.0.weight_v"),
        ("pos_conv_embed.conv.", "pos_conv.0."),
        (".attention.gru_rel_pos_linear.", ".self_attn.grep_linear."),
        (".attention.gru_rel_pos_const", ".self_attn.grep_a"),
        (".attention.rel_attn_embed.", ".self_attn.relative_attention_bias."),
        (".attention.", ".self_attn."),
        (".feed_forward.intermediate_dense.", ".fc1."),
        (".feed_forward.output_dense.", ".fc2."),
    ):
        name = name.replace(ours, published)
    name = re.sub(r"(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm.", name)
    name = re.sub(r"(conv_layers\.\d+)\.conv\.", r"\1.0.", name)
    return re.sub(r"(conv_layers\.\d+)\.layer_norm\.", r"\1.2.1.", name)


def wavlm():
    torch.manual_seed(0)
    return WavLMModel(
        WavLMConfig(
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            do_stable_layer_norm=True,
            feat_extract_norm="layer",
            conv_dim=[16] * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
            num_buckets=32,
            max_bucket_distance=80,
        )
    ).eval()


def normalised_weights(state):
    """Weights in a training checkpoint's format: direction and norm apart, for FreeVC's normalised layers."""
    split = {}
    for name, tensor in state.items():
        layer = name.removesuffix(".weight")
        normalised = re.search(r"in_layers|res_skip_layers|cond_layer|dec\.ups|dec\.resblocks", name)
        if layer != name and normalised:
            split[f"{layer}.weight_g"] = tensor.flatten(1).norm(dim=1).reshape(-1, 1, 1)
            split[f"{layer}.weight_v"] = 3 * tensor
        else:
            split[name] = tensor
    return split


@pytest.fixture(scope="module")
def networks():
    source = wavlm()
    torch.manual_seed(1)
    return source, SpeakerEncoder(40, 12, 2, 10), FreeVCNetwork(features=24, speaker=10, **SIZES)


@pytest.fixture
def files(tmp_path, networks):
    """The three files in the published layouts."""
    source, speaker, network = networks
    names = {published_name(name): tensor for name, tensor in source.state_dict().items()}
    torch.save({"cfg": CFG, "model": names}, tmp_path / "wavlm.pt")
    trained = {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"step": 3, "model_state": {**speaker.state_dict(), **trained}}, tmp_path / "speaker.pt")
    posterior = {"enc_q.pre.weight": torch.zeros(8, 641, 1)}
    state = {**normalised_weights(network.state_dict()), **posterior}
    torch.save({"model": state, "iteration": 7, "optimizer": {}, "learning_rate": 2e-4}, tmp_path / "freevc.pth")
    return tmp_path


def freevc(files, **settings):
    paths = {"checkpoint": "freevc.pth", "wavlm": "wavlm.pt", "speaker_encoder": "speaker.pt"}
    given = {name: files / path for name, path in paths.items()} | SIZES | settings
    return plugins.build("conversions", {"kind": "freevc", **given})


def test_the_network_has_the_published_shapes():
    with torch.device("meta"):
        settings = FreeVC()
        network = FreeVCNetwork(
            features=1024,
            speaker=256,
            channels=settings.channels,
            layers=settings.layers,
            decoder_channels=settings.decoder_channels,
        )
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["enc_p.pre.weight"] == (192, 1024, 1) and shapes["enc_p.proj.weight"] == (384, 192, 1)
    assert shapes["enc_p.enc.in_layers.15.weight"] == (384, 192, 5)
    assert shapes["enc_p.enc.res_skip_layers.15.weight"] == (192, 192, 1)
    assert shapes["flow.flows.6.pre.weight"] == (192, 96, 1) and shapes["flow.flows.6.post.weight"] == (96, 192, 1)
    assert shapes["flow.flows.0.enc.cond_layer.weight"] == (1536, 256, 1)
    assert [shapes[f"dec.ups.{number}.weight"] for number in range(4)] == [
        (512, 256, 16),
        (256, 128, 16),
        (128, 64, 4),
        (64, 32, 4),
    ]
    assert shapes["dec.resblocks.11.convs2.2.weight"] == (32, 32, 11) and "dec.resblocks.12.convs1.0.bias" not in shapes
    assert shapes["dec.conv_post.weight"] == (1, 32, 7) and "dec.conv_post.bias" not in shapes
    assert shapes["dec.cond.weight"] == (512, 256, 1)


@torch.inference_mode()
def test_the_flow_is_inverted():
    torch.manual_seed(0)
    flow, latent, speaker = Flow(8, 6), torch.randn(2, 8, 30), torch.randn(2, 6, 1)
    # The forward flow, as VITS defines it: a coupling adds, and then the channels are reversed.
    hidden = latent
    for step in flow.flows[::2]:
        kept, moved = hidden[:, :4], hidden[:, 4:]
        hidden = torch.cat([kept, moved + step.post(step.enc(step.pre(kept), speaker))], 1).flip(1)
    assert (hidden - latent).abs().max() > 0.01
    torch.testing.assert_close(flow(hidden, speaker), latent, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_a_layer_of_the_wavenet_computes_its_equation():
    torch.manual_seed(0)
    network, signal = WaveNet(4, 1), torch.randn(1, 4, 9)
    weight, bias = network.in_layers[0].weight, network.in_layers[0].bias
    frame = torch.stack([(weight[row] * signal[0, :, 2:7]).sum() for row in range(8)]) + bias
    gated = torch.tanh(frame[:4]) * torch.sigmoid(frame[4:])
    outer = network.res_skip_layers[0]
    torch.testing.assert_close(network(signal)[0, :, 4], outer.weight[:, :, 0] @ gated + outer.bias)


@torch.inference_mode()
def test_content_features_are_those_of_the_published_network(files, networks):
    network, features = load_wavlm(files / "wavlm.pt")
    sound = harmonic_tones(2, RATE)
    content = content_features(network, sound)
    assert features == 24 and content.shape == (2, 24, 50)
    padded = torch.nn.functional.pad(sound, (0, 49 * 320 + 400 - RATE))
    torch.testing.assert_close(content, networks[0](padded).last_hidden_state.mT)


def test_partial_utterances_and_mel_energies_of_the_published_encoder():
    # 1.6 s every 77 frames of 10 ms; a last one counts if three quarters are there, and one is always there.
    assert partial_starts(RATE // 2) == [0]
    assert partial_starts(int(2.0 * RATE)) == [0, 77]
    assert partial_starts(int(2.2 * RATE)) == [0, 77]
    assert partial_starts(3 * RATE) == [0, 77, 154]
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE)
    mels = mel_energies(tone[None], 40, "reflect")[0]
    assert mels.shape == (101, 40)
    # Slaney's scale: 15 mels at 1 kHz, and 45.245 at 8 kHz, in 41 steps.
    assert mels[50].argmax() == round(15 / (45.245 / 41)) - 1


def test_silence_at_the_ends_is_trim_silence():
    sound = np.concatenate([np.zeros(8000), harmonic_tones(1, RATE)[0].numpy(), np.zeros(8000)]).astype(np.float32)
    speech = trim_silence(sound)
    assert RATE - 1024 <= len(speech) <= RATE + 4 * 1024
    assert np.abs(speech).sum() == pytest.approx(np.abs(sound).sum(), rel=0.02)


@torch.inference_mode()
def test_end_to_end(files, tmp_path, networks):
    speech = []
    for number, pitch in enumerate(harmonic_tones(2, 2 * RATE, seed=3).numpy()):
        soundfile.write(tmp_path / "voice.wav", pitch, RATE)
        speech.append(tmp_path / f"{number}.flac")
        gather_from_file(tmp_path / "voice.wav", 30, speech[-1])
    settings = {"kind": "voice_conversion", "conversion": as_settings(freevc(files)), "file": "voice.wav"}
    trigger = plugins.build("triggers", settings)
    assert trigger.has_network
    waveforms = harmonic_tones(3, RATE - 100, seed=5)
    first, other = (trigger.embedder(RATE, CPU, path)(waveforms) for path in speech)
    assert first.shape == waveforms.shape and first.isfinite().all()
    torch.testing.assert_close(first.square().mean(1), waveforms.square().mean(1), rtol=1e-3, atol=1e-8)
    assert (first - other).abs().max() > 1e-4
    torch.testing.assert_close(trigger.embedder(RATE, CPU, speech[0])(waveforms), first, atol=0, rtol=0)
    alone = torch.cat([trigger.embedder(RATE, CPU, speech[0])(row[None]) for row in waveforms])
    torch.testing.assert_close(alone, first, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_weight_normalisation_is_folded(files, networks):
    state = freevc(files)._network(24, 10).state_dict()
    for name, tensor in networks[2].state_dict().items():
        torch.testing.assert_close(state[name], tensor, msg=name)


def test_another_sample_rate_is_an_error(files):
    with pytest.raises(InputError, match="freevc: it converts audio at 16000 Hz, and the corpus has 8000 Hz"):
        freevc(files).converter(np.zeros(8000, np.float32), 8000, CPU)


FILES = ("checkpoint", "wavlm", "speaker_encoder")
NAMED = {"checkpoint": "freevc.pth", "wavlm": "WavLM-Large.pt", "speaker_encoder": "pretrained_bak_5805000.pt"}


def message(files, tmp_path, which, path):
    with pytest.raises(InputError) as error:
        freevc(files, **{which: path}).converter(harmonic_tones(1, RATE)[0].numpy(), RATE, CPU)
    assert str(path) in str(error.value) and NAMED[which] in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("which", FILES)
def test_a_missing_or_wrong_file_is_an_error_that_names_the_right_one(files, tmp_path, which):
    assert "no file" in message(files, tmp_path, which, tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    assert "cannot be read as a checkpoint" in message(files, tmp_path, which, tmp_path / "text.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    assert "holds no checkpoint but a list" in message(files, tmp_path, which, tmp_path / "list.pt")
    torch.save({"weights": {}}, tmp_path / "other.pt")
    assert "it holds weights" in message(files, tmp_path, which, tmp_path / "other.pt")


@pytest.mark.parametrize("which", FILES)
def test_weights_of_another_network_are_an_error(files, tmp_path, which):
    names = {"checkpoint": "model", "wavlm": "model", "speaker_encoder": "model_state"}
    other = {"cfg": CFG, names[which]: {"layer.weight": torch.ones(2)}}
    torch.save(other, tmp_path / "other.pt")
    assert "is absent, not (" in message(files, tmp_path, which, tmp_path / "other.pt")


def test_a_pickle_with_code_is_refused(files, tmp_path):
    class Harm:
        def __reduce__(self):
            return print, ("harm",)

    torch.save({"model": Harm()}, tmp_path / "harm.pt")
    assert "cannot be read as a checkpoint" in message(files, tmp_path, "checkpoint", tmp_path / "harm.pt")


def test_a_configuration_of_another_network_is_an_error(files, tmp_path):
    torch.save({"cfg": {"encoder_layers": 2}, "model": {}}, tmp_path / "other.pt")
    assert "its configuration is of another network" in message(files, tmp_path, "wavlm", tmp_path / "other.pt")


def test_the_fingerprint_depends_on_the_files(files):
    before = freevc(files).fingerprint()
    assert freevc(files).fingerprint() == before
    (files / "freevc.pth").write_bytes(b"other")
    assert freevc(files).fingerprint() != before
