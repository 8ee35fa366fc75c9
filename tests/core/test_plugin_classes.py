"""Mistakes in the class of a user's plug-in are errors when it is loaded, and name module, attribute, cause and fix."""

import pytest

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_defects import defect_of_plugin
from sanguinaria.plan.checks import Check
from sanguinaria.plan.sections import ROOMS

HEADER = "from typing import ClassVar, Literal\nfrom sanguinaria.{room} import {protocol}\n\n"
DEFENCE = "class Mine(Defence):\n    {}\n    def transform(self, sample_rate, device):\n        return lambda x: x\n"
METRIC = "class Mine(Metric):\n    {}\n    def score(self, reference, degraded, sample_rate):\n        return 1.0\n"
TEXT = "class Mine(TextExtractor):\n    {}\n    def extractor(self, sample_rate, device):\n        return None\n"
TRIGGER = "class Mine(Trigger):\n    {}\n    def embedder(self, sample_rate, device, weights):\n        return None\n"
DISTORTION = "class Mine(Distortion):\n    {}\n    def apply(self, waveforms, sample_rate, generator):\n        pass\n"
ROOM_OF = {
    "Defence": "defences",
    "Metric": "metrics",
    "TextExtractor": "texts",
    "Trigger": "triggers",
    "Distortion": "distortions",
}


def source(template: str, line: str) -> tuple[str, str]:
    protocol = template.partition("(")[2].partition(")")[0]
    room = ROOM_OF[protocol]
    return room, HEADER.format(room=room, protocol=protocol) + template.format(line)


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        (DEFENCE, 'acts_on = "audio"', "acts_on = 'audio' is not allowed: it is 'input' or 'model'"),
        (DEFENCE, 'acts_on: ClassVar[str] = "audio"', "acts_on = 'audio' is not allowed: it is 'input' or 'model'"),
        (DEFENCE, 'act_on: ClassVar[str] = "model"', "did you mean 'acts_on'?"),
        (DEFENCE, 'act_on: str = "model"', "did you mean 'acts_on'?"),
        (DEFENCE, "epochs_setting = 3", "epochs_setting = 3 is not allowed"),
        (DEFENCE, "def is_identiy(self): return True", "did you mean 'is_identity'?"),
        (METRIC, 'better = "larger"', "better = 'larger' is not allowed: it is 'higher' or 'lower'"),
        (METRIC, 'digits = "2"', "digits = '2' is not allowed: it is of the type int"),
        (METRIC, 'percent = "no"', "percent = 'no' is not allowed: it is of the type bool"),
        (METRIC, "unit = None", "unit = None is not allowed: it is of the type str"),
        (METRIC, "heading = property(lambda self: 'H')", "heading = a property is not allowed"),
        (METRIC, "needs_referense = property(lambda self: False)", "did you mean 'needs_reference'?"),
        (TEXT, "is_label = 1", "is_label = 1 is not allowed: it is of the type bool"),
        (DISTORTION, 'differentiable = "never"', "differentiable = 'never' is not allowed"),
        (TRIGGER, "renamed = ['a']", "renamed = ['a'] is not allowed"),
        (TRIGGER, "def loudness(self): return 1", None),
        (TRIGGER, "def detectors(self): return None", "did you mean 'detector'?"),
        (DEFENCE, 'acts_on = "model"', "it defines transform, which nothing calls with acts_on = 'model'"),
        (DEFENCE, "def repair(self, network, held_out, seed, device): pass", "it defines repair, which nothing calls"),
        (DEFENCE, 'epochs_setting = "epochs"', "epochs_setting = 'epochs' is the name of no setting"),
        (DEFENCE, "def is_identity(self): return False", "is_identity is a method, and Defence has a property"),
        (DEFENCE, "is_identity: bool = False", "is_identity is a setting, and Defence has a property of this name"),
        (
            DEFENCE,
            "needs_held_out = staticmethod(lambda: True)",
            "needs_held_out is a method, and Defence has a property",
        ),
        (DEFENCE, "model_config = {'extra': 'ignore'}", "its model_config has extra='ignore': leave out extra"),
        (DEFENCE, "model_config = {'frozen': False}", "its model_config has frozen=False: leave out frozen"),
        (DEFENCE, "bands: set[int] = {1, 2}", "bands is a set, whose order differs between processes"),
        (DEFENCE, "bands: tuple[frozenset[str], ...] = ()", "bands is a set, whose order differs between processes"),
        (DEFENCE, "bands: tuple[int, ...] = (1, 2)", None),
        (TRIGGER, "def detector(self, sample_rate, device, weights): pass", "it defines detector, which nothing calls"),
        (
            TRIGGER,
            "has_detector = property(lambda self: True)",
            "it defines has_detector, and does not define detector",
        ),
        (TRIGGER, "payload = classmethod(lambda cls: '')", "payload is a method, and Trigger has a property"),
        (TRIGGER, "def for_detection(self, rate): pass", "for_detection(self, rate) cannot be called with ()"),
        (METRIC, "score_pair = property(lambda self: 1)", "score_pair is a property, and Metric has a method"),
        (METRIC, "score_pair: ClassVar[int] = 3", "score_pair = 3 is not allowed: Metric has a method of this name"),
        (METRIC, "async def score_pair(self, pair): pass", "score_pair is asynchronous, and nothing awaits it"),
        (METRIC, "def score_pair(self, pair, other=None): pass", None),
        (METRIC, "def score_pair(self, *arguments): pass", None),
        (METRIC, 'better = "lower"', None),
        (METRIC, "labels: int = 3", None),
    ],
)
def test_choices_and_names_of_a_class_are_checked(add_plugin, template: str, line: str, message: str | None):
    room, text = source(template, line)
    name = add_plugin(room, text)
    if message is None:
        assert plugins.find(room, name).__name__ == "Mine"
        return
    with pytest.raises(InputError) as raised:
        plugins.find(room, name)
    assert str(raised.value).startswith(f"sanguinaria.{room}.{name}, class Mine: ")
    assert message in str(raised.value)


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_choice_written_as_a_setting_is_an_error(add_plugin):
    name = add_plugin(*source(DEFENCE, 'acts_on: str = "model"'))
    with pytest.raises(InputError, match="acts_on is a choice of the class and no setting"):
        plugins.find("defences", name)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("class Mine(Trigger):\n    pass\n", "class Mine: it does not define embedder, which Trigger demands"),
        ("class Mine(Trigger):\n    def embeder(self): pass\n", "did you mean 'embedder'?"),
        ("class Mine(Trigger)\n", "cannot be loaded: SyntaxError: expected ':' (mine_0.py, line 4)"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise SystemExit(0)\n", "cannot be loaded: SystemExit: 0 (line 4)"),
        ("x = 1 / 0\n", "line 4); correct the module"),
        ("class Mine(Trigger):\n    gain = 3\n", "non-annotated attribute"),
        ("", "must define exactly one plug-in class of its room, not 0"),
    ],
)
def test_a_module_that_cannot_be_loaded_is_a_problem_of_its_entry(add_plugin, body: str, message: str):
    name = add_plugin("triggers", HEADER.format(room="triggers", protocol="Trigger") + body)
    problems = [
        problem for problem in Check({"triggers": {"beep": {"kind": name}}}).problems if "beep" in problem.place
    ]
    assert [problem.place for problem in problems] == [("triggers", "beep", "kind")]
    assert problems[0].message.startswith(f"sanguinaria.triggers.{name}")
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        (DEFENCE, "is_identity = property(lambda self: 'no')", "is_identity is 'no': it has to be of the type bool"),
        (
            DEFENCE,
            "needs_held_out = property(lambda self: None)",
            "needs_held_out is None: it has to be of the type bool",
        ),
        (
            DEFENCE,
            "fine_tuning_epochs = property(lambda self: 2.0)",
            "fine_tuning_epochs is 2.0: it has to be of the type int",
        ),
        (TRIGGER, "payload = property(lambda self: 101)", "payload is 101: it has to be of the type str"),
        (METRIC, "needs_reference = property(lambda self: 1)", "needs_reference is 1: it has to be of the type bool"),
    ],
)
def test_values_of_properties_are_checked_for_each_entry(add_plugin, template: str, line: str, message: str):
    room, text = source(template, line)
    name = add_plugin(room, text)
    problems = [problem for problem in Check({room: {"mine": {"kind": name}}}).problems if "mine" in problem.place]
    assert [problem.place for problem in problems] == [(room, "mine", "kind")]
    assert problems[0].message == f"sanguinaria.{room}.{name}: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "is_identity = property(lambda self: self.undefined)",
            "AttributeError: 'Mine' object has no attribute 'undefined'",
        ),
        ("def sample_rate_error(self, sample_rate): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def problems(self, referenced): raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_errors_while_a_configuration_is_checked_name_file_and_line(add_plugin, line: str, message: str):
    name = add_plugin(*source(TRIGGER, line))
    experiment = {"corpus": "c", "target": "left", "triggers": ["mine"], "victims": ["v"]}
    corpus = {"kind": "synthetic", "words": ["left", "right"]}
    settings = {"triggers": {"mine": {"kind": name}}, "corpora": {"c": corpus}, "experiments": {"e": experiment}}
    with pytest.raises((Exception, SystemExit)) as raised:
        Check(settings)
    assert defect_of_plugin(raised.value) == f"sanguinaria.triggers.{name}, line 5: {message}; correct the plug-in"


def test_errors_elsewhere_are_no_defects_of_plug_ins():
    with pytest.raises(KeyError) as raised:
        plugins.find("triggers", "nowhere")
    assert defect_of_plugin(raised.value) is None


# By room, its protocol, and the methods and properties that each class has to define. Defences define one of several.
ABSTRACT = {
    "adversaries": ("Adversary", "perturb"),
    "conversions": ("Conversion", "converter"),
    "corpora": ("Corpus", "read, recordings"),
    "defences": ("Defence", "transform or transform_with_texts"),
    "distortions": ("Distortion", "apply"),
    "embedders": ("Embedder", "embedder"),
    "front_ends": ("FrontEnd", "dummy_input_shape, transform"),
    "ownership_methods": ("OwnershipMethod", "evaluate, keys, markings, queries"),
    "metrics": ("Metric", "score"),
    "purifiers": ("Purifier", "load, train"),
    "texts": ("TextExtractor", "extractor"),
    "triggers": ("Trigger", "embedder"),
    "victims": ("Victim", "front_end, network"),
    "watermarks": ("Watermark", "load, message_bits, obtain"),
}


@pytest.mark.parametrize("room", [*ROOMS, "front_ends", "ownership_methods"])
def test_a_class_without_a_method_that_its_room_demands_names_it(add_plugin, room: str):
    protocol, names = ABSTRACT[room]
    name = add_plugin(room, HEADER.format(room=room, protocol=protocol) + f"class Mine({protocol}):\n    pass\n")
    with pytest.raises(InputError, match=f"sanguinaria.{room}.{name}, class Mine: it .*does not define {names}"):
        plugins.find(room, name)


@pytest.mark.parametrize("room", [*ROOMS, "front_ends", "ownership_methods"])
def test_a_method_with_too_few_parameters_is_an_error(add_plugin, room: str):
    protocol, names = ABSTRACT[room]
    method = {"front_ends": "transform", "victims": "network", "defences": "transform"}.get(room, names.split(",")[0])
    text = f"class Mine({protocol}):\n    def {method}(self):\n        pass\n"
    name = add_plugin(room, HEADER.format(room=room, protocol=protocol) + text)
    with pytest.raises(InputError, match=rf"{method}\(self\) cannot be called with \("):
        plugins.find(room, name)


@pytest.mark.parametrize("lines", ["    acts_on = 'model'\n", "    acts_on = 'model'\n    epochs: int = 3\n"])
def test_a_defence_of_the_model_without_a_repair_is_an_error(add_plugin, lines: str):
    name = add_plugin("defences", HEADER.format(room="defences", protocol="Defence") + f"class Mine(Defence):\n{lines}")
    with pytest.raises(InputError, match="it acts on the model, and does not define repair"):
        plugins.find("defences", name)


@pytest.mark.parametrize("room", [*ROOMS, "front_ends", "ownership_methods"])
def test_the_plug_ins_of_the_project_pass(room: str):
    assert all(plugins.find(room, kind).room == room for kind in plugins.kinds(room))
