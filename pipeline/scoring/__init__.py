"""Trained models on images that they have not seen: what is in them, and what a score means."""
