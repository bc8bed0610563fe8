"""One module per command, each with ``main(words)``, which returns the exit status; see pipeline/__main__.py."""
