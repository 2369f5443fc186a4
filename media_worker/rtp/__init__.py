"""Arithmetic of RTP: packets, numbers that wrap, header extensions, key frames, feedback. No socket, no clock."""
