"""Counters that forget: how often something happened within a while. Rate limits and the throttle of sign-ins count
here. In memory every process counts by itself; in Redis all that share it count together.
"""
