"""One recorded microphone as a sound that transcribers take."""

from pathlib import Path

from app.core.objects.base import ObjectNotFound
from app.core.runtime import Runtime
from app.notes.sounds.apart import prepare_track
from app.notes.sounds.shapes import SoundUnreadable
from app.notes.sources import Part, Unreadable
from app.recordings.fetching import fetch, ran_s, track_file
from app.recordings.models import Recording, RecordingTrack


def prepare(runtime: Runtime, part: Part, folder: Path) -> Path:
    """A WAV in `folder`. What participants recorded themselves is heard instead of what reached the server, moment by
    moment, as in a composition.

    :raises Unreadable: :raises SoundFailed: :raises ObjectStoreError:
    """
    from app.recordings.composing.preferring import preferred  # here: it brings FFmpeg

    with runtime.reading() as work:
        recording = work.get(Recording, part.more["recording_id"])
        track = work.get(RecordingTrack, part.id)
        beside = [work.get(RecordingTrack, one) for one in part.more["beside"]]
    if recording is None or track is None:
        raise Unreadable("it was deleted")
    own = [one for one in beside if one is not None]
    try:
        files = [track_file(recording, one, part.speaker.label, fetch(runtime, one, folder)) for one in (track, *own)]
    except ObjectNotFound as error:
        raise Unreadable("it is not in the store any more") from error
    path = folder / f"{track.id}.wav"
    try:
        prepare_track(preferred(files)[0], ran_s(recording), path, lambda _: None)
    except SoundUnreadable as error:
        raise Unreadable(str(error)) from error
    return path
