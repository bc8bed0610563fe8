"""Optical density, the quantity in which stains add up (Beer–Lambert)."""

import numpy as np

# −ln(I/255) of the 256 intensities; 0 counts as 1, so that black is finite.
OPTICAL_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
