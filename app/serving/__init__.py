"""The API under an ASGI server: requests run in a few threads, parked polls hold none.

Flask stays the only authority. A poll that finds nothing leaves its state in a `Slot`; the bridge keeps a future for it
and asks Flask again when it is woken. Every other request goes through `a2wsgi`, bodies streamed both ways.
"""
