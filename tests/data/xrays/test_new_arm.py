from pathlib import Path
from typing import Any

import pytest

from pipeline.data.kinds import Adapted
from pipeline.data.xrays.new_arm import adapted
from pipeline.errors import PipelineError
from tests.shipped import shipped_xrays

HEADER = "path,patient,view,findings,split\n"
ROWS = "a.png,1,PA,,train\nb.png,2,AP,Nodule,train\nc.png,3,PA,Scar|Nodule,val\nd.png,4,PA,Stent,test\n"


def adapt(folder: Path, like: str = "nih_pa", **given: Any) -> Adapted:
    keys = {f"split_xrays.{key}": value for key, value in given.items()}
    return adapted("mine", shipped_xrays(like), folder, keys)


def changes(folder: Path, like: str = "nih_pa", **given: Any) -> dict[str, Any]:
    return {key.removeprefix("split_xrays."): value for key, value in adapt(folder, like, **given).changes.items()}


@pytest.mark.parametrize("like", ["nih_pa", "nih_subset", "demo_xrays"])
def test_a_csv_takes_the_place_of_the_published_lists(tmp_path: Path, like: str) -> None:
    (tmp_path / "Any name.CSV").write_text(HEADER + ROWS, encoding="utf-8")
    (tmp_path / "other.csv").write_text("path,patient\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    found = changes(tmp_path, like)
    assert (found["table"], found["lists"], found["generated"]) == ("Any name.CSV", None, False)


def test_a_csv_of_dicom_files_may_leave_out_what_these_tell(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("path,findings,split\na.dcm,,train\nb.dcm,Nodule,test\n", encoding="utf-8")
    assert changes(tmp_path) == {"generated": False, "table": "films.csv", "lists": None}


def test_known_findings_are_kept_where_the_csv_has_one_of_them_and_else_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text(HEADER + ROWS, encoding="utf-8")
    assert "validation_findings" not in changes(tmp_path, "demo_xrays")  # Nodule is one of them
    # neither those of the test split nor several at once
    assert changes(tmp_path)["validation_findings"] == ["Nodule"]
    assert "validation_findings" not in changes(tmp_path, validation_findings=["Stent"])


def test_without_findings_before_the_test_split_they_stay(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text(f"{HEADER}a.png,1,PA,No Finding,train\nb.png,2,PA,Scar,test\n")
    assert set(changes(tmp_path)) == {"generated", "table", "lists"}


@pytest.mark.parametrize(
    ("views", "like", "view"),
    [(["AP"], "nih_pa", "AP"), (["AP", "AP", "PA"], "nih_pa", "kept"), (["PA"], "nih_ap", "PA")],
)
def test_a_view_that_no_row_has_gives_way(tmp_path: Path, views: list[str], like: str, view: str) -> None:
    rows = "".join(f"{number}.png,{number},{view},,train\n" for number, view in enumerate(views))
    (tmp_path / "xrays.csv").write_text(HEADER + rows)
    assert changes(tmp_path, like).get("view", "kept") == view


def test_where_a_view_leaves_out_rows_that_is_said_with_what_takes_them(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text(HEADER + ROWS)
    assert len(adapt(tmp_path, view="AP").said) == 1
    (_, said) = adapt(tmp_path).said
    assert said.startswith(
        "it keeps split_xrays.view: PA, so images of other views are left out (--set split_xrays.view="
    )


@pytest.mark.parametrize("name", ["Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"])
def test_nihs_own_layout_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Image Index\n")
    assert changes(tmp_path) == {"generated": False}


def test_without_any_description_the_columns_of_one_are_named(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text("path,findings\n")
    with pytest.raises(PipelineError) as caught:
        adapt(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no CSV with the columns path, findings, split and no "
        "Data_Entry_2017_v2020.csv (xrays.csv has no column split): describe the "
        "collection in such a CSV, as docs/adding.md shows"
    )


def test_of_several_descriptions_one_is_to_be_named(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(HEADER + ROWS)
    with pytest.raises(PipelineError, match=r"holds a\.csv and b\.csv, .*: name one by --set split_xrays\.table=FILE$"):
        adapt(tmp_path)
    assert changes(tmp_path, table="b.csv")["table"] == "b.csv"
    with pytest.raises(PipelineError, match=r"^split_xrays\.table names c\.csv, which is not in "):
        adapt(tmp_path, table="c.csv")


def test_a_row_that_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text(f"{HEADER}a.png,=1+1,PA,,train\n")
    with pytest.raises(PipelineError, match=r"xrays\.csv, row 2, column patient: '=1\+1' would be a formula"):
        adapt(tmp_path)


def test_a_description_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "xrays.csv").write_text(HEADER + ROWS)
    (tmp_path / "inner").mkdir()
    with pytest.raises(PipelineError, match=r"leaves the collection's folder"):
        adapt(tmp_path / "inner", table="../xrays.csv")
