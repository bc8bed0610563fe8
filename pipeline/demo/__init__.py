"""Generated slides and X-rays, and a sample of patients', with which a fresh machine can run everything."""
