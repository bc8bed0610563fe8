"""The same content under several names: never on two sides, never counted twice."""

import pandas as pd

from tests.hostile.inputs import (
    NIH,
    SLIDES,
    WITH_TABLE,
    list_and_read_slides,
    list_and_split_xrays,
    put,
    write_with_table,
)
from tests.hostile.oracle import Gives, Line, judge, lines
from tests.hostile.pictures import png

# name, content, findings, split; a patient of its own each
FILMS = (("a", 0, "", "train"), ("b", 1, "", "train"), ("c", 2, "", "test"), ("d", 3, "Mass", "test"))


def split_images() -> dict[str, str]:
    list_and_split_xrays()
    return dict(pd.read_csv("data/interim/nih_pa/split.csv")[["id", "split"]].to_numpy().tolist())


EACH_ONCE = {"a.png": "train", "b.png": "train", "c.png": "test", "d.png": "test"}


@lines(
    Line("different", (), Gives(EACH_ONCE)),
    Line("in_train_and_test", (("e", 0, "", "test"),), r"a\.png.*e\.png"),
    Line("in_train_and_val", (("e", 0, "", "val"),), r"a\.png.*e\.png"),
    Line("in_val_and_test", (("e", 4, "", "val"), ("f", 4, "", "test")), r"e\.png.*f\.png"),
    Line("normal_and_abnormal", (("e", 2, "Mass", "test"),), r"c\.png.*e\.png"),
    Line("in_train_twice", (("e", 0, "", "train"),), Gives(EACH_ONCE, warns=r"e\.png")),
    Line("in_train_three_times", (("e", 0, "", "train"), ("f", 0, "", "train")),
         Gives(EACH_ONCE, warns=r"2 images|f\.png")),
    Line("in_test_twice", (("e", 3, "Mass", "test"),), Gives(EACH_ONCE, warns=r"e\.png")),
)  # fmt: skip
def test_images(line: Line) -> None:
    rows = ["path,patient,view,findings,split"]
    for name, content, findings, split in (*FILMS, *line.made):
        put(NIH / f"{name}.png", png() + bytes([content]))
        rows.append(f"{name}.png,{name},PA,{findings},{split}")
    put(NIH / "xrays.csv", "\n".join(rows))
    write_with_table()
    judge(split_images, line.says)


USED = ("a", "b", "c", "d")


@lines(
    Line("different", (), Gives(USED)),
    Line("in_train_and_test", (("e", "a", "test_normal", ""),), r"a\.tif.*e\.tif"),
    Line("in_train_and_val", (("e", "a", "val_normal", ""),), r"a\.tif.*e\.tif"),
    Line("normal_and_tumour", (("e", "c", "test_tumour", "d.xml"),), r"c\.tif.*e\.tif"),
    Line("in_train_twice", (("e", "a", "train", ""),), Gives(USED)),
    Line("in_train_three_times", (("e", "a", "train", ""), ("f", "a", "train", "")), Gives(USED)),
    Line("in_test_twice", (("e", "d", "test_tumour", "d.xml"),), Gives(USED)),
)
def test_slides(line: Line) -> None:
    put(SLIDES / "d.xml", b"")
    rows = ["path,role,annotation,group"]
    slides = (("a", "a", "train", ""), ("b", "b", "train", ""), ("c", "c", "test_normal", ""))
    for name, content, role, annotation in (*slides, ("d", "d", "test_tumour", "d.xml"), *line.made):
        put(SLIDES / f"{name}.tif", content)
        rows.append(f"{name}.tif,{role},{annotation},{name}")
    put(SLIDES / "slides.csv", "\n".join(rows))
    judge(lambda: tuple(r.name for r in list_and_read_slides(**WITH_TABLE) if r.role), line.says)
