"""What testers may do to a Parley in the QA profile: empty it, fill it, move its clock, make it fail.

In every other profile none of this is imported, and no operation of it exists.
"""
