"""What all splits obey: no group is on two sides, and no content is."""

import pandas as pd

from pipeline.compute.seeding import generator
from pipeline.data.inventory import EMPTY
from pipeline.errors import PipelineError

SAME_CONTENT = "same content as "
# A download that lost a few files still gives the published task; one that lost an archive of twelve does not.
ALLOWED_MISSING = 0.01
DROPPED = ", dropped from "
# A threshold of 5 % needs as many normals that no model has learnt from, one of each patient or other group.
FEWEST_HELD_OUT = 19


def draw(seed: int, purpose: str, group: str) -> float:
    """Draw a number in [0, 1) for a group, whatever other groups there are."""
    return float(generator(seed, purpose, group).random())


def separate_groups(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Drop from train, then from val, the images of groups that a later split shows.

    Args:
        table: Columns ``split``, ``group`` and ``left_out``.
        unit: What a group is, in a word, for the reason.
    """
    table = table.copy()
    for split, later in (("train", ("val", "test")), ("val", ("test",))):
        shared = table["group"].isin(table.loc[table["split"].isin(later), "group"]) & (table["split"] == split)
        table.loc[shared, "left_out"] = f"{unit} also in {' or '.join(later)}{DROPPED}{split}"
        table.loc[shared, "split"] = ""
    return table


def leave_out_missing(table: pd.DataFrame, advice: str) -> pd.DataFrame:
    """Leave out images that are in a split and have no file (an empty ``source``).

    Args:
        table: Columns ``id``, ``split``, ``source`` and ``left_out``.
        advice: Where to put the files.

    Raises:
        PipelineError: If they are more than 1 %.
    """
    wanted = table["split"] != ""
    missing = wanted & (table["source"] == "")
    if missing.sum() > ALLOWED_MISSING * wanted.sum():
        raise PipelineError(
            f"{missing.sum()} of {wanted.sum()} images have no file, such as {table.loc[missing, 'id'].iloc[0]}: "
            f"{advice} and list the collection again (`make check-data`)"
        )
    table.loc[missing, ["split", "left_out"]] = ["", "missing file"]
    return table


def use_content_once(table: pd.DataFrame, collection: str) -> pd.DataFrame:
    """Leave out copies of another image of the same split and label; a copy in another one is an error.

    A copy may be the same patient under another name, so it is looked for by content alone. Empty files have no
    content: each of them fails by itself when it is read.

    Args:
        table: Columns ``id``, ``source``, ``md5``, ``split``, ``label`` and ``left_out``.
        collection: To name in the error.

    Raises:
        PipelineError: Naming both files.
    """
    columns = ["id", "source", "md5", "split", "label"]
    placed = table.loc[(table["split"] != "") & (table["md5"] != EMPTY), columns]
    first = placed.drop_duplicates("md5").set_index("md5")
    copies = placed[placed["md5"].duplicated()]
    originals = first.loc[copies["md5"]].set_index(copies.index)
    differs = (copies["split"] != originals["split"]) | (copies["label"] != originals["label"])
    if differs.any():
        original, copy = originals[differs].iloc[0], copies[differs].iloc[0]
        raise PipelineError(
            f"{collection}: {original['source']} and {copy['source']} have the same content, but the splits and labels "
            f"{original['split']} {original['label']} and {copy['split']} {copy['label']}: keep one of them"
        )
    table.loc[copies.index, "left_out"] = SAME_CONTENT + originals["id"]
    table.loc[copies.index, "split"] = ""
    return table


def refuse_empty(table: pd.DataFrame, collection: str, advice: str) -> None:
    """Check that there are normals to train on, and both labels to test with.

    Raises:
        PipelineError: If there are none.
    """
    for split, label in (("train", 0), ("test", 0), ("test", 1)):
        if not ((table["split"] == split) & (table["label"] == label)).any():
            kind = "abnormal" if label else "normal"
            gone = table["left_out"].str.endswith(f"{DROPPED}{split}").sum()
            why = (
                f", and {gone} were dropped since the patient, slide or other group is in a later split" if gone else ""
            )
            raise PipelineError(f"{collection}: no {kind} image is in {split}{why}: {advice}")


def split_warnings(table: pd.DataFrame, share_key: str) -> list[str]:
    """Say what of a split its user may not have meant.

    Args:
        table: Columns ``id``, ``split``, ``label``, ``group`` and ``left_out``.
        share_key: What sets how many are held out.

    Returns:
        Sentences on copies, on patients or other groups that were in two splits, and on too few held-out normals.
    """
    return [*_copies(table), *_dropped(table), *_too_few_held_out(table, share_key)]


def _copies(table: pd.DataFrame) -> list[str]:
    copies = table[table["left_out"].str.startswith(SAME_CONTENT)]
    if not len(copies):
        return []
    name, reason = copies.iloc[0][["id", "left_out"]]
    return [f"{len(copies)} images are copies of others and are not counted again, such as {name}: {reason}"]


def _dropped(table: pd.DataFrame) -> list[str]:
    reasons = table.loc[table["left_out"].str.contains(DROPPED, regex=False), "left_out"]
    return [f"{number} images are not used: {reason}" for reason, number in reasons.value_counts().sort_index().items()]


def _too_few_held_out(table: pd.DataFrame, share_key: str) -> list[str]:
    groups = table.loc[(table["split"] == "val") & (table["label"] == 0), "group"].nunique()
    if groups >= FEWEST_HELD_OUT:
        return []
    return [
        f"normal images of {groups} patients or other groups are held out, and to flag new images at 5 % a model needs "
        f"{FEWEST_HELD_OUT}: raise {share_key}, unless scores are enough"
    ]
