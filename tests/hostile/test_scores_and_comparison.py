"""Tables of scores, and revisions that are compared."""

import pytest

from pipeline import layout
from pipeline.commands import compare as comparing
from pipeline.data.images import Images
from pipeline.evaluation.scores import read_arm_scores, score_table
from pipeline.files import write_csv
from pipeline.reporting.comparison import read_revision
from tests.hostile.inputs import put
from tests.hostile.oracle import Gives, Line, judge, lines
from tests.import_closure import ROOT

RUN = "nih_pa/dpa/seed-0"
CSV = r"seed-0\.csv"
AGAIN = rf"{CSV}.*dvc repro"


def cell(column: str, value: str) -> object:
    """The table of scores with another value in the row of image_20."""

    def change(text: str) -> str:
        header, *rows = text.splitlines()
        place = header.split(",").index(column)
        for number, row in enumerate(rows):
            cells = row.split(",")
            if cells[1] == "image_20":
                rows[number] = ",".join([*cells[:place], value, *cells[place + 1 :]])
        return "\n".join([header, *rows]) + "\n"

    return change


@lines(
    Line("good", lambda text: text, Gives(16)),
    Line("missing", None, AGAIN),
    Line("empty", lambda text: "", AGAIN),
    Line("binary", lambda text: bytes(range(256)), AGAIN),
    Line("zeros", lambda text: bytes(1000), AGAIN),
    Line("utf_16", lambda text: text.encode("utf-16"), AGAIN),
    Line("header_only", lambda text: text.splitlines()[0], AGAIN),
    Line("cut_in_a_row", lambda text: text[:-20], AGAIN),
    Line("open_quote", lambda text: text + '"', AGAIN),
    Line("row_too_long", lambda text: text[:-1] + ",1,2\n", AGAIN),
    Line("column_missing", lambda text: text.replace("group", "groups"), rf"{AGAIN}|{CSV}.*group"),
    Line("column_twice", lambda text: text.replace("source,split", "split,split", 1), CSV),
    Line("of_another_run", cell("run", "nih_ap/dpa/seed-0"), rf"{AGAIN}"),
    Line("run_with_markup", cell("run", "<script>"), rf"{AGAIN}"),
    Line("image_twice", cell("id", "image_19"), rf"{CSV}.*image_19"),
    Line("split_unknown", cell("split", "train"), rf"{CSV}.*'train'.*image_20"),
    Line("label_of_two", cell("label", "2"), rf"{CSV}.*'2'.*image_20"),
    Line("label_as_float", cell("label", "1.0"), rf"{CSV}.*image_20"),
    Line("score_no_number", cell("score", "nan"), rf"{CSV}.*image_20"),
    Line("score_infinite", cell("score", "-inf"), rf"{CSV}.*image_20"),
    Line("score_too_large", cell("score", "1e400"), rf"{CSV}.*image_20"),
    Line("score_of_308_digits", cell("score", "1.7e308"), rf"{CSV}.*image_20"),
    Line("score_as_formula", cell("score", "=1+1"), rf"{CSV}.*image_20"),
    Line("score_as_word", cell("pixel_l1", "high"), rf"{CSV}.*pixel_l1.*image_20"),
    Line("score_empty", cell("score", ""), rf"{CSV}.*image_20"),
    Line("score_of_another_base", cell("score", "0x10"), rf"{CSV}.*image_20"),
)
def test_scores(line: Line, tiny_images: Images) -> None:
    scorers = dict.fromkeys(("score", "untrained", "pixel_l1"), lambda pixels: pixels.mean((1, 2, 3)))
    path = layout.scores(RUN)
    write_csv(path, score_table(tiny_images, RUN, scorers))
    made = line.made(path.read_text(encoding="utf-8")) if line.made else None
    put(path, made)
    judge(lambda: len(read_arm_scores("nih_pa", "dpa", [0]).images), line.says)


PARAMS = "arms:\n  train: [nih_pa]\ndetectors: [dpa]\nseeds: [0]\ngate:\n  roc_auc: 0.1\n"


@lines(
    Line("without_reports", {}, Gives([("nih_pa", "dpa")])),
    Line("without_settings", {"params.yaml": None}, r"main.*params\.yaml"),
    Line("settings_empty", {"params.yaml": ""}, r"params\.yaml.*main"),
    Line("settings_as_list", {"params.yaml": "[1]"}, r"params\.yaml.*main"),
    Line("settings_no_yaml", {"params.yaml": "arms: ["}, r"params\.yaml.*main"),
    Line("settings_with_code", {"params.yaml": "arms: !!python/object/apply:os.system ['touch PWNED']"},
         r"params\.yaml.*main"),
    Line("settings_of_themselves", {"params.yaml": PARAMS + "x: &x [*x]"}, r"params\.yaml.*main"),
    Line("settings_of_5000_levels", {"params.yaml": "[" * 5000}, r"params\.yaml.*main"),
    Line("arms_missing", {"params.yaml": "seeds: [0]"}, r"params\.yaml.*main"),
    Line("arms_as_number", {"params.yaml": "arms: 3\nseeds: [0]"}, r"params\.yaml.*main"),
    Line("arms_as_numbers", {"params.yaml": PARAMS.replace("[nih_pa]", "[1]")}, r"params\.yaml.*main"),
    Line("seeds_as_word", {"params.yaml": PARAMS.replace("[0]", "many")}, r"params\.yaml.*main"),
    Line("gate_unknown", {"params.yaml": PARAMS.replace("roc_auc", "auc")}, r"params\.yaml.*main"),
    Line("summary_no_json", {"reports/summary.json": "{"}, r"summary\.json.*main"),
    Line("summary_of_20_000_levels", {"reports/summary.json": "[" * 20_000}, r"summary\.json.*main"),
    Line("summary_as_list", {"reports/summary.json": "[1]"}, Gives([("nih_pa", "dpa")])),
    Line("scores_of_nobody", {str(layout.scores(RUN)): "a,b\n1,2\n"}, Gives([("nih_pa", "dpa")])),
)  # fmt: skip
def test_a_revision(line: Line) -> None:
    files = {"params.yaml": PARAMS} | line.made
    judge(lambda: list(read_revision("main", files.get).scores), line.says)


NO_REVISIONS = [
    "", "no-such-branch", "HEAD; touch PWNED", "$(touch PWNED)", "../..", "0" * 40, "HEAD~99999", "HEAD:dvc.yaml",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_REVISIONS)
def test_a_revision_that_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    judge(lambda: comparing.main([name]), r"(?s).")
