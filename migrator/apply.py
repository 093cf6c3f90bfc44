"""Every file of a code base -> what its rewrite would be. Reads files, writes none."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from migrator import parallel, project, rules, scan, sources
from migrator.facades import Facades, import_root
from migrator.findings import Unread
from migrator.fixes import swap
from migrator.fixes.backdoor import SPAWNERS
from migrator.fixes.mocks import covers
from migrator.importers import lost_names, taken
from migrator.progress import told
from migrator.rewrite import Module, Options, Outcome, Result, rewrite
from migrator.served import FOR_OTHERS
from migrator.together import Together, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from migrator.findings import Finding, Stage
    from migrator.progress import Progress

_MANY = 24  # files with sites from which on other processes pay for their start
_SHARE = 4
_NOT_OURS = "apply rewrites debug and backdoor use only"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run would do."""

    stage: Stage
    results: tuple[Result, ...]  # of every file that has findings, in the order of the paths
    unread: tuple[Unread, ...]
    files: int
    again: Callable[[str, frozenset[Finding]], Result]  # a file without some of its changes
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


def plan(
    paths: Iterable[str],
    options: Options,
    scanning: project.Options,
    *,
    stage: Stage | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Plan the rewrite of files and folders. ``stage`` None: what the code base is ready for.

    While anything but debugging still uses Eventlet, that is "bridge".
    """
    paths = list(paths)
    report, facades = project.scan_project(paths, scanning, progress=progress)
    if stage is None:
        stage = "bridge" if any(map(_is_other_use, report.findings)) else "asyncio"
    run = _Run(replace(options, stage=stage), scanning, facades, progress)
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.path, []).append(finding)
    unread = list(report.unread)
    sites = [path for path, findings in found.items() if any(map(_is_site, findings))]
    if stage == "asyncio":
        sites += _bridged(paths, run, {*sites, *(one.path for one in report.unread)})
    done = run.rewrite_together(run.rewrite_all(sites))
    done = run.keep_what_others_import(done, paths)
    if stage == "bridge":
        done = run.move_facades(done)
    done = run.follow_facades(done)
    results: list[Result] = []
    for path in sorted({*found, *done}):
        result = done.get(path)
        if isinstance(result, Unread):
            unread.append(result)
            result = None
        result = _with_findings(path, found.get(path, []), result, stage)
        if result.outcomes or result.changed:
            results.append(result)

    def again(path: str, declined: frozenset[Finding]) -> Result:
        one = run.rewrite_one(path, run.together, declined)
        kept = None if isinstance(one, Unread) else one
        return _with_findings(path, found.get(path, []), kept, stage)

    return Plan(stage, _each_file_once(results), tuple(unread), report.files, again)


def _bridged(paths: Iterable[str], run: _Run, known: Collection[str]) -> Iterator[str]:
    """The files in which stage bridge may have left something for stage asyncio."""
    needle = run.options.bridge.encode()
    for source in run.scanning.sources(paths, text=False):
        if isinstance(source, Unread) or source.path in known:
            continue
        if run.scanning.only is not None and source.path not in run.scanning.only:
            continue
        data = sources.read(source.path, named=source.named)
        if not isinstance(data, Unread) and needle in data:
            yield source.path


class _Run:
    """What the passes over the files share."""

    def __init__(
        self,
        options: Options,
        scanning: project.Options,
        facades: Facades,
        progress: Progress | None,
    ) -> None:
        self.options = options
        self.scanning = scanning
        self.facades = facades
        self.progress = progress
        self.together = Together()
        self.imported: Mapping[str, frozenset[str]] = {}
        self.moving: set[str] = set()

    def rewrite_all(self, paths: Sequence[str]) -> dict[str, Result | Unread]:
        """Rewrite each file, in other processes when there are many."""
        processes = self.scanning.processes or parallel.processors()
        work = partial(self.rewrite_one, together=self.together)
        if processes == 1 or len(paths) < _MANY:
            done: Iterator[Result | Unread] = map(work, paths)
        else:
            done = parallel.map_forked(work, paths, processes, _SHARE)
        return dict(zip(paths, told(self.progress, "Rewriting", done, len(paths)), strict=True))

    def rewrite_together(self, done: dict[str, Result | Unread]) -> dict[str, Result | Unread]:
        """Rewrite again what has to change, or to stay, because of mocks in other files."""
        results = [result for result in done.values() if isinstance(result, Result)]
        self.together = decide(results, self.options)
        concerned = (*self.together.follow, *self.together.held)
        again = [
            result.path
            for result in results
            if any(
                o.finding in self.together.renamed
                or any(covers(api, o.finding.api) for api in concerned)
                for o in result.outcomes
            )
        ]
        return {**done, **self.rewrite_all(again)}

    def keep_what_others_import(
        self, done: dict[str, Result | Unread], paths: Iterable[str]
    ) -> dict[str, Result | Unread]:
        """Rewrite again the files that would lose a name which another file takes from them."""
        lost = {
            path: names
            for path, result in done.items()
            if isinstance(result, Result) and result.changed and (names := lost_names(result))
        }
        if not lost:
            return done
        if self.options.stage == "asyncio" and any(map(_relies_on_others, done.values())):
            self.imported = lost
        else:
            found = self.scanning.sources(paths, text=False)
            self.imported = taken(lost, [one.path for one in found if not isinstance(one, Unread)])
        return {**done, **self.rewrite_all([*self.imported])}

    def move_facades(self, done: dict[str, Result | Unread]) -> dict[str, Result | Unread]:
        """Let what a module imports for others only come from the bridge, when all can follow."""
        results = [one for one in done.values() if isinstance(one, Result)]
        uses = [o for one in results for o in one.outcomes if o.through and o.role == "use"]
        said: dict[str, Result] = {}
        for one in results:
            module = sources.module_name(one.path)[0].rpartition(".")[2]
            takers = [
                o
                for o in uses
                if o.finding.kind != "import"
                and o.finding.api.startswith(swap.MODULE)
                and module in o.through.split(".")
            ]
            if not takers or not any(map(_is_for_others, one.outcomes)):
                continue
            stays = next((o.finding for o in takers if not o.inherited), None)
            if stays is None:
                self.moving.add(one.path)
            else:
                reason = f"{stays.path}:{stays.span.line} takes it from here, and cannot follow"
                said[one.path] = _with_reason(one, reason)
        return {**done, **said, **self.rewrite_all([*self.moving])}

    def follow_facades(self, done: dict[str, Result | Unread]) -> dict[str, Result | Unread]:
        """See what became of uses whose name comes from a module that changed."""
        changed = [one for one in done.values() if isinstance(one, Result) and one.changed]
        heirs = [
            one
            for one in done.values()
            if isinstance(one, Result) and any(outcome.inherited for outcome in one.outcomes)
        ]
        if not changed or not heirs:
            return done
        record = self.facades.record
        for one in changed:
            module, package = sources.module_name(one.path)
            if module in record:
                exports = scan.scan_python(one.new, one.path, module, package=package).exports
                record[module][import_root(one.path, module)] = dict(exports)
        before, self.facades = self.facades, Facades(record)
        again = self.rewrite_all([one.path for one in heirs])
        self.facades = before
        return {**done, **{one.path: _inherited(one, again[one.path]) for one in heirs}}

    def rewrite_one(
        self, path: str, together: Together, declined: frozenset[Finding] = frozenset()
    ) -> Result | Unread:
        """One file. A crash of ours costs this file, with a line that names it."""
        name, package = sources.module_name(path)
        module = Module(
            name,
            package,
            visible=partial(self.facades.visible, path),
            imported=self.imported.get(path, ()),
            moves=path in self.moving,
            together=together,
        )
        data = sources.read(path, named=True)
        if isinstance(data, Unread):
            return data
        codes = self.scanning.codes if self.options.codes is None else self.options.codes
        codes -= self.scanning.ignored_in(path)
        try:
            options = replace(self.options, codes=codes, declined=declined)
            return rewrite(data, path, module, options)
        except Exception as error:  # noqa: BLE001 - the other files must not suffer
            return Unread(path, f"migrate failed on it, it is unchanged, please report: {error!r}")


def _is_for_others(outcome: Outcome) -> bool:
    return outcome.reason == FOR_OTHERS and outcome.finding.api.startswith(swap.MODULE)


def _with_reason(result: Result, reason: str) -> Result:
    return replace(
        result,
        outcomes=tuple(
            replace(one, reason=reason) if _is_for_others(one) else one for one in result.outcomes
        ),
    )


def _relies_on_others(result: Result | Unread) -> bool:
    """Tell whether a use of a module is left that its file does not import: another one does.

    ``import eventlet`` alone does not bring ``eventlet.debug``.
    """
    if isinstance(result, Unread):
        return False
    left = [o.finding for o in result.outcomes if not o.rewritten and o.role in ("use", "mock")]
    return any(
        finding.kind in ("call", "reference")
        and finding.api.startswith(module)
        and not any(one.kind == "import" and one.api.startswith(module) for one in left)
        for finding in left
        for module in ("eventlet.debug", "eventlet.backdoor")
    )


def _inherited(result: Result, again: Result | Unread) -> Result:
    """The result, given what is still found in its file once other files changed."""
    found = again.outcomes if isinstance(again, Result) else result.outcomes
    still = {outcome.finding for outcome in found}
    return replace(
        result,
        outcomes=tuple(
            one if one.finding in still or one.rewritten else one.gone_along()
            for one in result.outcomes
        ),
    )


def _with_findings(
    path: str, findings: Sequence[Finding], result: Result | None, stage: Stage
) -> Result:
    """The file's result with an outcome for every finding of the scan, in their order."""
    outcomes = {o.finding: o for o in result.outcomes} if result else {}
    for finding in findings:
        if finding not in outcomes:
            reason = finding.advice(stage).reason if _is_rewritable(finding) else _NOT_OURS
            outcomes[finding] = Outcome(finding, False, reason or _NOT_OURS)
    ordered = tuple(sorted(outcomes.values(), key=lambda outcome: outcome.finding.order))
    return replace(result, outcomes=ordered) if result else Result(path, b"", b"", ordered)


def _each_file_once(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results, but without the change of a link to a file that changes by its own name."""
    links = {one.path for one in results if Path(one.path).is_symlink()}
    changed = {os.path.realpath(one.path) for one in results if one.path not in links}
    return tuple(
        replace(one, new=one.old)
        if one.path in links and os.path.realpath(one.path) in changed
        else one
        for one in results
    )


def _is_rewritable(finding: Finding) -> bool:
    return rules.by_code()[finding.code][0].fixes is not None


def _is_site(finding: Finding) -> bool:
    """Tell whether its file may change: a use of ours, or a mock of what starts a backdoor."""
    replaced = finding.kind in ("string", "store") and finding.api in SPAWNERS
    return replaced or _is_rewritable(finding)


def _is_other_use(finding: Finding) -> bool:
    return (
        finding.kind in ("import", "call", "reference", "store")
        and finding.api.startswith("eventlet.")
        and not _is_rewritable(finding)
    )
