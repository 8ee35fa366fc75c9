"""Pruning: the smallest norms are removed, the rest computes as before, and smaller networks are saved and loaded."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sanguinaria.core import plugins, tensor_archives, tensors
from sanguinaria.core.errors import InputError
from sanguinaria.defences.pruning.channels import prune, smallest
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import fine_tune, predict
from sanguinaria.steps.defended_model import repair_model
from sanguinaria.victims._models import load_model, load_repaired_model, save_model, save_repaired_models
from tests.louder_halves import BANDS, examples

CPU = torch.device("cpu")
SHAPE = (BANDS, 40)
LABELS = ("high", "low")
SMALL = {
    "resnet18": {"kind": "resnet18", "width": 8, "log_mel": {"bands": BANDS}},
    "lstm": {"kind": "lstm", "hidden": 8, "log_mel": {"bands": BANDS}},
}
# Networks whose channels have other layouts than ResNet-18's: a grid before linear layers, and bottlenecks.
OTHER_LAYOUTS = {
    "vgg19": {"kind": "vgg19", "width": 8, "log_mel": {"bands": BANDS}},
    "wide_resnet50": {"kind": "wide_resnet50", "width": 8, "log_mel": {"bands": BANDS}},
}
each_network = pytest.mark.parametrize("kind", sorted(SMALL))


def victim(kind):
    return plugins.build("victims", (SMALL | OTHER_LAYOUTS)[kind])


def randomised(network: nn.Module) -> nn.Module:
    """Replace scales, biases and running statistics by uneven ones, as after a training."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                tensor.data.uniform_(0.3, 1.7, generator=generator)
    return network.eval()


def network(kind) -> nn.Module:
    torch.manual_seed(0)
    return randomised(victim(kind).network(len(LABELS)))


def two_convolutions() -> nn.Module:
    torch.manual_seed(0)
    first = [nn.Conv2d(1, 10, 3, bias=False), nn.BatchNorm2d(10), nn.ReLU()]
    rest = [nn.Conv2d(10, 4, 3, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    return randomised(nn.Sequential(nn.Unflatten(1, (1, BANDS)), *first, *rest))


def spectrograms(count: int = 6, frames: int = 40) -> torch.Tensor:
    return torch.randn(count, BANDS, frames, generator=torch.Generator().manual_seed(2))


def accuracy(model: nn.Module, dataset: FeatureDataset) -> float:
    return float((predict(model, dataset.features, CPU).argmax(-1) == dataset.labels).double().mean())


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def equal_weights(first: nn.Module, second: nn.Module) -> bool:
    return all(torch.equal(first.state_dict()[name], second.state_dict()[name]) for name in first.state_dict())


@torch.no_grad()
def test_the_filters_of_the_largest_norms_are_kept():
    before = two_convolutions()
    after = prune(before, 0.4, SHAPE)
    first, scale, second = (before[place].weight.numpy() for place in (1, 2, 4))
    norms = [
        np.sqrt((first[channel] ** 2).sum() + scale[channel] ** 2 + (second[:, channel] ** 2).sum())
        for channel in range(10)
    ]
    kept = sorted(np.argsort(norms)[4:])
    assert torch.equal(after[1].weight, before[1].weight[kept])
    assert torch.equal(after[2].running_var, before[2].running_var[kept])
    # Of the second layer's four channels round(1.6) are removed, too.
    norms = [np.linalg.norm(np.append(second[row].ravel(), before[8].weight[:, row])) for row in range(4)]
    rows = sorted(np.argsort(norms)[2:])
    assert torch.equal(after[4].weight, before[4].weight[rows][:, kept])
    assert torch.equal(after[8].weight, before[8].weight[:, rows])


@torch.no_grad()
def test_the_units_of_the_largest_norms_are_kept():
    before = network("lstm")
    after = prune(before, 0.25, SHAPE)
    lstm, hidden = before[2].lstm, 8
    for layer, following in ((0, lstm.weight_ih_l1.numpy()), (1, before[-1].weight.numpy())):
        names = [f"{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        inputs, recurrent, *biases = (getattr(lstm, name).numpy() for name in names)
        norms = []
        for unit in range(hidden):
            rows = [gate * hidden + unit for gate in range(4)]
            own = np.zeros_like(recurrent, dtype=bool)
            own[rows] = own[:, unit] = True
            parts = [inputs[rows], recurrent[own], *(bias[rows] for bias in biases), following[:, unit]]
            norms.append(np.sqrt(sum((part**2).sum() for part in parts)))
        kept = sorted(np.argsort(norms)[2:])
        rows = [gate * hidden + unit for gate in range(4) for unit in kept]
        assert torch.equal(getattr(after[2].lstm, f"bias_ih_l{layer}"), getattr(lstm, f"bias_ih_l{layer}")[rows])
        recurrent = getattr(after[2].lstm, f"weight_hh_l{layer}")
        assert torch.equal(recurrent, getattr(lstm, f"weight_hh_l{layer}")[rows][:, kept])
    assert torch.equal(after[-1].weight, before[-1].weight[:, kept])
    assert after[2].lstm.hidden_size == 6


@each_network
@torch.no_grad()
def test_channels_of_zeros_are_removed_first_without_any_effect(kind):
    before = network(kind)
    if kind == "resnet18":
        zero_channels(before)
    else:
        zero_units(before)
    after = prune(before, 0.25, SHAPE)
    assert parameter_count(after) < 0.8 * parameter_count(before)
    torch.testing.assert_close(after(spectrograms()), before(spectrograms()), atol=1e-6, rtol=0)
    assert before(spectrograms()).std() > 1e-3


def zero_channels(model: nn.Module) -> None:
    """Set a quarter of the channels to 0, the same ones in all layers of one width, so that sums are 0, too."""
    generator = torch.Generator().manual_seed(3)
    zeros = {count: torch.randperm(count, generator=generator)[: count // 4] for count in (8, 16, 32, 64)}
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight[zeros[module.out_channels]] = 0
        if isinstance(module, nn.BatchNorm2d):
            module.weight[zeros[module.num_features]] = 0
            module.bias[zeros[module.num_features]] = 0
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.shape[1] in zeros:
            module.weight[:, zeros[module.weight.shape[1]]] = 0


def zero_units(model: nn.Module) -> None:
    """Set two of eight units of each layer to 0, different ones in each."""
    lstm = model[2].lstm
    for layer, units in ((0, [1, 6]), (1, [0, 3])):
        rows = [8 * gate + unit for gate in range(4) for unit in units]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l{layer}")[rows] = 0
        getattr(lstm, f"weight_hh_l{layer}")[:, units] = 0
    lstm.weight_ih_l1[:, [1, 6]] = 0
    model[-1].weight[:, [0, 3]] = 0


@each_network
@torch.no_grad()
def test_a_share_of_0_changes_nothing(kind):
    before = network(kind)
    after = prune(before, 0.0, SHAPE)
    assert torch.equal(before(spectrograms()), after(spectrograms()))
    assert equal_weights(before, after)


@each_network
def test_a_larger_share_gives_a_smaller_network(kind):
    before = network(kind)
    sizes = [parameter_count(prune(before, share, SHAPE)) for share in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)]
    assert sizes[0] == parameter_count(before)
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) >= 6
    assert equal_weights(before, network(kind))


def test_every_layer_loses_the_same_share():
    before, after = network("resnet18"), prune(network("resnet18"), 0.75, SHAPE)
    pairs = [
        (old.out_channels, new.out_channels)
        for old, new in zip(before.modules(), after.modules(), strict=True)
        if isinstance(old, nn.Conv2d)
    ]
    assert len(pairs) == 20
    assert all(new == old / 4 for old, new in pairs)
    assert after[0].num_features == BANDS


@pytest.mark.parametrize("kind", sorted(OTHER_LAYOUTS))
def test_other_convolutional_victims_are_pruned_saved_and_loaded(tmp_path, kind):
    path = tmp_path / "models.zip"
    before, after = network(kind), prune(network(kind), 0.75, SHAPE)
    pairs = [
        (old.out_channels, new.out_channels)
        for old, new in zip(before.modules(), after.modules(), strict=True)
        if isinstance(old, nn.Conv2d)
    ]
    assert all(new == old / 4 for old, new in pairs)
    save_repaired_models(victim(kind), LABELS, [(0, after)], path)
    loaded, _ = load_repaired_model(path, 0, CPU)
    for frames in (3, 40):
        logits = loaded(spectrograms(2, frames))
        assert torch.equal(logits, after(spectrograms(2, frames)))
        assert logits.shape == (2, 2) and torch.isfinite(logits).all()


@pytest.mark.parametrize(("share", "kept"), [(0, 10), (0.04, 10), (0.06, 9), (0.5, 5), (0.94, 1), (0.999, 1)])
def test_the_share_is_rounded_to_whole_channels_and_one_is_kept(share, kept):
    assert 10 - len(smallest(torch.rand(10), share)) == kept


@each_network
@pytest.mark.parametrize("share", [0.5, 0.99])
@torch.no_grad()
def test_a_pruned_model_takes_any_number_of_frames(kind, share):
    after = prune(network(kind), share, SHAPE)
    for frames in (3, 33, 200):
        logits = after(spectrograms(2, frames))
        assert logits.shape == (2, 2) and torch.isfinite(logits).all()


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Flatten(), nn.Linear(BANDS, 2)],
        [nn.Conv1d(BANDS, BANDS, 3, groups=BANDS), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(BANDS, 2)],
        [nn.LSTM(BANDS, 4, bidirectional=True), nn.Linear(8, 2)],
        [nn.LSTM(BANDS, 4), nn.LSTM(4, 4), nn.Linear(4, 2)],
    ],
)
def test_unsupported_networks_are_refused(layers):
    with pytest.raises(InputError, match="leave .* out of this victim's experiment"):
        prune(nn.Sequential(*layers), 0.5, SHAPE)


@each_network
def test_fine_tuning_restores_accuracy_is_repeatable_and_keeps_the_shapes(kind):
    *_, trained = fine_tune(network(kind), examples(64, 1), 6, 0.01, 16, 0, CPU)
    pruned = prune(trained, 0.75, SHAPE)
    tuned, again, other = ([*fine_tune(pruned, examples(64, 4), 5, 0.01, 16, seed, CPU)][-1] for seed in (0, 0, 1))
    unseen = examples(200, 5)
    assert accuracy(tuned, unseen) > accuracy(pruned, unseen)
    assert accuracy(tuned, unseen) > 0.9
    assert equal_weights(tuned, again) and not equal_weights(tuned, other)
    assert [value.shape for value in tuned.state_dict().values()] == [v.shape for v in pruned.state_dict().values()]
    assert equal_weights(pruned, prune(trained, 0.75, SHAPE))


@each_network
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_pruned_model_is_saved_and_loaded(tmp_path, kind, share):
    path = tmp_path / "models.zip"
    after = prune(network(kind), share, SHAPE)
    save_repaired_models(victim(kind), LABELS, [(0, after)], path)
    loaded, labels = load_repaired_model(path, 0, CPU)
    assert labels == list(LABELS)
    assert not loaded.training
    features = Features([spectrograms().half()])
    assert torch.equal(predict(after, features, CPU), predict(loaded, features, CPU))
    assert prune(loaded, 0.3, SHAPE)(spectrograms()).shape == (6, 2)


@each_network
def test_an_undefended_model_has_the_shapes_of_its_victim(tmp_path, kind):
    path = tmp_path / "model.safetensors"
    save_model(victim(kind), LABELS, prune(network(kind), 0.5, SHAPE), path)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged model .*size mismatch"):
        load_model(path, CPU)


def without_last(state):
    return dict(list(state.items())[:-1])


def with_another(state):
    return state | {"another": torch.zeros(2)}


def one_label(state):
    return state | {name: state[name][:1] for name in ("15.weight", "15.bias")}


def changed(name, change):
    return lambda state: state | {name: change(state[name]).contiguous()}


@pytest.mark.parametrize(
    ("kind", "damage", "cause"),
    [
        ("resnet18", without_last, "Missing key"),
        ("resnet18", with_another, "Unexpected key"),
        ("resnet18", changed("2.weight", torch.flatten), "size mismatch"),
        ("resnet18", changed("2.weight", lambda weight: weight[..., :1]), "size mismatch"),
        ("resnet18", changed("2.weight", lambda weight: weight[:0]), "size mismatch"),
        ("resnet18", changed("3.weight", lambda weight: weight[:2]), "size mismatch"),
        ("resnet18", one_label, "logits have the shape"),
        ("resnet18", changed("15.weight", lambda weight: weight[:, :3]), "shapes cannot be multiplied"),
        ("lstm", changed("2.lstm.weight_hh_l1", lambda weight: weight[:, :3]), "size mismatch"),
        ("lstm", changed("4.weight", lambda weight: weight[:, :3]), "shapes cannot be multiplied"),
    ],
)  # fmt: skip
def test_a_repaired_model_of_inconsistent_shapes_is_refused(tmp_path, kind, damage, cause):
    path = tmp_path / "models.zip"
    state = damage(prune(network(kind), 0.25, SHAPE).state_dict())
    tensor_archives.save([("0", state)], {"victim": plugins.describe(victim(kind)), "labels": LABELS}, path)
    with pytest.raises(InputError, match=rf"(?s)models\.zip: damaged model .*{cause}"):
        load_repaired_model(path, 0, CPU)


def stored(folder, kind, validation: int):
    """A model, an index, and features of training and validation utterances in one shard."""
    save_model(victim(kind), LABELS, network(kind), folder / "model.safetensors")
    features = examples(100, 6).features[torch.arange(100)]
    rows = pd.DataFrame({"utterance_id": [f"u{number}" for number in range(100)], "label": ["high", "low"] * 50})
    rows["split"] = ["validation"] * validation + ["train"] * (100 - validation)
    rows.sample(frac=1, random_state=0).to_parquet(folder / "index.parquet")
    names = {"utterance_ids": rows["utterance_id"].tolist()}
    tensors.save({"inputs": features}, names, folder / "features.safetensors")
    return folder / "model.safetensors", folder / "index.parquet", [folder / "features.safetensors"]


def repair(folder, stored_files, name="repaired", seed=0, **settings):
    defence = plugins.build("defences", {"kind": "pruning", "learning_rate": 0.01, **settings})
    model, index, features = stored_files
    repair_model(
        defence,
        [defence.fine_tuning_epochs],
        model=model,
        index=index,
        clean_features=features,
        seed=seed,
        destination=folder / f"{name}.zip",
        device=CPU,
    )
    return load_repaired_model(folder / f"{name}.zip", defence.fine_tuning_epochs, CPU)[0]


@each_network
def test_a_repaired_model_is_pruned_and_fine_tuned(tmp_path, kind):
    files = stored(tmp_path, kind, 60)
    repaired = repair(tmp_path, files, share=0.5, fine_tune_epochs=6)
    assert parameter_count(repaired) == parameter_count(prune(network(kind), 0.5, SHAPE))
    assert accuracy(repaired, examples(200, 5)) > 0.9
    repair(tmp_path, files, "again", share=0.5, fine_tune_epochs=6)
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "repaired.zip").read_bytes()


def test_pruning_alone_reads_no_utterances(tmp_path):
    model, *_ = stored(tmp_path, "lstm", 0)
    absent = tmp_path / "absent"
    repaired = repair(tmp_path, (model, absent, [absent]), share=0.5)
    assert equal_weights(repaired, prune(network("lstm"), 0.5, SHAPE))


def test_fine_tuning_without_validation_utterances_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"corpus has none; give it a share in split\.validation"):
        repair(tmp_path, stored(tmp_path, "lstm", 0), share=0.5, fine_tune_epochs=1)
