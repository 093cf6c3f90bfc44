"""Finding objects in a heap without asking the target: by their first words.

pymalloc keeps blocks of one size together in pools of 16 KiB at multiples of 16 KiB, each
with a header that names its size class (Objects/obmalloc.c). Reading only the headers and
then the pools of the right class is 20 to 40 times cheaper than reading the heap. Under
another allocator (PYTHONMALLOC=malloc or debug, a preloaded one) there are no pools: then
everything writable is searched.
"""

from __future__ import annotations

from inspector.memory import MAX_BYTES, BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inspector.memory import Memory
    from inspector.objects import Objects

POOL = 1 << 14  # POOL_SIZE since 3.10, with radix-tree arenas
_HEADER = 48
_SIZES_AT = 32  # arenaindex, szidx, nextoffset, maxnextoffset: four 32-bit numbers
_ALIGNMENT = 16
_GC_HEADER = 16
_SAMPLES = 12
_GATHER = 1024  # pools read in one go


def uses_pools(objects: Objects, samples: Iterable[int]) -> bool:
    """Whether small objects live in pymalloc pools, judged by objects known to be small.

    ``samples`` are addresses of objects with a GC header whose type says their size
    (modules). One that lies in a pool of exactly its size class settles it; objects that
    are static, or older than the heap, do not.
    """
    for count, address in enumerate(samples):
        if count >= _SAMPLES:
            break
        try:
            size = objects.type_of(address).basicsize + _GC_HEADER
            block = -(-size // _ALIGNMENT) * _ALIGNMENT
            start = address - _GC_HEADER
            pool = start & ~(POOL - 1)
            sizes = objects.memory.words(pool + _SIZES_AT, 2)
        except BadMemory:
            continue
        if _is_pool(sizes[0], sizes[1], block) and (start - pool - _HEADER) % block == 0:
            return True
    return False


def _is_pool(first: int, second: int, block: int) -> bool:
    return first >> 32 == block // _ALIGNMENT - 1 and second >> 32 == POOL - block


def search_pools(
    memory: Memory, ranges: Iterable[tuple[int, int]], blocks: Sequence[int], needles: Sequence[int]
) -> list[int]:
    """Addresses of blocks of the given sizes whose first word is one of ``needles``.

    ``ranges`` are (start, end) of the writable anonymous mappings. The pools found stay in
    the page cache: what lies in them was captured together.
    """
    headers: list[int] = []
    for start, end in ranges:
        headers += range(-(-start // POOL) * POOL, end - POOL + 1, POOL)
    source = memory.source
    wanted = {block // _ALIGNMENT - 1: block for block in blocks}
    read = source.gather_joined([pool + _SIZES_AT for pool in headers], 16)
    numbers = memoryview(read).cast("I")  # arenaindex, szidx, nextoffset, maxnextoffset
    pools = [
        (headers[place], wanted[index])
        for place, index in enumerate(numbers[1::4].tolist())
        if index in wanted and numbers[4 * place + 3] == POOL - wanted[index]
    ]
    found: list[int] = []
    # The vtables lie in one library: all but their lowest bytes are mostly the same.
    patterns = {needle.to_bytes(8, "little")[2:] for needle in needles}
    for at in range(0, len(pools), _GATHER):
        part = pools[at : at + _GATHER]
        contents = source.gather([pool for pool, _ in part], POOL)
        for (pool, block), data in zip(part, contents, strict=True):
            whole = bytes(data)
            if len(whole) != POOL or not any(pattern in whole for pattern in patterns):
                continue
            words = memoryview(whole).cast("Q")[_HEADER // 8 :: block // 8].tolist()
            hits = [
                pool + _HEADER + index * block
                for index, word in enumerate(words)
                if word in needles
            ]
            if hits:
                memory.pages.add(pool >> 12, whole)
                found += hits
    return found


def search_all(
    memory: Memory, ranges: Iterable[tuple[int, int]], needles: Sequence[int]
) -> list[int]:
    """Addresses of words equal to one of ``needles``, at multiples of 8, in all of ``ranges``.

    Searches for the six low bytes, which is four times quicker than for eight: the two high
    ones of a user-space address are zero and checked after.
    """
    found: list[int] = []
    for start, end in ranges:
        for chunk in range(start, end, MAX_BYTES):
            data = memory.source.scan(chunk, min(MAX_BYTES, end - chunk))
            for needle in needles:
                pattern = needle.to_bytes(8, "little")
                at = data.find(pattern[:6])
                while at >= 0:
                    if not at & 7 and data[at : at + 8] == pattern:
                        found.append(chunk + at)
                    at = data.find(pattern[:6], at + 6)
    return found
