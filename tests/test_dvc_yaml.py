"""dvc.yaml lists what each stage really reads."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.detectors.registry import BASELINES, DETECTORS
from tests.import_closure import ROOT, import_closure

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


# What the registry imports of each stage when it runs: modules of the detector of the item, of every one, of baselines.
BOTH = ("settings", "detector")
LAZY = {
    "check_params": dict.fromkeys(DETECTORS, ("settings",)),
    "train": {"${item.detector}": BOTH},
    "evaluate": {"${item.detector}": BOTH} | dict.fromkeys(BASELINES, BOTH),
    "tune": dict.fromkeys(DETECTORS, BOTH),
    "report": dict.fromkeys(DETECTORS, ("settings",)),
}


def code_listed(stage: str, detector: str) -> set[str]:
    """The modules and folders of code among the dependencies of a stage's item."""
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("pipeline/", "stages/"))]
    return {dep.replace("${item.detector}", detector) for dep in code}


def modules_run(stage: str, detector: str) -> set[str]:
    """What a stage's item imports, at once or by the registry."""
    scripts = [ROOT / "stages" / f"{stage}.py"]
    for name, modules in LAZY.get(stage, {}).items():
        folder = ROOT / "pipeline" / "detectors" / name.replace("${item.detector}", detector)
        scripts += [folder / f"{module}.py" for module in modules]
    return set().union(*map(import_closure, scripts))


def covers(dep: str, module: str) -> bool:
    return module == dep or module.startswith(f"{dep}/")


def sections_read(stage: str) -> set[str]:
    """The sections that the script takes from ``params``, as in ``shipped_dpa(arm)``; workers change no output."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if match := re.fullmatch(r"(?:read_params\(\)|params)\.(\w+)(\.workers)?.*", text):
            section = "train" if match[1] == "settings_of" else match[1]
            found |= set() if match[2] or section == "check_arm" else {section}
    text = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    return found | {"compute"} if "prepare_device(" in text or "workplace(" in text else found - {"compute"}


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_runs_is_listed_or_in_a_folder_that_is(stage: str, detector: str) -> None:
    listed = code_listed(stage, detector)
    run = modules_run(stage, detector)
    assert {module for module in run if not any(covers(dep, module) for dep in listed)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_everything_that_is_listed_runs_with_some_detector(stage: str) -> None:
    run = {detector: modules_run(stage, detector) for detector in DETECTORS}
    unused = [
        {dep for dep in code_listed(stage, detector) if not any(covers(dep, module) for module in run[detector])}
        for detector in DETECTORS
    ]
    assert set.intersection(*unused) == set()


def test_a_change_of_one_detector_trains_that_detector_alone() -> None:
    for detector in DETECTORS:
        others = [f"pipeline/detectors/{other}" for other in DETECTORS if other != detector]
        assert not any(covers(dep, other) for dep in code_listed("train", detector) for other in others)


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_that_is_read_is_a_parameter_and_the_reverse(stage: str) -> None:
    assert {key.split(".")[0] for key in STAGES[stage].get("params", [])} == sections_read(stage)


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


@pytest.mark.parametrize("stage", STAGES)
def test_no_value_of_params_reaches_a_shell_unquoted(stage: str) -> None:
    """DVC quotes what ``${item}`` stands for, and puts ``${item.arm}`` into the command as it is."""
    assert set(re.findall(r"\$\{[^}]*\}", STAGES[stage]["cmd"])) <= {"${item}"}
