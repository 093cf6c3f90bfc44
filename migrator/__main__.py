"""``python -m migrator`` is the same as ``migrate``."""

from __future__ import annotations

from migrator.start import main

if __name__ == "__main__":
    main()
