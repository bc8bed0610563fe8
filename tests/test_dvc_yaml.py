"""dvc.yaml lists what each stage really reads."""

import ast
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from pipeline.data import kinds
from pipeline.data.folders.settings import Collection
from pipeline.demo.listing import DRAWN
from pipeline.detectors import registry
from pipeline.layout import demo_list, samples
from pipeline.params.file import Params
from tests.import_closure import ROOT, import_closure

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
ARM = "arms/${item.arm}.yaml"

# What is imported by name when a stage runs: folder to the modules in it.
DETECTOR = {"detectors/${item.detector}": ("settings", "detector"), "detectors": ("in_gray",)}
KINDS = {f"data/{name}": ("settings",) for name in kinds.names()}
LAYOUTS = {"data/folders/layouts": get_args(Collection.model_fields["layout"].annotation)}
BASELINES = {f"detectors/{name}": ("settings", "detector") for name in registry.BASELINES}
ALL_SETTINGS = {f"detectors/{name}": ("settings",) for name in registry.names()} | KINDS
BY_NAME = {
    "check_params": ALL_SETTINGS,
    "prepare_folder": LAYOUTS,
    "train": DETECTOR,
    "evaluate": DETECTOR | BASELINES,
    "fit_and_score": DETECTOR | BASELINES,
    "compute_metrics": KINDS,
    "report": ALL_SETTINGS,
}


# What the script of a stage hands everything to.
HANDED_TO = {"train": "pipeline/one_training.py"}


def scripts(stage: str) -> list[Path]:
    """Where a stage reads its settings."""
    return [ROOT / file for file in (f"stages/{stage}.py", HANDED_TO.get(stage)) if file]


def code_listed(stage: str, detector: str) -> set[str]:
    """The modules and folders of code among the dependencies of a stage's item."""
    code = [dep for dep in STAGES[stage]["deps"] if re.match(r"(pipeline|stages)(/|$)", dep)]
    return {dep.replace("${item.detector}", detector) for dep in code}


def modules_run(stage: str, detector: str) -> set[str]:
    """What a stage's item imports, in its modules or by name."""
    scripts = [ROOT / "stages" / f"{stage}.py"]
    for name, modules in BY_NAME.get(stage, {}).items():
        folder = ROOT / "pipeline" / name.replace("${item.detector}", detector)
        scripts += [folder / f"{module}.py" for module in modules]
    return set().union(*map(import_closure, scripts))


def covers(dep: str, module: str) -> bool:
    return module == dep or module.startswith(f"{dep}/")


def attributes(file: Path) -> set[str]:
    """All that is asked of anything in a module, as ``settings.collection``."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def sections_read(stage: str) -> set[str]:
    """The sections of params.yaml that the script takes; workers change no output."""
    text = "".join(script.read_text(encoding="utf-8") for script in scripts(stage))
    sections = {name for name in Params.model_fields if re.search(rf"(params|read_params\(\))\.{name}\b", text)}
    computes = "prepare_device(" in text or "workplace(" in text
    return sections | {"compute"} if computes else sections - {"compute"}


def arm_sections_read(stage: str) -> set[str]:
    """The sections of an arm's file that the script, and what it hands all settings to, take."""
    modules = import_closure(ROOT / "stages" / f"{stage}.py")
    of_kind = [kind for kind in kinds.names() if f"pipeline/data/{kind}/settings.py" in modules]
    names = {name for kind in of_kind for name in kinds.settings_class(kind).model_fields}
    whole = [
        ROOT / module
        for module in modules
        if (
            re.match(r"pipeline/data/\w+/(?!settings|kind)", module)
            and re.search(r"\.settings import .*\bSettings\b", (ROOT / module).read_text(encoding="utf-8"))
        )
        or "from pipeline.arms import Arm\n" in (ROOT / module).read_text(encoding="utf-8")
    ]
    read = set().union(*map(attributes, [*scripts(stage), *whole]))
    for kind in of_kind:  # what is computed from sections, as mask_pixels
        computed = {name: vars(kinds.settings_class(kind)).get(name) for name in read}
        for value in filter(lambda value: isinstance(value, property), computed.values()):
            read |= {name for name in names if re.search(rf"self\.{name}\b", inspect.getsource(value.fget))}
    read &= {*names, "evaluate"}
    asks = set().union(*map(attributes, [*scripts(stage), *whole]))
    return read | ({"detectors"} if "detector" in asks else set())


def parameters(stage: str) -> tuple[set[str], set[str]]:
    """The sections of params.yaml and of the arm's file that a stage depends on."""
    shared: list[str] = []
    own: list[str] = []
    for entry in STAGES[stage].get("params", []):
        files = entry if isinstance(entry, dict) else {"params.yaml": [entry]}
        shared += files.get("params.yaml", [])
        own += files.get(ARM, [])
        assert set(files) <= {"params.yaml", ARM}
    return {key.split(".")[0] for key in shared}, {key.split(".")[0] for key in own}


@pytest.mark.parametrize("detector", registry.names())
@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_runs_is_listed_or_in_a_folder_that_is(stage: str, detector: str) -> None:
    listed = code_listed(stage, detector)
    run = modules_run(stage, detector)
    assert {module for module in run if not any(covers(dep, module) for dep in listed)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_everything_that_is_listed_runs_with_some_detector(stage: str) -> None:
    run = {detector: modules_run(stage, detector) for detector in registry.names()}
    unused = [
        {dep for dep in code_listed(stage, detector) if not any(covers(dep, module) for module in run[detector])}
        for detector in registry.names()
    ]
    assert set.intersection(*unused) == set()


def test_a_change_of_one_detector_trains_that_detector_alone() -> None:
    for detector in registry.names():
        others = [f"pipeline/detectors/{other}" for other in registry.names() if other != detector]
        assert not any(covers(dep, other) for dep in code_listed("train", detector) for other in others)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if "params.yaml" not in STAGES[stage]["deps"]])
def test_every_section_that_is_read_is_a_parameter_and_the_reverse(stage: str) -> None:
    """But where all settings are a dependency."""
    shared, own = parameters(stage)
    assert shared == sections_read(stage)
    if "arms" not in STAGES[stage]["deps"]:
        assert own - {"kind"} == arm_sections_read(stage)


@pytest.mark.parametrize("package", ["pipeline", "stages"])
def test_package_files_hold_no_code_because_stages_do_not_list_them(package: str) -> None:
    for file in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), file


@pytest.mark.parametrize("stage", STAGES)
def test_stage_scripts_are_thin(stage: str) -> None:
    assert len((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_the_closure_follows_imports_of_imports(tmp_path: Path) -> None:
    closure = import_closure(ROOT / "stages" / "train.py")
    assert "pipeline/detectors/registry.py" in closure
    assert "pipeline/compute/processes.py" in closure
    assert not any(path.startswith("pipeline/data/slides") for path in closure)
    assert not any(path.startswith("pipeline/detectors/dpa") for path in closure)
    detector = import_closure(ROOT / "pipeline" / "detectors" / "dpa" / "detector.py")
    assert "pipeline/detectors/dpa/autoencoder.py" in detector


def test_outputs_that_reviewers_read_are_kept_by_git_and_data_by_dvc() -> None:
    for name, stage in STAGES.items():
        for out in [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]:
            path, options = (out, {}) if isinstance(out, str) else next(iter(out.items()))
            assert (options.get("cache", True) is False) == path.startswith("reports/"), f"{name}: {path}"


def test_every_collection_that_comes_with_the_repository_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert STAGES["unpack_sample"]["matrix"]["collection"] == samples()
    told = {out for out in STAGES["check_params"]["outs"] if "/demo/" in out}
    assert told == {demo_list(name).as_posix() for name in (*DRAWN, *samples())}


@pytest.mark.parametrize("stage", STAGES)
def test_no_value_of_params_reaches_a_shell_unquoted(stage: str) -> None:
    """DVC quotes what ``${item}`` stands for, and puts ``${item.arm}`` into the command as it is."""
    assert set(re.findall(r"\$\{[^}]*\}", STAGES[stage]["cmd"])) <= {"${item}"}
