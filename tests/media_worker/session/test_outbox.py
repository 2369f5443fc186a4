import asyncio
from typing import Any

from media_worker.errors import PlacementGone, RecipientGone
from media_worker.session.outbox import MAX_BATCH, Outbox
from tests.media_worker.room import eventually


class Parley:
    """Takes what it is told; `gone` are participants who left, `away` holds everything back, `elsewhere` refuses it."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self.reports: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        self.away = asyncio.Event()
        self.away.set()
        self.elsewhere = False

    async def signal(
        self, meeting_id: str, epoch: int, sfu_participant_id: str, messages: list[dict[str, Any]]
    ) -> None:
        await self.away.wait()
        if self.elsewhere:
            raise PlacementGone
        for index, message in enumerate(messages):
            if message["to"] in self.gone:
                raise RecipientGone(index, message["to"])
        self.requests.append(messages)

    async def report(self, meeting_id: str, epoch: int, **what: Any) -> None:
        self.reports.append(what)

    @property
    def arrived(self) -> list[tuple[str, int]]:
        return [(one["to"], one["payload"]["n"]) for request in self.requests for one in request]


class Told:
    def __init__(self) -> None:
        self.gone = 0
        self.left: list[str] = []

    def on_gone(self) -> None:
        self.gone += 1


def outbox(parley: Parley, told: Told) -> Outbox:
    return Outbox(parley, "m", 1, "sfu", on_gone=told.on_gone, on_left=told.left.append)


def test_signals_arrive_in_order_in_few_requests_each_with_a_name_of_its_own() -> None:
    async def run() -> None:
        parley, told = Parley(), Told()
        box = outbox(parley, told)
        parley.away.clear()
        for number in range(120):
            box.signal("anna", "rtc.offer", {"n": number})
        await asyncio.sleep(0)
        parley.away.set()
        await eventually(lambda: len(parley.arrived) == 120, "all")
        assert parley.arrived == [("anna", number) for number in range(120)]
        assert max(len(request) for request in parley.requests) <= MAX_BATCH
        refs = [one["client_ref"] for request in parley.requests for one in request]
        assert len(set(refs)) == 120
        box.close()

    asyncio.run(run())


def test_who_has_left_keeps_nothing_from_the_others() -> None:
    async def run() -> None:
        parley, told = Parley(), Told()
        parley.gone = {"bert"}
        box = outbox(parley, told)
        for number, who in enumerate(("anna", "bert", "cleo", "bert")):
            box.signal(who, "rtc.offer", {"n": number})
        await eventually(lambda: len(parley.arrived) == 2, "both")
        assert parley.arrived == [("anna", 0), ("cleo", 2)]
        assert told.left == ["bert"]
        box.close()

    asyncio.run(run())


def test_only_the_newest_of_each_participants_tracks_is_reported_after_the_signals() -> None:
    async def run() -> None:
        parley, told = Parley(), Told()
        box = outbox(parley, told)
        box.report_tracks("anna", [{"id": "old"}])
        box.report_tracks("anna", [{"id": "new"}])
        box.report_tracks("bert", [])
        box.report_speakers([])
        await eventually(lambda: len(parley.reports) == 2, "both reports")
        assert parley.reports[0]["tracks"] == [
            {"participant_id": "anna", "tracks": [{"id": "new"}]},
            {"participant_id": "bert", "tracks": []},
        ]
        assert parley.reports[1] == {"speakers": []}
        box.close()

    asyncio.run(run())


def test_a_meeting_that_is_elsewhere_is_given_up() -> None:
    async def run() -> None:
        parley, told = Parley(), Told()
        parley.elsewhere = True
        outbox(parley, told).signal("anna", "rtc.offer", {"n": 1})
        await eventually(lambda: told.gone == 1, "told")

    asyncio.run(run())
