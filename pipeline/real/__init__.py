"""Results on images of patients: figures from scores that are kept, and docs/results.md."""
