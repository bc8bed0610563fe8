"""A network that maps normal images close to one point (Deep SVDD)."""
