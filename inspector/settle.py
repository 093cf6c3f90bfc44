"""What of a capture is not of one moment: found by reading it anew, and read again."""

from __future__ import annotations

from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.capture import Capture
    from inspector.greenlets import GreenletFacts
    from inspector.memory import Memory
    from inspector.tasks import TaskFacts

_ROUNDS = 3  # readings of a unit that moves or does not decode, the first included
_MORE_ROUNDS = 8  # of the last few: one that comes to rest between turns is met there
_FEW = 64


def settle(capture: Capture, caller: tuple[int, int] | None) -> int:
    """Verify, and read again what moved or failed. Returns how many readings that took.

    ``caller`` is that of `capture.Options`.
    """
    memory = capture.memory
    retries = 0
    suspects: set[int] | None = None
    for done in range(1, _MORE_ROUNDS + 1):
        moved = _moved(capture, memory.fresh(), suspects) | _nowhere(capture)
        failed = len(capture.failed_tasks) + len(capture.failed_pimpls)
        if failed and done >= _ROUNDS:
            capture.forget_ended()
            failed = len(capture.failed_tasks) + len(capture.failed_pimpls)
        if not moved and not failed:
            break
        if done == _MORE_ROUNDS or (done >= _ROUNDS and len(moved) + failed > _FEW):
            capture.moving = moved
            break
        again = capture.another()
        for address in moved:
            if address in capture.tasks:
                capture.failed_tasks[address] = capture.tasks.pop(address).tid
            else:
                capture.failed_pimpls.add(capture.greenlets.pop(address).pimpl)
        retries += len(capture.failed_tasks) + len(capture.failed_pimpls)
        for address, tid in capture.failed_tasks.items():
            again.read_task(address, tid)
        for pimpl in capture.failed_pimpls:
            again.read_greenlet(pimpl)
        capture.tasks.update(again.tasks)
        capture.greenlets.update(again.greenlets)
        capture.failed_tasks = again.failed_tasks
        capture.failed_pimpls = again.failed_pimpls
        capture.frames.cut += again.frames.cut
        suspects = set(again.tasks) | set(again.greenlets)
        capture.read_stacks(caller)
    return retries


def _nowhere(capture: Capture) -> set[int]:
    """Addresses of units that ran when they were read, and that no thread ran a moment later."""
    found: set[int] = set()
    executing = {task.executing: task.address for task in capture.tasks.values()}
    if len(executing) > 1 or 0 not in executing:
        stacks = [thread.stack for thread in capture.threads]
        stacks += [green.stack for green in capture.greenlets.values()]
        for stack in stacks:
            for frame in stack.addresses:
                executing.pop(frame, None)
        executing.pop(0, None)
        found.update(executing.values())
    running: dict[int, list[int]] = {}
    for green in capture.greenlets.values():
        if green.running:
            running.setdefault(green.main or green.address, []).append(green.address)
    for several in running.values():  # of one thread, which runs but one at a time
        if len(several) > 1:
            found.update(several)
    return found


def _moved(capture: Capture, fresh: Memory, only: set[int] | None) -> set[int]:
    """Addresses of units whose words differ now from those they were decoded from.

    Their pages are compared first, whole: only units on pages that changed are looked at closer.
    """
    same: set[int] = set()
    if only is None:
        numbers = _pages(capture)
        same = capture.memory.unchanged(numbers)
        if same >= numbers:
            return set()
    at = capture.target.layout.at
    # What links a task to its neighbours is left out: it changes when they come and go.
    task_size = at.get("task.node") or at.get("task.size", 0)  # 0: no asyncio, no tasks
    pimpl_size = capture.pimpls.size if capture.pimpls else 0
    units: list[tuple[int, int, int, TaskFacts | GreenletFacts]] = []
    for address, task in capture.tasks.items():
        if only is None or address in only:
            units.append((address, address, task_size, task))
    for address, green in capture.greenlets.items():
        if only is None or address in only:
            units.append((address, green.pimpl, pimpl_size, green))
    instruction, executable = at["frame.instr_ptr"], at["frame.executable"]
    last = max(instruction, executable)
    moved = set()
    for address, start, size, unit in units:
        if start >> 12 in same and (start + size) >> 12 in same:
            for frame in unit.stack.addresses:
                if frame >> 12 not in same or (frame + last) >> 12 not in same:
                    break
            else:
                continue
        memory = unit.frames.objects.memory
        try:
            # The first word is a reference count or a vtable.
            if memory.data(start + 8, size - 8) != fresh.data(start + 8, size - 8):
                moved.add(address)
                continue
            for frame, code, instruction_then in unit.stack:
                if (
                    fresh.word(frame + instruction) != instruction_then
                    or fresh.word(frame + executable) & ~3 != code.address
                ):
                    moved.add(address)
                    break
        except BadMemory:
            moved.add(address)
    return moved


def _pages(capture: Capture) -> set[int]:
    """Numbers of the pages that say where units are and what they do."""
    greenlets = capture.greenlets.values()
    numbers = {task >> 12 for task in capture.tasks}
    numbers.update([green.pimpl >> 12 for green in greenlets])
    for units in (capture.tasks.values(), greenlets):
        numbers.update([frame >> 12 for unit in units for frame in unit.stack.addresses])
    # What begins on a page may end on the next.
    before = capture.memory.pages
    numbers.update([number + 1 for number in numbers if number + 1 in before])
    return numbers
