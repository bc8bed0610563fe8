import hashlib
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from pipeline.evaluation.provenance import provenance
from pipeline.files import write_csv


def test_data_and_model_are_named_by_checksum_and_libraries_by_version(tmp_path: Path) -> None:
    inventory, images, model = (tmp_path / name for name in ("nih_pa.csv", "images.npy", "model.pt"))
    write_csv(inventory, pd.DataFrame({"path": ["a.png", "b.png"], "bytes": [10, 32], "md5": ["1", "2"]}))
    images.write_bytes(b"images")
    model.write_bytes(b"model")
    found = provenance(inventory, images, model, "cpu")
    assert (found["raw_files"], found["raw_bytes"], found["device"]) == (2, 42, "cpu")
    assert found["images_md5"] == hashlib.md5(b"images", usedforsecurity=False).hexdigest()
    assert found["model_md5"] == hashlib.md5(b"model", usedforsecurity=False).hexdigest()
    assert found["libraries"]["torch"] == version("torch")
    assert str(tmp_path) not in str(found)
