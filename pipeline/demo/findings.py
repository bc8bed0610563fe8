"""The fourteen findings of NIH ChestX-ray14, drawn into a chest.

Each changes structure: an edge that moves, a texture that appears, a shape that does not belong. How bright
the film is as a whole depends far more on the exposure, which is drawn without regard to findings. Strength
varies, so that some are plain and some are missed, as in the clinic.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.demo.chest import Anatomy, Chest, clouds, soft

Draw = Callable[[Chest, np.random.Generator], np.ndarray]


def alter_organs(anatomy: Anatomy, findings: tuple[str, ...], rng: np.random.Generator) -> Anatomy:
    """Change the organs where a finding changes their size or place.

    Args:
        anatomy: The patient's organs.
        findings: Names of findings; others than the three of this function change nothing.
        rng: The radiograph's generator.

    Returns:
        The organs of this radiograph.
    """
    if "Cardiomegaly" in findings:
        grown = rng.uniform(1.3, 1.65)
        anatomy = replace(anatomy, heart=(anatomy.heart[0] * grown, anatomy.heart[1] * (0.4 + 0.6 * grown)))
    if "Emphysema" in findings:  # over-inflated: low flat diaphragm, narrow heart
        low = rng.uniform(0.1, 0.18)
        domes = (anatomy.domes[0] + low, anatomy.domes[1] + low)
        heart = (anatomy.heart[0] * 0.75, anatomy.heart[1])
        anatomy = replace(anatomy, domes=domes, dome_depth=0.3 * anatomy.dome_depth, heart=heart)
    if "Atelectasis" in findings:  # lost volume pulls one side of the diaphragm up
        up = rng.uniform(0.12, 0.25)
        left = rng.random() < 0.5
        domes = (anatomy.domes[0] - up * left, anatomy.domes[1] - up * (not left))
        anatomy = replace(anatomy, domes=domes)
    return anatomy


def vessel_share(findings: tuple[str, ...]) -> float:
    """Return how much of the vessels is left."""
    return 0.35 if "Emphysema" in findings else 1.0


def finding_attenuation(chest: Chest, findings: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Return what the findings add to the attenuation, float32 (size, size), negative where air replaces tissue."""
    total = np.zeros_like(chest.x)
    for name in findings:
        total += DRAWN[name](chest, rng)
    return total


def _blob(
    chest: Chest, rng: np.random.Generator, centre: tuple[float, float], radius: float, ragged: float
) -> np.ndarray:
    """Return a rounded patch with an uneven border, 0–1."""
    stretch = rng.uniform(0.8, 1.25)
    tilt, edge = rng.uniform(0, np.pi), 0.25 * radius + 0.25 * ragged * radius
    patch = chest.ellipse(centre, (radius * stretch, radius / stretch), tilt, edge)
    return np.asarray(np.clip(patch * (1 + ragged * clouds(rng, chest.size, 22)), 0, 1))


def _both(chest: Chest) -> np.ndarray:
    return np.asarray(chest.lungs[0] + chest.lungs[1])


def _nodule(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    total = np.zeros_like(chest.x)
    for _ in range(int(rng.integers(1, 4))):
        side, centre = chest.point_in_lung(rng, 0.2, 0.85)
        total += rng.uniform(0.35, 0.6) * _blob(chest, rng, centre, rng.uniform(0.04, 0.075), 0.1) * chest.lungs[side]
    return total


def _mass(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side, centre = chest.point_in_lung(rng, 0.2, 0.8)
    patch = _blob(chest, rng, centre, rng.uniform(0.11, 0.19), 0.25) * chest.lungs[side]
    return np.asarray(rng.uniform(0.45, 0.7) * patch)


def _reticular(chest: Chest, rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return a net of strands, −0.5 to 1: the zero lines of smooth noise."""
    net = np.exp(-((clouds(rng, chest.size, cells) / 0.3) ** 2))
    return np.asarray(1.5 * net - 0.5, np.float32)


def _infiltration(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    total = np.zeros_like(chest.x)
    strands = _reticular(chest, rng, 44)
    for _ in range(int(rng.integers(2, 5))):
        side, centre = chest.point_in_lung(rng, 0.35, 1.0)
        patch = _blob(chest, rng, centre, rng.uniform(0.16, 0.26), 0.5) * chest.lungs[side]
        total += patch * rng.uniform(0.2, 0.42) * (0.6 + strands)
    return total


def _effusion(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(2))
    level = chest.anatomy.domes[side] - rng.uniform(0.02, 0.35)
    meniscus = level - 0.16 * np.clip((np.abs(chest.x) - 0.3) / 0.35, -0.3, 1) ** 2
    filled = np.minimum(chest.lungs[side], soft(chest.y - meniscus, 0.03))
    return np.asarray(rng.uniform(0.55, 0.8) * filled)


def _consolidation(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side, centre = chest.point_in_lung(rng, 0.3, 1.0)
    patch = _blob(chest, rng, centre, rng.uniform(0.2, 0.32), 0.25) * chest.lungs[side]
    airways = chest.lines([(points, 0.6 * width) for points, width in chest.anatomy.vessels])
    return np.asarray(patch * (rng.uniform(0.45, 0.65) - 0.35 * airways))


def _pneumonia(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    return 0.8 * _consolidation(chest, rng) + 0.6 * _infiltration(chest, rng)


def _pneumothorax(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(2))
    gap = rng.uniform(0.08, 0.24)
    rim = chest.side_wall() - gap * (1.2 - 0.5 * chest.height())
    out = np.abs(chest.x)
    free = soft(out - rim) * chest.lungs[side]
    pleura = soft(0.012 - np.abs(out - rim), 0.008) * chest.lungs[side]
    collapsed = soft(rim - out) * chest.lungs[side]
    vessels = chest.lines(list(chest.anatomy.vessels))
    return np.asarray(0.3 * pleura + 0.14 * collapsed - free * (0.25 + 0.28 * vessels))


def _atelectasis(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    plates = []
    for _ in range(int(rng.integers(2, 4))):
        _, (x, y) = chest.point_in_lung(rng, 0.6, 0.95)
        half, slope = rng.uniform(0.1, 0.2), rng.uniform(-0.5, 0.5)
        ends = np.array([[x - half, y - slope * half], [x + half, y + slope * half]])
        plates.append((ends, rng.uniform(0.025, 0.045)))
    return np.asarray(rng.uniform(0.35, 0.55) * chest.lines(plates) * _both(chest))


def _emphysema(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    total = np.zeros_like(chest.x)
    for _ in range(int(rng.integers(2, 6))):
        side, centre = chest.point_in_lung(rng, 0.1, 0.6)
        radius = rng.uniform(0.07, 0.13)
        bulla = chest.ellipse(centre, (radius, radius), 0.0, 0.01)
        hollow = chest.ellipse(centre, (0.9 * radius, 0.9 * radius), 0.0, 0.01)
        total += chest.lungs[side] * (0.25 * (bulla - hollow) - 0.14 * bulla)
    return total


def _edema(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    wings = sum(chest.ellipse((s * 0.28, -0.05), (0.25, 0.36), s * 0.3, 0.14) for s in (-1, 1))
    haze = rng.uniform(0.3, 0.5) * wings * (0.7 + 0.3 * _reticular(chest, rng, 50))
    out = chest.anatomy.lung_width  # Kerley's lines stand at right angles to the chest wall
    kerley = [
        np.array([[s * out, y], [s * (out - 0.09), y + 0.01]]) for s in (-1, 1) for y in rng.uniform(0.1, 0.45, 5)
    ]
    return np.asarray((haze + 0.25 * chest.lines([(line, 0.008) for line in kerley])) * _both(chest))


def _fibrosis(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    low = soft(chest.y - rng.uniform(-0.15, 0.15), 0.25)
    rim = soft(np.abs(chest.x) - rng.uniform(0.25, 0.35), 0.15)
    where = np.maximum(low * rim, 0.3 * low) * _both(chest)
    return np.asarray(rng.uniform(0.28, 0.45) * _reticular(chest, rng, 56) * where)


def _pleural_thickening(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side = int(rng.integers(2))
    wall = chest.side_wall() - np.abs(chest.x)
    wave = rng.uniform(0.05, 0.1) * (1 + 0.35 * clouds(rng, chest.size, 9))
    cap = soft(chest.anatomy.apex + rng.uniform(0.1, 0.2) - chest.y, 0.03)
    return np.asarray(rng.uniform(0.4, 0.6) * np.maximum(soft(wave - wall, 0.015), cap) * chest.lungs[side])


def _hernia(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    centre = (float(rng.uniform(-0.05, 0.15)), float(chest.anatomy.domes[1] - rng.uniform(0.08, 0.15)))
    radius = rng.uniform(0.17, 0.24)
    sac = chest.ellipse(centre, (radius, 0.9 * radius), 0.0, 0.02)
    gas = chest.ellipse((centre[0], centre[1] - 0.3 * radius), (0.75 * radius, 0.5 * radius), 0.0, 0.02)
    level = soft(centre[1] - 0.1 * radius - chest.y, 0.01)
    return np.asarray(0.5 * sac - 0.8 * gas * level)


def _organs_only(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    return np.zeros_like(chest.x)


DRAWN: dict[str, Draw] = {
    "Atelectasis": _atelectasis,
    "Cardiomegaly": _organs_only,
    "Consolidation": _consolidation,
    "Edema": _edema,
    "Effusion": _effusion,
    "Emphysema": _emphysema,
    "Fibrosis": _fibrosis,
    "Hernia": _hernia,
    "Infiltration": _infiltration,
    "Mass": _mass,
    "Nodule": _nodule,
    "Pleural_Thickening": _pleural_thickening,
    "Pneumonia": _pneumonia,
    "Pneumothorax": _pneumothorax,
}
