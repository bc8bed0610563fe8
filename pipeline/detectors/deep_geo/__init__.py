"""How a network that tells geometric transformations apart answers to those of an image (Deep GEO)."""
