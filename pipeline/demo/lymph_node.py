"""Drawing lymph nodes as two maps of stain, and colouring them as laboratories do.

Each slide has stain colours, staining strength and lamp of its own, so stain normalisation has a truth to recover.
Metastases differ from lymphoid tissue in the size, form and arrangement of nuclei, hardly in mean colour.
Lengths are pixels of 0.25 µm.
"""

import cv2
import numpy as np

# Unit optical densities of haematoxylin and eosin (Ruifrok & Johnston 2001), about which slides vary.
STAINS = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
# Stain maps are uint8; one unit is this much optical density along the stain's row.
UNIT = 0.01
# Outlines and slow variation are drawn on a grid coarser by this factor.
COARSE = 16
# Width of a region in which nuclei lie about equally close together.
NEIGHBOURHOOD = 768


def render(haematoxylin: np.ndarray, eosin: np.ndarray, stains: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Colour stain maps by Beer–Lambert: I = I₀·exp(−(H·s_H + E·s_E)).

    Args:
        haematoxylin: uint8 (H, W), in units of 0.01.
        eosin: uint8 (H, W), in units of 0.01.
        stains: float (2, 3), the optical density of one whole unit of each stain.
        brightness: float (3,), the colour I₀ of empty glass, 0–255.

    Returns:
        uint8 RGB (H, W, 3), correct to one and a half grey levels.
    """
    amounts = np.arange(256)[:, None] * UNIT
    channels = []
    for channel in range(3):
        blue, pink = (
            np.rint(level * np.exp(-amounts * stains[row, channel])).astype(np.uint8)
            for row, level in ((0, 255.0), (1, float(brightness[channel])))
        )
        channels.append(cv2.multiply(cv2.LUT(haematoxylin, blue), cv2.LUT(eosin, pink), scale=1 / 255))
    return np.asarray(cv2.merge(channels))


def colours_of_a_laboratory(haematoxylin: np.ndarray, eosin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour stain maps with stain colours, staining strength and lamp as one laboratory might have them.

    Args:
        haematoxylin: uint8 (H, W), see :func:`render`.
        eosin: uint8 (H, W).
        rng: Draws the laboratory.

    Returns:
        uint8 RGB (H, W, 3).
    """
    stains = np.maximum(STAINS + rng.normal(0, 0.035, (2, 3)), 0.02)
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    stains *= rng.uniform(0.93, 1.07, (2, 1))
    return render(haematoxylin, eosin, stains, rng.uniform(228, 250) - rng.uniform(0, 6, 3))


def draw_tissue(normal: np.ndarray, tumour: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the stains of a lymph node.

    Args:
        normal: uint8 (N, N), 255 where lymphoid tissue is.
        tumour: uint8 (N, N), 255 where metastasis is.
        rng: Draws everything.

    Returns:
        Haematoxylin and eosin, uint8 (N, N) each, see :func:`render`.
    """
    haematoxylin, eosin = np.zeros((2, *normal.shape), np.uint8)
    _draw_lymphoid(haematoxylin, eosin, normal, rng)
    if tumour.any():
        _draw_metastasis(haematoxylin, eosin, tumour, rng)
    _draw_vessels_and_fat(haematoxylin, eosin, normal | tumour, rng)
    # Chromatin is not even, and the microscope not sharp.
    grain = _noise(len(normal), 5, rng, 88, 168)
    haematoxylin = cv2.GaussianBlur(cv2.multiply(haematoxylin, grain, scale=1 / 128), (5, 5), 0)
    # Where chromatin is dense there is little protein for eosin to stain.
    left = np.rint(255 * np.clip(1 - np.arange(256) / 160, 0.2, 1)).astype(np.uint8)
    eosin = cv2.multiply(cv2.GaussianBlur(eosin, (5, 5), 0), cv2.LUT(haematoxylin, left), scale=1 / 255)
    return haematoxylin, eosin


def _draw_lymphoid(haematoxylin: np.ndarray, eosin: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> None:
    """Lymphoid tissue: small round dark nuclei, thinned out in sinuses and follicle centres, with vessels and fat."""
    size = len(where)
    crowding = _crowding(size, rng)
    sinuses = np.abs(_noise(size // COARSE, 40, rng, 0, 255).astype(np.int16) - 128) < 7
    crowding[sinuses] = 60
    for _ in range(max(2, (size // NEIGHBOURHOOD) ** 2 // 4)):
        centre = rng.integers(0, len(crowding), 2).tolist()
        radius = int(rng.integers(12, 22))
        cv2.circle(crowding, centre, radius, 255, -1)
        cv2.circle(crowding, centre, radius * 2 // 3, 185, -1)
    cv2.copyTo(_noise(size, 24, rng, 33, 65), where, eosin)
    cv2.copyTo(np.full_like(where, 14), where, haematoxylin)
    x, y = _jittered_grid(size, 29, rng)
    chosen = (where[y, x] > 0) & (crowding[y // COARSE, x // COARSE] > rng.integers(0, 255, len(x)))
    x, y = x[chosen], y[chosen]
    radii, depths = rng.integers(11, 16, len(x)), rng.integers(100, 150, len(x))
    for centre_x, centre_y, radius, depth in zip(x.tolist(), y.tolist(), radii.tolist(), depths.tolist(), strict=True):
        cv2.circle(haematoxylin, (centre_x, centre_y), radius, depth, -1)


def _draw_vessels_and_fat(
    haematoxylin: np.ndarray, eosin: np.ndarray, where: np.ndarray, rng: np.random.Generator
) -> None:
    size = len(where)
    for kind in rng.permutation(["vessel"] * (size // 460) + ["fat"] * (size // 200)):
        centre = rng.integers(0, size, 2).tolist()
        radius = int(rng.integers(35, 80))
        if not where[centre[1], centre[0]]:
            continue
        if kind == "vessel":
            axes = (radius, int(radius * rng.uniform(0.5, 0.9)))
            angle = float(rng.uniform(0, 180))
            cv2.ellipse(haematoxylin, centre, (axes[0] + 14, axes[1] + 14), angle, 0, 360, 20, -1)
            cv2.ellipse(eosin, centre, (axes[0] + 14, axes[1] + 14), angle, 0, 360, 95, -1)
            cv2.ellipse(haematoxylin, centre, axes, angle, 0, 360, 0, -1)
            cv2.ellipse(eosin, centre, axes, angle, 0, 360, 6, -1)
        else:
            cv2.circle(haematoxylin, centre, radius, 0, -1)
            cv2.circle(eosin, centre, radius, 0, -1)


def _draw_metastasis(haematoxylin: np.ndarray, eosin: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> None:
    """Carcinoma: nests of large, uneven, pale nuclei with nucleoli, bands of stroma with spindle nuclei between."""
    size = len(where)
    nests = np.where(np.abs(_noise(size, 130, rng, 0, 255).astype(np.int16) - 128) > 14, where, 0).astype(np.uint8)
    stroma = where - nests
    cv2.copyTo(_noise(size, 30, rng, 34, 61), nests, eosin)
    cv2.copyTo(np.full_like(where, 13), nests, haematoxylin)
    cv2.copyTo(_noise(size, 10, rng, 38, 76), stroma, eosin)
    cv2.copyTo(np.full_like(where, 12), stroma, haematoxylin)
    x, y = _jittered_grid(size, 55, rng)
    crowding = _crowding(size, rng)
    inside = (nests[y, x] > 0) & (crowding[y // COARSE, x // COARSE] > rng.integers(0, 255, len(x)))
    _draw_carcinoma_nuclei(haematoxylin, x[inside], y[inside], rng)
    x, y = _jittered_grid(size, 48, rng)
    inside = stroma[y, x] > 0
    for centre_x, centre_y in zip(x[inside].tolist(), y[inside].tolist(), strict=True):
        length, angle = int(rng.integers(18, 30)), float(rng.uniform(0, 180))
        cv2.ellipse(haematoxylin, (centre_x, centre_y), (length, 6), angle, 0, 360, 105, -1)


def _draw_carcinoma_nuclei(haematoxylin: np.ndarray, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> None:
    count = len(x)
    long, round_ = rng.integers(24, 33, count), rng.uniform(0.65, 1.0, count)
    angles, depths = rng.uniform(0, 180, count), rng.integers(68, 116, count)
    offsets = rng.integers(-9, 10, (count, 2))
    for i in range(count):
        centre, axes = (int(x[i]), int(y[i])), (int(long[i]), int(long[i] * round_[i]))
        depth, angle = int(depths[i]), float(angles[i])
        cv2.ellipse(haematoxylin, centre, axes, angle, 0, 360, depth, -1)
        cv2.ellipse(haematoxylin, centre, axes, angle, 0, 360, depth + 40, 4)
        cv2.circle(haematoxylin, (centre[0] + int(offsets[i, 0]), centre[1] + int(offsets[i, 1])), 6, 175, -1)


def _crowding(size: int, rng: np.random.Generator) -> np.ndarray:
    """How close together nuclei lie, from place to place: uint8 on the coarse grid, the chance out of 255 of each."""
    return _noise(size // COARSE, NEIGHBOURHOOD // COARSE, rng, 130, 255)


def _jittered_grid(size: int, spacing: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places about ``spacing`` pixels apart, every other row shifted by half."""
    rows, columns = np.divmod(np.arange((size // spacing) ** 2), size // spacing)
    places = np.stack([columns + (rows % 2) / 2, rows]) * spacing + rng.normal(0, spacing * 0.16, (2, len(rows)))
    x, y = np.clip(places.round().astype(np.int64), 0, size - 1)
    return x, y


def _noise(size: int, grain: int, rng: np.random.Generator, low: int, high: int) -> np.ndarray:
    """Smooth noise uint8 (size, size) in [low, high], its spots about ``grain`` pixels wide."""
    side = size // grain + 2
    coarse = rng.integers(low, high + 1, (side, side), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR))
