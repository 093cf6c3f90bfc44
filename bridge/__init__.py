"""One picture of both worlds: who waits for whom across green threads and asyncio tasks."""
