"""The local rung: rules that read English, on this machine alone.

`sentences` cuts what was said into sentences with their evidence; `tasks`, `remarks`, `complaints`, `topics` and
`entities` find claims in them, `dates` the days that tasks are due, `mood` how it sounded; `analyst` puts it together.
"""
