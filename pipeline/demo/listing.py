"""What one stage of the demo tells the next: whether an arm of the lists is of a collection that is drawn."""

DRAWN = ("slides", "xrays")  # the kinds of data that the demo has a collection of
LISTED = "listed\n"
UNLISTED = "not listed\n"
