"""The one exception whose text is written for the user."""


class PipelineError(Exception):
    """Something the user can put right: one sentence that names the file, row or key and what to do."""
