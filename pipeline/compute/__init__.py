"""Device, processes, saved state: how work is computed."""
