"""What every transcriber must do: a rung's test class inherits this and makes the transcriber."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from itertools import pairwise

import pytest

from app.notes.shapes import Transcript, quality_of
from app.notes.transcribers.base import Speaker, Transcriber, TranscriptionRequest, distinct
from tests.drivers.typed_dicts import assert_shape


class TranscriberSuite:
    def make_transcriber(self) -> Transcriber:
        raise NotImplementedError

    def make_request(self) -> TranscriptionRequest:
        """A meeting in which somebody says something."""
        speakers = [Speaker("p1", "Anna", "t1"), Speaker("p2", "Bob", "t2"), Speaker("p3", "Anna", "t3")]
        return TranscriptionRequest("m1", "Weekly call", speakers, language="en", duration_s=120)

    @pytest.fixture
    def transcriber(self) -> Transcriber:
        return self.make_transcriber()

    @pytest.fixture
    def request_(self) -> TranscriptionRequest:
        return self.make_request()

    @pytest.fixture
    def transcript(self, transcriber: Transcriber, request_: TranscriptionRequest) -> Transcript:
        return transcriber.transcribe(request_)

    def test_a_transcript_has_its_shape_and_is_json(self, transcript: Transcript) -> None:
        assert_shape(transcript, Transcript, "transcript")
        assert json.loads(json.dumps(transcript)) == transcript

    def test_a_transcript_tells_its_provider(self, transcriber: Transcriber, transcript: Transcript) -> None:
        assert transcript["provider"] == transcriber.name
        assert transcript["model"]
        assert isinstance(transcriber.is_mock, bool)

    def test_segments_have_text_and_ids_of_their_own(self, transcript: Transcript) -> None:
        segments = transcript["segments"]
        assert segments
        assert len({segment["id"] for segment in segments}) == len(segments)
        assert all(segment["text"].strip() for segment in segments)

    def test_segments_are_in_the_order_of_their_starts(self, transcript: Transcript) -> None:
        for one, next_one in pairwise(transcript["segments"]):
            assert one["start_s"] <= next_one["start_s"]

    def test_times_lie_within_the_recording(self, transcript: Transcript, request_: TranscriptionRequest) -> None:
        for segment in transcript["segments"]:
            assert 0 <= segment["start_s"] < segment["end_s"]
            assert request_.duration_s is None or segment["end_s"] <= request_.duration_s

    def test_words_lie_within_their_segment_and_make_its_text(self, transcript: Transcript) -> None:
        for segment in transcript["segments"]:
            if not segment["words"]:  # a provider may give none
                continue
            assert " ".join(word["text"] for word in segment["words"]) == segment["text"]
            bounds = [time for word in segment["words"] for time in (word["start_s"], word["end_s"])]
            assert bounds == sorted(bounds)
            assert segment["start_s"] <= bounds[0]
            assert bounds[-1] <= segment["end_s"]

    def test_speakers_are_those_who_were_there_each_with_a_name_of_their_own(
        self, transcript: Transcript, request_: TranscriptionRequest
    ) -> None:
        expected = {(s.id, s.label, s.track_id) for s in distinct(request_.speakers)}
        found = {(s["speaker"]["id"], s["speaker"]["label"], s["track_id"]) for s in transcript["segments"]}
        assert found <= expected

    def test_confidence_is_a_share_and_the_quality_follows_from_it(self, transcript: Transcript) -> None:
        for segment in transcript["segments"]:
            for judged in (segment, *segment["words"]):
                assert judged["confidence"] is None or 0 <= judged["confidence"] <= 1
        assert transcript["quality"] == quality_of(transcript["segments"], transcript["provider"])

    def test_the_request_is_left_as_it_was(self, transcriber: Transcriber, request_: TranscriptionRequest) -> None:
        before = copy.deepcopy(request_)
        transcriber.transcribe(request_)
        assert request_ == before

    def test_a_language_that_is_not_known_may_be_left_out(
        self, transcriber: Transcriber, request_: TranscriptionRequest
    ) -> None:
        assert transcriber.transcribe(replace(request_, language=None))["language"]

    def test_the_price_grows_with_the_time_or_is_not_known(self, transcriber: Transcriber) -> None:
        minute, hour = transcriber.price(60), transcriber.price(3600)
        if minute is None:
            assert hour is None
        else:
            assert hour == pytest.approx(60 * minute)
            assert minute >= 0

    def test_a_good_transcriber_is_usable(self, transcriber: Transcriber) -> None:
        transcriber.usable()

    def test_closing_twice_is_fine(self, transcriber: Transcriber) -> None:
        transcriber.close()
        transcriber.close()
