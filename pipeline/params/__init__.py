"""params.yaml, and what the files of all arms share, as strict, frozen models; one file per section."""
