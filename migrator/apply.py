"""Every file of a code base -> what its rewrite would be. Reads files, writes none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from migrator import rules, sources
from migrator.findings import Unread
from migrator.fixes.mocks import covers
from migrator.rewrite import Module, Options, Outcome, Result, rewrite
from migrator.scan import may_matter, scan_python
from migrator.together import Together, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.findings import Finding, Stage


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run would do."""

    stage: Stage
    results: tuple[Result, ...]  # of every file that has findings, in the order of the paths
    unread: tuple[Unread, ...]
    files: int
    created: tuple[Result, ...] = ()  # modules that come anew (--bridge-as)

    @property
    def changed(self) -> list[Result]:
        """The files that would be written, new ones first."""
        return [*self.created, *(result for result in self.results if result.changed)]

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Every finding with what becomes of it."""
        for result in self.results:
            yield from result.outcomes


def plan(paths: Iterable[str], options: Options, *, stage: Stage | None = None) -> Plan:
    """Plan the rewrite of files and folders. ``stage`` None: what the code base is ready for.

    While anything but debugging still uses Eventlet, that is "bridge".
    """
    results: list[Result] = []
    unread: list[Unread] = []
    contents: dict[str, bytes] = {}
    for source in sources.find(paths, text=False):
        if isinstance(source, Unread):
            unread.append(source)
            continue
        data = sources.read(source.path, named=source.named)
        if isinstance(data, Unread):
            unread.append(data)
        else:
            contents[source.path] = data
    if stage is None:
        stage = "bridge" if any(map(_uses_eventlet_otherwise, contents.items())) else "asyncio"
    options = replace(options, stage=stage)
    for path, data in contents.items():
        result = _one(path, data, options)
        if isinstance(result, Unread):
            unread.append(result)
        elif result.outcomes or result.changed:
            results.append(result)
    results = _together(results, options)
    return Plan(stage, tuple(results), tuple(unread), len(contents))


def _together(results: list[Result], options: Options) -> list[Result]:
    """Rewrite again what has to change, or to stay, because of mocks in other files."""
    together = decide(results, options)
    if not together.follow and not together.held:
        return results
    concerned = (*together.follow, *together.held)
    again = []
    for result in results:
        if any(covers(api, o.finding.api) for o in result.outcomes for api in concerned):
            redone = _one(result.path, result.old, options, together)
            again.append(result if isinstance(redone, Unread) else redone)
        else:
            again.append(result)
    return again


def _one(
    path: str, data: bytes, options: Options, together: Together | None = None
) -> Result | Unread:
    """One file. A crash of ours costs this file, with a line that names it."""
    name, package = sources.module_name(path)
    module = Module(name, package, together=together or Together())
    try:
        found = _findings(path, data)
        if isinstance(found, Unread):
            return found
        if any(map(_is_rewritable, found)) or (options.stage == "asyncio" and b"bridge" in data):
            return rewrite(data, path, module, options)
    except Exception as error:  # noqa: BLE001 - the other files must not suffer
        return Unread(path, f"migrate failed on it ({error!r}); it is unchanged, please report it")
    outcome = partial(Outcome, rewritten=False, reason="apply rewrites debug and backdoor use only")
    return Result(path, data, data, tuple(map(outcome, found)))


def _is_rewritable(finding: Finding) -> bool:
    return rules.by_code()[finding.code][0].fixes is not None


def _uses_eventlet_otherwise(item: tuple[str, bytes]) -> bool:
    found = _findings(*item)
    return not isinstance(found, Unread) and any(
        not _is_rewritable(finding) and finding.api != "eventlet" for finding in found
    )


def _findings(path: str, data: bytes) -> tuple[Finding, ...] | Unread:
    if not may_matter(data):
        return ()
    name, package = sources.module_name(path)
    facts = scan_python(data, path, name, package=package)
    return facts.unread or facts.findings
