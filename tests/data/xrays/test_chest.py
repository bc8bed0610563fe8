import numpy as np
import pytest

from pipeline.data.picture_files import read_picture
from pipeline.data.xrays.chest import read_xray
from pipeline.errors import PipelineError
from tests.data.dicoms import drawn, real
from tests.hostile.pictures import FILM, saved


@pytest.mark.parametrize(
    "content",
    [
        drawn(),
        drawn(Modality="CR", BodyPartExamined="PORT CHEST", ViewPosition="AP"),
        drawn(Modality="RG", BodyPartExamined=None, ViewPosition=None),
        drawn(BodyPartExamined="", ViewPosition=""),
        drawn(BodyPartExamined="THORAX"),
        drawn(BodyPartExamined="Chest/pa"),
    ],
)
def test_a_chest_from_the_front_is_read_as_any_dicom_file(content: bytes) -> None:
    image, colour = read_xray(content, "a.dcm", "L")
    assert colour is False
    np.testing.assert_array_equal(np.asarray(image), np.asarray(read_picture(content, "a.dcm", "L")[0]))


def test_pictures_are_read_as_before() -> None:
    np.testing.assert_array_equal(np.asarray(read_xray(saved("PNG"), "a.png", "L")[0]), FILM)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (real("CT_small.dcm"), r"Modality \(0008,0060\) is 'CT', no radiograph \(CR, DX, RG\): leave the file out"),
        (real("MR_small.dcm"), r"Modality \(0008,0060\) is 'MR'"),
        (real("test-SR.dcm"), r"Modality \(0008,0060\) is 'SR'"),
        (real("JPGLosslessP14SV1_1s_1f_8b.dcm"), r"Modality \(0008,0060\) is 'US'"),
        (real("vlut_04.dcm"), r"Modality \(0008,0060\) is 'OT'"),
        (real("RG3_UNCR.dcm"), r"BodyPartExamined \(0018,0015\) is 'EXTREMITY', not the chest"),
        (real("RG3_J2KI.dcm"), r"BodyPartExamined \(0018,0015\) is 'EXTREMITY'"),
        *((drawn(Modality=other), rf"is '{other}', no radiograph") for other in ("RF", "PR", "KO", "MG", "XA")),
        (drawn(Modality=None), r"Modality \(0008,0060\) is ''"),
        (drawn(Modality="Secret^Name"), r"Modality \(0008,0060\) is '\?'"),
        (drawn(BodyPartExamined="Secret^Name"), r"BodyPartExamined \(0018,0015\) is '\?', not the chest"),
        (drawn(BodyPartExamined="HAND"), "is 'HAND', not the chest"),
        (drawn(ViewPosition="LL"), r"ViewPosition \(0018,5101\) is 'LL', not PA or AP: leave the file out"),
        (drawn(ViewPosition="LATERAL"), r"ViewPosition \(0018,5101\) is 'LATERAL'"),
        (
            drawn(np.zeros((40, 40, 3), np.uint8), 8),
            r"PhotometricInterpretation \(0028,0004\) is 'RGB', but X-rays are",
        ),
        (drawn(PresentationIntentType="FOR PROCESSING"), "FOR PROCESSING"),
        (drawn(NumberOfFrames=2), "NumberOfFrames"),
        (drawn()[:300], "(leave|export)"),
        (b"nothing of the kind", r"it is no DICOM file"),
    ],
)
def test_what_says_that_it_is_no_chest_from_the_front_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(PipelineError, match=rf"^a\.dcm.*{message}") as error:
        read_xray(content, "a.dcm", "L")
    assert "secret" not in str(error.value).lower()


def test_a_film_of_another_view_than_the_models_is_refused() -> None:
    read_xray(drawn(ViewPosition="PA"), "a.dcm", "L", "PA")
    read_xray(drawn(ViewPosition=""), "a.dcm", "L", "PA")
    with pytest.raises(PipelineError, match=r"ViewPosition \(0018,5101\) is 'AP', not PA: leave the file out"):
        read_xray(drawn(ViewPosition="AP"), "a.dcm", "L", "PA")
