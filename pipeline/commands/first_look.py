"""Say which of the quick detectors suits an arm, without its test images, in a minute or two.

It reads the arm's prepared training and validation images and writes reports/first-look/<arm>.md.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from pipeline.arms import Arm, read_arm
from pipeline.compute.device import workplace
from pipeline.compute.remembered import Remembered
from pipeline.data.images import read_images
from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.layout import first_look as page_of
from pipeline.layout import prepared
from pipeline.params.file import Params, read_params
from pipeline.reporting.first_look import first_look_page
from pipeline.tuning.first_look import first_look


def main(words: Sequence[str]) -> int:
    """Print what was found, and write it.

    Raises:
        PipelineError: If the arm is not prepared, or no detector could be fitted to it.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline first-look", description=__doc__)
    parser.add_argument("arm")
    arm, params = read_arm(parser.parse_args(words).arm), read_params()
    _check_prepared(arm, params)
    images = read_images(prepared(arm.name))
    with workplace(params.compute.alone) as place:
        remembering = replace(place, features=None, remembered=Remembered(place.room))
        found = first_look(arm, images, remembering, params.compute_metrics)
    page = first_look_page(arm.name, found, params)
    write_text(page_of(arm.name), page)
    print(page, end="")
    return 0


def _check_prepared(arm: Arm, params: Params) -> None:
    if prepared(arm.name).is_dir():
        return
    unlisted = f"name {arm.name} in arms.{arm.shared.kind} of params.yaml, and "
    raise PipelineError(
        f"{prepared(arm.name)} is missing: {'' if arm.name in params.arms.prepared else unlisted}run "
        f"`dvc repro {arm.data.prepared_by}@{arm.name}`, which prepares it"
    )
