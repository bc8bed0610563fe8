"""How far the colours of an image are from those of normal images."""
