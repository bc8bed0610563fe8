"""params.yaml as strict, frozen models, one file per branch of the graph."""
