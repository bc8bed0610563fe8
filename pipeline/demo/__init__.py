"""Generated slides and X-rays with which a fresh machine can run everything."""
