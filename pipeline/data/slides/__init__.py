"""Whole-slide images: reading, tissue, lesion outlines, tiles, stain normalisation."""
