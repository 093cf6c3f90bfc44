"""Output formats: each module renders a ``Report`` as text, in ``render(report, stage)``."""
