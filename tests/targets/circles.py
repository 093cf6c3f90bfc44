"""Tasks that seem to wait for each other in a circle, and tasks that do; named after which.

A parent holds a lock that its child wants. Whether that is a deadlock depends on what the
parent waits for: on the child, or on something else yet.
"""

import asyncio
import os

LONG = 3600


async def wants(lock):
    async with lock:
        pass


async def sleeps():
    await asyncio.sleep(LONG)


def child(lock, name):
    return asyncio.create_task(wants(lock), name=name)


# These go on one day.


async def free_group(lock):
    async with asyncio.TaskGroup() as group, lock:
        group.create_task(wants(lock), name="free_group.child")
        await asyncio.sleep(LONG)


async def free_gather(lock):
    async with lock:
        later = asyncio.gather(child(lock, "free_gather.child"))
        await asyncio.sleep(LONG)
        await later


async def free_shield(lock):
    async with lock:
        later = asyncio.shield(child(lock, "free_shield.child"))
        await asyncio.sleep(LONG)
        await later


async def free_future(_):  # of no task: since 3.14 asyncio keeps who shielded it beside it
    later = asyncio.shield(asyncio.get_running_loop().create_future())
    await asyncio.create_task(awaits(later), name="free_future.child")


async def free_first(lock):
    async with lock:
        tasks = [child(lock, "free_first.child"), asyncio.create_task(sleeps())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def free_completed(lock):
    async with lock:
        for one in asyncio.as_completed([child(lock, "free_completed.child"), sleeps()]):
            await one


async def free_condition(lock):  # gives back on the way in what it takes again on the way out
    condition = asyncio.Condition(lock)
    later = asyncio.create_task(notifies(condition), name="free_condition.child")
    async with lock:
        await condition.wait()
        await later


async def notifies(condition):
    await condition.acquire()
    condition.notify()
    await asyncio.sleep(LONG)


async def free_semaphore(_):
    semaphore = asyncio.Semaphore(2)
    other = asyncio.create_task(sleeps_in(semaphore), name="free_semaphore.other")
    async with semaphore:
        await asyncio.sleep(0)
        await asyncio.gather(other, child(semaphore, "free_semaphore.child"))


async def sleeps_in(semaphore):
    async with semaphore:
        await asyncio.sleep(LONG)


async def awaits(future):
    await future


# These do not.


async def held_group(lock):
    async with lock, asyncio.TaskGroup() as group:
        group.create_task(wants(lock), name="held_group.child")


async def held_gather(lock):
    async with lock:
        await asyncio.gather(sleeps(), child(lock, "held_gather.child"))


async def held_nested(lock):
    async with lock:
        await asyncio.gather(sleeps(), asyncio.gather(child(lock, "held_nested.child")))


async def held_wait_for(lock):
    async with lock:
        await asyncio.wait_for(asyncio.gather(child(lock, "held_wait_for.child")), None)


async def held_shield(lock):
    async with lock:
        await asyncio.shield(child(lock, "held_shield.child"))


async def held_all(lock):
    async with lock:
        await asyncio.wait([child(lock, "held_all.child"), asyncio.create_task(sleeps())])


async def held_first(lock):
    async with lock:
        tasks = [child(lock, "held_first.child"), child(lock, "held_first.child")]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def held_self(lock):
    # asyncio refuses a task that awaits itself, but sees no further than that.
    await asyncio.gather(sleeps(), asyncio.current_task())


async def held_semaphore(_):
    semaphore = asyncio.Semaphore(2)
    async with semaphore, semaphore:
        await child(semaphore, "held_semaphore.child")


async def held_alone(lock):
    async with lock, lock:
        pass


async def main():
    tasks = [
        asyncio.create_task(function(asyncio.Lock()), name=name)
        for name, function in globals().items()
        if name.startswith(("free_", "held_"))
    ]
    await asyncio.sleep(0.05)
    print(f"ready pid={os.getpid()}", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main())
