"""Every question and statement about jobs, servers and runs. One conditional statement decides each time.

In: what `plan.py` and people want. Out: what the database agreed to. Slot, caps and fence of a job change together in
its one document, on the database's clock (`$$NOW`): a slot starts at most once, whatever servers and clocks do.

Shape of a job: `config` (see `config.py`) and `declared`, the declaration it was taken from; `slots` by scope
(`cluster`, or a server's place): the `last` slot handled, the `time` it belongs to, the `backlog` of missed slots to
run; `running`: entries of `id server place slot at fence`, with `stop` when told to and the `sessions` it writes over;
`fence`; `stats`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any, Final

from bson import decode
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS

from core.cron.lease import Lease
from core.cron.plan import LATE
from core.data.bulk import UpdateOne
from core.data.databases import Databases
from core.data.transaction import end_sessions
from core.errors import DuplicateKey
from core.link.linked import LinkedJob
from core.schema.model import Index, Model
from core.schema.rules import factory, rule

Document = dict[str, Any]
_NOW: Final = "$$NOW"
_UNCAPPED, _EARLY_MS, _AT_ONCE = 500, 100, 100_000
_LATE_MS: Final = int(LATE.total_seconds() * 1000)


class CronJob(Model, identity="catena-cronJobs", collection="cronJobs"):
    """A job."""

    oid: str
    config: dict[str, Any]
    running: list[Any] = factory(list)
    slots: dict[str, Any] = factory(dict)


class CronRun(Model, identity="catena-cronRuns", collection="cronRuns", indexes=[Index("job", "-ended")]):
    """A run that ended."""

    oid: str
    job: str
    ended: Any
    expire: Annotated[Any, rule(index=True, index_options={"expireAfterSeconds": 0})]


class Store:
    """What one server reads and writes; `max_per_server` counts at its place, which outlives restarts."""

    def __init__(self, databases: Databases, lease: Lease) -> None:
        self._lease = lease
        self._jobs, self._runs = databases.background[CronJob], databases.background[CronRun]
        self._home = databases.connection("")
        self._decoded: dict[Any, Document] = {}

    async def read(self) -> tuple[dict[str, Document], dict[str, Document]]:
        """All jobs and the active servers, by id."""
        names = "config", "declared", "second", "running", "slots.cluster", f"slots.{self._lease.place}"
        servers = [{"$match": {"status": "active"}}, {"$project": {"beat": 1, "isSuspended": 1, "now": _NOW}}]
        union = {"$unionWith": {"coll": "cronServers", "pipeline": servers}}
        found = await self._home.run(self._ask([{"$project": dict.fromkeys(names, 1)}, union]))
        active = {document["_id"]: document for document in found if "now" in document}
        for server in list(active.values())[:1]:
            self._lease.learn(server["now"])
        return {document["_id"]: document for document in found if "config" in document}, active

    async def _ask(self, pipeline: list[Document]) -> list[Document]:
        """What a pipeline gives, in one answer. A document that is as in the last one is the same object."""
        driver, limit_ms, known = self._jobs.raw, self._home.max_time_ms(), self._decoded
        usual: Document = {"running": [], "slots": {}}
        options, as_bytes = driver.codec_options, driver.with_options(codec_options=DEFAULT_RAW_BSON_OPTIONS)
        found = await (await as_bytes.aggregate(pipeline, batchSize=_AT_ONCE, maxTimeMS=limit_ms)).to_list()
        self._decoded = {one.raw: known.get(one.raw) or usual | decode(one.raw, options) for one in found}
        return list(self._decoded.values())

    async def reap(self, server: str, beat: int | None) -> None:
        """Free what a silent server holds, unless it spoke."""
        for job in await self._jobs.find({"running.server": server}) if await self._lease.reap(server, beat) else ():
            for entry in [entry for entry in job.running if entry["server"] == server]:
                await self.drop(job.oid, entry)

    async def drop(self, job: str, entry: Document) -> None:
        """Take away an entry that nobody works on any more. May be repeated."""
        await self._record(job, entry, "lost", "its server fell silent, or could not start it")
        await self._take_out(job, entry, "timesLost")

    async def declare(self, jobs: Mapping[str, Document]) -> None:
        """Make the documents of jobs, by their declarations, where there is none or only a part that somebody wrote."""
        flags = {"isSuspended": False, "forceRun": False, "stopJob": False}
        made: list[UpdateOne] = []
        for job, config in jobs.items():
            second = zlib.crc32(job.encode()) % 60
            fresh = {"declared": config, "second": second, "running": [], "slots": {}, "fence": 0, "stats": {}}
            own = {"config": {"$mergeObjects": [_text({**config, **flags}), "$config"]}}
            filled = {"$mergeObjects": [_text(fresh), {"created": _NOW}, "$$ROOT", own]}
            made.append(UpdateOne({"_id": job}, [{"$replaceWith": filled}], upsert=True))
        with suppress(DuplicateKey):  # another server was faster
            await self._jobs.bulk_write(made, ordered=False, validate=False)

    async def adopt(self, job: str, config: Document, stored: Document) -> None:
        """Take over a changed declaration, if the document still says what the old one did."""
        query, change = ({f"config.{name}": value for name, value in part.items()} for part in (stored, config))
        await self._change(job, {"$set": {**change, "declared": config}}, query)

    async def rebase(self, job: str, spot: str, time: Any) -> None:
        """Count slots from now on, because the schedule is new or was changed."""
        here = {"time": _text(time), "last": {"$max": [f"$slots.{spot}.last", _NOW]}, "backlog": []}
        query = {"config.time": time, f"slots.{spot}.time": {"$ne": time}}
        await self._change(job, [{"$set": {f"slots.{spot}": here}}], query)

    async def skip(self, job: str, spot: str, slots: Document, missed: list[Any], run: list[Any]) -> bool:
        """Note missed slots and those to run, if `slots` are still as they were read; whether it was noted."""
        here = {f"slots.{spot}.last": missed[-1], f"slots.{spot}.backlog": [*slots["backlog"], *run]}
        change = {"$set": here, "$inc": {"stats.timesMissed": len(missed)}}
        query = {f"slots.{spot}.last": slots["last"], f"slots.{spot}.backlog": slots["backlog"]}
        return await self._change(job, change, query)

    async def spread_stop(self, job: str) -> None:
        """Turn `stopJob` into a mark on what runs now, so that it stops nothing that starts later."""
        marked = {"$map": {"input": "$running", "in": {"$mergeObjects": ["$$this", {"stop": True}]}}}
        await self._change(job, [{"$set": {"running": marked, "config.stopJob": False}}], {"config.stopJob": True})

    async def claim(self, job: LinkedJob, run: str, spot: str, slot: Any, *, missed: bool) -> tuple[str, Document]:
        """Try to start a run: of a due slot, of a `missed` one, or without a slot because `forceRun` is set.

        What became of it, and the entry of a run that `started`. `skipped`: the cap of the cluster is reached;
        `queued`: missed slots come first; `lost`: to somebody else, to a cap of this server, or to a flag.
        """
        here, me = f"slots.{spot}", {"server": _text(self._lease.server), "place": _text(self._lease.place)}
        own = {"$filter": {"input": "$running", "cond": {"$eq": ["$$this.place", me["place"]]}}}
        full = {"$gte": [{"$size": "$running"}, job.policy.max_total or _UNCAPPED]}
        room = {"$lt": [{"$size": own}, job.policy.max_per_server or _UNCAPPED]}
        backlog, bounds = {"$ifNull": [f"${here}.backlog", []]}, [{"$not": [full]}, room]
        starts: Any = True
        query: Document = {"config.forceRun": True}
        change: Document = {"config.forceRun": False}
        if missed:
            query, change = {f"{here}.backlog.0": slot}, {f"{here}.backlog": {"$slice": [backlog, 1, 1000]}}
        elif slot is not None:
            starts = {"$not": [{"$or": [full, {"$ne": [backlog, []]}]}]}
            queue = {"$cond": [{"$or": [full, starts]}, backlog, {"$concatArrays": [backlog, [slot]]}]}
            query = {f"{here}.last": {"$lt": slot}}
            change = {f"{here}.last": slot, f"{here}.backlog": queue, **_count("timesSkipped", full)}
            early, late = {"$add": [_NOW, _EARLY_MS]}, {"$subtract": [_NOW, _LATE_MS]}
            bounds = [{"$or": [full, room]}, {"$lte": [slot, early]}, {"$gte": [slot, late]}]
        query |= {"_id": job.identity, "config.isSuspended": {"$ne": True}, "$expr": {"$and": bounds}}
        fence, when = {"$add": ["$fence", 1]}, {"at": _NOW, "slot": slot or _NOW, "previous": f"${here}.last"}
        entry = {"id": run, **me, "fence": fence, **when, "isForced": slot is None}
        change["running"] = {"$cond": [starts, {"$concatArrays": ["$running", [entry]]}, "$running"]}
        change |= {"fence": {"$cond": [starts, fence, "$fence"]}, **_count("timesStarted", starts)}
        found = await self._jobs.find_one_and_update(query, [{"$set": change}], validate=False)
        made = [entry for entry in found.running if entry["id"] == run] if found is not None else []
        if found is None or made:
            return ("started", made[0]) if made else ("lost", {})
        return ("queued" if found.slots[spot]["backlog"] else "skipped"), {}

    async def confirm(self, job: str, run: str, session: Any) -> bool:
        """Write into the entry of a run, in the transaction at hand, or a session; false when the entry is gone."""
        change = {"$push": {"running.$.sessions": session}} if session else {"$inc": {"running.$.writes": 1}}
        return await self._change(job, change, {"running.id": run})

    async def release(self, job: str, entry: Document, outcome: str, error: str) -> None:
        """Give a run back, and keep what became of it. May be repeated."""
        await self._record(job, entry, outcome, error)
        await self._take_out(job, entry, "timesFinished" if outcome == "done" else "timesFailed")

    async def _record(self, job: str, entry: Document, outcome: str, error: str) -> None:
        """Keep what became of a run, unless somebody did."""
        ended, started = self._lease.now(), entry["at"]
        kept = {"_id": entry["id"], "job": job, "outcome": outcome, "error": error[:1000], "started": started}
        kept |= {name: entry[name] for name in ("server", "place", "slot", "fence")}
        kept |= {"ended": ended, "duration_ms": max(0, round((ended - started).total_seconds() * 1000))}
        with suppress(DuplicateKey):
            expire = ended + timedelta(days=7 if outcome == "done" else 30)
            await self._runs.insert({**kept, "expire": expire}, validate=False)

    async def _take_out(self, job: str, entry: Document, count: str) -> None:
        """Remove an entry by the id of its run, never by server or host."""
        if entry.get("sessions"):  # what it left open would keep the document of the job from everybody
            await end_sessions(self._home, entry["sessions"])
        counts = {f"stats.{count}": 1, "stats.timesMissed": entry.get("missed", 0)}
        change = {"$pull": {"running": {"id": entry["id"]}}, "$inc": counts}
        await self._change(job, change, {"running.id": entry["id"]})

    async def _change(self, job: str, change: Any, query: Document) -> bool:
        """Change a job if it is as `query` says; whether it was. The server waits for others no longer than we do."""
        find = self._jobs.find_one_and_update
        return await find({"_id": job, **query}, change, validate=False, projection={"_id": 1}) is not None


def _count(name: str, condition: Any) -> Document:
    return {f"stats.{name}": {"$add": [{"$ifNull": [f"$stats.{name}", 0]}, {"$cond": [condition, 1, 0]}]}}


def _text(value: Any) -> Document:
    """A value of ours where the database would look for expressions."""
    return {"$literal": value}
