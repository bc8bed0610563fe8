"""How far the patches of an image are from the most similar patches of normal images (PatchCore)."""
