"""What a first look found: a table of detectors, what it recommends, and how sure that is."""

from pipeline.detectors.registry import BASELINES
from pipeline.evaluation.bootstrap import LEAST_GROUPS
from pipeline.evaluation.estimates import Difference, difference, estimate
from pipeline.params.file import Params
from pipeline.reporting.tables import joined, percent, percent_interval, plain, table, verdict
from pipeline.tuning.first_look import FOLDS, FirstLook

NUMBERS = {3: "three", 5: "five"}
MADE = """**These anomalies are made**, since the arm has no validation anomalies: into each normal image a patch of
another one is blended. A detector that sees such patches need not see yours, and a finding that changes a whole image
looks like none of them: the table tells that detectors run, and how large they are, but not which to take.
"""
REAL_ONES = "To be told which to take, hold out a few real anomalies (docs/adding.md) and look again."
WHAT_DIFFERS = (
    "Even out what differs in colour or exposure alone (by equalisation or stain normalisation, if the arm's kind "
    "has it) and look again; whatever is taken now, the report will show it beside that baseline."
)


def first_look_page(arm: str, found: FirstLook, params: Params) -> str:
    """Compose the page.

    Args:
        arm: The arm.
        found: What was found.
        params: What runs, to say which command takes the detector that is recommended.

    Returns:
        Markdown.
    """
    chosen, sentence = recommendation(found)
    what = "made anomalies" if found.made else "validation anomalies"
    parts = [
        f"# A first look at {plain(arm)}\n",
        f"Each detector was fitted to all but one of {NUMBERS[FOLDS]} folds of {found.normals} training normals; those "
        f"of the other one were compared with {found.anomalies} {what}. No test image was read.\n",
        table(_rows(found)),
        MADE if found.made else "",
        f"**{plain(sentence)}** {_beside_baselines(found, chosen) if chosen else ''}".rstrip() + "\n",
        f"{_command(arm, chosen, params) if chosen else REAL_ONES if found.made else WHAT_DIFFERS}\n",
        f"Not looked at, since the arm's file has no settings of them: {', '.join(map(plain, found.unset))}.\n"
        if found.unset
        else "",
    ]
    return "\n".join(part for part in parts if part)


def recommendation(found: FirstLook) -> tuple[str | None, str]:
    """Say which detector to take, and how sure that is.

    Returns:
        Its name, None where none can be recommended; and the sentence.
    """
    areas = {name: area for name, area in found.areas.items() if name not in BASELINES}
    first, *others = areas
    if found.made:
        return None, f"Nothing is recommended: {first} sees made anomalies best, which need not hold for real ones."
    if above := _above_all(found, first):
        return None, above
    if not others:
        return first, f"{first} is the only detector that could be fitted."
    behind = {name: _difference(found, first, name) for name in others}
    if all(one.interval is None for one in behind.values()):
        return first, (
            f"Nothing can be told apart: {first} is first, but an interval needs {NUMBERS[LEAST_GROUPS]} patients or "
            "slides with anomalies and as many without, that do not all agree."
        )
    equal = [first, *(name for name, one in behind.items() if not one.beyond_chance)]
    if len(equal) == 1:
        following = behind[others[0]]
        return first, (
            f"Take {first}: it is told apart from the next, {others[0]}, which is below it by "
            f"{percent(following.mean)} points (95 % interval {percent_interval(following.content())})."
        )
    sizes = {one.detector: one.size for one in found.looked}
    smallest = min(equal, key=lambda name: (sizes[name], name))
    return smallest, f"{joined(equal)} are not told apart: take the one with the smallest model, {smallest}."


def _above_all(found: FirstLook, first: str) -> str:
    """Say which baseline is above all detectors beyond chance, if one is."""
    for name in (name for name in found.areas if name in BASELINES):
        above = _difference(found, name, first)
        if above.mean > 0 and above.beyond_chance:
            return (
                f"Nothing is recommended: {name}, which does not look at what is on an image, is above every detector, "
                f"by {percent(above.mean)} points or more (95 % interval {percent_interval(above.content())})."
            )
    return ""


def _rows(found: FirstLook) -> list[dict[str, str]]:
    areas = found.areas
    first = next(name for name in areas if name not in BASELINES)
    rows = []
    for one in found.looked:
        row = {"detector": one.detector + (" (baseline)" if one.detector in BASELINES else "")}
        if one.area is None:
            rows.append(row | {"ROC AUC": one.reason})
            continue
        figure = estimate(one.area, found.resamples).content()
        rows.append(
            row
            | {"ROC AUC": percent(figure["mean"]), "95 % interval": percent_interval(figure)}
            | ({} if one.detector == first else _beside(found, one.detector, first))
            | {"model": f"{one.size / 1000:,.0f} kB"}
        )
    columns = max(rows, key=len)  # a detector that failed has fewer, and so has the first
    return [{column: row.get(column, "") for column in columns} for row in rows]


def _beside(found: FirstLook, name: str, first: str) -> dict[str, str]:
    above = _difference(found, name, first)
    interval = above.content()
    return {
        f"beside {first}": f"{100 * above.mean:+.1f}",
        "interval of the difference": percent_interval(interval, signed=True),
        "": verdict(interval, "better", "worse"),
    }


def _difference(found: FirstLook, name: str, other: str) -> Difference:
    return difference(found.areas[name], found.areas[other], found.resamples.groups)


def _beside_baselines(found: FirstLook, chosen: str) -> str:
    """Say whether the detector beats what looks at colours or brightness alone."""
    above = {name: _difference(found, chosen, name) for name in found.areas if name in BASELINES}
    weak = [plain(name) for name, one in above.items() if one.mean <= 0 or one.beyond_chance is False]
    if weak:
        return (
            f"But it is not shown to be above {joined(weak)}: the anomalies may differ from the normals in colour or "
            "exposure alone, and not in what is on the image."
        )
    if any(one.interval is None for one in above.values()):
        return "It is above the baselines, for what that is worth without an interval."
    return "It is above the baselines."


def _command(arm: str, chosen: str, params: Params) -> str:
    """Say what fits the detector to all training normals and tests it."""
    if arm not in params.arms.train:
        return f"To take it: name {plain(arm)} in arms.train of params.yaml, and {chosen} in quick_detectors there."
    if chosen in (*params.detectors, *params.quick_detectors):
        return f"`dvc repro` fits it to all training normals and tests it: params.yaml lists {chosen}."
    listed = ",".join([*params.quick_detectors, chosen])
    return f"To fit it to all training normals and test it: `dvc exp run -S 'quick_detectors=[{listed}]'`"
