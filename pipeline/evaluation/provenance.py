"""From what a run's scores came: data and model by their checksums, and the libraries that computed them."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.compute.code_version import PACKAGES
from pipeline.data.inventory import read_inventory
from pipeline.files import md5

LIBRARIES = sorted({*PACKAGES, "dvc", "pandas", "scikit-learn", "scipy"})


def provenance(inventory: Path, images: Path, model: Path, device: str) -> dict[str, Any]:
    """Describe a run's inputs.

    Args:
        inventory: The CSV of the collection's files.
        images: The prepared array.
        model: The model's file.
        device: What computed the scores.

    Returns:
        JSON; checksums are MD5, as in dvc.lock.
    """
    raw = read_inventory(inventory)
    return {
        "raw_files": len(raw),
        "raw_bytes": int(raw["bytes"].sum()),
        "inventory_md5": md5(inventory),
        "images_md5": md5(images),
        "model_md5": md5(model),
        "device": device,
        "libraries": libraries(),
    }


def libraries() -> dict[str, str]:
    """Return the versions of Python and of what computes."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
