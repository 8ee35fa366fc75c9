"""Suspect models: each way of asking gives the same answers, asks nothing twice, and fails with one clear error."""

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import soundfile
import torch

from sanguinaria.core.errors import InputError
from sanguinaria.front_ends.log_mel import LogMel
from sanguinaria.ownership.answers import ask, read_journal
from sanguinaria.ownership.suspects import Suspect
from sanguinaria.ownership.suspects._waveforms import AudioFormat
from sanguinaria.ownership.suspects.endpoint import WAITS, Endpoint
from sanguinaria.ownership.suspects.exported import Exported
from sanguinaria.ownership.suspects.function import Function
from sanguinaria.ownership.suspects.workflow_model import WorkflowModel
from sanguinaria.victims._models import save_model
from sanguinaria.victims.resnet18 import ResNet18

LABELS = ("high", "low")
AUDIO = AudioFormat(16000, 0.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("queries")
    time = np.arange(8000) / 16000
    for number in range(6):
        hertz = 3000 if number % 2 else 300
        soundfile.write(folder / f"q{number}.flac", 0.3 * np.sin(2 * np.pi * hertz * time), 16000)
    return {path.stem: path for path in sorted(folder.glob("*.flac"))}


class Counting(Suspect):
    """Answers the name of the query, and fails from a number of queries on."""

    batch_size = 2

    def __init__(self, limit: int = 99) -> None:
        self.asked, self.limit = [], limit

    def answer(self, files):
        if len(self.asked) + len(files) > self.limit:
            raise InputError("the model died")
        self.asked += [path.stem for path in files]
        return [path.stem for path in files]


def test_an_interrupted_verification_asks_nothing_twice(files, tmp_path):
    journal, first, second = tmp_path / "answers.jsonl", Counting(limit=4), Counting()
    with pytest.raises(InputError, match="the model died; 4 of 6 answers are kept"):
        ask(first, "m", files, journal)
    journal.write_bytes(journal.read_bytes() + b'{"query": "q5", "ans')  # a line that a crash cut off
    assert ask(second, "m", files, journal) == {name: name for name in files}
    assert first.asked + second.asked == sorted(files)
    assert ask(Counting(limit=0), "m", files, journal) == read_journal(journal, "m")
    with pytest.raises(InputError, match="the answers of m; give another folder"):
        ask(second, "other", files, journal)


def test_a_function_gets_waveforms(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suspect_of_test.py").write_text(
        "import numpy as np\n"
        "def labels(waveforms):\n"
        "    assert waveforms.shape[1] == 8000 and waveforms.dtype == np.float32\n"
        "    crossings = (np.diff(np.sign(waveforms)) != 0).sum(1)\n"
        "    return ['high' if count > 1000 else 'low' for count in crossings]\n"
        "def logits(waveforms):\n"
        "    return np.tile([[1.0, 0.0]], (len(waveforms), 1))\n"
        "def broken(waveforms):\n"
        "    return np.zeros((len(waveforms), 3))\n"
        "def raising(waveforms):\n"
        "    raise RuntimeError('no memory')\n"
    )
    paths = list(files.values())
    assert Function("suspect_of_test:labels", AUDIO, LABELS, False).answer(paths) == ["low", "high"] * 3
    (row, *_) = Function("suspect_of_test:logits", AUDIO, LABELS, True).answer(paths)
    assert row["high"] == pytest.approx(1 / (1 + np.exp(-1)))
    for name, message in (("broken", r"float64 \(6, 3\)"), ("raising", "raised RuntimeError: no memory")):
        with pytest.raises(InputError, match=message):
            Function(f"suspect_of_test:{name}", AUDIO, LABELS, False).answer(paths)
    with pytest.raises(InputError, match="no such function"):
        Function("suspect_of_test:absent", AUDIO, LABELS, False)


class LoudBand(torch.nn.Module):
    """Logits by the energy of the upper and the lower half of the bands."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        upper, lower = features[:, 40:].mean((1, 2)), features[:, :40].mean((1, 2))
        return torch.stack([upper, lower], 1)


def test_torch_script_is_behind_the_front_end(files, tmp_path):
    path = tmp_path / "model.pt"
    torch.jit.script(LoudBand()).save(str(path))
    answers = Exported(path, "log_mel", AUDIO, LABELS, True).answer(list(files.values()))
    assert [max(row, key=row.get) for row in answers] == ["low", "high"] * 3
    torch.jit.script(torch.nn.Linear(7, 2)).save(str(path))
    with pytest.raises(InputError, match=r"fails with features \(6, 80, 41\)"):
        Exported(path, "log_mel", AUDIO, LABELS, True).answer(list(files.values()))
    with pytest.raises(InputError, match="front end 'mfcc'"):
        Exported(path, "mfcc", AUDIO, LABELS, True)
    path.write_text("nothing")
    with pytest.raises(InputError, match="not a file of TorchScript"):
        Exported(path, "log_mel", AUDIO, LABELS, True)
    (tmp_path / "model.onnx").write_text("nothing")
    with pytest.raises(InputError, match="not a file of ONNX"):
        Exported(tmp_path / "model.onnx", "log_mel", AUDIO, LABELS, True)


def test_a_victim_is_asked_through_its_own_front_end(files, tmp_path):
    torch.manual_seed(0)
    victim = ResNet18(width=4, log_mel=LogMel(bands=40))
    network = victim.network(2).eval()
    save_model(victim, LABELS, network, tmp_path / "model.safetensors")
    answers = WorkflowModel(tmp_path / "model.safetensors", AUDIO).answer(list(files.values()))
    waveforms = torch.from_numpy(np.stack([soundfile.read(path, dtype="float32")[0] for path in files.values()]))
    with torch.inference_mode():
        features = victim.front_end.transform(16000, torch.device("cpu"))(waveforms)
        expected = torch.softmax(network(features), -1)
    assert [row["high"] for row in answers] == pytest.approx(expected[:, 0].tolist(), abs=2e-3)


class Server(BaseHTTPRequestHandler):
    """Answers by the frequency of the audio; its script lists statuses and contents that come before."""

    script: list = []  # noqa: RUF012
    seen: list = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(body["query"])
        samples, _ = soundfile.read(io.BytesIO(base64.b64decode(body["audio"])))
        label = "high" if (np.diff(np.sign(samples)) != 0).sum() > 1000 else "low"
        status, content = self.script.pop(0) if self.script else (200, {"label": label})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def server():
    Server.script, Server.seen = [], []
    http = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/"
    http.shutdown()
    http.server_close()


def test_an_endpoint_is_asked_again_after_failures_that_pass(files, server):
    waits = []
    Server.script = [(503, {}), (429, {})]
    answers = Endpoint(server, 1000.0, waits.append).answer(list(files.values()))
    assert answers == ["low", "high"] * 3
    assert Server.seen == ["q0", "q0", "q0", "q1", "q2", "q3", "q4", "q5"]
    assert [wait for wait in waits if wait >= 1] == [1.0, 2.0]


def test_an_endpoint_that_dies_half_way_loses_nothing(files, server, tmp_path):
    journal = tmp_path / "answers.jsonl"
    Server.script = [(200, {"label": "low"}), (200, {"label": "high"}), *[(500, {})] * (len(WAITS) + 1)]
    with pytest.raises(InputError, match=r"no answer to q2 \(status 500\); 2 of 6 answers are kept"):
        ask(Endpoint(server, 1000.0, lambda _: None), "e", files, journal)
    assert len(ask(Endpoint(server, 1000.0, lambda _: None), "e", files, journal)) == 6
    assert Server.seen.count("q0") == Server.seen.count("q1") == 1


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ((404, {}), "status 404"),
        ((200, []), "no object with `label` or `probabilities`"),
        ((200, {"probabilities": {"low": "much"}}), "probabilities that are no numbers"),
        ((200, {"label": "low", "probabilities": {"low": 0.1, "high": 0.9}}), "'low', which is not the most probable"),
    ],
)
def test_wrong_responses_are_one_clear_error(files, server, response, message):
    Server.script = [response]
    with pytest.raises(InputError, match=message):
        Endpoint(server, 1000.0, lambda _: None).answer(list(files.values())[:1])


def test_an_endpoint_that_is_not_there_is_named(files):
    with pytest.raises(InputError, match="no answer to q0"):
        Endpoint("http://127.0.0.1:9/", 1000.0, lambda _: None).answer(list(files.values())[:1])


def test_requests_keep_their_rate(files, server):
    waits = []
    Endpoint(server, 0.5, waits.append).answer(list(files.values())[:3])
    assert waits[0] == 0.0 and all(1.5 < wait <= 2.0 for wait in waits[1:])
