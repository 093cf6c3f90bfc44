"""One module per command; `migrator.cli` imports each only when it is called."""
