"""The experiments on natural images: what was released for each, and the chain on drawn files of both collections."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from ruamel.yaml import YAML

from pipeline.arms import Arm, check_arm
from pipeline.data.images import read_images
from pipeline.data.inventory import make_inventory
from pipeline.detectors.in_gray import gray
from pipeline.errors import PipelineError
from pipeline.natural import TABLE, Experiment, experiments
from pipeline.params.file import Params
from pipeline.tuning.space import Space
from stages import check_params, compute_metrics, evaluate, fit_and_score, prepare_folder, report, train
from tests.import_closure import ROOT
from tests.shipped import shipped, write

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# Class by class, of CIFAR10 before and of SVHN after a bar, as the authors' configuration files have it: the class of
# known anomalies; latent, layers and iterations of DPA; Deep IF's layer and Deep GEO's epochs, with g where they see
# gray; latent, layer and thousands of iterations of PIAD.
RELEASED = """
7|8  32 r32 5666|256 r42 25333      7a|7a g      3|2 g  256 r32 10|128 r42 40
7|9  8 r42 7333|16 r32+r42 16666    7a|7a        3|5    128 r32 80|128 r42 100
4|6  16 r42 5000|16 r32+r42 15333   7b|concat    3|5 g  256 r32 70|128 r42 100
0|4  256 r32 4666|32 r42 9666       7a|7a g      4|6    256 r42 10|256 r42 10
1|0  16 r32 6666|16 r32+r42 10333   concat|7a    4|9    256 r32 10|128 r42 100
1|8  8 r42 4666|32 r32+r42 8333     concat|7a g  1|5 g  256 r32 10|128 r32 70
7|8  64 r32 3666|32 r32+r42 7333    7a|6a        2|7    128 r42 90|256 r32 40
6|9  8 r42 7666|16 r32+r42 12000    7b|concat g  2|4 g  256 r42 10|128 r42 100
4|0  8 r42 8000|16 r42 6666         7b|7a g      2|3    256 r42 10|128 r42 70
7|6  8 r42 5000|64 r42 18000        7a|7a g      2|8 g  256 r42 10|128 r32 40
"""
LINES = [[cell.split("|") for cell in line.split("  ") if cell.strip()] for line in RELEASED.strip().splitlines()]
TAPS = {"7a": "mixed_7a", "6a": "mixed_6a", "7b": "conv2d_7b"}
RATES = {8: 0.01, 16: 0.005, 32: 0.002, 64: 0.001, 256: 0.0002}
CHANNELS = {64: (32, 64, 64, 64), 256: (32, 64, 128, 256)}
SHOWN = {"kind", "collection", "prepare_folder", "evaluate", "tune"}  # sections beside those of detectors


def parsed(collection: int, number: int) -> list[list[str]]:
    return [cell[collection].split() for cell in LINES[number]]


def name(collection: int, number: int) -> str:
    return str(number) if collection else CLASSES[number]


@pytest.fixture(scope="module")
def known() -> dict[str, Experiment]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        found = {experiment.arm: experiment for experiment in experiments()}
        for experiment in found.values():
            assert experiment.like
        return found


def arm_of(experiment: Experiment, kind: Any) -> Arm:
    """The arm that would be written, without the writing, which takes a second."""
    content = json.loads(json.dumps(experiment.like.content))
    for detector, own in experiment.detectors(kind).items():
        content["detectors"][detector] |= own
    return Arm(experiment.arm, content)


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("collection", [0, 1])
def test_a_class_has_what_was_released_for_it(
    known: dict[str, Experiment], params: Params, collection: int, number: int
) -> None:
    experiment = known[f"{('cifar10', 'svhn')[collection]}_{name(collection, number)}"]
    anomaly, (dim, layers, iterations), (layer, *layer_gray), (epochs, *epochs_gray), piad = parsed(collection, number)
    assert experiment.anomaly == name(collection, int(anomaly[0]))
    arm = arm_of(experiment, "tuned")
    arm.check(params.compute, params.demo_data)
    dpa, deep_if, deep_geo, piad_own = (arm.detector(d).model_dump() for d in ("dpa", "deep_if", "deep_geo", "piad"))

    assert (dpa["latent_dim"], dpa["gray"], dpa["grow"], dpa["depth"]) == (int(dim), bool(collection), False, 18)
    assert dpa["schedule"] == {
        32: {"layers": tuple(layers.split("+")), "transition": 0, "stable": int(iterations), "batch_size": 128}
    }
    assert dpa["learning_rate"] == RATES[int(dim)]
    assert dpa["channels"] == CHANNELS.get(int(dim), (int(dim),) * 4)

    assert deep_if["layers"] == ((TAPS[layer],) if layer in TAPS else deep_if_default(experiment))
    assert deep_if["gray"] == bool(layer_gray)
    assert (deep_geo["epochs"], deep_geo["gray"]) == (int(epochs), bool(epochs_gray))
    assert (deep_geo["depth"], deep_geo["width"], deep_geo["shift"]) == (10, 4, 8)

    latent = int(piad[0])
    assert (piad_own["latent_dim"], piad_own["layers"], piad_own["iterations"]) == (
        latent,
        (piad[1],),
        1000 * int(piad[2]),
    )
    assert piad_own["channels"] == piad_own["critic_channels"] == (64, 128, latent, latent)
    assert piad_own["latent_critic_channels"] == (4 * latent, 4 * latent)
    assert piad_own["gray"] == bool(collection)


def deep_if_default(experiment: Experiment) -> tuple[str, ...]:
    layers = experiment.like.detector("deep_if").model_dump()["layers"]
    assert len(layers) == 11
    return tuple(layers)


def test_by_default_all_classes_have_the_settings_of_the_methods_authors(known: dict[str, Experiment]) -> None:
    for experiment in known.values():
        arm = arm_of(experiment, "default")
        assert arm.detector("deep_geo").model_dump()["epochs"] == 3
        assert len(deep_if_default(experiment)) == 11
        piad = arm.detector("piad").model_dump()
        assert (piad["iterations"], piad["layers"], piad["latent_dim"]) == (100_000, ("r42",), 256)
        assert (piad["channels"], piad["critic_channels"]) == ((64, 128, 256, 256), (32, 64, 128, 128))
        # the authors' reconstructions of digits see gray only where settings were tuned
        assert [arm.detector(name).gray for name in ("piad", "deep_if", "deep_geo")] == [False] * 3
        assert arm.detector("dpa") == arm_of(experiment, "tuned").detector("dpa")


@pytest.mark.parametrize("collection", ["cifar10", "svhn"])
def test_the_arm_of_a_collection_is_that_of_its_first_class(known: dict[str, Experiment], collection: str) -> None:
    first = next(experiment for experiment in known.values() if experiment.collection == collection)
    content = first.like.content
    assert (content["collection"]["normal"], content["tune"]["anomalies"]) == ([first.normal], [first.anomaly])
    assert content["collection"]["validation_anomalies"] == [first.anomaly]
    assert arm_of(first, "default").content == content


@pytest.mark.parametrize("arm", ["cifar10_deer", "svhn_9"])
def test_what_is_written_differs_from_the_arm_of_the_collection_in_the_class_alone(
    known: dict[str, Experiment], params: Params, monkeypatch: pytest.MonkeyPatch, arm: str
) -> None:
    monkeypatch.chdir(ROOT)
    experiment = known[arm]
    new = experiment.new_arm("tuned")
    assert new.text.startswith(f"# {arm}, made from arms/{experiment.collection}.yaml: ")
    assert "&" not in new.text  # no anchors
    content = YAML(typ="safe").load(new.text)
    check_arm(new.arm, params)
    Space(new.arm, params.compute)
    assert content["detectors"] == arm_of(experiment, "tuned").content["detectors"]
    expected = {section: experiment.like.content[section] for section in SHOWN}
    own = {"normal": [experiment.normal], "validation_anomalies": [experiment.anomaly]}
    expected |= {
        "collection": expected["collection"] | own,
        "tune": expected["tune"] | {"anomalies": [experiment.anomaly]},
    }
    assert {section: content[section] for section in SHOWN} == expected


@pytest.mark.parametrize(
    ("line", "other", "message"),
    [
        ("cifar10,cat,airplane,256", "cifar10,cat,airplane,99", "dpa_latent_dim of cifar10_cat is 99: it has to be"),
        ("mixed_6a,no", "mixed_6a,nein", "row 17 has 'nein' in deep_if_gray, not yes or no"),
        ("r32,3666", "r32,many", "row 7 has no number in 'dpa_iterations': `git restore arms/natural.csv` brings"),
        ("dpa_layers", "layers", "the column 'dpa_layers' is missing: `git restore arms/natural.csv`"),
    ],
)
def test_a_row_that_cannot_be_is_named(in_folder: Path, line: str, other: str, message: str) -> None:
    write(shipped())
    text = (ROOT / TABLE).read_text(encoding="utf-8")
    assert line in text
    TABLE.write_text(text.replace(line, other, 1), encoding="utf-8")
    with pytest.raises(PipelineError, match=f"arms/natural.csv: {message}"):
        next(one for one in experiments() if one.normal == "cat").detectors("tuned")


PER_CLASS = {"train": 2, "test": 6}  # images, of CIFAR10's batches and of SVHN's files


def images_of(label: int, count: int, seed: int) -> np.ndarray:
    """Stripes whose direction and colour are the class's, uint8 (count, 32, 32, 3)."""
    draws = np.random.default_rng([label, count, seed])
    rows, columns = np.indices((32, 32))
    phase = draws.uniform(0, 6, (count, 1, 1))
    stripes = 60 * np.sin((np.cos(label) * rows + np.sin(label) * columns) * (0.4 + label / 20) + phase)
    colour = np.array([90 + 8 * label, 160 - 6 * label, 128])
    images = stripes[..., None] + colour + draws.normal(0, 5, (count, 32, 32, 3))
    return images.clip(0, 255).astype(np.uint8)


def write_cifar10(root: Path) -> None:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for seed, batch in enumerate(("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")):
        write_batch(folder / f"{batch}.bin", PER_CLASS["test"], seed)
    write_batch(folder / "test_batch.bin", PER_CLASS["test"], 5)


def write_batch(file: Path, count: int, seed: int) -> None:
    records = [
        bytes([label]) + image.transpose(2, 0, 1).tobytes()
        for label in range(10)
        for image in images_of(label, count, seed)
    ]
    file.write_bytes(b"".join(records))


def write_svhn(root: Path) -> None:
    root.mkdir(parents=True)
    for seed, (split, count) in enumerate((("train", 20), ("test", PER_CLASS["test"]))):
        images = np.concatenate([images_of(label, count, seed) for label in range(1, 11)])
        labels = np.repeat(np.arange(1, 11, dtype=np.uint8), count)[:, None]
        content = {"X": images.transpose(1, 2, 3, 0), "y": labels}
        scipy.io.savemat(root / f"{split}_32x32.mat", content, do_compression=True)


def shrunken(content: dict[str, Any]) -> dict[str, Any]:
    """The arm with networks that train in seconds and need no download."""
    lite0 = {"backbone": "efficientnet_lite0", "layers": ["expand1"]}
    step = {"layers": ["expand1"], "transition": 0, "stable": 4, "batch_size": 8}
    network = {"depth": 9, "channels": [4, 4, 4, 4], "latent_dim": 4, "statistics_images": 16, "precision": "float32"}
    content["detectors"]["dpa"] |= {
        "backbone": lite0["backbone"],
        "schedule": {"32": step},
        "report_every": 2,
    } | network
    content["detectors"]["deep_if"] |= lite0 | {"input_size": None, "trees": 10}
    return content | {"tune": None}  # whose layers are VGG's


@pytest.mark.slow
@pytest.mark.usefixtures("networks_read_once")
def test_classes_of_both_collections_run_from_files_to_the_report(
    in_folder: Path, known: dict[str, Experiment]
) -> None:
    arms = ["cifar10_cat", "svhn_0"]
    content = shipped()
    content["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [*arms, "svhn_gray"], "train": arms}
    content["params.yaml"] |= {"seeds": [0], "detectors": ["dpa"], "quick_detectors": ["deep_if"]}
    content["params.yaml"]["compute_metrics"]["resamples"] = 100
    for arm in arms:
        experiment = known[arm]
        of_class = arm_of(experiment, "tuned").content
        own = {"normal": [experiment.normal], "validation_anomalies": [experiment.anomaly]}
        content[f"arms/{arm}.yaml"] = shrunken({**of_class, "collection": of_class["collection"] | own})
    in_gray = json.loads(json.dumps(content["arms/svhn_0.yaml"]))
    in_gray["prepare_folder"]["colour"] = False
    content["arms/svhn_gray.yaml"] = in_gray
    write(content)
    shutil.copy(ROOT / TABLE, TABLE)
    write_cifar10(Path("data/raw/cifar10"))
    write_svhn(Path("data/raw/svhn"))
    for arm in (*arms, "svhn_gray"):
        make_inventory(Path("data/raw") / arm.split("_")[0], Path(f"data/raw/inventory/{arm}.csv"), Path("s.json"))
    check_params.main()
    for arm in (*arms, "svhn_gray"):
        prepare_folder.main(arm)
    for arm in arms:
        train.main(arm, "dpa", "0")
        evaluate.main(arm, "dpa", "0")
        fit_and_score.main(arm, "deep_if")
        compute_metrics.main(arm)
    report.main()

    cat = read_images(Path("data/prepared/cifar10_cat"))
    counts = cat.index.groupby(["split", "label"]).size().to_dict()
    # all training images of the class, those of the class of known anomalies, and all test images
    assert counts == {("train", 0): 30, ("val", 1): 30, ("test", 0): 6, ("test", 1): 54}
    assert set(cat.index.loc[cat.index["split"] == "val", "findings"]) == {"airplane"}
    # what a detector is shown in gray is what an arm in gray has
    colour, one = (read_images(Path(f"data/prepared/{arm}")) for arm in ("svhn_0", "svhn_gray"))
    assert np.array_equal(gray(np.asarray(colour.pixels)), one.pixels)
    results = json.loads(Path("reports/arms/svhn_0/metrics.json").read_bytes())
    assert results["dpa"]["test"]["images"] == 60
    assert results["dpa"]["operating_point"] is None  # no normal is held out
    page = Path("reports/report.md").read_text(encoding="utf-8")
    assert "There is no threshold, since the arm holds out no normal images." in page
    assert page.count("(1 of 10 classes) (other images)") == 4
    assert "### SVHN, class by class" in page
    assert "Table 2 of the paper" not in page
    assert "without growth 58.7 ± 1.2" in page
