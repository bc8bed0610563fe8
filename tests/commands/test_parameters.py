import re
from collections.abc import Iterator

import pytest

from pipeline.commands.parameters import main, models, page
from pipeline.params.base import Settings
from tests.import_closure import ROOT


def with_fields(model: type[Settings]) -> Iterator[type[Settings]]:
    for child in model.__subclasses__():
        yield from with_fields(child)
        module = child.__module__
        settings = re.fullmatch(r"pipeline\.(params\.\w+|arms|(data|detectors)(\.\w+)?\.settings)", module)
        shipped = (ROOT / f"{module.replace('.', '/')}.py").is_file()  # not a detector that another test has added
        if settings and shipped and child.model_fields:
            yield child


def fields() -> list[tuple[type[Settings], str]]:
    list(models())  # imports them all
    return [(model, field) for model in set(with_fields(Settings)) for field in model.model_fields]


def test_every_setting_says_what_it_means_where_it_stands() -> None:
    assert [f"{model.__name__}.{name}" for model, name in fields() if not model.model_fields[name].description] == []


def test_every_setting_is_on_the_page() -> None:
    text = page()
    for _, name in fields():
        assert re.search(rf"^(### |\| `)(\S+\.)?{name}(` \|.*)?$", text, re.MULTILINE), name


def test_the_page_is_made_from_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    committed = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert committed == capsys.readouterr().out, "run `python -m pipeline parameters > docs/parameters.md`"


@pytest.mark.parametrize(
    "row",
    [
        "| `compute.device` | `auto` takes CUDA, then MPS, then the CPU. | `auto`, `cpu`, `cuda`, `mps` |",
        "| `evaluate.heat_map_top` | ",
        "| `collection.assumed_microns_per_pixel` | ",
        "| `normalize_tiles.target.region.x` | ",
        "| `detectors.dpa.schedule.*.layers` | ",
        "| `detectors.dpa.loss.l1` | ",
    ],
)
def test_keys_are_written_as_in_the_files_however_deep(row: str) -> None:
    assert f"\n{row}" in page()


def test_what_may_stand_at_a_key_is_said() -> None:
    rows = dict(row[3:].split("` | ", 1) for row in page().splitlines() if row.startswith("| `"))
    for key, values in {
        "compute.compile": "`true` or `false`",
        "tune.trials": "whole number above 0, up to 1,000,000 or `null`",
        "collection.tolerance": "number from 0, below 0.5",
        "detectors.mean_intensity.side": "whole number above 0, up to 65,536 or `null`; default `null`",
    }.items():
        assert rows[key].endswith(f" | {values} |")
