"""How collections are laid out: one module each, with the face of :class:`pipeline.data.folders.layout.Layout`."""
