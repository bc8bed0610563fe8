"""Real films in DICOM through the command."""

import io
from pathlib import Path

import pandas as pd
import pytest
from pydicom import dcmread, dcmwrite

from pipeline.commands import score
from tests.data.dicoms import real

MONOCHROME = {"MONOCHROME1": "MONOCHROME2", "MONOCHROME2": "MONOCHROME1"}


def inverted(film: bytes) -> bytes:
    """The same film, stored the other way round."""
    data = dcmread(io.BytesIO(film))
    highest = 2**data.BitsStored - 1
    data.PixelData = (highest - data.pixel_array).astype("<u2").tobytes()
    data.PhotometricInterpretation = MONOCHROME[data.PhotometricInterpretation]
    data.WindowCenter = highest + 1 - float(data.WindowCenter)  # LINEAR's middle lies half a step beside its centre
    written = io.BytesIO()
    dcmwrite(written, data)
    return written.getvalue()


@pytest.mark.usefixtures("in_folder")
def test_a_film_of_either_photometric_interpretation_has_one_score(model_file: Path) -> None:
    chest = real("RG1_UNCR.dcm")
    for name, content in {"chest": chest, "inverted": inverted(chest)}.items():
        Path(f"{name}.dcm").write_bytes(content)
    films = ["chest.dcm", "inverted.dcm"]
    status = score.main([str(model_file), *films, "--out", "out", "--device", "cpu", "--workers", "1"])
    table = pd.read_csv("out/results.csv").set_index("name")
    assert status == 0
    assert table.loc["inverted.dcm", "score"] == table.loc["chest.dcm", "score"]
    made = "".join(path.read_text(errors="replace") for path in Path("out").rglob("*") if path.is_file())
    assert str(dcmread(io.BytesIO(chest)).PatientName) not in made
