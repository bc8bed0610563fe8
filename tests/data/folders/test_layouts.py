"""Every layout, in its published form, from files to the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import scipy.io
from PIL import Image

from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import make_inventory
from stages import compute_metrics, fit_and_score, prepare_folder, report
from tests.shipped import shipped, write

ARM = "images"
COUNTS = {"train": 24, "test": 12}  # of normal and of abnormal images


def shade(number: int, abnormal: bool) -> np.ndarray:
    """A ramp, uint8 (32, 32); abnormal ones hold a bright square."""
    draws = np.random.default_rng([number, abnormal])
    image = np.add.outer(np.linspace(40, 120, 32), np.linspace(0, 40, 32)) + draws.normal(0, 6, (32, 32))
    if abnormal:
        image[8:20, 8:20] = 250 - draws.integers(0, 20, (12, 12))
    return image.clip(0, 255).astype(np.uint8)


def write_picture(path: Path, number: int, abnormal: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shade(number, abnormal)).save(path)


def mvtec(root: Path) -> dict[str, Any]:
    for number in range(COUNTS["train"]):
        write_picture(root / f"bottle/train/good/{number:03d}.png", number, False)
    for number in range(100, 100 + COUNTS["test"]):
        write_picture(root / f"bottle/test/good/{number:03d}.png", number, False)
        write_picture(root / f"bottle/test/broken/{number:03d}.png", number, True)
        write_picture(root / f"bottle/ground_truth/broken/{number:03d}_mask.png", number, True)
    return {"part": "bottle"}


def bmad(root: Path) -> dict[str, Any]:
    for split, start, count in (("train", 0, COUNTS["train"]), ("valid", 50, 6), ("test", 100, COUNTS["test"])):
        for number in range(start, start + count):
            write_picture(root / split / f"good/img/{number}.png", number, False)
            if split != "train":
                write_picture(root / split / f"Ungood/img/{number}.png", number, True)
                write_picture(root / split / f"Ungood/anomaly_mask/{number}.png", number, True)
    return {}


def medianomaly(root: Path) -> dict[str, Any]:
    lists: dict[str, Any] = {"train": {"0": []}, "test": {"0": [], "1": []}}
    for split, start, abnormal in (("train", 0, False), ("test", 100, False), ("test", 100, True)):
        for number in range(start, start + COUNTS[split]):
            write_picture(root / f"images/{int(abnormal)}_{number}.png", number, abnormal)
            lists[split][str(int(abnormal))].append(f"{int(abnormal)}_{number}.png")
    (root / "data.json").write_text(json.dumps(lists))
    return {}


def table(root: Path) -> dict[str, Any]:
    rows = ["path,split,label,findings,group"]
    for split, start, abnormal in (("train", 0, False), ("test", 100, False), ("test", 100, True)):
        for number in range(start, start + COUNTS[split]):
            path = f"{split}-{int(abnormal)}-{number}.png"
            write_picture(root / path, number, abnormal)
            rows.append(f"{path},{split},{int(abnormal)},{'burn' if abnormal else ''},patient {path}")
    (root / "images.csv").write_text("\n".join(rows))
    return {"unit": "patient"}


def both_kinds(start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images in colour, uint8 (2 count, 32, 32, 3), a normal and an abnormal one in turns, and which are abnormal."""
    abnormal = np.arange(2 * count) % 2
    gray = np.stack([shade(start + number, bool(one)) for number, one in enumerate(abnormal)])
    return np.stack([gray] * 3, axis=3), abnormal.astype(np.uint8)


def cifar10(root: Path) -> dict[str, Any]:
    for number, name in enumerate(["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]):
        write_batch(root / f"cifar-10-batches-bin/{name}.bin", 100 * number)
    write_batch(root / "cifar-10-batches-bin/test_batch.bin", 900)
    return {"normal": ["cat"]}


def write_batch(path: Path, start: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images, abnormal = both_kinds(start, COUNTS["test"])
    records = [
        bytes([3 + one]) + image.transpose(2, 0, 1).tobytes() for image, one in zip(images, abnormal, strict=True)
    ]
    path.write_bytes(b"".join(records))


def svhn(root: Path) -> dict[str, Any]:
    for split, start in (("train", 0), ("test", 100)):
        images, abnormal = both_kinds(start, COUNTS[split])
        content = {"X": images.transpose(1, 2, 3, 0), "y": np.where(abnormal, 7, 10).astype(np.uint8)[:, None]}
        scipy.io.savemat(root / f"{split}_32x32.mat", content, do_compression=True)
    return {"normal": ["0"]}


def medmnist(root: Path) -> dict[str, Any]:
    content = {}
    for split, start, count in (("train", 0, COUNTS["train"]), ("val", 100, 6), ("test", 200, COUNTS["test"])):
        content[f"{split}_images"], labels = both_kinds(start, count)
        content[f"{split}_labels"] = labels[:, None]
    np.savez_compressed(root / "bloodmnist_32.npz", **content)
    return {"normal": ["0"]}


LAYOUTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "mvtec": mvtec,
    "bmad": bmad,
    "medianomaly": medianomaly,
    "table": table,
    "cifar10": cifar10,
    "svhn": svhn,
    "medmnist": medmnist,
}


@pytest.mark.parametrize("layout", get_args(Collection.model_fields["layout"].annotation))
@pytest.mark.usefixtures("networks_read_once")
def test_from_its_files_to_the_report(in_folder: Path, layout: str) -> None:
    root = in_folder / "data/raw" / ARM
    root.mkdir(parents=True)
    content = shipped()
    content["params.yaml"] |= {"seeds": [0], "detectors": ["knn"], "quick_detectors": []}
    content["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [ARM], "train": [ARM]}
    content["params.yaml"]["compute_metrics"]["resamples"] = 100
    content[f"arms/{ARM}.yaml"] |= {
        "collection": {"layout": layout, **LAYOUTS[layout](root)},
        "prepare_folder": {"thumbnail_size": 32, "crop_size": 32, "working_size": 32},
    }
    # images are shown at 32 px, and these detectors ask for 64
    content[f"arms/{ARM}.yaml"]["detectors"] = {"knn": content[f"arms/{ARM}.yaml"]["detectors"]["knn"]}
    content[f"arms/{ARM}.yaml"]["evaluate"] = {"gallery_images": 2, "heat_map_top": {}}
    write(content)
    make_inventory(root, Path(f"data/raw/inventory/{ARM}.csv"), Path("scratch.json"))
    prepare_folder.main(ARM)
    fit_and_score.main(ARM, "knn")
    compute_metrics.main(ARM)
    results = json.loads(Path(f"reports/arms/{ARM}/metrics.json").read_bytes())["knn"]
    assert results["metrics"]["roc_auc"]["mean"] > 0.9
    assert results["test"]["images"] >= 20
    report.main()
    page = Path("reports/report.md").read_text(encoding="utf-8")
    assert ("which images belong together" in page) is (layout != "table")
