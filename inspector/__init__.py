"""Facts of a live Python process, read from outside: tasks, green threads, threads, waits.

Standard library only; imports neither asyncio nor greenlet nor eventlet.
"""
