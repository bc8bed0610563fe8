"""The new scores over those of held-out normals, as SVG.

It is as wide as the page: bars are stretched, while texts stand at a share of the width and keep their size.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

BARS = 40
REACH = 4  # times the normals' range that is drawn on each side of it, so that a far score does not flatten the rest
HEIGHT = 200  # pixels of the bars' part
LABELS = 42  # pixels below it
ROOM = 0.9  # of the height that the highest bar takes; the threshold's name stands above

HISTOGRAM = """<figure id="distribution">
<p class="legend"><span><span class="key normal"></span> {normals:,} {known} normals</span>
<span><span class="key new"></span> {scores:,} new images</span>{key}</p>
<svg role="img" aria-label="{label}" width="100%" height="{height}">
{grid}
<svg y="0" width="100%" height="{bars_height}" viewBox="0 0 {bars} 1" preserveAspectRatio="none">
<path class="normal" d="{normal_bars}"/>
<path class="new" d="{new_bars}"/>
</svg>
{labels}
{threshold}
<text class="axis" x="50%" y="{axis}" text-anchor="middle">anomaly score</text>
</svg>
<figcaption>Share of the images in each of {bars} equal steps of the score.{beyond}</figcaption>
</figure>
"""


def histogram(scores: np.ndarray, normals: np.ndarray, threshold: float | None, known: str) -> str:
    """Draw how scores are distributed.

    Args:
        scores: float64 (m,), finite, of new images, at least one.
        normals: float64 (n,) of normals; may be empty.
        threshold: Images above it are flagged; None where there is none.
        known: What the normals are: held-out or named.
    """
    low, high = _range(scores, normals)
    edges = np.linspace(low, high, BARS + 1)
    shares = [_shares(part, edges) for part in (normals, scores)]
    top = max(float(part.max()) for part in shares) / ROOM
    beyond = int(((scores < low) | (scores > high)).sum())
    return HISTOGRAM.format(
        normals=len(normals),
        known=known,
        scores=len(scores),
        key="" if threshold is None else '\n<span><span class="key threshold"></span> threshold</span>',
        label=_label(scores, normals, threshold, known),
        height=HEIGHT + LABELS,
        bars_height=HEIGHT,
        grid=_grid(top),
        bars=BARS,
        normal_bars=_bars(shares[0] / top),
        new_bars=_bars(shares[1] / top),
        labels=_labels(top, low, high),
        threshold="" if threshold is None else _threshold(threshold, (threshold - low) / (high - low)),
        axis=HEIGHT + 36,
        beyond=f" Scores beyond an end stand in its last bar: {beyond:,}." if beyond else "",
    )


def _range(scores: np.ndarray, normals: np.ndarray) -> tuple[float, float]:
    known = normals if len(normals) else scores
    least, most = float(known.min()), float(known.max())
    reach = REACH * (most - least) or np.inf
    low, high = max(float(scores.min()), least - reach), min(float(scores.max()), most + reach)
    low, high = min(low, least), max(high, most)
    margin = (high - low) * 0.02 or abs(low) * 0.02 or 1.0
    return low - margin, high + margin


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
    return counts / max(len(values), 1)


def _ticks(low: float, high: float) -> list[float]:
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low < tick < high]


def _bars(heights: np.ndarray) -> str:
    """Bars one unit wide that stand on the line y = 1."""
    return "".join(f"M{at} 1V{1 - height:.4f}h1V1z" for at, height in enumerate(heights) if height > 0)


def _grid(top: float) -> str:
    heights = [f"{HEIGHT * (1 - tick / top):.1f}" for tick in (0, *_ticks(0, top))]
    return "\n".join(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in heights)


def _labels(top: float, low: float, high: float) -> str:
    upright = [(tick, HEIGHT * (1 - tick / top) - 3) for tick in _ticks(0, top)]
    along = [(tick, 100 * (tick - low) / (high - low)) for tick in _ticks(low, high)]
    texts = [f'<text x="2" y="{at:.1f}">{100 * tick:g} %</text>' for tick, at in upright]
    texts += [
        f'<text x="{at:.2f}%" y="{HEIGHT + 16}" text-anchor="middle">{tick:g}</text>'
        for tick, at in along
        if 3 < at < 97  # nearer to an end it would be cut off
    ]
    return "\n".join(texts)


def _threshold(threshold: float, share: float) -> str:
    at, anchor, shift = f"{100 * share:.2f}%", *(("end", -5) if share > 0.6 else ("start", 5))
    return (
        f'<line class="threshold" x1="{at}" x2="{at}" y1="0" y2="{HEIGHT}"/>\n'
        f'<text class="threshold" x="{at}" dx="{shift}" y="11" text-anchor="{anchor}">threshold {threshold:.4g}</text>'
    )


def _label(scores: np.ndarray, normals: np.ndarray, threshold: float | None, known: str) -> str:
    parts = [f"scores of new images from {scores.min():.4g} to {scores.max():.4g}"]
    parts += [f"of {known} normals from {normals.min():.4g} to {normals.max():.4g}"] if len(normals) else []
    parts += [] if threshold is None else [f"threshold {threshold:.4g}"]
    return "Histogram: " + "; ".join(parts)
