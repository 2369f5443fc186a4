"""What a WAV of 16 bits in mono begins with."""

import struct

BYTES_PER_SAMPLE = 2
# It says its size in 32 bits. What is longer (12 hours at 48 kHz) is told by readers from the size of the file.
_LARGEST = 0xFFFFFFFF


def wav_header(samples: int, rate: int) -> bytes:
    size = samples * BYTES_PER_SAMPLE
    what = struct.pack("<HHIIHH", 1, 1, rate, rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16)
    riff, data = (min(number, _LARGEST) for number in (size + 36, size))
    return struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16) + what + struct.pack("<4sI", b"data", data)
