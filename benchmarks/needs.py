"""What collections of many sizes need, from the rates in results.json: ``python -m benchmarks.needs``."""

import json
from dataclasses import dataclass

from tabulate import tabulate

from benchmarks import RESULTS
from benchmarks.scale import SIZES, STEPS

SLIDES = (400, 10_000, 100_000)
XRAYS = (100_000, 1_000_000, 10_000_000)
WORKERS = (1, 16, 256)
TILES = 35  # of a slide, as in the paper: 14,000 of 400
TILE_BYTES = 192 * 192 * 3  # as arms/camelyon16.yaml prepares them
XRAY_BYTES = 300 * 300 + 64 * 64  # a thumbnail, kept for all arms, and an image of one arm
HOUR = 3600


@dataclass(frozen=True)
class Needs:
    """What a collection needs until it is prepared, and its figures with intervals of one detector.

    Attributes:
        what: Its size, in words.
        cpu: Hours of one core for work on items, which workers share.
        alone: Hours of one core for work on tables, which one process does.
        disk: Bytes beside the collection's own.
        memory: Bytes of that process at most.
    """

    what: str
    cpu: float
    alone: float
    disk: float
    memory: float

    def hours(self, workers: int) -> float:
        """Hours with so many workers, as long as the disk keeps up."""
        return self.cpu / workers + self.alone


def needs(rates: dict[str, float]) -> list[Needs]:
    """Extrapolate the rates, linearly."""
    slides = [
        _needs(f"{count:,} slides", count * TILES, rates["slides_tiles_per_second_1_worker"], TILE_BYTES, rates)
        for count in SLIDES
    ]
    xrays = [
        _needs(f"{count:,} X-rays", count, rates["xray_images_per_second_1_worker"], XRAY_BYTES, rates)
        for count in XRAYS
    ]
    return slides + xrays


def _needs(what: str, images: int, per_second: float, image_bytes: int, rates: dict[str, float]) -> Needs:
    microseconds = sum(rates[f"scale_{step}_microseconds_per_image"] for step in STEPS)
    further = images - SIZES[-1]
    memory = max(
        rates[f"scale_{step}_memory_mib"] * 2**20 + further * rates[f"scale_{step}_bytes_per_image"] for step in STEPS
    )
    return Needs(
        what,
        images / per_second / HOUR,
        images * microseconds / 1e6 / HOUR,
        images * image_bytes,
        memory,
    )


def table(rates: dict[str, float]) -> str:
    """The table in Markdown."""
    rows = [
        {
            "collection": single.what,
            "CPU hours": _short(single.cpu + single.alone),
            **{f"hours, {count} worker{'s' * (count > 1)}": _short(single.hours(count)) for count in WORKERS},
            "of these in one process": _short(single.alone),
            "disk": f"{_short(single.disk / 1e9)} GB",
            "memory of that process": f"{_short(single.memory / 2**30)} GiB",
        }
        for single in needs(rates)
    ]
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
