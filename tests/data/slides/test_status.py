import pandas as pd
import pytest

from pipeline.data.slides.status import TEXTS, check_failures, read_status
from pipeline.errors import PipelineError


def test_a_few_failures_are_borne_more_are_not():
    check_failures(["bad"], 10, 0.1, "camelyon16", "slides")
    with pytest.raises(
        PipelineError, match=r"camelyon16: 2 of 10 slides failed, more than arms/camelyon16\.yaml:collection\.allowed_"
    ) as caught:
        check_failures(["bad", "worse"], 10, 0.1, "camelyon16", "slides")
    assert str(caught.value).endswith("all reasons are in data/interim/camelyon16, the first is: bad")


def test_names_stay_texts_and_empty_texts_stay_empty(tmp_path):
    pd.DataFrame([{"name": "001", "status": "failed"}], columns=TEXTS).to_csv(tmp_path / "status.csv", index=False)
    row = read_status(tmp_path / "status.csv").iloc[0]
    assert (row["name"], row["reason"], row["annotation"]) == ("001", "", "")


def test_a_slide_or_a_patient_may_be_called_na(tmp_path):
    rows = [{"name": "NA", "group": "null", "blur": None}]
    pd.DataFrame(rows, columns=[*TEXTS, "blur"]).to_csv(tmp_path / "status.csv", index=False)
    row = read_status(tmp_path / "status.csv").iloc[0]
    assert (row["name"], row["group"], row["reason"]) == ("NA", "null", "")
    assert pd.isna(row["blur"])


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(PipelineError, match=r"status\.csv is missing"):
        read_status(tmp_path / "status.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"name,path\na,b,c\n"])
def test_a_damaged_table_is_named_with_what_to_run(tmp_path, content):
    (tmp_path / "status.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=r"status\.csv.*: run `dvc repro` for the stage that writes it$"):
        read_status(tmp_path / "status.csv")
