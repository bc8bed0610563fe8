"""One slide and the part it plays."""

from dataclasses import dataclass

# Role → its split and its label: 0 for a wholly normal slide, 1 for one with tumour.
ROLES = {
    "train": ("train", 0),
    "val_normal": ("val", 0),
    "val_tumour": ("val", 1),
    "test_normal": ("test", 0),
    "test_tumour": ("test", 1),
}


@dataclass(frozen=True)
class SlideRecord:
    """One slide and its part.

    Attributes:
        name: File name without its ending; unique.
        path: Relative to the collection's folder; empty if only its annotation is there.
        role: One of :data:`ROLES`, empty for a slide that is not used.
        annotation: The lesion outlines, relative to the collection's folder; empty for a normal slide.
        group: What must not be on two sides of a split: the patient or, where unknown, the slide itself.
        unused: Why the slide is not used; empty if it is.
    """

    name: str
    path: str
    role: str
    annotation: str
    group: str
    unused: str = ""
