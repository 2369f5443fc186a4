"""Many tracks in, one file out: the separately recorded tracks of a meeting become an MP4 (or M4A), a poster, a
waveform and chapters.

`plan.py` says what goes in and what comes out, and costs nothing to import; `compose.py` does it, and brings FFmpeg and
numpy along. How it goes, in two passes over the files, so that memory doesn't grow with the length:

1. Every file is read without decoding (`probe.py`): where it has frames, and where holes. All sound is decoded, placed
   by its timestamps, mixed and encoded (`voices.py`, `mixing.py`); how loud each was is kept, ten numbers a second.
2. Who is seen where, and when, is decided from that for the whole recording (`timeline.py`, `layout.py`), as are the
   chapters. Then pictures are decoded, laid onto one canvas and encoded (`pictures.py`, `canvas.py`, `labels.py`).

Time: everything is placed by `offset_s` + the timestamp in the file. Nothing is ever counted: a hole of ten seconds in
a WebM stays ten seconds.
"""
