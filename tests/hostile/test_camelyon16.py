"""The layout of Camelyon16 with its reference.csv."""

from tests.hostile.inputs import SLIDES, list_and_read_slides, put
from tests.hostile.oracle import Gives, Line, judge, lines

REFERENCE = "testing/reference.csv"
FILES = {
    "training/normal/normal_001.tif": "1",
    "training/normal/normal_002.tif": "2",
    "training/tumor/tumor_001.tif": "3",
    "training/lesion_annotations/tumor_001.xml": "<x/>",
    "testing/images/test_001.tif": "4",
    "testing/images/test_002.tif": "5",
    "testing/lesion_annotations/test_001.xml": "<x/>",
    REFERENCE: "test_001,Tumor\ntest_002,Normal\n",
}
CSV = r"reference\.csv"


@lines(
    Line("good", {}, Gives(5)),
    Line("header_and_endings", {REFERENCE: "name,type\ntest_001.tif,Tumor\r\ntest_002.tif,Normal\r\n"}, Gives(5)),
    Line("byte_order_mark", {REFERENCE: "\ufefftest_001,Tumor\ntest_002,Normal\n"}, Gives(5)),
    Line("reference_missing", {REFERENCE: None}, CSV),
    Line("reference_empty", {REFERENCE: ""}, r"testing/images|reference"),
    Line("reference_binary", {REFERENCE: bytes(range(256))}, rf"{CSV}.*download"),
    Line("reference_utf_16", {REFERENCE: "test_001,Tumor\n".encode("utf-16")}, rf"{CSV}.*download"),
    Line("reference_with_nul", {REFERENCE: "test_001,Tu\0mor\ntest_002,Normal\n"}, CSV),
    Line("slide_twice", {REFERENCE: "test_001,Tumor\ntest_001,Normal\n"}, rf"{CSV}, row 2.*test_001"),
    Line("other_label", {REFERENCE: "test_001,Tumor\ntest_002,Benign\n"}, rf"{CSV}, row 2.*Benign"),
    Line("label_missing", {REFERENCE: "test_001,Tumor\ntest_002\n"}, rf"{CSV}, row 2.*test_002"),
    Line("label_as_formula", {REFERENCE: "test_001,Tumor\ntest_002,=1+1\n"}, rf"{CSV}, row 2"),
    Line("name_with_escape", {REFERENCE: "test_001,Tumor\n\x1b[31m,x\n"}, rf"{CSV}, row 2"),
    Line("slide_of_nobody", {REFERENCE: FILES[REFERENCE] + "test_003,Normal\n"}, r"test_003.*testing/images"),
    Line("slide_that_climbs", {REFERENCE: FILES[REFERENCE] + "../x,Normal\n"}, r"\.\./x"),
    Line("slide_without_label", {"testing/images/test_003.tif": "6"}, rf"test_003.*{CSV}"),
    Line("slide_without_outlines", {"testing/lesion_annotations/test_001.xml": None}, r"test_001.*lesion_annotations"),
    Line("validation_slide_missing", {"training/tumor/tumor_001.tif": None}, r"validation_tumour.*tumor_001"),
    Line("two_endings_of_a_name", {"training/normal/normal_001.svs": "7"}, r"normal_001\.(tif|svs).*normal_001"),
    Line("same_name_on_two_sides", {"training/normal/test_002.tif": "8"}, r"test_002"),
    Line("nothing_to_train_on", {f"training/normal/normal_00{i}.tif": None for i in (1, 2)}, r"train"),
    Line("outlines_of_no_slide", {"training/lesion_annotations/tumor_099.xml": "<x/>"}, Gives(6)),
    Line("outlines_in_a_folder_of_their_own",
         {"testing/lesion_annotations/test_001.xml": None, "testing/lesion_annotations/deep/Test_001.XML": "<x/>"},
         Gives(5)),
    Line("outlines_in_large_and_small_letters", {"training/lesion_annotations/Tumor_001.xml": "<y/>"},
         r"Tumor_001\.xml and .*tumor_001\.xml"),
    Line("outlines_on_both_sides", {"testing/lesion_annotations/tumor_001.xml": "<y/>"}, r"tumor_001\.xml and "),
    Line("outlines_in_two_folders", {"training/lesion_annotations/old/tumor_001.xml": "<y/>"}, r"tumor_001\.xml and "),
    Line("file_for_folder", {"training/normal/normal_001.tif/x": "9", "training/normal/normal_001.tif": None},
         Gives(4)),
)  # fmt: skip
def test_a_layout(line: Line) -> None:
    for name, content in (FILES | line.made).items():
        if content is not None:  # else a folder may have its name
            put(SLIDES / name, content)
    judge(lambda: len(list_and_read_slides(validation_tumour=("tumor_001",))), line.says)
