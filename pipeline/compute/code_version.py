"""What decides bytes beside parameters and data: the code, and the packages that it computes with."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

# Packages whose version decides what comes out.
PACKAGES = (
    "efficientnet-lite-pytorch",
    "numpy",
    "opencv-python",
    "openslide-bin",
    "openslide-python",
    "pillow",
    "scikit-image",
    "spams-bin",
    "staintools",
    "timm",
    "torch",
    "torchvision",
)


def library() -> list[Path]:
    """All modules of the library, in the order of their paths."""
    return sorted(Path(__file__).parents[1].rglob("*.py"))


@cache
def code_version() -> str:
    """The checksum of the whole library and the packages it computes with."""
    return f"{library_checksum()} {' '.join(package_versions())}"


@cache
def library_checksum() -> str:
    """The checksum of the whole library as it was when this process asked first."""
    digest = hashlib.sha256()
    for file in library():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def package_versions() -> tuple[str, ...]:
    """Name and version of each of :data:`PACKAGES`.

    Raises:
        importlib.metadata.PackageNotFoundError: If one is missing.
    """
    return tuple(f"{name} {version(name)}" for name in PACKAGES)
