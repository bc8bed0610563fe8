"""Judging the scores of Camelyon16's test slides as the challenge's organisers do."""
