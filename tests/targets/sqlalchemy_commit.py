"""A web request's unit of work on SQLAlchemy asyncio, held up in the commit's INSERT.

Another connection holds the database file's lock; aiosqlite waits for it in its thread, the
task for aiosqlite, and between the two stand the ORM's frames, in a greenlet.
Prints ``ready pid=PID`` once the INSERT waits.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str]


async def request(engine, what):
    async with AsyncSession(engine) as session:
        session.add(Order(what=what))
        await session.commit()


async def main(path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 600})
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    inserting = asyncio.Event()
    execute = aiosqlite.Cursor.execute

    async def announced(cursor, sql, *rest):
        if sql.startswith("INSERT"):
            inserting.set()
        return await execute(cursor, sql, *rest)

    aiosqlite.Cursor.execute = announced
    task = asyncio.create_task(request(engine, "tea"), name="request-1")
    await asyncio.wait([task, asyncio.create_task(inserting.wait())], return_when="FIRST_COMPLETED")
    await asyncio.sleep(0)
    print(f"ready pid={os.getpid()}", flush=True)
    await task


with tempfile.TemporaryDirectory() as folder:
    sys.exit(asyncio.run(main(f"{folder}/orders.db")))
