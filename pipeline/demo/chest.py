"""A drawn chest radiograph: organs as attenuation, projected, exposed and printed as an X-ray department would.

Lengths are in half picture widths: x runs from −1 to 1 towards the picture's right, which is the patient's
left, and y from −1 (neck) to 1 (abdomen). Attenuation adds up along the ray, so organs are summed and the
film is exposed once, I = 1 − exp(−attenuation) (Beer and Lambert).
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

EDGE = 0.012  # half width of an organ's soft edge

Vessel = tuple[np.ndarray, float]  # points float32 (n, 2), width


@dataclass(frozen=True)
class Anatomy:
    """What stays the same in all radiographs of a patient."""

    body: float  # half width of the trunk
    fat: float  # attenuation of the chest wall
    breast: float  # attenuation of the breasts, 0 for none
    lung_width: float
    apex: float  # y of the lungs' tops
    domes: tuple[float, float]  # y of the diaphragm's tops, picture left and right
    dome_depth: float  # how far the diaphragm falls towards the side
    heart: tuple[float, float]  # half axes
    mediastinum: float  # half width
    knob: float  # radius of the aortic knob
    rib_spacing: float
    rib_slope: float
    rib_density: float
    clavicle_slope: float
    bubble: float  # radius of the gas in the stomach, above 0
    vessels: tuple[Vessel, ...]


@dataclass(frozen=True)
class Pose:
    """How the patient stood or lay for one radiograph: the map from anatomy to picture."""

    shift: tuple[float, float]
    angle: float
    scale: float

    def to_picture(self, points: np.ndarray, size: int) -> np.ndarray:
        """Map points (n, 2) of the anatomy to pixels (n, 2)."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = points @ np.array([[cos, sin], [-sin, cos]]) * self.scale + self.shift
        return np.asarray((turned + 1) * size / 2 - 0.5)

    def grid(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the anatomical x and y of every pixel, float32 (size, size) each."""
        axis = (2 * np.arange(size, dtype=np.float32) + 1) / size - 1
        x, y = np.meshgrid((axis - self.shift[0]) / self.scale, (axis - self.shift[1]) / self.scale)
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return cos * x + sin * y, cos * y - sin * x


@dataclass
class Chest:
    """One radiograph being drawn.

    Attributes:
        anatomy: The organs as they are in this radiograph.
        pose: Where they are.
        size: Side of the picture in pixels.
        x: Anatomical x of every pixel, float32 (size, size).
        y: Anatomical y of every pixel, float32 (size, size).
        lungs: Soft masks 0–1 of the lungs, picture left and right.
    """

    anatomy: Anatomy
    pose: Pose
    size: int
    x: np.ndarray = field(init=False)
    y: np.ndarray = field(init=False)
    lungs: tuple[np.ndarray, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.x, self.y = self.pose.grid(self.size)
        self.lungs = (self._lung(0), self._lung(1))

    def height(self) -> np.ndarray:
        """Return 0 at the lungs' tops to 1 at the height from which their sides run straight down."""
        return np.clip((self.y - self.anatomy.apex) / 0.75, 0, 1)

    def side_wall(self) -> np.ndarray:
        """Return |x| of the lungs' outer edge at every pixel's height."""
        arch = np.sqrt(1 - (1 - self.height()) ** 2)
        return np.asarray(0.3 + (self.anatomy.lung_width - 0.3) * arch)

    def floor(self, side: int) -> np.ndarray:
        """Return y of the diaphragm at every pixel."""
        across = (np.abs(self.x) - 0.3) / 0.4
        return np.asarray(self.anatomy.domes[side] + self.anatomy.dome_depth * across**2)

    def _lung(self, side: int) -> np.ndarray:
        inward = np.abs(self.x)
        arch = np.sqrt(1 - (1 - self.height()) ** 2)
        inner = 0.3 - (0.3 - self.anatomy.mediastinum) * arch
        half = self.x < 0 if side == 0 else self.x >= 0
        inside = soft(self.side_wall() - inward) * soft(inward - inner) * soft(self.y - self.anatomy.apex)
        return np.asarray(inside * soft(self.floor(side) - self.y) * half, np.float32)

    def ellipse(self, centre: tuple[float, float], axes: tuple[float, float], tilt: float, edge: float) -> np.ndarray:
        """Return a soft ellipse, float32 0–1; ``edge`` is the half width of its border."""
        x, y = self.x - np.float32(centre[0]), self.y - np.float32(centre[1])
        along, up = np.cos(tilt), np.sin(tilt)
        u = np.float32(along / axes[0]) * x + np.float32(up / axes[0]) * y
        v = np.float32(along / axes[1]) * y - np.float32(up / axes[1]) * x
        return soft((1 - np.sqrt(u * u + v * v)) * np.float32(min(axes)), edge)

    def lines(self, paths: list[Vessel]) -> np.ndarray:
        """Return anti-aliased polylines, float32 0–1 per stroke."""
        canvas = np.zeros((self.size, self.size), np.uint8)
        for points, width in paths:
            pixels = np.round(self.pose.to_picture(points, self.size) * 16).astype(np.int32)
            thickness = max(1, round(width * self.size / 2))
            cv2.polylines(canvas, [pixels], False, 255, thickness, cv2.LINE_AA, shift=4)
        return canvas.astype(np.float32) / 255

    def point_in_lung(self, rng: np.random.Generator, top: float, bottom: float) -> tuple[int, tuple[float, float]]:
        """Draw a side and a point inside that lung, between two heights (0 apex, 1 diaphragm)."""
        side = int(rng.integers(2))
        y = self.anatomy.apex + rng.uniform(top, bottom) * (self.anatomy.domes[side] - self.anatomy.apex)
        x = rng.uniform(self.anatomy.mediastinum + 0.14, 0.86 * self.anatomy.lung_width)
        return side, (float(x if side else -x), float(y))


def soft(distance: np.ndarray, edge: float = EDGE) -> np.ndarray:
    """Return 0 outside to 1 inside of an edge at distance 0."""
    scaled = distance * np.float32(0.5 / edge) + np.float32(0.5)
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def clouds(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Return smooth noise with about ``cells`` bumps along a side, float32 (size, size), unit variance or below."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))


def draw_anatomy(rng: np.random.Generator, female: bool) -> Anatomy:
    """Draw a patient's organs.

    Args:
        rng: The patient's generator.
        female: Whether to draw breasts, which veil the lungs' bases.

    Returns:
        The anatomy.
    """
    lung_width = rng.uniform(0.62, 0.72)
    dome = rng.uniform(0.40, 0.50)
    mediastinum = rng.uniform(0.10, 0.14)
    return Anatomy(
        body=lung_width + rng.uniform(0.14, 0.28),
        fat=rng.uniform(0.35, 0.6),
        breast=rng.uniform(0.1, 0.35) if female else 0.0,
        lung_width=lung_width,
        apex=rng.uniform(-0.78, -0.70),
        domes=(dome, dome + rng.uniform(0.01, 0.07)),
        dome_depth=rng.uniform(0.16, 0.26),
        heart=(rng.uniform(0.28, 0.33), rng.uniform(0.2, 0.24)),
        mediastinum=mediastinum,
        knob=rng.uniform(0.07, 0.1),
        rib_spacing=rng.uniform(0.13, 0.16),
        rib_slope=rng.uniform(0.15, 0.35),
        rib_density=rng.uniform(0.12, 0.2),
        clavicle_slope=rng.uniform(0.05, 0.25),
        bubble=rng.uniform(0.02, 0.14),
        vessels=tuple(v for sign in (-1, 1) for v in _vessel_tree(rng, sign)),
    )


def _vessel_tree(rng: np.random.Generator, sign: int) -> list[Vessel]:
    """Grow a lung's vessels from its hilum, each branch half as wide as its parent (width in half pictures)."""
    vessels: list[Vessel] = []
    tips = [(np.array([sign * 0.15, -0.12]), angle, 0.02, 0) for angle in rng.uniform(-1.3, 1.4, 5)]
    while tips:
        start, angle, width, depth = tips.pop()
        bends = angle + np.cumsum(rng.normal(0, 0.12, 4))
        steps = rng.uniform(0.035, 0.055) * np.stack([sign * np.cos(bends), np.sin(bends)], axis=1)
        points = np.vstack([start, start + np.cumsum(steps, axis=0)])
        vessels.append((points.astype(np.float32), width))
        if depth < 3:
            fork = rng.uniform(0.2, 0.5)
            tips += [(points[-1], bends[-1] + turn, width * 0.7, depth + 1) for turn in (-fork, fork)]
    return vessels


def draw_pose(rng: np.random.Generator, view: str) -> Pose:
    """Draw how the patient is placed: standing well for PA, lying askew for AP."""
    spread = 1.0 if view == "PA" else 2.2
    return Pose(
        shift=(float(rng.normal(0, 0.02 * spread)), float(rng.normal(0, 0.025 * spread))),
        angle=float(rng.normal(0, 0.015 * spread)),
        scale=float(rng.uniform(0.95, 1.05)),
    )


def for_view(anatomy: Anatomy, view: str, rng: np.random.Generator) -> Anatomy:
    """Breathe in for this radiograph; in AP the heart is magnified and the diaphragm stands higher."""
    breath = rng.normal(0, 0.02) - (0.12 if view == "AP" else 0.0)
    grown = rng.uniform(0.98, 1.02) * (1.18 if view == "AP" else 1.0)
    left, right = anatomy.domes
    heart = (anatomy.heart[0] * grown, anatomy.heart[1] * grown)
    return replace(anatomy, domes=(left + breath, right + breath), heart=heart)


def normal_attenuation(chest: Chest, vessel_share: float = 1.0) -> np.ndarray:
    """Add up the organs of a chest without findings.

    Args:
        chest: The radiograph being drawn.
        vessel_share: 1 for the normal density of vessels, less for destroyed lung.

    Returns:
        Attenuation, float32 (size, size), 0 outside the body.
    """
    anatomy, x, y = chest.anatomy, chest.x, chest.y
    body = _body(chest)
    lungs = chest.lungs[0] + chest.lungs[1]
    trunk = body * (anatomy.fat + 1.05 - 1.0 * lungs + 0.45 * soft(y - 0.15, 0.5))
    heart = chest.ellipse((0.12, anatomy.domes[1] - 0.6 * anatomy.heart[1]), anatomy.heart, 0.6, 0.035)
    knob = chest.ellipse((anatomy.mediastinum - 0.01, -0.33), (anatomy.knob, 1.2 * anatomy.knob), 0.0, 0.02)
    middle = soft(anatomy.mediastinum - 0.01 - np.abs(x), 0.05)
    organs = np.maximum.reduce([0.7 * heart, 0.5 * knob, 0.5 * middle])
    spine = soft(0.06 - np.abs(x), 0.03) * (0.16 + 0.06 * np.cos(y * np.float32(2 * np.pi / 0.105)))
    airway = 0.3 * soft(0.035 - np.abs(x), 0.02) * soft(-0.25 - y, 0.05)
    vessels = 0.2 * vessel_share * lungs * chest.lines(list(anatomy.vessels))
    breasts = sum(chest.ellipse((s * 0.42, 0.32), (0.28, 0.27), 0.0, 0.05) for s in (-1, 1)) * anatomy.breast
    gas = 0.35 * chest.ellipse((0.36, anatomy.domes[1] + 0.17), (1.3 * anatomy.bubble, anatomy.bubble), 0.0, 0.02)
    inside = body * (organs + spine - airway + breasts - gas)
    return np.asarray(trunk + inside + vessels + _bones(chest, body), np.float32)


def _body(chest: Chest) -> np.ndarray:
    """Return the outline: neck, shoulders, trunk; thinner towards its edge."""
    shoulder = soft(chest.y + 0.85 - 0.1 * np.abs(chest.x), 0.14)
    half = 0.24 + (chest.anatomy.body - 0.24) * shoulder + 0.35 * shoulder * soft(-0.3 - chest.y, 0.45)
    across = np.clip(np.abs(chest.x) / half, 0, 1)
    return np.asarray(np.sqrt(1 - across**4), np.float32)


def _bones(chest: Chest, body: np.ndarray) -> np.ndarray:
    """Return ribs (behind: falling outwards; in front: rising outwards), collar bones and shoulder blades."""
    anatomy, out = chest.anatomy, np.abs(chest.x)
    cage = soft(chest.side_wall() + 0.03 - out, 0.02)
    cage *= soft(chest.y - anatomy.apex + 0.06, 0.03) * soft(0.75 - chest.y, 0.1)
    bones = np.zeros_like(chest.x)
    for slope, bend, share in ((anatomy.rib_slope, 0.35, 1.0), (-1.1, -0.5, 0.55)):
        phase = (chest.y - slope * out - bend * out**2) / anatomy.rib_spacing
        off = np.abs(phase - np.round(phase))
        rib = soft(0.26 - off, 0.1) * (0.6 + 2.0 * off)  # the cortex is denser than the marrow
        bones += share * anatomy.rib_density * rib * cage
    ends = [np.array([[s * 0.1, -0.55], [s * 0.35, -0.6], [s * 0.75, -0.62 - anatomy.clavicle_slope]]) for s in (-1, 1)]
    blades = [np.array([[s * 0.62, -0.62], [s * 0.74, -0.1]]) for s in (-1, 1)]
    strokes = 0.28 * chest.lines([(e, 0.055) for e in ends]) + 0.15 * chest.lines([(b, 0.05) for b in blades])
    return np.asarray(bones + cv2.GaussianBlur(strokes, (0, 0), chest.size / 160) * (body > 0), np.float32)


def expose(attenuation: np.ndarray, view: str, rng: np.random.Generator) -> np.ndarray:
    """Turn attenuation into a film: focal blur, scatter, tube voltage, photon noise and window.

    Args:
        attenuation: float32 (size, size).
        view: PA, or AP, whose portable tube gives less contrast and more noise.
        rng: The radiograph's generator.

    Returns:
        uint8 (size, size).
    """
    portable = view == "AP"
    size = len(attenuation)
    sharp = cv2.GaussianBlur(attenuation, (0, 0), rng.uniform(0.5, 0.9 if not portable else 1.4) * size / 320)
    coarse = cv2.resize(sharp, (40, 40), interpolation=cv2.INTER_AREA)
    scatter = cv2.resize(cv2.GaussianBlur(coarse, (0, 0), 5), (size, size))
    share = rng.uniform(0.25, 0.4) if portable else rng.uniform(0.05, 0.2)
    film = 1 - np.exp(-rng.uniform(0.75, 1.15) * ((1 - share) * sharp + share * scatter))
    noise = rng.standard_normal((size, size), dtype=np.float32)
    film += rng.uniform(0.006, 0.012) * (2.0 if portable else 1.0) * cv2.GaussianBlur(noise, (0, 0), 0.6)
    low, high = np.float32(rng.uniform(0.0, 0.06)), np.float32(rng.uniform(0.9, 0.97))
    window = np.clip((film - low) / (high - low), 0, 1) ** np.float32(rng.uniform(0.9, 1.5))
    return np.asarray(255 * window + 0.5, np.uint8)


def print_marks(film: np.ndarray, view: str, rng: np.random.Generator) -> None:
    """Burn in what stands at the rim of real films: a side marker, words on portable ones, collimator borders.

    Args:
        film: uint8 (size, size), changed in place.
        view: PA or AP.
        rng: The radiograph's generator.
    """
    size = len(film)
    unit = size / 320
    for edge in range(4):
        if rng.random() < 0.3:
            shade, depth = (255 if rng.random() < 0.15 else 0), int(rng.integers(2, 14) * unit)
            np.rot90(film, edge)[:depth] = shade
    letter, column = ("L", 0.88) if rng.random() < 0.7 else ("R", 0.06)
    place = (int((column + rng.uniform(-0.02, 0.02)) * size), int(rng.uniform(0.06, 0.11) * size))
    cv2.putText(film, letter, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55 * unit, 250, max(1, round(1.5 * unit)), cv2.LINE_AA)
    if view == "AP":
        words = (int(rng.uniform(0.03, 0.6) * size), int(rng.uniform(0.04, 0.07) * size))
        cv2.putText(film, "AP PORTABLE", words, cv2.FONT_HERSHEY_SIMPLEX, 0.3 * unit, 245, 1, cv2.LINE_AA)


def tubes(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """Return the attenuation of a breathing tube and electrode leads, as portable films often show."""
    paths: list[Vessel] = []
    if rng.random() < 0.4:
        paths.append((np.array([[0.0, -1.1], [0.01, -0.7], [0.0, -0.3]]), 0.02))
    for _ in range(int(rng.integers(0, 4))):
        start = np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.3, 0.5)])
        drift = np.cumsum(rng.normal([0.05 * np.sign(start[0]), -0.12], 0.05, (9, 2)), axis=0)
        paths += [(np.vstack([start, start + drift]), 0.008), (np.stack([start, start + 0.005]), 0.06)]
    return 0.3 * chest.lines(paths)
