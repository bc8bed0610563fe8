"""How bright an image is."""
