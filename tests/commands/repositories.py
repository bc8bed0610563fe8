"""Small collections, and commands in folders that hold the shipped params.yaml and some of the arms."""

import difflib
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tifffile import TiffWriter

from pipeline.demo.lymph_node import STAINS, render
from tests.import_closure import ROOT
from tests.in_process import Done, call

XRAYS = "path,patient,view,findings,split\na.png,1,PA,,train\nb.png,2,PA,,test\nc.png,3,PA,Mass,test\n"
SLIDES = "path,role,annotation,group\na.tif,train,,1\n"
# the first two lines of the paper's arm
ABOUT = "The PA views of NIH ChestX-ray14 with the paper's settings (§IV-A1, table 2)."
VARIANT = "docs/parameters.md explains every key; a variant: dvc exp run -S arms/{}.yaml:detectors.dpa.latent_dim=32"


def add_shipped(arm: str) -> None:
    shutil.copy(ROOT / "arms" / f"{arm}.yaml", "arms")


def write_images(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.random.default_rng([*name.encode()]).integers(0, 256, (8, 8), np.uint8))
    return folder


def xrays(folder: Path) -> Path:
    write_images(folder, "a.png", "b.png", "c.png")
    (folder / "xrays.csv").write_text(XRAYS, encoding="utf-8")
    return folder


def slides(folder: Path) -> Path:
    folder.mkdir(parents=True)
    maps = np.zeros((2, 1792, 1792), np.uint8)
    maps[:, 256:] = np.random.default_rng(0).integers(20, 120, (2, 1536, 1792))
    with TiffWriter(folder / "a.tif") as tiff:
        scale = {"resolution": (4e4, 4e4), "resolutionunit": "CENTIMETER"}
        image = render(maps[0], maps[1], STAINS, np.full(3, 245.0))
        tiff.write(image, tile=(256, 256), photometric="rgb", metadata=None, **scale)
    (folder / "slides.csv").write_text(SLIDES, encoding="utf-8")
    return folder


def images(folder: Path) -> Path:
    return write_images(folder, "train/good/1.png", "train/good/2.png", "test/good/3.png", "test/crack/4.png")


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """All files and where links lead, but for checksums that a second listing need not compute again."""
    paths = [path for path in sorted(folder.rglob("*")) if ".cache" not in path.parts]
    links: dict[str, bytes | str] = {str(path): f"-> {path.readlink()}" for path in paths if path.is_symlink()}
    return links | {str(path): path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()}


def make(repository: Path, *words: Any, fails: bool = False) -> Done:
    done = call("new-arm", *map(str, words), folder=repository)
    assert (done.returncode != 0) == fails, done
    return done


def refused(repository: Path, *words: Any) -> str:
    """Call it, in vain and without a trace; the sentence that says why."""
    before = snapshot(repository)
    done = make(repository, *words, fails=True)
    assert snapshot(repository) == before
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    return done.stderr


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
