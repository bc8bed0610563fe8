"""How far the patches of an image are from those that normal images have at the same place (PaDiM)."""
