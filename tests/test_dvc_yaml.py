"""dvc.yaml lists what each stage really reads."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.import_closure import ROOT, import_closure

STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def listed_modules(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.endswith(".py") or dep == "pipeline/params"}


def sections_read(stage: str) -> set[str]:
    """The sections that the script takes from ``params``, as in ``params.train[arm]``; workers change no output."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if match := re.fullmatch(r"(?:read_params\(\)|params)\.(\w+)(\.workers)?.*", text):
            found |= set() if match[2] or match[1] == "check_arm" else {match[1]}
    text = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    return found | {"compute"} if "prepare_device(" in text or "workplace(" in text else found - {"compute"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_imported_module_is_a_dependency(stage: str) -> None:
    assert listed_modules(stage) == import_closure(ROOT / "stages" / f"{stage}.py")


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
    assert "pipeline/detectors/dpa/autoencoder.py" in closure
    assert "pipeline/compute/seeding.py" in closure
    assert not any(path.startswith("pipeline/data/slides") for path in closure)


def test_outputs_that_reviewers_read_are_kept_by_git_and_data_by_dvc() -> None:
    for name, stage in STAGES.items():
        for out in [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]:
            path, options = (out, {}) if isinstance(out, str) else next(iter(out.items()))
            assert (options.get("cache", True) is False) == path.startswith("reports/"), f"{name}: {path}"


@pytest.mark.parametrize("stage", STAGES)
def test_no_value_of_params_reaches_a_shell_unquoted(stage: str) -> None:
    """DVC quotes what ``${item}`` stands for, and puts ``${item.arm}`` into the command as it is."""
    assert set(re.findall(r"\$\{[^}]*\}", STAGES[stage]["cmd"])) <= {"${item}"}
