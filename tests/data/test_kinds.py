import ast
import json
from importlib import import_module
from typing import Any, get_type_hints

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from pipeline.data.kinds import Kind, KindSettings, kind_of, names, settings_of, with_values
from pipeline.errors import PipelineError
from pipeline.params.file import Params
from tests.import_closure import ROOT, import_closure
from tests.shipped import shipped_arm

ARMS = {"folders": "images", "slides": "demo_slides", "xrays": "demo_xrays"}


def data_of(arm: str) -> KindSettings:
    return shipped_arm(arm).data


def sections(name: str) -> dict[str, Any]:
    return json.loads(data_of(ARMS[name]).model_dump_json())


@pytest.mark.parametrize("name", names())
def test_every_kind_has_the_whole_face(name: str) -> None:
    settings = settings_of(name, sections(name))
    assert settings == data_of(ARMS[name])
    assert settings.kind == name
    preparation = import_module(f"pipeline.data.{name}.preparation").Preparation.model_fields
    assert preparation["kind"].default == name
    assert settings.whole in (None, preparation["unit"].default)
    assert settings.image == preparation["image"].default
    # where images do not say what their groups are, the arm does
    assert preparation["unit"].default in (settings.unit, PydanticUndefined)
    assert set(settings.searched) <= set(type(settings).model_fields)
    assert (ROOT / "stages" / f"{settings.prepared_by}.py").is_file()
    face = [function for function in vars(Kind) if not function.startswith("_")]
    assert len(face) == 4
    for function in face:
        offered, wanted = get_type_hints(getattr(kind_of(settings), function)), get_type_hints(getattr(Kind, function))
        assert list(offered) == list(wanted)
        assert offered["return"] == wanted["return"]


def test_no_room_for_all_kinds_asks_for_the_name_of_one() -> None:
    words = {word for name in names() for word in (name, data_of(ARMS[name]).whole or name)}
    for room in ("compute", "detectors", "evaluation", "features", "reporting", "tuning"):
        for file in (ROOT / "pipeline" / room).rglob("*.py"):
            compared = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Compare)]
            parts = [part for node in compared for part in ast.walk(node) if isinstance(part, ast.Constant)]
            assert not words & {part.value for part in parts}, file


@pytest.mark.parametrize("name", names())
def test_a_collection_has_the_name_that_its_key_gives_it_or_the_arms(name: str) -> None:
    settings = data_of(ARMS[name])
    values = {settings.collection_key: "theirs"} if settings.collection_key else {}
    assert with_values(settings, values).collection_of("mine") == ("theirs" if values else "mine")


@pytest.mark.parametrize("name", names())
def test_no_kind_knows_another(name: str) -> None:
    others = [f"pipeline/data/{other}/" for other in names() if other != name]
    for file in (ROOT / "pipeline" / "data" / name).glob("*.py"):
        closure = import_closure(file)
        assert not [module for module in closure if module.startswith(tuple(others))], file


def test_what_all_kinds_share_knows_none() -> None:
    kinds = tuple(f"pipeline/data/{name}/" for name in names())
    for file in (ROOT / "pipeline" / "data").glob("*.py"):
        assert not [module for module in import_closure(file) if module.startswith(kinds)], file


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(PipelineError, match="there is no kind of data 'scans': choose from folders, slides, xrays"):
        settings_of("scans", {})


@pytest.mark.parametrize("name", names())
def test_a_section_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="spectra"):
        settings_of(name, sections(name) | {"spectra": {}})


@pytest.mark.parametrize("name", names())
def test_images_smaller_than_what_a_detector_sees_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"working_size is \d+, detectors\.large sees 1024 px"):
        data_of(ARMS[name]).check_resolution(1024, "detectors.large")


def test_the_target_has_to_lie_inside_drawn_slides_and_named_slides_have_to_be_drawn(params: Params) -> None:
    settings = data_of("demo_slides")
    small, few = (
        params.demo_data.model_copy(update={"slides": params.demo_data.slides.model_copy(update=change)})
        for change in ({"size": 2304}, {"tumour": 2})
    )
    settings.check_drawn(params.demo_data)
    with pytest.raises(ValueError, match="ends outside the drawn slides of 2304 px"):
        settings.check_drawn(small)
    with pytest.raises(ValueError, match="validation_tumour names tumor_003"):
        settings.check_drawn(few)
    data_of("camelyon16").check_drawn(small)  # nothing of it is drawn
