"""The harness refuses plug-ins that break a promise, in every room, and passes those of the project."""

import re
from pathlib import Path

import pytest

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.plan.checks import Check
from sanguinaria.plan.sections import ROOMS
from sanguinaria.steps.promises import CHECKS, LEFT_TO_JOBS, check_plugin
from sanguinaria.workflow.configuration_files import merged

ROOT = Path(__file__).parents[2]
RATE, LENGTH = 16_000, 4_000

# By room, a plug-in that keeps its promises; `RESULT` is replaced by an expression of the arguments.
TEMPLATES = {
    "triggers": """
from sanguinaria.triggers import Trigger
class Mine(Trigger):
    def embedder(self, sample_rate, device, weights):
        def embed(x):
            return RESULT
        return embed
""",
    "detectors": """
from sanguinaria.triggers import Trigger
class Mine(Trigger):
    has_detector = property(lambda self: True)
    def embedder(self, sample_rate, device, weights):
        return lambda x: 0.5 * x
    def detector(self, sample_rate, device, weights):
        def detect(x):
            return RESULT
        return detect
""",
    "conversions": """
from sanguinaria.conversions import Conversion
class Mine(Conversion):
    def converter(self, target, sample_rate, device):
        def convert(x):
            return RESULT
        return convert
""",
    "defences": """
from sanguinaria.defences import Defence
class Mine(Defence):
    def transform(self, sample_rate, device):
        def defend(x):
            return RESULT
        return defend
""",
    "repairs": """
import copy
from typing import ClassVar
from sanguinaria.defences import Defence
class Mine(Defence):
    acts_on: ClassVar[str] = "model"
    def repair(self, network, held_out, seed, device):
        x = copy.deepcopy(network)
        RESULT
""",
    "distortions": """
from sanguinaria.distortions import Distortion
class Mine(Distortion):
    def apply(self, x, sample_rate, generator):
        return RESULT
""",
    "watermarks": """
from sanguinaria.watermarks import Detection, Marker, Watermark
class Loaded(Marker):
    def watermark(self, x, message):
        return RESULT
    def detect(self, x):
        return Detection(x.abs().mean(1), x[:, :2].abs())
class Mine(Watermark):
    message_bits = property(lambda self: 2)
    def obtain(self, sources=None):
        return {}
    def load(self, weights, sample_rate, device, key=None):
        return Loaded()
""",
    "adversaries": """
from sanguinaria.adversaries import Adversary
class Mine(Adversary):
    def perturb(self, x, objective, seed):
        return RESULT
""",
    "front_ends": """
from sanguinaria.front_ends import FrontEnd
class Mine(FrontEnd):
    dummy_input_shape = property(lambda self: (4, 100))
    def transform(self, sample_rate, device):
        def features(x):
            return RESULT
        return features
""",
    "texts": """
from sanguinaria.texts import TextExtractor
class Mine(TextExtractor):
    def extractor(self, sample_rate, device):
        def extract(x, labels):
            return RESULT
        return extract
""",
    "embedders": """
from sanguinaria.embedders import Embedder
class Mine(Embedder):
    size: int = 3
    def embedder(self, device):
        def embed(x):
            counts = torch.tensor([[float(len(text)), 1.0, 2.0] for text in x])
            counts = counts * (counts[:, :1] > 0)
            return RESULT
        return embed
""",
    "metrics": """
from sanguinaria.metrics import Metric, Unscorable
class Mine(Metric):
    def score(self, x, degraded, sample_rate):
        return RESULT
""",
    "victims": """
from sanguinaria.victims import WaveformVictim
class Mine(WaveformVictim):
    def network(self, labels):
        pool = nn.AdaptiveAvgPool1d(1), nn.Flatten()
        x = nn.Sequential(nn.Conv1d(1, 4, 9), nn.BatchNorm1d(4), *pool, nn.Linear(4, labels))
        return RESULT
""",
}
HEADER = "import math\nimport random\nimport numpy as np\nimport torch\nfrom torch import nn\n"
ROOM_OF = {"detectors": "triggers", "repairs": "defences"}
GOOD = {
    "triggers": "0.5 * x",
    "detectors": "(x.abs().mean(1), x[:, :0])",
    "conversions": "0.5 * x",
    "defences": "0.5 * x",
    "repairs": "yield x",
    "distortions": "0.5 * x",
    "watermarks": "0.1 * x",
    "adversaries": "(0.5 * x, [''] * len(x))",
    "front_ends": "x.reshape(len(x), 4, -1)",
    "texts": "labels",
    "embedders": "counts",
    "metrics": "float(abs(x - degraded).mean())",
    "victims": "x",
}
# Functions of waveforms that break a promise, by the words of the message.
WAVEFORMS = [
    ("x[:, :-10]", r"returned \(\d, 3990\) for \(\d, 4000\): it has to keep the shape"),
    ("x[:, 1:]", r"returned \(\d, 3999\) for \(\d, 4000\)"),
    ("x[:1]", r"returned \(1, 4000\) for \(\d, 4000\)"),
    ("x[:, None]", r"returned \(\d, 1, 4000\)"),
    ("x.double()", r"returned torch\.float64: it has to return torch\.float32"),
    ("(x * 32767).short()", r"returned torch\.int16"),
    ("x.numpy()", "returned ndarray: it has to return a torch.Tensor"),
    ("None", "returned NoneType"),
    ("x * math.nan", "samples are not finite in"),
    ("x / (x - x)", "samples are not finite in"),
    ("x * x.abs().max()", "utterances? in (another order|a batch and by itself) differ"),
    ("x - x.mean(0)", "an utterance in a batch and by itself differ"),
    ("x + 0.1 * torch.rand_like(x)", "two calls with the same input differ"),
    ("x + 0.1 * random.random()", "two calls with the same input differ"),
    ("x + 0.1 * np.random.rand()", "two calls with the same input differ"),
    ("x + 0.01 * torch.arange(len(x))[:, None]", "utterances in another order differ"),
    ("x.mul_(0.5)", "changed its input in place"),
    ("x @ x", r", line \d+: RuntimeError: mat1 and mat2"),
    ("undefined", r", line \d+: NameError: name 'undefined' is not defined"),
    ("exit(0)", r", line \d+: SystemExit: 0"),
]
LOUD = ("32768 * x", r"returned samples up to ±16384: audio is in \[-1, 1\]")
SILENT = ("x / x.abs().amax(1, keepdim=True)", "samples are not finite in 1 utterances, a silent one first")
UNCHANGED = [
    ("x", "left all test utterances as they are, at 16 bits"),
    ("x + 1e-6", "left all test utterances as they are, at 16 bits"),
]
BROKEN = {
    "triggers": [*WAVEFORMS, LOUD, SILENT, *UNCHANGED],
    "conversions": WAVEFORMS,
    "defences": [*WAVEFORMS, LOUD, SILENT],
    "distortions": [
        *[case for case in WAVEFORMS if "keep the shape" not in case[1] and "3999" not in case[1]],
        LOUD,
        ("x + torch.rand(x.shape)", "two calls with the same input differ"),
        ("x + torch.rand(x.shape, generator=generator) * random.random()", "two calls with the same generator differ"),
    ],
    "watermarks": [
        ("0 * x", "left all test utterances as they are"),
        ("x[:, 1:]", "RuntimeError: The size of tensor"),
        ("x * math.nan", "samples are not finite"),
        ("0.1 * torch.rand_like(x)", "two calls with the same input differ"),
        ("x * x.abs().max()", "utterances? in (another order|a batch and by itself) differ"),
    ],
    "detectors": [
        ("x.abs().mean(1)", "the detector has to return a Detection, scores and bits"),
        ("(x.abs(), x[:, :0])", r"returned \(5, 4000\) as scores"),
        ("(2 + x.abs().mean(1), x[:, :0])", r"returned 2\.\d+ among scores and bits, which are in \[0, 1\]"),
        ("(x.abs().mean(1) * math.nan, x[:, :0])", "returned nan among scores and bits"),
        ("(torch.rand(len(x)), x[:, :0])", "two calls with the same input differ"),
        ("(x.abs().mean(1) / x.abs().max(), x[:, :0])", "utterances in another order|a batch and by itself"),
    ],
    "repairs": [
        ("return", "repair has to yield a network"),
        ("return network", "repair has to yield a network"),
        ("yield None", "repair has to yield a network"),
        ("yield network\n        network.load_state_dict({k: 0 * v for k, v in x.state_dict().items()})", "in place"),
        ("yield x\n        yield x", r"yielded 2 networks with 0 epochs: it has to yield 1"),
        ("yield x[:-1]", r"returned \(4, \d+\) as logits|TypeError|NotImplementedError|AttributeError"),
        ("yield x.requires_grad_(False).apply(lambda m: [p.mul_(math.nan) for p in m.parameters()])", "not finite"),
        (
            "yield x.requires_grad_(False).apply(lambda m: [p.mul_(random.random()) for p in m.parameters()])",
            "two repairs",
        ),
    ],
    "adversaries": [
        ("0.5 * x", "perturb has to return waveforms, and a message for each"),
        ("(0.5 * x, [])", "returned 0 texts for 5 utterances"),
        ("(0.5 * x, '')", "returned no list of texts"),
        ("(x[:, 1:], [''] * len(x))", "it has to keep the shape"),
        ("(x * math.inf, [''] * len(x))", "samples are not finite"),
        ("(3 * x, [''] * len(x))", r"returned samples up to ±1\.5"),
        ("(x + 0.1 * torch.randn(x.shape), [''] * len(x))", "two calls with the same input differ"),
        ("(x * x.abs().max(), [''] * len(x))", "utterances? in (another order|a batch and by itself) differ"),
    ],
    "front_ends": [
        ("x", r"returned \(5, 4000\) as features"),
        ("x.reshape(len(x), 5, -1)", r"it has to return \(5, 4, any\)"),
        ("x.reshape(len(x), 4, -1).long()", r"returned torch\.int64 as features"),
        ("1e6 * x.reshape(len(x), 4, -1)", "samples are not finite"),
        ("x.reshape(len(x), 4, -1).log()", "samples are not finite"),
        ("x.reshape(len(x), 4, -1) / x.std()", "utterances in another order|a batch and by itself"),
        ("x.reshape(len(x), 4, -1) + torch.rand(1)", "two calls with the same input differ"),
    ],
    "texts": [
        ("labels[1:]", "returned 1 texts for 2 utterances"),
        ("'left'", "returned no list of texts"),
        ("[None] * len(x)", "returned no list of texts"),
        ("None", "returned no list of texts"),
        ("[str(len(x))] * len(x)", "a batch and by itself differ"),
        ("[str(random.random()) for _ in x]", "two calls with the same input differ"),
    ],
    "embedders": [
        ("counts[:, :2]", r"returned \(4, 2\) as embeddings"),
        ("counts.long()", r"returned torch\.int64 as embeddings"),
        ("counts + 1", "the embedding of an empty text has to be all zeros"),
        ("counts / counts.norm(dim=1, keepdim=True)", "samples are not finite in 1 utterances, '' first"),
        ("counts / counts.max()", "utterances in another order|a batch and by itself"),
        ("counts * random.random()", "two calls with the same input differ"),
    ],
    "metrics": [
        ("None", "returned nan for each test utterance: it has to return a finite number, or to raise Unscorable"),
        ("math.nan", "returned nan for each test utterance"),
        ("-math.inf", "returned -inf for each test utterance"),
        ("'1.0'", "returned str: it has to return a number"),
        ("x - degraded", "returned ndarray: it has to return a number"),
        ("torch.tensor(1.0)", "returned Tensor: it has to return a number"),
        ("True", "returned bool: it has to return a number"),
        ("(1.0, 2.0)", "returned tuple: it has to return a number"),
        ("random.random()", "two calls with the same input differ"),
        ("1 / 0", r", line \d+: ZeroDivisionError: division by zero"),
    ],
    "victims": [
        ("None", r"returned NoneType: it has to return a torch\.nn\.Module"),
        ("x[:-1]", r"returned \(4, 4\) as logits \(utterances, labels\): it has to return \(4, 3\)"),
        ("nn.Sequential(x, nn.Linear(labels, labels + 1))", r"returned \(4, 4\) as logits"),
        ("nn.Sequential(x, nn.Softmax(0))", "utterances in another order|a batch and by itself"),
        ("nn.Sequential(x, nn.Flatten(0))", r"returned \(12,\) as logits"),
        ("x.requires_grad_(False)", "the network has no weights that are trained"),
        ("nn.Flatten()", "the network has no weights that are trained"),
        ("x.double()", "RuntimeError"),
        ("nn.Sequential(x, nn.Threshold(1e9, 0.0))", "all gradients of the loss are 0"),
        (
            "x.apply(lambda m: [p.data.add_(random.random()) for p in m.parameters()])",
            "two networks with the same seed differ",
        ),
    ],
}


def check(add_plugin, room: str, result: str) -> str:
    """Check the plug-in of a room whose result is an expression."""
    name = add_plugin(ROOM_OF.get(room, room), HEADER + TEMPLATES[room].replace("RESULT", result))
    return check_plugin(plugins.build(ROOM_OF.get(room, room), {"kind": name}), RATE, LENGTH)


@pytest.mark.parametrize("room", TEMPLATES)
def test_a_plug_in_that_keeps_its_promises_passes(add_plugin, room: str):
    assert check(add_plugin, room, GOOD[room]) == ""


@pytest.mark.parametrize(
    ("room", "result", "message"), [(room, *case) for room, cases in BROKEN.items() for case in cases]
)
def test_a_plug_in_that_breaks_a_promise_is_refused_by_its_file(add_plugin, room: str, result: str, message: str):
    with pytest.raises(InputError) as raised:
        check(add_plugin, room, result)
    folder = ROOM_OF.get(room, room)
    assert re.search(rf"^{folder}/mine_0\.py.*({message})", str(raised.value)), str(raised.value)


def test_every_room_is_checked_or_left_to_its_jobs():
    assert CHECKS.keys() | LEFT_TO_JOBS.keys() == {*ROOMS, "front_ends"}
    assert set(TEMPLATES) - set(ROOM_OF) == set(CHECKS)


def test_a_metric_that_is_undefined_for_the_test_utterances_passes(add_plugin):
    assert check(add_plugin, "metrics", "(_ for _ in ()).throw(Unscorable('no speech'))") == ""


def test_a_trained_watermark_is_left_to_its_job():
    settings = {"kind": "keyed_mask", "corpus": "speech"}
    assert check_plugin(plugins.build("watermarks", settings), RATE, LENGTH) == "it has to be trained first"


# Of the demonstration's configuration, as it is quick; `python -m sanguinaria plugins` checks those of any other.
ENTRIES = [
    (room, name, plugin)
    for room, entries in Check(merged([ROOT / "config.yaml"])).entries.items()
    for name, plugin in entries.items()
    if not plugin.references
]


@pytest.mark.parametrize(("room", "name", "plugin"), ENTRIES)
def test_plug_ins_of_the_project_keep_their_promises(room: str, name: str, plugin: plugins.Plugin):
    left = check_plugin(plugin, RATE, RATE)
    assert left == LEFT_TO_JOBS.get(room, "") or "could not be downloaded" in left
