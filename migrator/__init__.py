"""Find Eventlet in a code base, rewrite its debug and backdoor use; and the command line."""

from __future__ import annotations

__version__ = "0.1.0"
