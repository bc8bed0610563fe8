"""``make natural``: what it writes and what it asks of DVC, which does not run here."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from PIL import Image

from pipeline.arms import check_arms, read_arm
from pipeline.data.folders.settings import Settings
from pipeline.natural import TABLE
from pipeline.params.file import Params, read_params
from tests.import_closure import ROOT
from tests.in_process import Done, call
from tests.shipped import shipped, write
from tests.test_natural import images_of, write_cifar10, write_svhn

PAGE = (ROOT / "docs" / "natural.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(in_folder: Path) -> Path:
    """The shipped settings, and files of CIFAR10, without those of SVHN."""
    write(shipped())
    for name in ("cifar10", "svhn"):
        shutil.copy(ROOT / f"arms/{name}.yaml", f"arms/{name}.yaml")  # their text is what is copied
    shutil.copy(ROOT / TABLE, TABLE)
    write_cifar10(in_folder / "data/raw/cifar10")
    return in_folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was to be run in a process."""
    commands: list[list[str]] = []

    def run(command: list[str], check: bool) -> SimpleNamespace:
        commands.append(command[1:])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def natural(folder: Path, *words: str) -> Done:
    return call("natural", *words, folder=folder)


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("arms/*_*.yaml")}


def params_of(command: str) -> Params:
    """params.yaml as DVC changes it."""
    *start, first = shlex.split(command)[:4]
    assert (start, first) == (["dvc", "exp", "run"], "-S")
    changes = to_path_overrides(shlex.split(command)[4::2])
    assert list(changes) == ["params.yaml"]
    shutil.copy("params.yaml", "changed.yaml")
    apply_overrides(Path("changed.yaml"), changes["params.yaml"])
    return read_params(Path("changed.yaml"))


def test_a_dry_run_prints_all_and_changes_nothing(folder: Path, asked: list[list[str]]) -> None:
    before = files(folder)
    done = natural(folder, "--dry-run")
    assert done.returncode == 0
    *arms, command = done.stdout.splitlines()
    assert len(arms) == 20
    assert (arms[3], arms[19]) == ("arms/cifar10_cat.yaml", "arms/svhn_9.yaml")
    params = params_of(command)
    assert list(params.arms.train) == list(params.arms.folders) == [Path(arm).stem for arm in arms]
    assert (params.arms.slides, params.arms.xrays, params.seeds) == ((), (), (0, 1, 2))
    assert (params.detectors, params.quick_detectors) == (("dpa", "deep_geo", "piad"), ("deep_if",))
    assert (files(folder), asked) == (before, [])


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("words", "arms", "detectors", "quick"),
    [
        (["--classes", "3", "cat"], ["cifar10_cat", "svhn_3"], ("dpa", "deep_geo", "piad"), ("deep_if",)),
        (["--collections", "svhn", "--classes", "0"], ["svhn_0"], ("dpa", "deep_geo", "piad"), ("deep_if",)),
        (["--classes", "dog", "--settings", "default"], ["cifar10_dog"], ("deep_geo", "piad"), ("deep_if",)),
        (["--classes", "dog", "--detectors", "knn", "dpa"], ["cifar10_dog"], ("dpa",), ("knn",)),
        (["--classes", "dog", "--detectors", "knn", "padim"], ["cifar10_dog"], ("knn",), ("padim",)),
    ],
)
def test_classes_and_detectors_are_chosen(
    folder: Path, words: list[str], arms: list[str], detectors: tuple[str, ...], quick: tuple[str, ...]
) -> None:
    params = params_of(natural(folder, *words, "--dry-run").stdout.splitlines()[-1])
    assert list(params.arms.train) == arms
    assert (params.detectors, params.quick_detectors) == (detectors, quick)


@pytest.mark.usefixtures("asked")
def test_without_a_gpu_it_is_said_how_long_it_takes(folder: Path) -> None:
    done = natural(folder, "--classes", "dog", "--detectors", "deep_if", "--dry-run")
    assert done.stderr == "without a GPU this takes some 3 hours of one core: docs/natural.md says what\n"
    done = natural(folder, "--collections", "cifar10", "--dry-run")
    assert done.stderr.startswith("without a GPU this takes some 80 days of one core")


def test_arms_are_written_and_run_where_the_collection_is_whole(folder: Path, asked: list[list[str]]) -> None:
    done = natural(folder, "--classes", "cat")
    assert (done.returncode, "complete" in done.stdout) == (0, True)
    command = done.stdout.splitlines()[-1]
    assert asked == [["-m", *shlex.split(command)]]
    others = {f"{name}.yaml" for name in ("demo_slides", "demo_xrays", "nih_ap", "nih_pa", "nih_sample", "nih_subset")}
    assert {*files(folder)} - others == {"cifar10_cat.yaml"}
    check_arms(params_of(command))
    arm = read_arm("cifar10_cat")
    assert arm.content["collection"]["normal"] == ["cat"]
    assert arm.detector("deep_geo").model_dump()["epochs"] == 4
    assert Path("data/raw/inventory/cifar10_cat.csv").is_file()
    assert natural(folder, "--classes", "cat", "--settings", "default").returncode == 0
    assert read_arm("cifar10_cat").detector("deep_geo").model_dump()["epochs"] == 3


def test_a_file_that_is_not_of_its_making_stays(folder: Path, asked: list[list[str]]) -> None:
    assert natural(folder, "--classes", "cat").returncode == 0
    arm = Path("arms/cifar10_cat.yaml")
    mine = arm.read_text(encoding="utf-8").replace("epochs: 4", "epochs: 7")
    arm.write_text(mine, encoding="utf-8")
    done = natural(folder, "--classes", "cat")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: arms/cifar10_cat.yaml is there, with other settings than these: remove it (python -m pipeline "
        "remove-arm cifar10_cat), or give yours another name"
    )
    assert arm.read_text(encoding="utf-8") == mine
    assert len(asked) == 1


def test_of_a_collection_that_is_not_whole_nothing_is_written(folder: Path, asked: list[list[str]]) -> None:
    before = files(folder)
    done = natural(folder, "--classes", "cat", "5")
    assert done.returncode == 1
    assert "error: svhn_5 needs the collection svhn, which is not whole (see above)" in done.stderr
    write_svhn(folder / "data/raw/svhn")
    (folder / "data/raw/svhn/test_32x32.mat").write_bytes(b"damaged")
    done = natural(folder, "--classes", "5")
    assert (done.returncode, "test_32x32.mat" in done.stderr) == (1, True)
    assert (files(folder), asked) == (before, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--classes", "kitten"], "'kitten' is no class of what is to run: choose from airplane, automobile, "),
        (["--collections", "svhn", "--classes", "cat"], "'cat' is no class of what is to run: choose from 0, 1, 2"),
        (["--detectors", "dap"], "'dap' is not a detector: choose from colour_statistics, "),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(folder: Path, words: list[str], message: str) -> None:
    done = natural(folder, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}")


def test_arms_of_ones_own_classes_are_made_as_the_page_says(folder: Path) -> None:
    for of_class, part in (("dog", "train"), ("dog", "test"), ("cat", "test")):
        place = folder / "pets" / part / of_class
        place.mkdir(parents=True)
        for number, pixels in enumerate(images_of(3 if of_class == "cat" else 5, 6, len(part))):
            Image.fromarray(pixels).save(place / f"{number}.png")
    lines = re.findall(r"^python -m pipeline (new-arm .*)$", PAGE, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        done = call(*shlex.split(line), folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
    check_arms(read_params())
    dogs, pets = (read_arm(arm).data_as(Settings).collection for arm in ("dogs", "pets"))
    assert (dogs.layout, dogs.normal, dogs.validation_anomalies) == ("cifar10", ("dog",), ("cat",))
    assert (pets.layout, pets.normal, pets.validation_anomalies) == ("mvtec", ("dog",), ())


def test_the_page_names_words_of_the_command_that_there_are(folder: Path) -> None:
    lines = re.findall(r"^python -m pipeline (natural [^#\n]*)", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        words = [word for word in shlex.split(line) if word != "--dry-run"]
        assert call(*words, "--dry-run", folder=folder).returncode == 0
