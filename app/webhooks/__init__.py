"""Webhooks: the log of events, sent to addresses that people name, signed by Standard Webhooks.

`feeding.py` makes a delivery of each event that a webhook is to hear of; `sending.py` sends them, in their order within
each meeting, again and again until they are there. Both run in the jobs process. https://www.standardwebhooks.com
"""
