"""``migrate pstree``: who waits for whom in a process, as a tree."""

from __future__ import annotations

import click

from bridge import tree
from inspector.errors import UsageError
from migrator import live, views
from migrator.commands import _live
from migrator.completion import PATHS


@click.command(
    epilog="(T) is a task, (G) a green thread, (M) a thread's main stack. Exit status: 1 when "
    "units wait for each other in a cycle."
)
@_live.options
@click.option("--depth", metavar="N", type=click.IntRange(min=0), help="Units below a root.")
@click.option("--args/--no-args", default=True, help="Show the calls' arguments.")
@click.option("--frames/--no-frames", default=True, help="Show the calls.")
@click.option(
    "--hide-library", is_flag=True, help="Hide calls in the standard library and site-packages."
)
@click.option(
    "--group/--no-group",
    default=None,
    help=f"Collapse identical stacks; the default above {tree.GROUP_ABOVE} units.",
)
@click.option("--html", type=PATHS, help="Write one self-contained page, no text.")
def command(
    pids: tuple[int, ...],
    children: bool,
    name: str | None,
    freeze: bool,
    sample: float | None,
    record: str | None,
    replay: str | None,
    show_secrets: bool,
    as_json: bool,
    wide: bool,
    depth: int | None,
    args: bool,
    frames: bool,
    hide_library: bool,
    group: bool | None,
    html: str | None,
) -> int:
    """Draw who waits for whom in the process PID, tasks and green threads in one tree.

    Nothing runs in the process and it is not paused. The roots are what nobody waits for;
    a cycle is drawn, marked, and printed with its start repeated at the end.
    """
    if html is not None and as_json:
        raise UsageError("--html and --json exclude each other", "the page holds the JSON")
    read_args = args or as_json or html is not None or record is not None
    targets = live.Targets(pids, children, name, freeze, sample, record, replay, read_args)
    if as_json:
        return live.write_json(targets, show_secrets)
    if html is not None:
        return live.write_page(targets, html, show_secrets)
    options = tree.Options(depth, args, show_secrets, frames, not hide_library, group)
    return views.show_tree(targets, options, wide)
